package backend

import (
	"net"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Memcached is memcached, as Debian packages it.
type Memcached struct {
	Name   string // "cache"
	Listen string // "10.0.0.6:11211"
	// Options are options of its command line ("-c", "10").
	Options []string
}

// Upstream is the server as an upstream of a sandbox.
func (m Memcached) Upstream() lab.Upstream {
	host, port, _ := net.SplitHostPort(m.Listen) // what is no address has none that it could listen at
	return lab.Upstream{Name: m.Name, Real: &lab.Backend{
		Image:  "memcached",
		Argv:   append([]string{"memcached", "-u", "root", "-l", host, "-p", port, "-m", "16", "-t", "1"}, m.Options...),
		Listen: m.Listen,
		Log:    agentapi.OutputOf(m.Name),
	}}
}
