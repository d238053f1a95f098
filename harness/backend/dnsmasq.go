package backend

import (
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Dnsmasq is a DNS server: dnsmasq, as Debian packages it. What it logs is its log.
type Dnsmasq struct {
	Name   string // "dns"
	Listen string // "10.0.0.53:53"
	// Conf is the whole config, which has to have it listen there and nowhere else (listen-address, bind-interfaces).
	Conf string
	// Files are what its config names.
	Files []lab.File
}

// Upstream is the server as an upstream of a sandbox.
func (d Dnsmasq) Upstream() lab.Upstream {
	conf := "/etc/dnsmasq-" + d.Name + ".conf"
	return lab.Upstream{Name: d.Name, Real: &lab.Backend{
		Image:  "dns",
		Argv:   []string{"dnsmasq", "--keep-in-foreground", "--conf-file=" + conf, "--log-facility=-", "--pid-file"},
		Files:  append([]lab.File{{Path: conf, Data: d.Conf}}, d.Files...),
		Listen: d.Listen,
		Log:    agentapi.OutputOf(d.Name),
	}}
}
