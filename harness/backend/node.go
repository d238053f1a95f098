package backend

import (
	"net"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Node is Node.js with one script, as Debian packages it. What it prints is its log.
type Node struct {
	Name   string // "app"
	Listen string // "10.0.0.5:8080"
	// App is the text of the script. It finds where to listen in the variables HOST and PORT.
	App string
	// Options are options of Node's own command line ("--max-old-space-size=64").
	Options []string
	// Host is what HOST is to be, where it is not the address of Listen ("localhost").
	Host string
	// Memory is the memory limit of its container in bytes; 0 for none.
	Memory int64
}

// nodeWakes gives Node a signal that it catches and that means nothing to it: its loop looks at the clock when one comes.
const nodeWakes = "process.on('SIGWINCH', () => {});\n"

// Upstream is the server as an upstream of a sandbox.
func (n Node) Upstream() lab.Upstream {
	script, wakes := "/var/www/"+n.Name+".js", "/etc/node-"+n.Name+".js"
	host, port, _ := net.SplitHostPort(n.Listen) // what is no address has none that it could listen at
	if n.Host != "" {
		host = n.Host
	}
	return lab.Upstream{Name: n.Name, Real: &lab.Backend{
		Image:  "node",
		Argv:   append(append([]string{"node", "--require=" + wakes}, n.Options...), script),
		Env:    []string{"HOST=" + host, "PORT=" + port},
		Files:  []lab.File{{Path: script, Data: n.App}, {Path: wakes, Data: nodeWakes}},
		Listen: n.Listen,
		Log:    agentapi.OutputOf(n.Name),
		Wake:   lab.WakeSignal{Signal: sigwinch},
		Memory: n.Memory,
	}}
}
