package backend

import (
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// Gunicorn is Gunicorn with one Python application, as Debian packages it. What it logs, and what the application prints, is its log.
type Gunicorn struct {
	Name   string // "app"
	Listen string // "10.0.0.5:8080" or "unix:/run/gunicorn/app.sock"
	// App is the text of the WSGI module, which has to define application.
	App string
	// Options are further options of its command line ("--timeout=120").
	Options []string
	// Memory is the memory limit of its container in bytes; 0 for none.
	Memory int64
}

// sigwinch makes Gunicorn's master look at its timers: it has a meaning for one that is a daemon only.
const sigwinch = 28

// gunicornHeartbeat has workers write the time at which they lived into the file that they share with the master. Gunicorn 20 takes that
// file's time of change, which is the machine's: where the clock is ahead by more than --timeout, it would take each worker for
// one that hangs, also those that it has just started.
const gunicornHeartbeat = `import os, struct, time
from gunicorn.workers.workertmp import WorkerTmp

made = WorkerTmp.__init__

def __init__(self, cfg):
    made(self, cfg)
    self.notify()

def notify(self):
    os.pwrite(self.fileno(), struct.pack("d", time.time()), 0)

def last_update(self):
    return struct.unpack("d", os.pread(self.fileno(), 8, 0))[0]

WorkerTmp.__init__, WorkerTmp.notify, WorkerTmp.last_update = __init__, notify, last_update
`

// Upstream is the server as an upstream of a sandbox.
func (g Gunicorn) Upstream() lab.Upstream {
	conf := "/etc/gunicorn-" + g.Name + ".py"
	return lab.Upstream{Name: g.Name, Real: &lab.Backend{
		Image: "gunicorn",
		Argv: append([]string{
			"gunicorn", "--config=" + conf, "--bind=" + g.Listen, "--chdir=/var/www", "--user=www-data", "--group=www-data", g.Name + ":application",
		}, g.Options...),
		// What Python keeps of a module it knows by the second: one that is deployed within it would be the old one.
		Env:     []string{"PYTHONDONTWRITEBYTECODE=1"},
		Files:   []lab.File{{Path: "/var/www/" + g.Name + ".py", Data: g.App}, {Path: conf, Data: gunicornHeartbeat}},
		Listen:  g.Listen,
		Folders: socketFolder(g.Listen),
		Log:     agentapi.OutputOf(g.Name),
		Wake:    lab.WakeSignal{Signal: sigwinch},
		Memory:  g.Memory,
	}}
}

// With is the same server with further options.
func (g Gunicorn) With(options ...string) Gunicorn {
	g.Options = append(append([]string(nil), g.Options...), options...)
	return g
}
