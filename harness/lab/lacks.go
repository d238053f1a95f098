package lab

import (
	"context"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/docker"
)

// A TooLittleError says that the engine's containers lack what every sandbox needs. Its text is one line that ends with what
// helps.
type TooLittleError struct {
	Engine string // "Docker 28.5.2 at unix:///var/run/docker.sock"
	Lacks  []Lack
}

func (e *TooLittleError) Error() string {
	all := make([]string, len(e.Lacks))
	for i, l := range e.Lacks {
		all[i] = fmt.Sprintf("%s is missing (%s): %s", l.What, l.Why, l.Remedy)
	}
	return fmt.Sprintf("the containers of %s can't hold a lab: %s; `badgateway doctor` tries it all", e.Engine, strings.Join(all, "; "))
}

// A LimitsError says that an engine does not hold a lab for untrusted configs to its limits.
type LimitsError struct {
	Engine string
	Asked  Limits
	Got    Limits
}

func (e *LimitsError) Error() string {
	var lost []string
	if e.Got.Memory != e.Asked.Memory {
		lost = append(lost, "memory")
	}
	if e.Got.Pids != e.Asked.Pids {
		lost = append(lost, "processes")
	}
	return fmt.Sprintf("%s does not limit what a container uses of %s, so the config could take all that the machine has: "+
		"%s, or, for a config that you trust, --without-limits", e.Engine, strings.Join(lost, " and "), limitsRemedy)
}

// limitsRemedy is how an engine comes to hold containers to limits.
const limitsRemedy = "use an engine that runs as root, or give the one without root the controllers of cgroup version 2 " +
	"(a systemd unit user@.service with Delegate=memory pids cpu)"

// lackingLimits are the limits that an engine says it has not.
func lackingLimits(i docker.Info) (all []agentapi.Lack) {
	for _, l := range []struct {
		need string
		has  bool
	}{{agentapi.NeedMemory, i.Memory}, {agentapi.NeedCPUs, i.CPUs}} {
		if !l.has {
			all = append(all, agentapi.Lack{Need: l.need, What: l.need, Why: "the engine says that it has none", Remedy: limitsRemedy})
		}
	}
	return all
}

// notHeld says that a container that was to be limited is not; nil when it is. A share of the processors is held to in
// whole microseconds.
func notHeld(asked, got agentapi.Limits) *agentapi.Lack {
	lack := func(need string) *agentapi.Lack {
		return &agentapi.Lack{Need: need, What: need, Why: "the engine took it and does not apply it", Remedy: limitsRemedy}
	}
	switch {
	case asked.Memory > 0 && asked.Memory != got.Memory:
		return lack(agentapi.NeedMemory)
	case asked.CPUs > 0 && (got.CPUs == 0 || got.CPUs > asked.CPUs+0.001):
		return lack(agentapi.NeedCPUs)
	}
	return nil
}

// A LackError says what the engine lacks that something takes.
type LackError struct{ Lack }

func (e *LackError) Error() string {
	return fmt.Sprintf("%s is missing (%s): %s", e.What, e.Why, e.Remedy)
}

// Lacks are what the lab's engine and its first container lack.
func (l *Lab) Lacks() []Lack { return l.lacks }

// survey notes what the lab's engine and its first container lack. What every sandbox needs is an error.
func (l *Lab) survey(ctx context.Context) error {
	info, err := l.engine.Info(ctx)
	if err != nil {
		return err
	}
	l.lacks = append(lackingLimits(info), l.gateway.hello.Lacks...)
	var basic []agentapi.Lack
	for _, lack := range l.lacks {
		if lack.Need == agentapi.NeedSandboxes || l.options.Untrusted && lack.Need == agentapi.NeedCatchAll {
			basic = append(basic, lack)
		}
	}
	if len(basic) > 0 {
		return &TooLittleError{Engine: l.engineName(), Lacks: basic}
	}
	asked := agentapi.Limits{Memory: untrustedMemory, Pids: untrustedPids}
	got := l.gateway.hello.Limits
	if l.options.Untrusted && !l.options.WithoutLimits && (got.Memory != asked.Memory || got.Pids != asked.Pids) {
		return &LimitsError{Engine: l.engineName(), Asked: asked, Got: got}
	}
	return nil
}

func (l *Lab) engineName() string {
	return fmt.Sprintf("%s %s at %s", l.engine.Name(), l.engine.Version(), l.engine.Host())
}
