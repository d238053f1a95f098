package backend

import (
	"cmp"

	"github.com/badgateway/badgateway/harness/lab"
)

// HTTPD is Apache httpd behind the gateway, as Debian packages it, with a config of its own.
type HTTPD struct {
	Name   string // "app"
	Listen string // "10.0.0.5:8080"
	// Conf is the whole config; it logs to /var/log/upstream/NAME.log.
	Conf string
	// Files are what it serves.
	Files []lab.File
	// Image is the project's image that it is run from, where that is not "httpd": "guarded" has a firewall, fail2ban and ModSecurity too.
	Image string
}

// Upstream is the server as an upstream of a sandbox.
func (h HTTPD) Upstream() lab.Upstream {
	conf := "/etc/apache2-" + h.Name + ".conf"
	return lab.Upstream{Name: h.Name, Real: &lab.Backend{
		Image:  cmp.Or(h.Image, "httpd"),
		Argv:   []string{"apache2", "-f", conf, "-DFOREGROUND"},
		Files:  append([]lab.File{{Path: conf, Data: h.Conf}}, h.Files...),
		Listen: h.Listen,
		Log:    "/var/log/upstream/" + h.Name + ".log",
	}}
}
