package harness

import (
	_ "embed"
	"path"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/internal/nginxbuild"
	"github.com/badgateway/badgateway/harness/wire"
)

// upstreamLog tells of each request which upstreams were tried: what [Exchange].Tries is read from.
//
//go:embed nginx/upstream-log.conf
var upstreamLog string

// clockConf is the config of a run that only prints the time, in its log.
const clockConf = wire.Root + "/clock/nginx.conf"

const nginxConf = "/etc/nginx/nginx.conf"

// sigio is SIGIO as Linux numbers it: the harness may run on another system than the lab.
const sigio = 29

// Nginx is nginx as an image has it: the files that came with it stand in /etc/nginx, wherever they are in the image, with
// the scenario's laid over them. Its program, and the folders in which it writes, are those of the image's build.
var Nginx = Program{
	Name: "nginx",
	Argv: []string{"nginx", "-c", nginxConf, "-g", "daemon off;"},
	Clock: wire.ClockSpec{
		Argv: []string{"nginx", "-c", clockConf},
		Files: []wire.File{{Path: clockConf, Data: "daemon off; master_process off; pid " + clockConf + ".pid;\n" +
			"user www-data; error_log stderr notice; events {}\n"}},
	},
	Conf: nginxConf,
	Folders: []wire.Folder{
		{Path: "/etc/nginx", Keep: true},
		// Debian's build and the one of nginx.org keep their temporary files in different places.
		{Path: "/var/lib/nginx"}, {Path: "/var/cache/nginx"},
		{Path: "/var/log/nginx"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/var/www"},
	},
	// A worker ignores SIGIO, but it wakes from epoll_wait, and looks at the clock and its timers.
	Poke:      wire.Poke{Signal: sigio, Children: true},
	ErrorLog:  "/var/log/nginx/error.log",
	AccessLog: "/var/log/nginx/upstream.log",
	Snippets:  []wire.File{{Path: "/etc/nginx/snippets/upstream-log.conf", Data: upstreamLog}},
}

// On is the program as an image has it: with that build, at that place.
func On(p Program, b nginxbuild.Build, program string) Program {
	p.Argv = append([]string{program}, p.Argv[1:]...)
	p.Clock.Argv = append([]string{program}, p.Clock.Argv[1:]...)
	p.Folders = slices.Clone(p.Folders)
	for i, f := range p.Folders {
		if own := path.Dir(b.Conf); f.Keep && f.Path == path.Dir(p.Conf) && own != f.Path {
			p.Folders[i].From = own
		}
	}
	for _, dir := range b.Writes() {
		dir = strings.Replace(dir, "/var/run", "/run", 1) // a link nearly everywhere, and one folder would hide the other
		held := func(f wire.Folder) bool { return dir == f.Path || strings.HasPrefix(dir, f.Path+"/") }
		if !slices.ContainsFunc(p.Folders, held) {
			p.Folders = append(p.Folders, wire.Folder{Path: dir})
		}
	}
	if b.ErrorLog != "" {
		p.ErrorLog = b.ErrorLog
	}
	return p
}
