package match

import (
	"errors"
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/scenario"
)

// A LineOption is one part of a log line that [HaveLogLine] looks for.
type LineOption func(*wanted)

// wanted is a log line of which only some parts are given.
type wanted struct {
	line         scenario.LogLine
	errno, phase bool // whether they are given; an empty one then means that the line has none
}

// Level asks for exactly this level: "debug", "info", "notice", "warn", "error", "crit", "alert" or "emerg".
func Level(level string) LineOption { return func(w *wanted) { w.line.Level = level } }

// Text asks for a message that contains the text. A plain string does the same.
func Text(text string) LineOption { return func(w *wanted) { w.line.Text = text } }

// Errno asks for the system error with this number, given as a number (111) or by name (syscall.ECONNREFUSED); 0 asks
// for a line without one. Numbers are those of the system that the gateway runs on.
func Errno[N ~int | ~uintptr](errno N) LineOption {
	return func(w *wanted) { w.line.Errno, w.errno = int(errno), true }
}

// Phase asks for exactly these words after nginx's "while" ("connecting to upstream"); an empty one for a line that has
// none.
func Phase(phase string) LineOption {
	return func(w *wanted) { w.line.Phase, w.phase = phase, true }
}

// differs judges only the parts that are given.
func (w wanted) differs(line gateway.LogRecord) []string {
	want := w.line
	want.Code = line.Code
	if !w.errno {
		want.Errno = line.Errno
	}
	if !w.phase {
		want.Phase = line.Phase
	}
	return want.Differs(line)
}

// HaveLogLine succeeds when one line of the log has all these parts. A part is a [LineOption], or a string, which the
// message has to contain; what is not given is left open. It takes an exchange, []gateway.LogRecord, one gateway.LogRecord, or
// the text of a gateway's error log as string, []byte or []string. The failure names the nearest line, and what differs.
func HaveLogLine(parts ...any) types.GomegaMatcher {
	m := &lineMatcher{}
	if len(parts) == 0 {
		m.misuse = errors.New("HaveLogLine needs at least one part: a string, or Level, Text, Errno or Phase; " +
			"HaveOnlyLogLines() is for a log without lines")
	}
	for _, p := range parts {
		switch p := p.(type) {
		case LineOption:
			p(&m.want)
		case string:
			m.want.line.Text = p
		default:
			m.misuse = fmt.Errorf("HaveLogLine is made of strings and of Level, Text, Errno and Phase, not of %T", p)
		}
	}
	return m
}

type lineMatcher struct {
	want   wanted
	misuse error
	got    []gateway.LogRecord
}

func (m *lineMatcher) Match(actual any) (bool, error) {
	if m.misuse != nil {
		return false, m.misuse
	}
	var err error
	if m.got, err = linesOf("HaveLogLine", actual); err != nil {
		return false, err
	}
	for _, l := range m.got {
		if len(m.want.differs(l)) == 0 {
			return true, nil
		}
	}
	return false, nil
}

func (m *lineMatcher) FailureMessage(actual any) string {
	text := "Expected " + logOf(actual) + " to have the line\n    " + m.want.line.String()
	if near, why := m.nearest(); why != nil {
		text += "\nThe nearest is\n    " + near.String() + "\nbut " + strings.Join(why, "; ")
	}
	return text + "\n" + logged(m.got)
}

func (m *lineMatcher) NegatedFailureMessage(actual any) string {
	return "Expected " + logOf(actual) + " not to have the line\n    " + m.want.line.String() + "\n" + logged(m.got)
}

// logOf tells whose log it is.
func logOf(actual any) string {
	x, err := exchangeOf("", actual)
	if err != nil || x.Request == "" {
		return "the log"
	}
	return "the log of " + strings.TrimSuffix(strings.TrimPrefix(asked(x), "Expected "), ",")
}

// nearest is the line that differs in the fewest parts; the first of several.
func (m *lineMatcher) nearest() (near gateway.LogRecord, why []string) {
	for _, l := range m.got {
		if d := m.want.differs(l); why == nil || len(d) < len(why) {
			near, why = l, d
		}
	}
	return near, why
}

// atLeast are the lines of this level and above.
func atLeast(level string, lines []gateway.LogRecord) []gateway.LogRecord {
	var all []gateway.LogRecord
	for _, l := range lines {
		if l.AtLeast(level) {
			all = append(all, l)
		}
	}
	return all
}
