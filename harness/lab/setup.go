package lab

import (
	"errors"
	"fmt"
	"slices"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// validate says what a setup lacks, before anything is made of it.
func (s Setup) validate() error {
	if len(s.Gateway.Driver.Argv) == 0 {
		return errors.New("the setup's gateway has no program: set Gateway.Driver, for example to nginx.Driver")
	}
	conf := s.Gateway.Driver.Conf
	if slices.ContainsFunc(s.Gateway.Files, func(f File) bool { return f.Path == conf }) {
		return fmt.Errorf("%s is the gateway's main config: set Gateway.Config, and leave it out of Gateway.Files", conf)
	}
	seen := map[string]bool{}
	for i, u := range s.Upstreams {
		switch {
		case u.Name == "":
			return fmt.Errorf("upstream %d of the setup has no name", i+1)
		case seen[u.Name]:
			return fmt.Errorf("two upstreams of the setup are called %q", u.Name)
		}
		seen[u.Name] = true
		if err := u.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (u Upstream) validate() error {
	switch {
	case (u.Fake == nil) == (u.Real == nil):
		return fmt.Errorf("the upstream %q has to be either Fake or Real", u.Name)
	case u.Real != nil && len(u.Real.Argv) == 0:
		return fmt.Errorf("the real upstream %q has no Argv, the command that runs it", u.Name)
	case u.Real != nil && u.Real.alone() && u.Real.Image == "":
		return fmt.Errorf("the real upstream %q has limits, which a container of its own has to keep: set its Image", u.Name)
	}
	return nil
}

// errorLogs are the files in which a gateway with this config may log its errors: those that the config names, the
// program's default, and what it prints, for the default of some builds is standard error.
func errorLogs(d gateway.Driver, config string) []string {
	logs := []string{agentapi.OutputOf(gatewayName)}
	if d.ErrorLog != "" {
		logs = []string{d.ErrorLog, logs[0]}
	}
	for _, path := range d.ErrorLogs(config) {
		if !slices.Contains(logs, path) {
			logs = append(logs, path)
		}
	}
	return logs
}
