package backend

import (
	"cmp"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
)

// UWSGI is uWSGI with one Python application, as Debian packages it, called by its own protocol (uwsgi_pass).
type UWSGI struct {
	Name   string // "app"
	Listen string // "10.0.0.5:3031" or "unix:/run/uwsgi/app/socket"
	// App is the text of the WSGI module, which has to define application.
	App string
	// User is whom it runs as, with the group of that name; www-data when empty.
	User string
	// Options are further lines of its config ("harakiri = 20"), as the section [uwsgi] of an ini file takes them.
	Options []string
}

// uwsgiStats is where uWSGI tells of itself. Its master looks at its workers when somebody asks there, and no signal that it catches is
// harmless.
const uwsgiStats = "127.0.0.1:9191"

// Upstream is the server as an upstream of a sandbox.
func (u UWSGI) Upstream() lab.Upstream {
	conf, app := "/etc/uwsgi-"+u.Name+".ini", u.script()
	b := &lab.Backend{
		Image:   "uwsgi",
		Argv:    []string{"uwsgi", "--ini", conf},
		Files:   []lab.File{{Path: conf, Data: u.config()}, {Path: app, Data: u.App}},
		Listen:  u.Listen,
		Folders: socketFolder(u.Listen),
		Log:     u.log(),
		Wake:    lab.WakeSignal{Connect: uwsgiStats},
	}
	for _, f := range b.Folders { // it makes its socket when it is no longer root
		b.Files = append(b.Files, lab.File{Path: f.Path, Dir: true, User: u.user()})
	}
	return lab.Upstream{Name: u.Name, Real: b}
}

func (u UWSGI) script() string { return "/var/www/" + u.Name + ".py" }

func (u UWSGI) user() string { return cmp.Or(u.User, "www-data") }

func (u UWSGI) log() string { return "/var/log/upstream/uwsgi-" + u.Name + ".log" }

// config is the whole config: what Debian's default.ini sets, with the application, and the two workers that are its default.
func (u UWSGI) config() string {
	lines := []string{
		"[uwsgi]", "plugin = python3", "socket = " + strings.TrimPrefix(u.Listen, "unix:"), "wsgi-file = " + u.script(),
		"master = true", "workers = 2", "uid = " + u.user(), "gid = " + u.user(), "chmod-socket = 660", "no-orphans = true", "stats = " + uwsgiStats,
		"log-date = true", "logto = " + u.log(),
	}
	return strings.Join(append(lines, u.Options...), "\n") + "\n"
}

// With is the same server with further lines of config.
func (u UWSGI) With(lines ...string) UWSGI {
	u.Options = append(append([]string(nil), u.Options...), lines...)
	return u
}
