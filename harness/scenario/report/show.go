package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// The layout of the texts for one scenario.
const (
	labelWidth = 12
	proseWidth = 84 // of the prose beside the labels; log lines, addresses and the command to run are never wrapped
)

// Show writes one scenario as an operator reads it: what was broken, what the client saw, what the log says, what that
// means, how to confirm it on a live server, what helps, and what proves all that. Of a lab that failed before
// the fault was looked at it is the error and the logs until then. Log lines stand as the gateway wrote them, to be searched for. It
// ends with an empty line. The error is the writer's.
func Show(w io.Writer, e scenario.Evidence, colour bool) error { return show(w, e, nil, nil, colour) }

// ShowAll writes each scenario as [Show] does. Variants of one that stand in a row, passed, and look the same to an operator are one text,
// in which the first one speaks for the others. Neighbours are the scenarios that one can be taken for: of those of a scenario that passed
// it says how to tell them apart. The error is the writer's.
func ShowAll(w io.Writer, all []scenario.Evidence, neighbours func(id string) []scenario.Scenario, colour bool) error {
	for i := 0; i < len(all); {
		same := 1
		for i+same < len(all) && looksLike(all[i], all[i+same]) {
			same++
		}
		var near []scenario.Scenario
		if all[i].Verdict == scenario.Passed {
			near = neighbours(all[i].Scenario)
		}
		if err := show(w, all[i], all[i+1:i+same], near, colour); err != nil {
			return err
		}
		i += same
	}
	return nil
}

// looksLike reports whether what passed in another variant is the same to an operator: status, page, log lines, tries.
func looksLike(a, b scenario.Evidence) bool {
	return a.Scenario == b.Scenario && a.Variant != b.Variant && a.Verdict == scenario.Passed && b.Verdict == scenario.Passed &&
		statusLong(a.Broken) == statusLong(b.Broken) && slices.Equal(page(a.Broken), page(b.Broken)) && len(a.Broken.Tries) == len(b.Broken.Tries) &&
		slices.EqualFunc(a.Broken.Log, b.Broken.Log, func(a, b gateway.LogRecord) bool { return a.String() == b.String() })
}

// neighboursShown is how many of the scenarios that one can be taken for are named.
const neighboursShown = 3

// show writes a scenario, of the variants that are like it that they are, and how to tell its neighbours.
func show(w io.Writer, e scenario.Evidence, like []scenario.Evidence, neighbours []scenario.Scenario, colour bool) error {
	s := textWriter{style: terminal.Style(colour)}
	word := s.style.Green(verdict(e))
	if e.Verdict != scenario.Passed {
		word = s.style.Red(verdict(e))
	}
	fmt.Fprintf(&s.out, "%s  %s\n\n", s.style.Bold(terminal.OneLine(name(e))), word)

	if failedEarly(e) {
		s.failedEarly(e)
	} else {
		s.staged(e)
	}
	s.out.WriteString("\n")
	s.prose("Proof", proof(e))
	for _, other := range like {
		s.prose("", fmt.Sprintf("%s: the same, after %s; took %s", onA(other.Variant), waited(other.Broken, other.Clock), seconds(other.Took)))
	}
	s.labelledLines("Source", lines(terminal.Clean(e.Source))...)
	s.labelledLines("Run again", lines(terminal.Clean(e.Again))...)
	var near []string
	for _, n := range neighbours[:min(len(neighbours), neighboursShown)] {
		near = append(near, n.ID+": "+n.Confirm)
	}
	if more := len(neighbours) - neighboursShown; more > 0 {
		near = append(near, fmt.Sprintf("and %d more: badgateway explain %s", more, e.Scenario))
	}
	s.prose("Same line", strings.Join(near, "\n"))
	if e.Verdict != scenario.Passed && e.Verdict != scenario.Skipped {
		s.prose("", "and with --reports DIR: DIR/index.html has every step, both logs and the config")
	}
	if len(e.Differences) > 0 {
		s.out.WriteString("\n")
		for _, d := range e.Differences {
			s.labelledLines(terminal.OneLine(d.What), s.style.Red("expected "+terminal.OneLine(d.Want)), s.style.Red("came     "+terminal.OneLine(d.Got)))
		}
	}
	s.out.WriteString("\n") // so that two in a row stand apart
	_, err := io.WriteString(w, s.out.String())
	return err
}

// staged writes what came of the fault, and what that means.
func (s *textWriter) staged(e scenario.Evidence) {
	s.prose("Broken", e.Fault)
	s.prose("Error", e.Error)
	s.prose("Skipped", e.Skipped)
	if e.Broken.Request != "" {
		s.prose("Visitor", saw(e))
		begins := page(e.Broken)
		label := "page: "
		for _, line := range begins {
			s.labelledLines("", label+terminal.Wrap(terminal.OneLine(line), proseWidth)[0])
			label = "      "
		}
		if mark := e.Expected.Page; !strings.Contains(strings.Join(begins, "\n"), mark) && strings.Contains(e.Broken.Body, mark) {
			s.prose("", "with: "+mark)
		}
		s.labelledLines("Error log", logText(e.Broken)...)
		if mark := e.Expected.Access; mark != "" && strings.Contains(e.Broken.Access, mark) {
			s.labelledLines("Access log", each([]string{e.Broken.Access})...)
		}
		s.labelledLines("Upstream", proving(e)...)
	}
	if e.Verdict == scenario.Failed {
		s.prose("Means", "not what the scenario says, as something else came than it expects; so no remedy is shown")
		return
	}
	s.prose("Means", e.Claim)
	s.prose("Here", e.ExceptionReason)
	if e.Said != "" {
		s.prose("Articles", "say: "+e.Said)
		if e.Broken.Request != "" {
			s.prose("", "measured: "+measured(e))
		}
	}
	s.prose("Confirm", e.Confirm)
	s.prose("Mend", e.Remedy)
}

// failedEarly writes why the lab failed before the fault was looked at: what was logged until then, and not what the fault means.
func (s *textWriter) failedEarly(e scenario.Evidence) {
	s.prose("Error", e.Error)
	if x := e.Healthy; x.Request != "" {
		s.prose("Visitor", fmt.Sprintf("%s: %s after %s, before the fault", x.Request, statusLong(x), waited(x, e.Clock)))
		s.labelledLines("Error log", logText(x)...)
		s.labelledLines("Upstream", lastOf(each(x.UpstreamLog), upstreamLines)...)
	}
	s.prose("Fault", e.Fault+" (not looked at: the lab failed before)")
}

// proving is the last line of the upstreams' logs that says what one of them has to say.
func proving(e scenario.Evidence) []string {
	if e.Expected.UpstreamLog == "" {
		return nil
	}
	return lastOf(each(slices.DeleteFunc(slices.Clone(e.Broken.UpstreamLog), func(line string) bool {
		return !strings.Contains(line, e.Expected.UpstreamLog)
	})), 1)
}

// upstreamLines is how many lines of the upstreams' logs are shown; all of them are in the reports.
const upstreamLines = 3

func lastOf(all []string, most int) []string { return all[max(0, len(all)-most):] }

// saw is what the client asked and got, and when.
func saw(e scenario.Evidence) string {
	s := fmt.Sprintf("%s: %s after %s", e.Broken.Request, statusLong(e.Broken), waited(e.Broken, e.Clock))
	if shortened(e) {
		s += " in the gateway's time"
	}
	return s
}

// measured is what came, in one line, to stand beside what articles say.
func measured(e scenario.Evidence) string {
	s := statusLong(e.Broken) + " after " + waited(e.Broken, e.Clock)
	if n := len(e.Broken.Tries); n > 1 {
		s += fmt.Sprintf(", %d tries", n)
	}
	return s + "; " + logged(e.Broken.Log)
}

// proof says that the fault and nothing else made the difference, and how it was measured.
func proof(e scenario.Evidence) string {
	if e.Verdict == scenario.Error {
		return "none: the lab failed before anything was proven"
	}
	if e.Verdict == scenario.Skipped {
		return "none: this engine can't stage it"
	}
	parts := []string{fmt.Sprintf("%s before, %s under the fault, %s after the remedy",
		status(e.Healthy), status(e.Broken), status(e.Recovered))}
	for _, s := range []string{e.Gateway, clock(e)} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(append(parts, "took "+seconds(e.Took)), "; ")
}

// logText are the log lines as nginx wrote them.
func logText(x lab.Exchange) []string {
	if len(x.Log) == 0 {
		return []string{"nothing logged, at level warn or above"}
	}
	var all []string
	for _, l := range x.Log {
		all = append(all, lines(terminal.Clean(raw(l)))...)
	}
	return all
}

// A textWriter is a text with labels at its left edge.
type textWriter struct {
	out   strings.Builder
	style terminal.Style
}

// prose writes a text beside its label, each of its lines wrapped; nothing when the text is empty.
func (s *textWriter) prose(label, text string) {
	var all []string
	for _, line := range lines(terminal.Clean(text)) {
		all = append(all, terminal.Wrap(line, proseWidth)...)
	}
	s.labelledLines(label, all...)
}

// labelledLines writes lines beside a label as they are.
func (s *textWriter) labelledLines(label string, all ...string) {
	for i, line := range all {
		if i > 0 {
			label = ""
		}
		padded := text.Pad(label, labelWidth, ' ')
		s.out.WriteString(strings.TrimRight(s.style.Faint(padded)+line, " ") + "\n")
	}
}
