package review

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
)

// long is a wait in words: "60 s", "2.5 s", "2 h".
func long(d time.Duration) string { return audit.Long(d) }

// outcome is what the client got, in words: "504 after 60 s".
func (s observation) outcome() string {
	what := strconv.Itoa(s.Status)
	switch {
	case s.NotStarted != "":
		return "no answer, as nginx does not start"
	case s.Status == 0 && s.NoAnswer != "":
		what = "no answer (" + s.NoAnswer + ")"
	case s.Status == 0:
		what = "no answer"
	}
	if s.TimedOut {
		return "nothing yet after " + long(s.Waited)
	}
	if s.Waited >= time.Second {
		what += " after " + long(s.Waited)
	}
	return what
}

// where says on which route, under which fault and with which method something was seen.
func (s observation) where() string {
	w := s.route.ID
	if like := s.measuredOn(); like != "" { // its names and addresses are that one's
		w += " (as measured on " + like + ")"
	}
	if s.Fault != "" {
		w += ", " + s.Fault
	}
	if s.Method != "" {
		w += ", " + s.Method
	}
	return w
}

// describe is the usual sentence of what was seen: the worst observation, and how many more there are.
func (g *group) describe(s observation, what string) string {
	out := s.where() + ": " + what
	if n := len(g.observations) - 1; n == 1 {
		out += "; one more like it"
	} else if n > 1 {
		out += fmt.Sprintf("; %d more like it", n)
	}
	return out
}

// line writes a directive.
func line(name string, args ...string) string {
	return strings.TrimSpace(name+" "+strings.Join(args, " ")) + ";"
}
