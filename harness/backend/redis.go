package backend

import (
	"net"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Redis is Redis, as Debian packages it, that keeps nothing on its disk. What it prints is its log.
type Redis struct {
	Name   string // "cache"
	Listen string // "10.0.0.6:6379"
	// Options are options of its command line ("--maxmemory", "1mb").
	Options []string
}

// Upstream is the server as an upstream of a sandbox. Its time is the machine's: libfaketime is taken out again, for which jemalloc asks for
// the time too early, and hangs.
func (r Redis) Upstream() lab.Upstream {
	host, port, _ := net.SplitHostPort(r.Listen) // what is no address has none that it could listen at
	return lab.Upstream{Name: r.Name, Real: &lab.Backend{
		Image:  "redis",
		Argv:   append([]string{"env", "-u", "LD_PRELOAD", "redis-server", "--bind", host, "--port", port, "--protected-mode", "no", "--save", ""}, r.Options...),
		Listen: r.Listen,
		Log:    agentapi.OutputOf(r.Name),
	}}
}
