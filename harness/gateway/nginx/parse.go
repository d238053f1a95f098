package nginx

import (
	"errors"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
)

// ErrForm is what ParseLog returns for a text that does not begin as a line of the error log does.
var ErrForm = errors.New("not a line of nginx's error log")

// startup is how nginx begins the lines that it writes to its terminal before the log is open, and with -t.
const startup = "nginx: "

// ParseLog reads one line. The line may hold line breaks of its own, as PHP's messages do (see [ParseLogs]).
//
// Both forms are read: that of the log file, and that of the terminal ("nginx: [emerg] ..."), which has no time and no
// pid. Time is taken as UTC, because the line does not name its zone.
//
// Errno is the system's error number, with one exception: in "... could not be resolved (3: Host not found)" it is the
// answer code of the DNS server (RFC 1035: 2 server failure, 3 no such name, 5 refused), except 110, which means that
// no server answered in time. What OpenSSL says, "(SSL: error:0A00010B:...)" and "(10:certificate has expired)", is no
// errno and stays in Message.
//
// A request line or a PHP message can be chosen by an attacker and imitate the fields after it; of two readings, the
// first is taken. The error wraps [ErrForm]; Raw is filled in either case.
func ParseLog(line string) (gateway.LogRecord, error) {
	l := gateway.LogRecord{Raw: line}
	rest, ok := readPrefix(&l, strings.TrimRight(line, "\r\n"))
	if !ok {
		return gateway.LogRecord{Raw: line}, ErrForm
	}
	head, tail := cutContext(rest)
	readContext(&l, tail)
	head, l.Phase = cutPhase(head)
	l.Message, l.Errno, l.ErrnoText = cutErrno(head)
	return l, nil
}

// readPrefix reads "2026/01/02 15:04:05 [error] 12#12: *3 " and returns what follows it.
func readPrefix(l *gateway.LogRecord, s string) (string, bool) {
	terminal := strings.HasPrefix(s, startup)
	if terminal {
		s = s[len(startup):]
	} else {
		if !stamped(s) {
			return "", false
		}
		l.Time = stamp(s)
		s = s[20:]
	}
	if s == "" || s[0] != '[' {
		return "", false
	}
	end := strings.IndexByte(s, ']')
	if end < 0 || end+2 > len(s) || s[end+1] != ' ' {
		return "", false
	}
	l.Level = s[1:end]
	if !gateway.IsLevel(l.Level) {
		return "", false
	}
	s = s[end+2:]
	if terminal {
		return s, true
	}

	pid, after := number(s)
	if after == s || !strings.HasPrefix(after, "#") {
		return "", false
	}
	_, after = number(after[1:])
	if !strings.HasPrefix(after, ": ") {
		return "", false
	}
	l.PID, s = int(pid), after[2:]

	if strings.HasPrefix(s, "*") {
		if n, after := number(s[1:]); strings.HasPrefix(after, " ") {
			l.Connection, s = n, after[1:]
		}
	}
	return s, true
}

// stamped reports whether s begins with a date and a time, and a space after them.
func stamped(s string) bool {
	const form = "dddd/dd/dd dd:dd:dd "
	if len(s) < len(form) {
		return false
	}
	for i := range len(form) {
		if form[i] == 'd' {
			if s[i] < '0' || s[i] > '9' {
				return false
			}
		} else if s[i] != form[i] {
			return false
		}
	}
	return true
}

// stamp reads the time that s begins with. It is much faster than [time.Parse]; s must be stamped.
func stamp(s string) time.Time {
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	return time.Date(two(0)*100+two(2), time.Month(two(5)), two(8), two(11), two(14), two(17), 0, time.UTC)
}

// number reads the digits that s begins with; 18 of them at the most, so that it never overflows.
func number(s string) (int64, string) {
	var n int64
	i := 0
	for i < len(s) && i < 18 && s[i] >= '0' && s[i] <= '9' {
		n = n*10 + int64(s[i]-'0')
		i++
	}
	return n, s[i:]
}
