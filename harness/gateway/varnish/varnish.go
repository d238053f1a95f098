// Package varnish is Varnish as a gateway: how it is started, and what the lines say that varnishncsa writes of its log in memory.
package varnish

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

// Driver is Varnish as Debian packages it. Its log is in memory: a varnishncsa beside it writes a line of each request, and of each fetch
// from a backend.
var Driver = gateway.Driver{
	Name:     "varnish",
	Image:    "varnish:7.1",
	Own:      "varnish",
	Programs: []string{"varnishd", "/usr/sbin/varnishd"},
	Probe:    []string{"-V"},
	Fit:      fit,
	Argv:     []string{"sh", "-c", "varnishncsa -n /run/varnish -t off -b -c -F '" + format + "' & exec varnishd" + options + " -f " + conf},
	Conf:     conf,
	Folders: []gateway.Folder{
		{Path: "/etc/varnish", Keep: true}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/tmp"}, {Path: "/var/www"},
	},
	ErrorLogs: func(string) []string { return nil },
	Lines:     ParseLogs,
	Logged:    logged,
	Woken:     func(string) bool { return false },
	Refusal:   refusal,

	Clock: gateway.ClockSpec{
		// Of all that it prints only the list of its backends has a time. It reads its commands as they come, so each has to be waited for.
		Argv: []string{"sh", "-c", "(echo start; sleep 1; echo backend.list; sleep 1) | varnishd -d -j none -n /tmp/clock -a 127.0.0.1:80 -b 127.0.0.1:81 -s malloc,16m" + compiler},
	},
	// A worker sleeps in poll for the whole of a limit at once. At this pace a minute takes 3 s.
	Pace: 20,
}

const (
	conf   = "/etc/varnish/default.vcl"
	format = `%{Varnish:side}x %{%Y-%m-%d %H:%M:%S}t %s "%r" %{Varnish:handling}x %{VSL:FetchError}x`
	// Its workers run as who starts it.
	options  = " -F -j none -n /run/varnish -a :80 -s malloc,16m -p thread_pools=1 -p thread_pool_min=5" + compiler
	compiler = " -p 'cc_command=exec tcc -w -shared -o %o %s'" // of its config, which gcc takes three times as long for
)

var version = regexp.MustCompile(`\(varnish-((\d+\.\d+\.\d+)\S*) `)

func fit(d gateway.Driver, _, printed string) (gateway.Driver, gateway.Build, error) {
	m := version.FindStringSubmatch(printed)
	if m == nil {
		return d, gateway.Build{}, errors.New("it does not say that it is Varnish")
	}
	return d, gateway.Build{Name: "varnish/" + m[1], Version: m[2]}, nil
}

// ErrForm is what ParseLog returns for a text that is no line of the log.
var ErrForm = errors.New("not a line of Varnish's log")

var line = regexp.MustCompile(`^([bc]) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (\d{3}|-) "(.*)" (\S+) (.+)$`)

// ParseLog reads one line as the driver has varnishncsa write it: of a client's request or, with the Code "fetch", of what was asked of
// a backend for it. Message has the status and, of a fetch that failed, why: "503 backend app: fail errno 111 (Connection refused)"; its level
// is error then, and where the status is 500 or above. Of a client's request it says how that was handled ("200 hit"). The error is
// [ErrForm]; Raw is filled in either case.
func ParseLog(text string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: text}
	m := line.FindStringSubmatch(strings.TrimRight(text, "\r\n"))
	if m == nil {
		return l, ErrForm
	}
	at, err := time.Parse(time.DateTime, m[2])
	if err != nil {
		return l, ErrForm
	}
	l.Time, l.Level, l.Request, l.Message = at, "info", m[4], m[3]
	if m[1] == "c" {
		l.Message += " " + m[5]
		return l, nil
	}
	l.Code = "fetch"
	if m[6] != "-" {
		l.Message += " " + m[6]
	}
	if m[6] != "-" || m[3] >= "500" {
		l.Level = "error"
	}
	return l, nil
}

// logged reports whether the client's line is there, and that of the fetch where there was one.
func logged(lines []gateway.LogRecord) bool {
	fetched := slices.ContainsFunc(lines, func(l gateway.LogRecord) bool { return l.Code == "fetch" })
	return slices.ContainsFunc(lines, func(l gateway.LogRecord) bool {
		_, handling, _ := strings.Cut(l.Message, " ")
		return l.Code == "" && (fetched || handling != "miss" && handling != "pass")
	})
}

// ParseLogs reads a whole log, but for what is no line of it.
func ParseLogs(text string) []gateway.LogRecord { return gateway.ReadLog(text, ParseLog) }

// told is what it prints of its config's faults: what its compiler says, or the words after Error.
var told = regexp.MustCompile(`(?m)^Message from VCC-compiler:\s+(.+)$|^Error: (.+)$`)

// refusal is what its compiler says of the config, a line each.
func refusal(printed string) (all []gateway.LogRecord) {
	for _, m := range told.FindAllStringSubmatch(printed, -1) {
		text := strings.TrimSpace(m[1] + m[2])
		all = append(all, gateway.LogRecord{Level: "emerg", Message: text, Raw: text})
	}
	return all
}
