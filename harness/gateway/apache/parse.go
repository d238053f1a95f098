package apache

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

// ErrForm is what ParseLog returns for a text that does not begin as a line of the error log does.
var ErrForm = errors.New("not a line of Apache httpd's error log")

var (
	prefix   = regexp.MustCompile(`^\[(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] \[\w*:(\w+)\] \[pid (\d{1,9})(?::tid \d+)?\] `)
	client   = regexp.MustCompile(`^\[(?:client|remote) ([^\]\s]+)\] `)
	code     = regexp.MustCompile(`^(AH\d{5}): `)
	errno    = regexp.MustCompile(`^\((EAI )?(\d{1,6})\)([^:]*): `)
	upstream = regexp.MustCompile(`(?:attempt to connect to|from remote server) (\S+:\d+)(?: |$)`)
	socket   = regexp.MustCompile(`attempt to connect to Unix domain socket (\S+) \(`)
)

// firstEAI is where the errors of getaddrinfo begin among the Apache runtime's own (APR_OS_START_EAIERR).
const firstEAI = 670000

// level is a level as [gateway.IsLevel] knows it: Apache has eight more below debug.
func level(name string) string {
	if strings.HasPrefix(name, "trace") {
		return "debug"
	}
	return name
}

// ParseLog reads one line of the form that Apache httpd 2.4 has by default. Code is its number ("AH01114"). Errno is the
// system's error number or, above 20000, one of the Apache runtime's own (70007 is a time-out, and 670003 what it writes
// as EAI 3: of a name that was looked up). There is no phase: the code says where it happened. The error wraps [ErrForm]; Raw is filled in either case.
func ParseLog(line string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: line}
	line = strings.TrimRight(line, "\r\n")
	m := prefix.FindStringSubmatch(line)
	if m == nil || !gateway.IsLevel(level(m[2])) {
		return l, ErrForm
	}
	at, err := time.Parse("Mon Jan _2 15:04:05 2006", m[1]) // with or without a fraction
	if err != nil {
		return l, ErrForm
	}
	l.Time, l.Level = at, level(m[2])
	l.PID, _ = strconv.Atoi(m[3]) // nine digits at the most
	rest := line[len(m[0]):]
	for { // the errno comes before the client or after it
		if c := client.FindStringSubmatch(rest); c != nil && l.Client == "" {
			l.Client, rest = host(c[1]), rest[len(c[0]):]
			continue
		}
		if number, text, after := cutErrno(rest); after != rest && l.Errno == 0 {
			l.Errno, l.ErrnoText, rest = number, text, after
			continue
		}
		break
	}
	l.Code, l.Message = cutCode(rest)
	if u := upstream.FindStringSubmatch(l.Message); u != nil {
		l.Upstream = u[1]
	} else if u := socket.FindStringSubmatch(l.Message); u != nil {
		l.Upstream = "unix:" + u[1]
	}
	return l, nil
}

// cutErrno cuts "(111)Connection refused: " off, if s begins so.
func cutErrno(s string) (number int, text, after string) {
	m := errno.FindStringSubmatch(s)
	if m == nil {
		return 0, "", s
	}
	number, _ = strconv.Atoi(m[2]) // six digits at the most
	if m[1] != "" {
		number += firstEAI
	}
	return number, m[3], s[len(m[0]):]
}

func cutCode(s string) (ah, message string) {
	m := code.FindStringSubmatch(s)
	if m == nil {
		return "", s
	}
	return m[1], s[len(m[0]):]
}

// host is an address without its port.
func host(s string) string {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		s = s[:i]
	}
	return strings.Trim(s, "[]")
}

// ParseLogs reads a whole log, but for what is no line of it.
func ParseLogs(text string) []gateway.LogRecord { return gateway.ReadLog(text, ParseLog) }
