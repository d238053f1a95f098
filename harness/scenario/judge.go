package scenario

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// How exactly a wait is judged.
const (
	waitWindow = time.Second // how far the proven window may reach to either side of the expected wait
)

// Judge compares what came with what was expected, and returns what differs: nothing when the exchange is as expected.
// This is the only place where an [Exchange] is judged. The order is status, answer cut, page, access log, waited, tries, log.
//
// A status and the end of an answer are compared exactly. The log lines must be those of the expectation, in its order,
// and no others; got.Log has to hold the lines of level warn and above only. Tries are counted when the expectation
// counts them and the lab knows them all.
//
// The page has to hold the text of the expectation, in the part of it that got.Body keeps.
//
// A wait is proven from both sides: the client still waited at got.NotBefore and had the answer at got.Waited, both
// within a second of the expected time, which lies between them. A wait that nobody shortened needs no NotBefore; it
// is seen by got.Real being as long. With want.Until, the answer may come up to then, and a second later. An expected
// wait of nothing allows less than 5 s.
func Judge(want Expectation, got lab.Exchange) []Difference {
	var all []Difference
	add := func(what, want, got string) {
		if want != got {
			all = append(all, Difference{What: what, Want: want, Got: got})
		}
	}
	add("status", outcomeText(want.Status, want.NoAnswer), outcomeText(got.Status, got.NoAnswer))
	add("cut", completeText(want.Cut), completeText(got.Cut))
	if !strings.Contains(got.Body, want.Page) {
		add("page", want.Page, cmp.Or(got.Body, "no page"))
	}
	if !strings.Contains(got.Access, want.Access) {
		add("access log", want.Access, cmp.Or(got.Access, "no line"))
	}
	if problem := judgeWait(want, got); problem != "" {
		add("waited", waitText(want), problem)
	}
	if tries := max(want.Tries, 0); want.Tries != 0 && tries != len(got.Tries) && got.TriesUnknown == "" {
		add("tries", strconv.Itoa(tries), triesText(got.Tries))
	}
	return append(all, judgeLog(want.Log, got.Log)...)
}

// outcomeText is what the client got, in words.
func outcomeText(status int, noAnswer string) string {
	switch {
	case status == 0 && noAnswer == "":
		return "no answer"
	case noAnswer == "left":
		return "no answer, as the visitor left"
	case noAnswer == "garbled":
		return "an answer that is no HTTP"
	case status == 0:
		return "no answer, connection " + noAnswer
	case noAnswer != "":
		return strconv.Itoa(status) + ", then connection " + noAnswer
	}
	return strconv.Itoa(status)
}

func completeText(cut bool) string {
	if cut {
		return "an answer that is cut off"
	}
	return "a complete answer"
}

func waitText(want Expectation) string {
	switch {
	case want.After == 0 && want.Until == 0:
		return "at once"
	case want.Until > want.After:
		return spanText(want.After) + " to " + spanText(want.Until)
	}
	return spanText(want.After)
}

// spanText is a duration as operators write it: "60.5 s", below a second "12 ms".
func spanText(d time.Duration) string {
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// judgeWait says what is wrong with the wait; empty when nothing is.
func judgeWait(want Expectation, got lab.Exchange) string {
	earliest, latest := want.After, max(want.After, want.Until)
	waited, notBefore := spanText(got.Waited), spanText(got.NotBefore)
	// Beside a clock that was moved the machine's own time passes too, and one that goes faster counts that many times over: it widens
	// the window on a busy machine, though not for ever: a timer that is longer than expected comes to its end in that time, too.
	window, slack := waitWindow, lab.TimerSlack
	if got.Waited > got.Real { // what is more nobody waited
		window += min(got.Real, lab.AtOnce)
		if got.NotBefore > 0 { // otherwise nobody was seen to wait
			slack = min(slack*(got.Waited/max(got.Real, 1)), waitWindow)
		}
	}
	switch {
	case latest == 0 && got.Waited >= lab.AtOnce:
		return waited
	case latest == 0:
		return ""
	case got.Waited > latest+window:
		return waited
	case got.Waited < earliest-slack:
		return waited
	case got.NotBefore > latest:
		return "longer: no answer yet at " + notBefore
	case got.NotBefore >= earliest-window, got.NotBefore == 0 && got.Real >= earliest-waitWindow:
		return ""
	case got.NotBefore == 0:
		return "at most " + waited + ": nothing proves that the visitor still waited before"
	}
	return "between " + notBefore + " and " + waited + ": too wide to prove it"
}

func triesText(tries []lab.Try) string {
	if len(tries) == 0 {
		return "0"
	}
	addrs := make([]string, len(tries))
	for i, t := range tries {
		addrs[i] = t.Addr
	}
	return fmt.Sprintf("%d (%s)", len(tries), strings.Join(addrs, ", "))
}

// Differs returns what keeps the line from being this one, a short sentence for each part; nothing when it is. An Errno
// of 0 and an empty Phase mean that the line has none; an empty Level or Text leaves it open. Text is looked for in the
// line's message, and in its short form, so that it may also be copied from a log with errno and phase.
func (l LogLine) Differs(line gateway.LogRecord) []string {
	var all []string
	if l.Level != "" && l.Level != line.Level {
		all = append(all, fmt.Sprintf("the level is %s, not %s", line.Level, l.Level))
	}
	if !strings.Contains(line.Message, l.Text) && !strings.Contains(line.String(), l.Text) {
		all = append(all, fmt.Sprintf("the message is %.300q, without %q", line.Message, l.Text))
	}
	if l.Code != line.Code {
		all = append(all, fmt.Sprintf("the code is %q, not %q", line.Code, l.Code))
	}
	switch {
	case l.Errno == line.Errno:
	case line.Errno == 0:
		all = append(all, fmt.Sprintf("there is no errno, not %d", l.Errno))
	case l.Errno == 0:
		all = append(all, fmt.Sprintf("the errno is %d, where none was expected", line.Errno))
	default:
		all = append(all, fmt.Sprintf("the errno is %d, not %d", line.Errno, l.Errno))
	}
	switch {
	case l.Phase == line.Phase:
	case line.Phase == "":
		all = append(all, fmt.Sprintf("there is no phase, not %q", l.Phase))
	case l.Phase == "":
		all = append(all, fmt.Sprintf("the phase is %q, where none was expected", line.Phase))
	default:
		all = append(all, fmt.Sprintf("the phase is %q, not %q", line.Phase, l.Phase))
	}
	return all
}

// String is the expected line in short: "[error] connect() failed (111) while connecting to upstream".
func (l LogLine) String() string {
	var b strings.Builder
	if l.Level != "" {
		b.WriteString("[" + l.Level + "] ")
	}
	if l.Code != "" {
		b.WriteString(l.Code + ": ")
	}
	b.WriteString(l.Text)
	if l.Errno != 0 {
		fmt.Fprintf(&b, " (%d)", l.Errno)
	}
	if l.Phase != "" {
		b.WriteString(" while " + l.Phase)
	}
	return strings.TrimSpace(b.String())
}
