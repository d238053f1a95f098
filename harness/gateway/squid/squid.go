// Package squid is Squid as a gateway (an accelerator, in its own words): how it is started, and what the lines of its logs say.
package squid

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Driver is Squid as Debian packages it, as one process. It has no error log for requests: a line of its access log that ends with
// %err_code/%err_detail is taken for one.
var Driver = gateway.Driver{
	Name:     "squid",
	Image:    "an image of your own with Squid (its project publishes none)",
	Own:      "squid",
	Programs: []string{"squid", "/usr/sbin/squid"},
	Probe:    []string{"-v"},
	Fit:      fit,
	Argv:     []string{"squid", "-N", "-f", conf},
	Conf:     conf,
	Folders: []gateway.Folder{
		{Path: "/etc/squid", Keep: true}, {Path: "/dev/shm"}, {Path: "/var/log/squid"}, {Path: "/var/log/upstream"}, {Path: "/run"}, {Path: "/var/www"},
	},
	// It writes its logs as another user, who may not make them.
	Files:     []gateway.File{{Path: "/var/log/squid/access.log", User: "proxy"}, {Path: "/var/log/squid/cache.log", User: "proxy"}},
	ErrorLog:  "/var/log/squid/access.log",
	ErrorLogs: func(string) []string { return nil },
	Lines:     ParseLogs,
	Woken:     func(string) bool { return false },
	Refusal:   refusal,

	Clock: gateway.ClockSpec{
		Argv:  []string{"squid", "-N", "-f", clockConf},
		Files: []gateway.File{{Path: clockConf, Data: "http_port 127.0.0.1:3128\npid_filename none\ncache_log /dev/null\naccess_log none\n"}},
	},
	// At this pace a minute takes 3 s.
	Pace: 20,
}

const (
	conf      = "/etc/squid/squid.conf"
	clockConf = agentapi.Root + "/clock/squid.conf"
)

var version = regexp.MustCompile(`Squid Cache: Version ((\d+\.\d+(?:\.\d+)?)\S*)`)

func fit(d gateway.Driver, program, printed string) (gateway.Driver, gateway.Build, error) {
	m := version.FindStringSubmatch(printed)
	if m == nil {
		return d, gateway.Build{}, errors.New("it does not say that it is Squid")
	}
	return d.At(program), gateway.Build{Name: "squid/" + m[1], Version: m[2]}, nil
}

// ErrForm is what ParseLog returns for a text that is no line of the access log.
var ErrForm = errors.New("not a line of Squid's access log")

// request is a line: time, duration, client, result/status, bytes, method, URL, user, way/server and type, as the format "squid" has
// them, and the error.
// http://www.squid-cache.org/Doc/config/logformat/
var request = regexp.MustCompile(`^(\d{1,10})\.(\d{3}) +\d+ (\S+) ([A-Z_]+)/(\d{3}) \d+ (\S+) (\S+) \S+ ([A-Z_]+/\S+) \S+(?: (\S+)/\S*)?$`)

// none are the error codes that stand where there is no error.
var none = []string{"", "-", "ERR_NONE"}

// ParseLog reads one line of the format "squid", with or without " %err_code/%err_detail" at its end. Code is that error code
// ("ERR_CONNECT_FAIL"), Message has the result, the status and how Squid went where: "TCP_MISS/503 FIRSTUP_PARENT/10.0.0.5". Its level
// is error where there is an error code, or a status of 500 or above. The error is [ErrForm]; Raw is filled in either case.
func ParseLog(line string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: line}
	m := request.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
	if m == nil {
		return l, ErrForm
	}
	sec, _ := strconv.ParseInt(m[1], 10, 64) // ten digits at the most
	ms, _ := strconv.ParseInt(m[2], 10, 64)
	l.Time, l.Level, l.Client, l.Request = time.Unix(sec, ms*1e6).UTC(), "info", m[3], m[6]+" "+m[7]
	l.Message = m[4] + "/" + m[5] + " " + m[8]
	if !slices.Contains(none, m[9]) {
		l.Code = m[9]
	}
	if l.Code != "" || m[5] >= "500" {
		l.Level = "error"
	}
	return l, nil
}

// ParseLogs reads a whole log, but for what is no line of it.
func ParseLogs(text string) []gateway.LogRecord { return gateway.ReadLog(text, ParseLog) }

var fatal = regexp.MustCompile(`(?:FATAL|ERROR): (.*)`)

// refusal are its fatal words.
func refusal(printed string) (all []gateway.LogRecord) {
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(line)
		if m := fatal.FindStringSubmatch(line); m != nil {
			all = append(all, gateway.LogRecord{Level: "emerg", Message: m[1], Raw: line})
		}
	}
	return all
}
