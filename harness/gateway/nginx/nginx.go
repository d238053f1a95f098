// Package nginx is nginx as a gateway: how it is started, how it was built, and what the lines of its error log say.
package nginx

import (
	_ "embed"
	"path"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// upstreamLog tells of each request which upstreams were tried: what [Exchange].Tries is read from.
//
//go:embed upstream-log.conf
var upstreamLog string

// clockConf is the config of a run that only prints the time, in its log.
const clockConf = agentapi.Root + "/clock/nginx.conf"

const nginxConf = "/etc/nginx/nginx.conf"

// sigio is SIGIO as Linux numbers it: the harness may run on another system than the lab.
const sigio = 29

// Program is nginx as an image has it: the files that came with it stand in /etc/nginx, wherever they are in the image, with
// the scenario's laid over them. Its program, and the folders in which it writes, are those of the image's build.
var Program = gateway.Program{
	Name: "nginx",
	Argv: []string{"nginx", "-c", nginxConf, "-g", "daemon off;"},
	Clock: agentapi.ClockSpec{
		Argv: []string{"nginx", "-c", clockConf},
		Files: []agentapi.File{{Path: clockConf, Data: "daemon off; master_process off; pid " + clockConf + ".pid;\n" +
			"user www-data; error_log stderr notice; events {}\n"}},
	},
	Conf: nginxConf,
	Folders: []agentapi.Folder{
		{Path: "/etc/nginx", Keep: true},
		// Debian's build and the one of nginx.org keep their temporary files in different places.
		{Path: "/var/lib/nginx"}, {Path: "/var/cache/nginx"},
		{Path: "/var/log/nginx"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/var/www"},
	},
	// A worker ignores SIGIO, but it wakes from epoll_wait, and looks at the clock and its timers.
	Poke:      agentapi.Poke{Signal: sigio, Children: true},
	ErrorLog:  "/var/log/nginx/error.log",
	AccessLog: "/var/log/nginx/upstream.log",
	Snippets:  []agentapi.File{{Path: "/etc/nginx/snippets/upstream-log.conf", Data: upstreamLog}},
}

// On is the program as an image has it: with that build, at that place.
func On(p gateway.Program, b Build, program string) gateway.Program {
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
		held := func(f agentapi.Folder) bool { return dir == f.Path || strings.HasPrefix(dir, f.Path+"/") }
		if !slices.ContainsFunc(p.Folders, held) {
			p.Folders = append(p.Folders, agentapi.Folder{Path: dir})
		}
	}
	if b.ErrorLog != "" {
		p.ErrorLog = b.ErrorLog
	}
	return p
}
