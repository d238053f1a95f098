package backend

import (
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// BIND is a DNS server: named of BIND 9, as Debian packages it. What it logs is its log. Beside it, rndc calls it with the key that the
// package made.
type BIND struct {
	Name   string // "dns"
	Listen string // "10.0.0.53:53"
	// Conf is the whole config, which has to have it listen there (listen-on).
	Conf string
	// Files are its zones.
	Files []lab.File
}

// Upstream is the server as an upstream of a sandbox.
func (b BIND) Upstream() lab.Upstream {
	conf := "/etc/named-" + b.Name + ".conf"
	return lab.Upstream{Name: b.Name, Real: &lab.Backend{
		Image:  "dns",
		Argv:   []string{"named", "-g", "-n", "1", "-u", "bind", "-c", conf},
		Files:  append([]lab.File{{Path: conf, Data: b.Conf}}, b.Files...),
		Listen: b.Listen,
		Log:    agentapi.OutputOf(b.Name),
	}}
}
