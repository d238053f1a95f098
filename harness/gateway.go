package harness

import (
	_ "embed"

	"github.com/badgateway/badgateway/harness/wire"
)

// A Gateway is a gateway's program with the files of its config.
type Gateway struct {
	Program Program
	// Files are the config, by path; the one at Program.Conf is the main one.
	Files []wire.File
	// Hosts are names that resolve in the cell, as /etc/hosts has them: name to address.
	Hosts map[string]string
}

// A Program is a server that the harness knows how to start, to wake and to read.
type Program struct {
	Name      string
	Argv      []string
	Version   []string       // prints name and version
	Clock     wire.ClockSpec // a run that prints the time, for a look whether it takes a moved clock
	Conf      string         // its main config file
	Folders   []wire.Folder
	Poke      wire.Poke
	ErrorLog  string
	AccessLog string      // written in the form of the snippet upstream-log.conf
	Snippets  []wire.File // files that every config can include
}

// upstreamLog tells of each request which upstreams were tried: what [Exchange].Tries is read from.
//
//go:embed nginx/upstream-log.conf
var upstreamLog string

// clockConf is the config of a run that only prints the time, in its log.
const clockConf = wire.Root + "/clock/nginx.conf"

// Nginx is nginx as any stock image has it: the image's own /etc/nginx with the scenario's files laid over it.
var Nginx = Program{
	Name:    "nginx",
	Argv:    []string{"nginx", "-g", "daemon off;"},
	Version: []string{"nginx", "-v"},
	Clock: wire.ClockSpec{
		Argv: []string{"nginx", "-c", clockConf},
		Files: []wire.File{{Path: clockConf, Data: "daemon off; master_process off; pid " + clockConf + ".pid;\n" +
			"user www-data; error_log stderr notice; events {}\n"}},
	},
	Conf: "/etc/nginx/nginx.conf",
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
