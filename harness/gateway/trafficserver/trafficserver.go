// Package trafficserver is Apache Traffic Server as a gateway: how it is started, and what the lines of its logs say.
package trafficserver

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

// Driver is Traffic Server as Debian packages it, without its manager. Its error.log has the attempts to connect, its output what it warns
// of, and a log of the format of scenarios/trafficserver/logging.yaml what the visitor got: that line is the last of a request. Both files
// are written a second or two late.
var Driver = gateway.Driver{
	Name:     "trafficserver",
	Image:    "an image of your own with Traffic Server (its project publishes none)",
	Own:      "trafficserver",
	Programs: []string{"traffic_server", "/usr/bin/traffic_server", "/opt/trafficserver/bin/traffic_server"},
	Probe:    []string{"-V"},
	Fit:      fit,
	Argv:     []string{"traffic_server"},
	Conf:     "/etc/trafficserver/records.config",
	Folders: []gateway.Folder{
		{Path: "/etc/trafficserver", Keep: true}, {Path: "/var/log/trafficserver"}, {Path: "/var/cache/trafficserver"}, {Path: "/var/log/upstream"},
		{Path: "/run"}, {Path: "/var/www"},
	},
	// It writes as another user.
	Files: []gateway.File{
		{Path: "/run/trafficserver", Dir: true, User: "trafficserver"},
		{Path: "/var/cache/trafficserver", Dir: true, User: "trafficserver"},
		{Path: "/var/log/trafficserver", Dir: true, User: "trafficserver"},
		{Path: "/etc/trafficserver/storage.config"}, // no cache
	},
	ErrorLog:  "/var/log/trafficserver/error.log",
	ErrorLogs: func(string) []string { return []string{"/var/log/trafficserver/requests.log"} },
	Lines:     ParseLogs,
	Logged:    logged,
	Woken:     func(string) bool { return false },
	Refusal:   refusal,

	// It prints no year of its own accord, but a plugin does.
	Clock: gateway.ClockSpec{
		Argv: []string{"sh", "-c", "PROXY_CONFIG_CONFIG_DIR=" + clockDir + " exec traffic_server -C verify_config"},
		Files: []gateway.File{
			{Path: clockDir + "/plugin.config", Data: "tslua.so --states=1 " + clockDir + "/clock.lua\n"},
			{Path: clockDir + "/clock.lua", Data: "print(os.date())\n"},
			{Path: clockDir + "/remap.config"}, {Path: clockDir + "/storage.config"},
			{Path: clockDir + "/records.config", Data: "CONFIG proxy.config.admin.user_id STRING trafficserver\nCONFIG proxy.config.crash_log_helper STRING NULL\n"},
		},
	},
	// Its threads look at the clock some times a second. At this pace two minutes take 6 s.
	Pace: 20,
}

const clockDir = "/tmp/clock" // which another user than root may read

var version = regexp.MustCompile(`traffic_server (\d+\.\d+\.\d+)|Traffic Server (\d+\.\d+\.\d+)`)

func fit(d gateway.Driver, program, printed string) (gateway.Driver, gateway.Build, error) {
	m := version.FindStringSubmatch(printed)
	if m == nil {
		return d, gateway.Build{}, errors.New("it does not say that it is Traffic Server")
	}
	clock := d.Clock
	d = d.At(program)
	d.Clock = clock
	return d, gateway.Build{Name: "ATS/" + m[1] + m[2], Version: m[1] + m[2]}, nil
}

// ErrForm is what ParseLog returns for a text that is no line of a log.
var ErrForm = errors.New("not a line of Traffic Server's logs")

// request is a line: time, duration, client, result/status, bytes, method, URL, user, way/server and type, as the format "squid" has
// them, and then the server's status, the retries and the reason of the status that the visitor got.
// https://docs.trafficserver.apache.org/en/9.2.x/admin-guide/logging/formatting.en.html
var request = regexp.MustCompile(`^(\d{1,10})\.(\d{3}) \d+ (\S+) ([A-Z_]+)/(\d{3}) \d+ (\S+) (\S+) \S+ ([A-Z_]+)/(\S+) .*? (\d{3}) (\d{1,6}) (.*)$`)

// trouble is a line of error.log, and attempt is one that says that no connection came about.
var (
	trouble = regexp.MustCompile(`^(\d{8})\.(\d\dh\d\dm\d\ds) ([A-Z]+): (.*)$`)
	attempt = regexp.MustCompile(`^(attempt fail \[[A-Z_]+\]) to (\S+) for host='([^']*)' connection_result=(.*?) \[(-?\d{1,5})\] error=.* url='(.*)'$`)
)

// said is what it prints of itself: without a year.
var said = regexp.MustCompile(`^\[\w{3} +\d+ \d\d:\d\d:\d\d\.\d{3}\] \S.*? ([A-Z]+): (.*)$`)

// levels are its own, as [gateway.IsLevel] knows them.
var levels = map[string]string{
	"DIAG": "debug", "DEBUG": "debug", "STATUS": "info", "NOTE": "notice", "WARNING": "warn", "ERROR": "error", "FATAL": "emerg", "ALERT": "alert",
	"EMERGENCY": "emerg",
}

// starting is what it warns of once, when it starts without a cache.
var starting = []string{"no cache disks specified in storage.config: cache disabled", "unable to open cache disk(s): Cache Disabled"}

// ParseLog reads one line of error.log, of its output, or of the format of scenarios/trafficserver/logging.yaml. Of a request, Code is the
// result ("ERR_CONNECT_FAIL"), and Message the status that the visitor got, with its reason where the server gave none ("502 Connection
// refused"); its level is error where the result is an error or the status 500 or above. Of an attempt to connect, Code is "CONNECT", and
// which attempt it was stays out of Message. The error is [ErrForm]; Raw is filled in either case.
func ParseLog(line string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: line}
	line = strings.TrimRight(line, "\r\n")
	if m := request.FindStringSubmatch(line); m != nil {
		sec, _ := strconv.ParseInt(m[1], 10, 64) // ten digits at the most
		ms, _ := strconv.ParseInt(m[2], 10, 64)
		l.Time, l.Level, l.Client, l.Request = time.Unix(sec, ms*1e6).UTC(), "info", m[3], m[6]+" "+m[7]
		l.Code, l.Message, l.Upstream = m[4], m[5], m[9]
		if m[10] == noAnswer {
			l.Message += " " + m[12]
		}
		if strings.HasPrefix(l.Code, "ERR_") || m[5] >= "500" {
			l.Level = "error"
		}
		return l, nil
	}
	if m := trouble.FindStringSubmatch(line); m != nil {
		at, err := time.Parse("20060102 15h04m05s", m[1]+" "+m[2])
		if err != nil {
			return l, ErrForm
		}
		l.Time, l.Level, l.Code, l.Message = at, "error", m[3], m[4]
		if a := attempt.FindStringSubmatch(m[4]); a != nil {
			l.Message, l.Upstream, l.Host, l.ErrnoText, l.Request = a[1]+" to "+a[2], a[2], a[3], a[4], a[6]
			l.Errno, _ = strconv.Atoi(a[5]) // five digits at the most
		}
		return l, nil
	}
	if m := said.FindStringSubmatch(line); m != nil && levels[m[1]] != "" {
		l.Level, l.Message = levels[m[1]], m[2]
		if l.Level == "warn" && slices.Contains(starting, l.Message) {
			l.Level = "notice"
		}
		return l, nil
	}
	return l, ErrForm
}

// ParseLogs reads a whole log, but for what is no line of it.
func ParseLogs(text string) []gateway.LogRecord { return gateway.ReadLog(text, ParseLog) }

// noAnswer is the server's status where it gave none.
const noAnswer = "000"

// own are the reasons of a status of Traffic Server's own that are no failure to connect.
var own = []string{"502 Malformed Server Response Status", "502 Invalid HTTP Response", "502 Next Hop Connection Failed"}

// logged reports whether the request's line is there, and of each attempt to connect that failed its own.
func logged(lines []gateway.LogRecord) bool {
	failed := 0
	for _, l := range lines {
		if l.Code == "CONNECT" && strings.HasPrefix(l.Message, "attempt fail ") {
			failed++
		}
	}
	return slices.ContainsFunc(lines, func(l gateway.LogRecord) bool {
		m := request.FindStringSubmatch(l.Raw)
		if m == nil {
			return false
		}
		if l.Code != "ERR_CONNECT_FAIL" || slices.Contains(own, l.Message) {
			return true
		}
		again, _ := strconv.Atoi(m[11])
		return failed > again
	})
}

// refusal are its fatal words, and the errors before them.
func refusal(printed string) (all []gateway.LogRecord) {
	for line := range strings.Lines(printed) {
		if l, err := ParseLog(strings.TrimSpace(line)); err == nil && l.AtLeast("error") {
			l.Level = "emerg"
			all = append(all, l)
		}
	}
	return all
}
