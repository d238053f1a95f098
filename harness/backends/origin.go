package backends

import (
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/wire"
)

// Origin is a real HTTP server behind the gateway: an nginx of the project's own image with a config of its own.
type Origin struct {
	Name   string
	Listen string // "10.0.0.5:8080"
	// Conf is the whole config; it logs to /var/log/upstream/NAME.log and has to name a pid file of its own.
	Conf string
	// Files are what it serves, and its certificates.
	Files []wire.File
}

// Upstream is the server as an upstream of a cell.
func (o Origin) Upstream() harness.Upstream {
	conf := "/etc/nginx/" + o.Name + ".conf"
	return harness.Upstream{Name: o.Name, Real: &harness.Backend{
		Argv:   []string{"nginx", "-c", conf, "-g", "daemon off;"},
		Files:  append([]wire.File{{Path: conf, Data: o.Conf}}, o.Files...),
		Listen: o.Listen,
		Log:    "/var/log/upstream/" + o.Name + ".log",
		Poke:   harness.Nginx.Poke,
	}}
}
