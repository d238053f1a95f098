package haproxy

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
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
	// What a line begins with: the number of its level, or of its level and facility (8 times the facility more), by syslog.
	priority = regexp.MustCompile(`^<(\d{1,3})>`)
	// What comes before the message by syslog: in the forms local and rfc3164 (the time, the machine where it is told, the program), and rfc5424.
	header = regexp.MustCompile(`^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:[\w.:-]+ )?[\w./-]+(?:\[\d+\])?: |1 \S+ \S+ \S+ \S+ \S+ (?:-|\[[^\]]*\]) )`)
)

// maxPriority is the level debug of the facility local7 (RFC 5424, 6.2.1).
const maxPriority = 191

// levels are syslog's, by number (RFC 5424, 6.2.1).
var levels = [...]string{"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"}

// ParseLog reads one line of `log stdout format short`, which begins with the number of its level, or of syslog. Of a request's (option
// httplog), Code is the termination state ("SC--": who ended the session, and when), and Message has the server, the status and
// the retries: "app/app1 503, 3 retries". With option log-separate-errors its level is error where it failed. The error is
// [ErrForm]; Raw is filled in either case.
func ParseLog(line string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: line}
	m := priority.FindStringSubmatch(line)
	if m == nil {
		return l, ErrForm
	}
	number, _ := strconv.Atoi(m[1]) // three digits at the most
	if number > maxPriority {
		return l, ErrForm
	}
	rest := strings.TrimRight(line[len(m[0]):], "\r\n")
	before := header.FindString(rest)
	if before == "" && number >= len(levels) {
		return l, ErrForm
	}
	l.Level, l.Message = levels[number%len(levels)], rest[len(before):]
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

// ParseLogs reads a whole log, but for what is no line of it. What a config sends to several facilities of syslog, as Debian's does, is one
// record.
func ParseLogs(text string) (all []gateway.LogRecord) {
	var number, said string
	for _, l := range gateway.ReadLog(text, ParseLog) {
		n := priority.FindString(l.Raw)
		if rest := l.Raw[len(n):]; rest != said || n == number {
			all = append(all, l)
			number, said = n, rest
		}
	}
	return all
}
