// Package lighttpd is lighttpd as a gateway: how it is started, and what the lines of its error log say.
package lighttpd

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Driver is lighttpd as Debian packages it. It logs to its output, as it does without server.errorlog.
var Driver = gateway.Driver{
	Name:     "lighttpd",
	Image:    "an image of your own with lighttpd (its project publishes none)",
	Own:      "lighttpd",
	Programs: []string{"lighttpd", "/usr/sbin/lighttpd"},
	Probe:    []string{"-v"},
	Fit:      fit,
	Argv:     []string{"lighttpd", "-D", "-f", conf},
	Conf:     conf,
	Folders: []gateway.Folder{
		{Path: "/etc/lighttpd", Keep: true}, {Path: "/var/log/lighttpd"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/var/www"},
	},
	ErrorLogs: errorLogs,
	Lines:     ParseLogs,
	Woken:     func(string) bool { return false },
	Refusal:   refusal,

	Clock: gateway.ClockSpec{
		Argv:  []string{"lighttpd", "-D", "-f", clockConf},
		Files: []gateway.File{{Path: clockConf, Data: "server.document-root = \"/\"\nserver.bind = \"127.0.0.1\"\n"}},
	},
	// It looks at its limits once a second. At this pace a minute takes 3 s.
	Pace: 20,
}

const (
	conf      = "/etc/lighttpd/lighttpd.conf"
	clockConf = agentapi.Root + "/clock/lighttpd.conf"
)

var version = regexp.MustCompile(`(lighttpd/(\d+\.\d+\.\d+))`)

func fit(d gateway.Driver, program, printed string) (gateway.Driver, gateway.Build, error) {
	m := version.FindStringSubmatch(printed)
	if m == nil {
		return d, gateway.Build{}, errors.New("it does not say that it is lighttpd")
	}
	return d.At(program), gateway.Build{Name: m[1], Version: m[2]}, nil
}

var errorLogPath = regexp.MustCompile(`(?m)^[ \t]*server\.errorlog[ \t]*=[ \t]*"(/[^"]+)"`)

func errorLogs(conf string) (files []string) {
	for _, m := range errorLogPath.FindAllStringSubmatch(conf, -1) {
		files = append(files, m[1])
	}
	return files
}

// ErrForm is what ParseLog returns for a text that does not begin as a line of the log does.
var ErrForm = errors.New("not a line of lighttpd's error log")

var (
	prefix = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d): (?:\(([\w-]+\.c)\.\d+\) )?`)
	// notices are what it says of itself: it writes no level.
	notices = regexp.MustCompile(`^(?:server (?:started|stopped)|logfiles cycled|\[note\]|backend-active |gw-server re-enabled)`)
)

// ParseLog reads one line of the form that lighttpd 1.4 has. It has no level: what tells of itself is taken for a notice, all else
// for an error. Code is the file of its source ("gw_backend.c"); the line there, which changes with each version, is left out. The
// error is [ErrForm]; Raw is filled in either case.
func ParseLog(line string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: line}
	m := prefix.FindStringSubmatch(line)
	if m == nil {
		return l, ErrForm
	}
	at, err := time.Parse(time.DateTime, m[1])
	if err != nil {
		return l, ErrForm
	}
	l.Time, l.Level, l.Code, l.Message = at, "error", m[2], strings.TrimRight(line[len(m[0]):], "\r\n")
	if notices.MatchString(l.Message) {
		l.Level = "notice"
	}
	return l, nil
}

// ParseLogs reads a whole log, but for what is no line of it.
func ParseLogs(text string) []gateway.LogRecord { return gateway.ReadLog(text, ParseLog) }

// refusal is what it printed, a line each.
func refusal(printed string) (all []gateway.LogRecord) {
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(line)
		l, err := ParseLog(line)
		if err != nil {
			l.Message = line
		}
		if l.Level != "notice" && line != "" {
			l.Level = "emerg"
			all = append(all, l)
		}
	}
	return all
}
