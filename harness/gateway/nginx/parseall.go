package nginx

import (
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
)

// ParseLogs reads a whole log. A line that does not begin as a log line does is the continuation of the one before: nginx
// passes on what PHP writes, line breaks included. What stands before the first line, and nginx's own sayings on a
// terminal ("nginx: configuration file ... test failed"), is returned in rest, in order, without empty lines.
func ParseLogs(text string) (lines []gateway.LogRecord, rest []string) {
	begin := -1 // where the line under way begins; -1 for none
	flush := func(end int) {
		if begin < 0 {
			return
		}
		raw := strings.TrimRight(text[begin:end], "\r\n")
		if l, err := ParseLog(raw); err == nil {
			lines = append(lines, l)
		} else if raw != "" {
			rest = append(rest, raw)
		}
		begin = -1
	}
	open := false // whether a continuation has a line to belong to
	for at := 0; at < len(text); {
		next := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := text[at:next]
		_, begins := readPrefix(new(gateway.LogRecord), line) // the date alone is not enough: PHP's messages hold dates too
		if begins || !open || strings.HasPrefix(line, startup) {
			flush(at)
			begin, open = at, begins && !strings.HasPrefix(line, startup)
		}
		at = next
	}
	flush(len(text))
	return lines, rest
}
