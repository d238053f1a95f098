// Package haproxy is HAProxy as a gateway: how it is started, and what the lines of its log say.
package haproxy

import (
	"errors"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Driver is HAProxy as Debian packages it. It logs to its output, as in a container (`log stdout format short local0`), or by syslog.
var Driver = gateway.Driver{
	Name:     "haproxy",
	Image:    "haproxy:2.6",
	Own:      "haproxy",
	Programs: []string{"haproxy", "/usr/local/sbin/haproxy"},
	Probe:    []string{"-v"},
	Fit:      fit,
	Argv:     []string{"haproxy", "-db", "-f", conf},
	Conf:     conf,
	Folders: []gateway.Folder{
		{Path: "/etc/haproxy", Keep: true}, {Path: "/var/lib/haproxy"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/run/haproxy"}, {Path: "/var/www"},
	},
	ErrorLogs: func(string) []string { return nil },
	Syslog:    syslog,
	Lines:     ParseLogs,
	Woken:     func(string) bool { return false },
	Refusal:   refusal,

	Clock: gateway.ClockSpec{
		Argv:  []string{"haproxy", "-db", "-f", clockConf},
		Files: []gateway.File{{Path: clockConf, Data: "global\n    lua-load " + clockLua + "\n"}, {Path: clockLua, Data: "print(os.date())\n"}},
	},
	// It obeys a clock that jumps in small steps only. At this pace a minute takes 3 s.
	Pace: 20,
}

const (
	conf      = "/etc/haproxy/haproxy.cfg"
	clockConf = agentapi.Root + "/clock/haproxy.cfg"
	clockLua  = agentapi.Root + "/clock/clock.lua" // HAProxy prints no time at its start
)

var version = regexp.MustCompile(`HAProxy version ((\d+\.\d+\.\d+)\S*)`)

func fit(d gateway.Driver, program, printed string) (gateway.Driver, gateway.Build, error) {
	m := version.FindStringSubmatch(printed)
	if m == nil {
		return d, gateway.Build{}, errors.New("it does not say that it is HAProxy")
	}
	return d.At(program), gateway.Build{Name: "HAProxy/" + m[1], Version: m[2]}, nil
}

var alert = regexp.MustCompile(`^\[ALERT\]\s+\(\d+\) : (.*)`)

// refusal are its alerts; the first one names the file and the line.
func refusal(printed string) (all []gateway.LogRecord) {
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(line)
		if m := alert.FindStringSubmatch(line); m != nil {
			all = append(all, gateway.LogRecord{Level: "emerg", Message: m[1], Raw: line})
		}
	}
	return all
}
