package gateway

import "strings"

// Same is the line in a form in which two lines are equal when the same thing happened to the same request at the same
// address: without time, pid, connection number and client, and with a letter N for what is new in each run: the
// ephemeral ports (32768 and above, Linux's range and what follows it), the numbers of processes, how far a limit of
// requests was exceeded, and the counted names of temporary files.
func (l LogRecord) Same() string {
	var b strings.Builder
	b.Grow(len(l.Raw))
	b.WriteString("[" + l.Level + "] ")
	b.WriteString(neutral(l.happened()))
	for _, part := range [...]struct{ key, value string }{
		{", server: ", l.Server}, {", request: ", l.Request}, {", upstream: ", l.Upstream}, {", host: ", l.Host},
	} {
		if part.value != "" {
			b.WriteString(part.key)
			b.WriteString(neutral(part.value))
		}
	}
	return b.String()
}

// neutral replaces the numbers in s that differ from run to run.
func neutral(s string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] < '0' || s[i] > '9' {
			b.WriteByte(s[i])
			i++
			continue
		}
		end := i
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		switch digits := s[i:end]; {
		case counted(s[:i], digits):
			kept := withoutLevels(b.String())
			b.Reset()
			b.WriteString(kept + "/N")
		case ephemeral(s[:i], digits) || process(s[:i]) || excess(s[:i]):
			b.WriteByte('N')
		default:
			b.WriteString(digits)
		}
		i = end
	}
	return b.String()
}

// ephemeral reports whether the digits after before are a port that the kernel chose.
func ephemeral(before, digits string) bool {
	if len(before) < 2 || before[len(before)-1] != ':' || len(digits) != 5 || digits < "32768" || digits > "65535" {
		return false
	}
	last := before[len(before)-2] // of an address: a line number follows a file's name instead
	return last == ']' || last >= '0' && last <= '9'
}

// counted reports whether the digits are the name of a temporary file: nginx counts them, in ten digits.
func counted(before, digits string) bool {
	return len(digits) == 10 && strings.HasSuffix(before, "/")
}

// withoutLevels cuts the slash that path ends with, and the folders that nginx named after the file's last digits
// (".../proxy/1/00/" becomes ".../proxy").
func withoutLevels(path string) string {
	path = strings.TrimSuffix(path, "/")
	for range 3 { // as many levels as nginx knows
		slash := strings.LastIndexByte(path, '/')
		if slash < 0 || len(path)-slash > 4 || strings.Trim(path[slash+1:], "0123456789") != "" {
			break
		}
		path = path[:slash]
	}
	return path
}

// excess reports whether the text before a number says that it is how far a limit was exceeded, in thousandths: that goes by the
// millisecond.
func excess(before string) bool {
	before = strings.TrimSuffix(before, ".")
	return strings.HasSuffix(strings.TrimRight(before, "0123456789"), "excess: ")
}

// process reports whether the text before a number says that a process's number follows.
func process(before string) bool {
	return strings.HasSuffix(before, "process ") || strings.HasSuffix(before, "received from ")
}
