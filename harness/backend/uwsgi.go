package backend

import (
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
)

// UWSGI is uWSGI with one Python application, as Debian packages it, called by its own protocol (uwsgi_pass).
type UWSGI struct {
	Name   string // "app"
	Listen string // "10.0.0.5:3031" or "unix:/run/uwsgi/app/socket"
	// App is the text of the WSGI module, which has to define application.
	App string
	// Options are further lines of its config ("harakiri = 20"), as the section [uwsgi] of an ini file takes them.
	Options []string
}

// Upstream is the server as an upstream of a sandbox.
func (u UWSGI) Upstream() lab.Upstream {
	conf, app := "/etc/uwsgi-"+u.Name+".ini", u.script()
	b := &lab.Backend{
		Image:  "uwsgi",
		Argv:   []string{"uwsgi", "--ini", conf},
		Files:  []lab.File{{Path: conf, Data: u.config()}, {Path: app, Data: u.App}},
		Listen: u.Listen,
		Log:    u.log(),
	}
	if socket, ok := strings.CutPrefix(u.Listen, "unix:"); ok {
		b.Folders = []lab.Folder{{Path: path.Dir(socket)}}
	}
	return lab.Upstream{Name: u.Name, Real: b}
}

func (u UWSGI) script() string { return "/var/www/" + u.Name + ".py" }

func (u UWSGI) log() string { return "/var/log/upstream/uwsgi-" + u.Name + ".log" }

// config is the whole config: what Debian's default.ini sets, with the application, and the two workers that are its default.
func (u UWSGI) config() string {
	lines := []string{
		"[uwsgi]", "plugin = python3", "socket = " + strings.TrimPrefix(u.Listen, "unix:"), "wsgi-file = " + u.script(),
		"master = true", "workers = 2", "uid = www-data", "gid = www-data", "chmod-socket = 660", "no-orphans = true",
		"log-date = true", "logto = " + u.log(),
	}
	return strings.Join(append(lines, u.Options...), "\n") + "\n"
}

// With is the same server with further lines of config.
func (u UWSGI) With(lines ...string) UWSGI {
	u.Options = append(append([]string(nil), u.Options...), lines...)
	return u
}
