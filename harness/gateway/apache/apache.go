// Package apache is Apache httpd 2.4 as a gateway: how it is started, and what the lines of its error log say.
package apache

import (
	"errors"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Driver is Apache httpd as Debian packages it. It has one child, as what it remembers of its upstreams, such as connections
// that are kept, is each child's own.
var Driver = gateway.Driver{
	Name:     "apache",
	Image:    "httpd:2.4",
	Programs: []string{"apache2", "httpd", "/usr/local/apache2/bin/httpd"},
	Probe:    []string{"-v"},
	Fit:      fit,
	Argv:     []string{"apache2", "-f", "/etc/apache2/apache2.conf", "-c", "StartServers 1", "-c", "MinSpareThreads 1", "-DFOREGROUND"},
	Conf:     "/etc/apache2/apache2.conf",
	Folders: []gateway.Folder{
		{Path: "/etc/apache2"}, {Path: "/var/log/apache2"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/var/www"},
		{Path: "/etc/nginx", Keep: true}, {Path: "/var/lib/nginx"}, // of the real upstreams
	},
	ErrorLog:     "/var/log/apache2/error.log",
	ErrorLogs:    errorLogs,
	Lines:        ParseLogs,
	NotConnected: notConnected,
	Woken:        func(line string) bool { return strings.Contains(line, " AH00098: pid file ") },
	Refusal:      refusal,

	Clock: gateway.ClockSpec{
		Argv:  []string{"apache2", "-X", "-f", clockConf},
		Files: []gateway.File{{Path: clockConf, Data: clockText}},
	},
	// A worker sleeps in poll for the whole of ProxyTimeout at once, and no signal makes it look at the clock. At this pace a minute
	// takes 3 s.
	Pace: 20,
}

// clockConf is the config of a run that only prints the time, in its log.
const clockConf = agentapi.Root + "/clock/apache2.conf"

const clockText = "ServerRoot " + agentapi.Root + "/clock\nServerName example.com\nPidFile " + clockConf + ".pid\nListen 127.0.0.1:80\n" +
	"ErrorLog /dev/stderr\nLogLevel notice\n" +
	"LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n" +
	"LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n"

var version = regexp.MustCompile(`Server version: (Apache/(\d+\.\d+\.\d+)[^\n]*)`)

func fit(d gateway.Driver, program, printed string) (gateway.Driver, gateway.Build, error) {
	m := version.FindStringSubmatch(printed)
	if m == nil {
		return d, gateway.Build{}, errors.New("it does not say that it is Apache httpd")
	}
	return d.At(program), gateway.Build{Name: strings.TrimSpace(m[1]), Version: m[2]}, nil
}

var errorLogPath = regexp.MustCompile(`(?mi)^[ \t]*ErrorLog[ \t]+"?(/[^\s"]+)`)

func errorLogs(conf string) (files []string) {
	for _, m := range errorLogPath.FindAllStringSubmatch(conf, -1) {
		files = append(files, m[1])
	}
	return files
}

// notConnected goes by the code: one for addresses and one for sockets. The lines on the request that follow name the worker alone.
func notConnected(l gateway.LogRecord) (addr string) {
	if l.Code == "AH00957" || l.Code == "AH02454" {
		return l.Upstream
	}
	return ""
}

// refusal is what it printed, a line each; the first one names the file and the line.
func refusal(printed string) (all []gateway.LogRecord) {
	for line := range strings.Lines(printed) {
		if line = strings.TrimSpace(line); line != "" {
			l := gateway.LogRecord{Level: "emerg", Raw: line}
			l.Code, l.Message = cutCode(line)
			all = append(all, l)
		}
	}
	return all
}
