package haproxy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

// ErrForm is what ParseLog returns for a text that does not begin as a line of the log does.
var ErrForm = errors.New("not a line of HAProxy's log")

var (
	// An address and port, the time, frontend, backend/server, five times, status, bytes, two captured cookies, the termination
	// state, five counts of which the last is that of the retries, two queues, captured headers, the request.
	// https://docs.haproxy.org/2.6/configuration.html#8.2.3
	request = regexp.MustCompile(`^(\S+):\d+ \[([^\]]+)\] (\S+) (\S+)/(\S+) \S+ (-?\d+) \S+ \S+ \S+ (\S{4}) \d+/\d+/\d+/\d+/(\+?\d+) \d+/\d+ (?:\{.*\} )?"(.*)"$`)
	level   = regexp.MustCompile(`^<([0-7])>`)
)

// levels are syslog's, by number (RFC 5424, 6.2.1).
var levels = [...]string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

// ParseLog reads one line of `log stdout format short`, which begins with the number of its level. Of a request's (option
// httplog), Code is the termination state ("SC--": who ended the session, and when), and Message has the server, the status and
// the retries: "app/app1 503, 3 retries". With option log-separate-errors its level is error where it failed. The error is
// [ErrForm]; Raw is filled in either case.
func ParseLog(line string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: line}
	m := level.FindStringSubmatch(line)
	if m == nil {
		return l, ErrForm
	}
	l.Level = levels[m[1][0]-'0']
	l.Message = strings.TrimRight(line[len(m[0]):], "\r\n")
	r := request.FindStringSubmatch(l.Message)
	if r == nil {
		return l, nil
	}
	at, err := time.Parse("02/Jan/2006:15:04:05.000", r[2])
	if err != nil {
		return l, nil
	}
	l.Time, l.Client, l.Server, l.Code, l.Request = at, strings.Trim(r[1], "[]"), r[3], r[7], r[9]
	l.Message = fmt.Sprintf("%s/%s %s", r[4], r[5], r[6])
	switch r[8] {
	case "0":
	case "1":
		l.Message += ", 1 retry"
	default:
		l.Message += ", " + r[8] + " retries" // with a plus where the last went to another server
	}
	return l, nil
}

// ParseLogs reads a whole log, but for what is no line of it.
func ParseLogs(text string) []gateway.LogRecord { return gateway.ReadLog(text, ParseLog) }
