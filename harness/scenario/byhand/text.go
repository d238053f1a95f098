package byhand

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/scenario"
)

// A Claim is printed once it is broken: what a client gets who asks by the command.
type Claim struct {
	Where    string // the route of a check; empty in a scenario
	Broken   string
	InFlight bool // it meets requests that are under way
	Command  string
	Expect   scenario.Expectation
	Reason   string // why this gateway's answer is another than most gateways'; empty where it is not
	Then     *scenario.Sequel
	Refusal  []gateway.LogRecord // the words of a gateway that does not start
	Clocked  bool                // the lab's clock can be moved
	Fast     bool
}

func (c Claim) String() string {
	var b lines
	if c.Where != "" {
		b.add("route", c.Where)
	}
	b.add("broken", c.Broken)
	if c.InFlight {
		b.add("", "It strikes each request that is under way.")
	}
	b.add("try it", c.Command)
	b.add("expect", Outcome(c.Expect))
	b.page(c.Expect)
	if len(c.Refusal) > 0 {
		b.add("log", c.Refusal[0].String())
	} else {
		b.log(c.Expect.Log)
	}
	if c.Reason != "" {
		b.add("why", c.Reason)
	}
	b.sequel(c.Then)
	b.add("time", clockText(c.Clocked, c.Fast))
	return b.String()
}

// RemediedText is printed once the remedy was done. The command is empty where it is the same as before.
func RemediedText(remedy, command string, e scenario.Expectation, then *scenario.Sequel) string {
	var b lines
	b.add("mended", remedy)
	if command != "" {
		b.add("try it", command)
	}
	b.add("expect", Outcome(e))
	b.log(e.Log)
	b.sequel(then)
	return b.String()
}

// sequel is what comes after the first, and for how long.
func (b *lines) sequel(n *scenario.Sequel) {
	if n == nil {
		return
	}
	for i, e := range n.Each {
		text := Outcome(e)
		if i == len(n.Each)-1 {
			text += sequelEnd(n) + ": " + n.Why
		}
		b.add("then", text)
		b.page(e)
		b.log(e.Log)
	}
}

func sequelEnd(n *scenario.Sequel) string {
	switch {
	case n.From > 0:
		return ", but only once " + seconds(n.From) + " have passed"
	case n.Cycles:
		return ", and so on in turn"
	case n.For > 0:
		return " for " + seconds(n.For) + ", and then as at first"
	}
	return ""
}

// clockText says whose clock it is.
func clockText(clocked, fast bool) string {
	switch {
	case !clocked:
		return "the machine's own clock, which nobody moves"
	case fast:
		return "the lab's clock, which runs ahead while you wait (--fast)"
	}
	return "the lab's clock, which goes as yours does (--fast lets a wait pass at once)"
}

// seconds is a duration as operators write it.
func seconds(d time.Duration) string {
	return strconv.FormatFloat(d.Round(time.Second/10).Seconds(), 'f', -1, 64) + " s"
}

// Outcome is what a client gets, with how curl ends where that is not with 0.
func Outcome(e scenario.Expectation) string {
	s := fmt.Sprint(e.Status)
	code := 0
	switch {
	case e.Status == 0 && e.NoAnswer == "":
		s = "the upstream's answer"
	case e.NoAnswer != "":
		s, code = noAnswer[e.NoAnswer], curlCodes[e.NoAnswer]
	case e.Cut:
		s, code = s+", cut off", curlCodes["cut"]
	}
	switch {
	case e.Until > e.After:
		s += fmt.Sprintf(" after %s to %s", strings.TrimSuffix(seconds(e.After), " s"), seconds(e.Until))
	case e.After > 0:
		s += " after " + seconds(e.After)
	}
	if code != 0 {
		s += fmt.Sprintf(" (curl ends with %d)", code)
	}
	return s
}

var noAnswer = map[string]string{
	"refused": "no answer, the connection is refused",
	"closed":  "no answer, the connection is closed",
	"reset":   "no answer, the connection is reset",
	"garbled": "an answer that is no HTTP",
	"left":    "no answer, as curl leaves",
}

// curlCodes are curl's exit codes (https://curl.se/docs/manpage.html#EXIT).
var curlCodes = map[string]int{"refused": 7, "closed": 52, "reset": 56, "garbled": 1, "cut": 18, "left": 28}

// lines are labelled.
type lines struct{ strings.Builder }

func (b *lines) add(label, text string) {
	if label != "" {
		label += ":"
	}
	fmt.Fprintf(b, "%-8s %s\n", label, text)
}

func (b *lines) page(e scenario.Expectation) {
	if e.Page != "" {
		b.add("page", "with "+strconv.Quote(e.Page))
	}
}

func (b *lines) log(all []scenario.LogLine) {
	for _, line := range all {
		b.add("log", line.String())
	}
}
