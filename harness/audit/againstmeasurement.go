package audit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// conclusive reports whether a measurement says anything.
func conclusive(c Measurement) bool { return c.Skipped == "" && c.Error == "" }

// sameWait reports whether two waits are the same but for what measuring varies: half a second, and 2 % of the longer one.
func sameWait(a, b time.Duration) bool {
	return (a - b).Abs() <= 500*time.Millisecond+max(a, b)/50
}

func differ(a, b Measurement) bool {
	return a.Status != b.Status || a.NoAnswer != b.NoAnswer && a.Status == 0 || a.Cut != b.Cut || a.SilentTruncation != b.SilentTruncation ||
		a.TimedOut != b.TimedOut || !sameWait(a.Waited, b.Waited) || a.Page != b.Page && a.Status >= 400 || a.Repeated != b.Repeated ||
		a.NotRecovered != b.NotRecovered || !sameRecovery(a, b) || a.Cached != b.Cached || (a.NotStarted == "") != (b.NotStarted == "") ||
		(a.Bad == 0) != (b.Bad == 0)
}

// sameRecovery allows for the whole seconds that nginx counts fail_timeout in.
func sameRecovery(a, b Measurement) bool {
	return (a.ErrorsFor - b.ErrorsFor).Abs() <= 1500*time.Millisecond+max(a.ErrorsFor, b.ErrorsFor)/50
}

// change is the change of one measurement under a fault. Its sides say what differs, and the status always.
func change(b, a Measurement, route string, f FaultInfo) Change {
	c := Change{Kind: AnswerChanged, Route: route, Direction: direction(b, a)}
	if right := f.isRight(a); right != f.isRight(b) {
		c.Direction = map[bool]string{true: Better, false: Worse}[right]
	}
	if a.Fault != Healthy {
		c.Faults = []string{a.Fault}
	}
	if a.Method != "" {
		c.Methods = []string{a.Method}
	}
	c.Before, c.After = visible(b, a), visible(a, b)
	return c
}

// visible is what a client gets, in words, with as much as sets it apart from the other.
func visible(c, other Measurement) string {
	if c.NotStarted != "" {
		return "nothing, as the gateway does not start"
	}
	parts := []string{statusWords(c)}
	switch {
	case c.TimedOut:
		parts[0] += ", waiting without end"
	case other.NotStarted == "" && sameWait(c.Waited, other.Waited) && !other.TimedOut:
	case c.Waited < time.Second:
		parts[0] += " at once"
	default:
		parts[0] += " after " + Long(c.Waited)
	}
	add := func(differs bool, text string) {
		if differs && text != "" {
			parts = append(parts, text)
		}
	}
	add(c.Page != other.Page && other.NotStarted == "" && (c.Status >= 400 || other.Status >= 400), pageWords(c))
	add(c.Cut != other.Cut && c.Cut, "cut")
	add(c.SilentTruncation != other.SilentTruncation && c.SilentTruncation, "cut but complete to see")
	if c.Repeated != other.Repeated {
		add(true, "sent "+times(c.Repeated+1))
	}
	add(c.Cached != other.Cached && c.Cached, "from the cache")
	if (c.Bad == 0) != (other.Bad == 0) && c.Of > 0 {
		add(true, fmt.Sprintf("%d of %d visitors hit", c.Bad, c.Of))
	}
	if c.NotRecovered != other.NotRecovered || !sameRecovery(c, other) {
		switch {
		case c.NotRecovered:
			add(true, "errors for ever")
		case c.ErrorsFor > 0:
			add(true, "errors for "+Long(c.ErrorsFor)+" after recovery")
		default:
			add(true, "no errors after recovery")
		}
	}
	return strings.Join(parts, ", ")
}

func statusWords(c Measurement) string {
	if c.Status != 0 {
		return strconv.Itoa(c.Status)
	}
	if c.answered() {
		return "served"
	}
	if c.NoAnswer != "" {
		return "no answer (" + c.NoAnswer + ")"
	}
	return "no answer"
}

func pageWords(c Measurement) string {
	switch c.Page {
	case "nginx":
		return "nginx's page"
	case "config":
		return "the config's page"
	case "upstream":
		return "the upstream's page"
	}
	return "no page"
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return strconv.Itoa(n) + " times"
}

// direction weighs the two: an answer against an error, whole against cut, started against not, and a wait of the same status.
func direction(b, a Measurement) string {
	if x, y := severityScore(b), severityScore(a); x != y {
		if y > x {
			return Worse
		}
		return Better
	}
	weigh := func(before, after time.Duration) string {
		switch {
		case after > before:
			return Worse
		case after < before:
			return Better
		}
		return ""
	}
	if !sameWait(b.Waited, a.Waited) || b.TimedOut != a.TimedOut {
		return weigh(wait(b), wait(a))
	}
	if b.NotRecovered != a.NotRecovered || !sameRecovery(b, a) {
		return weigh(recovery(b), recovery(a))
	}
	return ""
}

// isRight reports whether a client got what is right under a fault of which that can be said: an error where whoever answers is not
// proven to be the upstream, and what the application says where it is well.
func (f FaultInfo) isRight(c Measurement) bool {
	switch {
	case f.MustFail:
		return fails(c)
	case f.Says > 0:
		return c.Status == f.Says
	}
	return false
}

// fails reports whether a client got no answer of an upstream's, but an error.
func fails(c Measurement) bool {
	return c.NotStarted != "" || c.Status >= 500 || c.Status == 0 && !c.answered()
}

const forever = time.Duration(1<<63 - 1)

func wait(c Measurement) time.Duration {
	if c.TimedOut {
		return forever
	}
	return c.Waited
}

func recovery(c Measurement) time.Duration {
	if c.NotRecovered {
		return forever
	}
	return c.ErrorsFor
}

// severityScore weighs what a client got. An answer that was cut is the least: until then he had it, and he knows.
func severityScore(c Measurement) int {
	n := 0
	switch {
	case c.NotStarted != "":
		n += 16
	case c.answered():
	case c.Status == 0, c.Masked:
		n += 6
	case c.Status >= 500:
		n += 4
	case c.Status >= 400:
		n += 2
	}
	if c.SilentTruncation {
		n += 6
	}
	if c.Cut {
		n++
	}
	if c.Repeated > 0 {
		n += 6
	}
	if c.Cached && c.Status >= 500 {
		n += 4
	}
	return n
}

// Long is a length of time in words, as reports give it: "60 s", "2.5 s".
func Long(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d >= time.Hour && d%time.Hour < time.Minute:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d s", d.Round(time.Second)/time.Second)
}
