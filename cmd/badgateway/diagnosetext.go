package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/terminal"
)

// diagnosisText is the answer for people: curt where it is clear.
func diagnosisText(r *diagnose.Report, width, top int, whole bool) string {
	var b strings.Builder
	main := r.Causes[0]
	diagnosisBlock(&b, r, main, width, whole, r.Lines > 1)
	for _, i := range r.Incidents {
		if i.Root == main {
			incidentText(&b, r, i, width)
			break
		}
	}
	rest := r.Causes[1:]
	if len(rest) == 0 || len(rest) > 0 && !whole && r.Lines < 4 && len(r.Incidents) > 0 {
		return b.String()
	}
	n := 0
	for _, c := range r.Causes {
		n += c.N
	}
	fmt.Fprintf(&b, "\n%s, %d recognised:\n", lineCount(r.Lines), r.Known)
	for _, c := range r.Causes[:min(top, len(r.Causes))] {
		fmt.Fprintf(&b, "%6d  %3d %%  %-9s %s", c.N, (100*c.N+n/2)/n, c.Cause.Side, c.Cause.Slug)
		if !c.First.IsZero() {
			fmt.Fprintf(&b, "  %s", span(c))
		}
		if s := c.Spark(); s != "" {
			fmt.Fprintf(&b, "  %s", s)
		}
		b.WriteByte('\n')
		if p := c.Peers.Top(3); len(p) > 1 || whole && len(p) > 0 {
			fmt.Fprintf(&b, "                by peer   %s\n", shares(p))
		}
		if p := c.Routes.Top(3); len(p) > 1 || whole && len(p) > 0 {
			fmt.Fprintf(&b, "                by route  %s\n", shares(p))
		}
	}
	if len(r.Causes) > top {
		fmt.Fprintf(&b, "        and %d more (--top %d)\n", len(r.Causes)-top, len(r.Causes))
	}
	if whole {
		for _, c := range rest[:max(0, min(top-1, len(rest)))] {
			b.WriteByte('\n')
			diagnosisBlock(&b, r, c, width, whole, true)
		}
	}
	return b.String()
}

func span(c *diagnose.Count) string {
	if c.First.Equal(c.Last) {
		return dated(c.First)
	}
	return dated(c.First) + " to " + dated(c.Last)
}

// dated is a time as an answer says it; without a year where the log has none.
func dated(at time.Time) string {
	if at.Year() == 0 {
		return at.Format("Jan _2 15:04:05")
	}
	return at.Format("2006-01-02 15:04:05")
}

func shares(all []diagnose.Share) string {
	var parts []string
	for _, s := range all {
		parts = append(parts, fmt.Sprintf("%s (%d)", diagnose.Mask(s.Word), s.N))
	}
	return strings.Join(parts, ", ")
}

// diagnosisBlock is one diagnosis: curt, unless all is wanted. Its line is shown where it is one of several.
func diagnosisBlock(b *strings.Builder, r *diagnose.Report, c *diagnose.Count, width int, whole, several bool) {
	const indent = len("shown by ")
	line := labelled(b, indent, width)
	d := diagnosisOf(r, c)
	all := factsOf(d, c.Cause, several, whole)
	if !whole {
		all = curt(all, curtLines, width-indent)
	}
	for _, f := range all {
		line(f.label, f.text())
	}
}

// A fact is one thing that is said of a diagnosis, beside its label.
type fact struct {
	label     string
	sentences []string // what is left out where there is little room, the last first
	end       string   // what is never left out
}

func (f fact) text() string { return strings.TrimSpace(strings.Join(f.sentences, " ") + f.end) }

// without is a fact without its last sentence.
func (f fact) without() fact {
	f.sentences = f.sentences[:len(f.sentences)-1]
	return f
}

// factsOf are the facts of a diagnosis in their order, none of them empty.
func factsOf(d diagnosis, cause *diagnose.Cause, several, whole bool) (all []fact) {
	add := func(label, text, end string) {
		if text != "" {
			all = append(all, fact{label, sentences(text), end})
		}
	}
	sure := d.Confidence == diagnose.High
	name := d.Cause
	if whole || !sure {
		name += ", " + confidenceText(d.Confidence)
	}
	add(sideText(cause.Side), d.Says+visitorGets(d, cause), " ["+name+"]")
	for i, e := range d.Evidence {
		if !whole && (i > 0 || !several) {
			break
		}
		all = append(all, fact{"line", nil, terminal.OneLine(e.Place()) + ": " + e.Text})
	}
	add("page", d.page, "")
	if whole || !sure {
		add("proves", d.Proves, "")
	}
	if !cause.Healthy() {
		add("confirm", d.Confirm, "")
		mend := "mend"
		if !d.Proven && cause.Side != diagnose.Unknown {
			mend = "advice" // no scenario proves it
		}
		add(mend, d.Remedy, "")
	}
	if whole {
		if cause.Healthy() {
			add("then", d.Remedy, "")
		}
		add("not", d.Confused, "")
	}
	if whole || !sure {
		var others []string
		for _, o := range d.Others {
			if whole || o.Confidence != diagnose.Low {
				others = append(others, fmt.Sprintf("%s (%s)", o.Cause, o.Confidence))
			}
		}
		add("or", strings.Join(others, ", "), "")
	}
	if len(d.Scenarios) > 0 && (d.Proven || whole) {
		shown := "badgateway run " + strings.Join(d.Scenarios, " ")
		if !d.Proven {
			shown += " (on other gateways)"
		}
		add("shown by", shown, "")
	}
	if whole {
		add("source", d.Source, "")
	}
	return all
}

// sideText is a side as an answer begins.
func sideText(s diagnose.Side) string {
	switch s {
	case diagnose.Nobody:
		return "well"
	case diagnose.Unknown:
		return "unclear"
	}
	return string(s)
}

// visitorGets says which status follows, where that is known.
func visitorGets(d diagnosis, cause *diagnose.Cause) string {
	switch {
	case d.Status < 100:
		return ""
	case d.Cause == "ok", cause.Side == diagnose.Unknown, strings.HasPrefix(d.Cause, "page-"):
		return fmt.Sprintf(" Status %d.", d.Status)
	}
	return fmt.Sprintf(" Visitors get %d.", d.Status)
}

// sentenceEnd is the end of a sentence, and not the dots of "listen ... proxy_protocol".
var sentenceEnd = regexp.MustCompile(`[^.]\. `)

func sentences(text string) (all []string) {
	for {
		at := sentenceEnd.FindStringIndex(text)
		if at == nil {
			return append(all, text)
		}
		all, text = append(all, text[:at[1]-1]), text[at[1]:]
	}
}

func confidenceText(c diagnose.Confidence) string {
	return map[diagnose.Confidence]string{diagnose.High: "sure", diagnose.Medium: "likely", diagnose.Low: "a guess"}[c]
}

// incidentText is a root with what followed.
func incidentText(b *strings.Builder, r *diagnose.Report, i diagnose.Incident, width int) {
	times := ""
	if i.Times > 1 {
		times = fmt.Sprintf(", %d times", i.Times)
	}
	fmt.Fprintf(b, "One incident%s, joined by %s; the root first:\n", times, i.Why)
	for n, c := range append([]*diagnose.Count{i.Root}, i.Effects...) {
		e := c.Evidence[0]
		at := ""
		if !e.Time.IsZero() {
			at = e.Time.Add(r.Skews[e.File]).Format("15:04:05") + "  "
		}
		line := fmt.Sprintf("  %d. %s%-22s %s: %s", n+1, at, c.Cause.Slug, terminal.OneLine(e.Place()), e.Text)
		fmt.Fprintln(b, clipped(line, width))
	}
	for file, d := range r.Skews {
		if d != 0 {
			fmt.Fprintf(b, "  %s is taken to be of a clock that differs by %v: its lines fit the others only so.\n", terminal.OneLine(file), -d)
		}
	}
}

// curtLines is how many lines a clear answer takes at the most.
const curtLines = 6

// curt makes facts fit into so many lines: what is quoted takes one, and last sentences are left out: the shortest with which it fits, or those
// of the longest fact. The last line says where the rest is.
func curt(all []fact, lines, width int) []fact {
	tall := func(f fact) int { return len(terminal.Wrap(f.text(), width)) }
	for i, f := range all {
		switch f.label {
		case "line":
			all[i].end = clipped(f.end, width)
		case "shown by":
			all[i].sentences = []string{firstWords(f.text(), width)}
		}
	}
	for {
		over := -lines
		for _, f := range all {
			over += tall(f)
		}
		longest, enough, shortest := -1, -1, 0
		for i, f := range all {
			switch last := len(f.sentences) - 1; {
			case last < 1:
			case tall(f)-tall(f.without()) >= over && (enough < 0 || len(f.sentences[last]) < shortest):
				enough, shortest = i, len(f.sentences[last])
			case longest < 0 || tall(f) >= tall(all[longest]):
				longest = i
			}
		}
		switch {
		case over <= 0 || longest < 0 && enough < 0:
			return all
		case enough >= 0:
			all[enough] = all[enough].without()
		default:
			all[longest] = all[longest].without()
		}
	}
}

// clipped is a text cut off to a width.
func clipped(s string, width int) string {
	if r := []rune(s); len(r) > width {
		return string(r[:width-3]) + "..."
	}
	return s
}

// firstWords are as many words of a text as a line takes.
func firstWords(s string, width int) string {
	const more = " ... (more: -v)"
	if len(s) <= width {
		return s
	}
	return terminal.Wrap(s, width-len(more))[0] + more
}
