// Package nginx is nginx as a gateway: how it is started, how it was built, and what the lines of its error log say.
package nginx

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// clockConf is the config of a run that only prints the time, in its log.
const clockConf = agentapi.Root + "/clock/nginx.conf"

const nginxConf = "/etc/nginx/nginx.conf"

// sigio is SIGIO as Linux numbers it: the harness may run on another system than the lab.
const sigio = 29

// Driver is nginx: the files that came with it stand in /etc/nginx, wherever they are in the image, with the scenario's laid
// over them. Its program, and the folders in which it writes, are those of the image's build.
var Driver = gateway.Driver{
	Name:     "nginx",
	Image:    "nginx:1.29",
	Programs: programs,
	Probe:    []string{"-V"},
	Fit:      fit,
	Argv:     []string{"nginx", "-c", nginxConf, "-g", "daemon off;"},
	Conf:     nginxConf,
	Folders: []gateway.Folder{
		{Path: "/etc/nginx", Keep: true},
		// Debian's build and the one of nginx.org keep their temporary files in different places.
		{Path: "/var/lib/nginx"}, {Path: "/var/cache/nginx"},
		{Path: "/var/log/nginx"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/var/www"},
	},
	ErrorLog:  "/var/log/nginx/error.log",
	AccessLog: "/var/log/nginx/access.log",
	ErrorLogs: errorLogs,
	Lines:     lines,
	Woken:     woken,
	Refusal:   refusal,

	NotConnected: notConnected,

	Clock: gateway.ClockSpec{
		Argv: []string{"nginx", "-c", clockConf},
		Files: []gateway.File{{Path: clockConf, Data: "daemon off; master_process off; pid " + clockConf + ".pid;\n" +
			"user www-data; error_log stderr notice; events {}\n"}},
	},
	// A worker ignores SIGIO, but it wakes from epoll_wait, and looks at the clock and its timers.
	Wake: gateway.WakeSignal{Signal: sigio, Children: true},
}

func fit(d gateway.Driver, program, printed string) (gateway.Driver, gateway.Build, error) {
	b, err := ReadBuild(printed)
	if err != nil {
		return d, gateway.Build{}, err
	}
	return on(d, b, program), b.Build, nil
}

// on is the driver as an image has it: with that build, at that place.
func on(d gateway.Driver, b Build, program string) gateway.Driver {
	d = d.At(program)
	d.Folders = slices.Clone(d.Folders)
	for i, f := range d.Folders {
		if own := path.Dir(b.Conf); f.Keep && f.Path == path.Dir(d.Conf) && own != f.Path {
			d.Folders[i].From = own
		}
	}
	for _, dir := range b.Writes() {
		dir = strings.Replace(dir, "/var/run", "/run", 1) // a link nearly everywhere, and one folder would hide the other
		held := func(f gateway.Folder) bool { return dir == f.Path || strings.HasPrefix(dir, f.Path+"/") }
		if !slices.ContainsFunc(d.Folders, held) {
			d.Folders = append(d.Folders, gateway.Folder{Path: dir})
		}
	}
	if b.ErrorLog != "" {
		d.ErrorLog = b.ErrorLog
	}
	if b.AccessLog != "" {
		d.AccessLog = b.AccessLog
	}
	return d
}

var errorLogPath = regexp.MustCompile(`(?m)^[^#\n]*\berror_log\s+(/[^\s;]+)`)

func errorLogs(conf string) (files []string) {
	for _, m := range errorLogPath.FindAllStringSubmatch(conf, -1) {
		files = append(files, m[1])
	}
	return files
}

// lines leaves out what nginx prints at its start, for that is in its log as well.
func lines(log string) (all []gateway.LogRecord) {
	records, _ := ParseLogs(log)
	for _, l := range records {
		if !strings.HasPrefix(l.Raw, startup) {
			all = append(all, l)
		}
	}
	return all
}

// woken reports whether a line is there only because the lab woke nginx to look at the clock.
func woken(line string) bool {
	return strings.Contains(line, "signal 29 (SIGIO) received") ||
		strings.Contains(line, "epoll_wait() failed (4: Interrupted system call)")
}

func refusal(printed string) (all []gateway.LogRecord) {
	records, _ := ParseLogs(printed)
	for _, l := range records {
		if l.AtLeast("emerg") {
			all = append(all, l)
		}
	}
	return all
}

// notConnected goes by the phase. Without a socket of its own nginx does not come to a call.
func notConnected(l gateway.LogRecord) (addr string) {
	ownLimit := strings.HasSuffix(l.Message, "worker_connections are not enough") || strings.HasPrefix(l.Message, "socket() failed")
	if l.Phase != "connecting to upstream" || !l.AtLeast("error") || ownLimit {
		return ""
	}
	return upstreamAddr(l.Upstream)
}

// upstreamAddr is the address in the error log's field upstream: "http://10.0.0.5:8080/path" is "10.0.0.5:8080", and
// "fastcgi://unix:/run/php.sock:" is "unix:/run/php.sock".
func upstreamAddr(field string) string {
	_, rest, _ := strings.Cut(field, "://")
	if path, local := strings.CutPrefix(rest, "unix:"); local {
		path, _, _ = strings.Cut(path, ":")
		return "unix:" + path
	}
	addr, _, _ := strings.Cut(rest, "/")
	return addr
}
