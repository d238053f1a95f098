package backend

import (
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
)

// Origin is a real HTTP server behind the gateway: an nginx of the project's own image with a config of its own.
type Origin struct {
	Name   string
	Listen string // "10.0.0.5:8080"
	// Conf is the whole config; it logs to /var/log/upstream/NAME.log and has to name a pid file of its own.
	Conf string
	// Files are what it serves, and its certificates.
	Files []lab.File
}

// Upstream is the server as an upstream of a sandbox.
func (o Origin) Upstream() lab.Upstream {
	conf := "/etc/nginx/" + o.Name + ".conf"
	return lab.Upstream{Name: o.Name, Real: &lab.Backend{
		Argv:   []string{"nginx", "-c", conf, "-g", "daemon off;"},
		Files:  append([]lab.File{{Path: conf, Data: o.Conf}}, o.Files...),
		Listen: o.Listen,
		Log:    "/var/log/upstream/" + o.Name + ".log",
		Wake:   nginx.Driver.Wake,
		Woken:  nginx.Driver.Woken,
	}}
}
