package backend

import (
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Unbound is a resolver that keeps what it was told: unbound, as Debian packages it. What it logs is its log. Beside it, unbound-control
// calls it, where its config lets that.
type Unbound struct {
	Name   string // "dns"
	Listen string // "10.0.0.53:53"
	// Conf is the whole config, which has to have it listen there (interface), in the foreground and as a user of its own.
	Conf string
}

// UnboundConf is where the config of an Unbound of that name is, for unbound-control -c.
func UnboundConf(name string) string { return "/etc/unbound-" + name + ".conf" }

// Upstream is the server as an upstream of a sandbox.
func (u Unbound) Upstream() lab.Upstream {
	conf := UnboundConf(u.Name)
	return lab.Upstream{Name: u.Name, Real: &lab.Backend{
		Image:  "unbound",
		Argv:   []string{"unbound", "-d", "-p", "-c", conf},
		Files:  []lab.File{{Path: conf, Data: u.Conf}},
		Listen: u.Listen,
		Log:    agentapi.OutputOf(u.Name),
	}}
}
