package report

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/badgateway/badgateway/harness/internal/markdown"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Claims writes what articles say beside what was measured: a row for each claim, with the scenarios by what followed in them, then a line for
// each doubt, then how many hold, are false, or depend. No line is longer than width. The error is the writer's.
func Claims(w io.Writer, all []scenario.Weighed, colour bool, width int) error {
	style := terminal.Style(colour)
	const cause, verdict, edges = 5, 9, 4*gap + 2
	room := max(width-cause-verdict-edges, 50)
	t := table.NewWriter()
	t.SetStyle(openStyle())
	t.SuppressTrailingSpaces()
	t.AppendHeader(table.Row{"cause", "articles say", "verdict", "measured"})
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "articles say", WidthMax: room * 2 / 5, WidthMaxEnforcer: text.WrapSoft},
		{Name: "measured", WidthMax: room * 3 / 5, WidthMaxEnforcer: text.WrapSoft},
	})
	counts := map[string]int{}
	var doubts strings.Builder
	for _, c := range all {
		counts[c.Verdict]++
		word := terminal.OneLine(c.Verdict)
		if len(c.Doubts) > 0 {
			word += " !"
		}
		var measured []string
		for _, o := range outcomes(c) {
			measured = append(measured, o.text+": "+strings.Join(o.scenarios, ", "))
		}
		t.AppendRow(table.Row{terminal.OneLine(c.Cause), terminal.OneLine(c.Says), word, terminal.OneLine(strings.Join(measured, "; "))})
		for _, d := range c.Doubts {
			fmt.Fprintf(&doubts, "%s\n", style.Red("! "+terminal.OneLine(c.Cause+" "+c.Says+" "+d)))
		}
	}
	var sums []string
	for _, verdict := range []struct{ word, text string }{
		{scenario.Holds, "hold"}, {scenario.Depends, "depend"}, {scenario.False, "false"}, {scenario.Untested, "untested"},
	} {
		if n := counts[verdict.word]; n > 0 {
			sums = append(sums, fmt.Sprintf("%d %s", n, verdict.text))
		}
	}
	_, err := fmt.Fprintf(w, "%s\n\n%s%s\n", t.Render(), doubts.String(), strings.Join(sums, ", "))
	return err
}

// ClaimsMarkdown writes the same as a short table in Markdown: what followed on which gateway, without the scenarios. The error is the
// writer's.
func ClaimsMarkdown(w io.Writer, all []scenario.Weighed) error {
	var out strings.Builder
	out.WriteString("| cause | articles say | verdict | measured |\n|---|---|---|---|\n")
	for _, c := range all {
		var gateways []string
		got := map[string][]string{}
		for _, t := range c.Trials {
			if _, known := got[t.Gateway]; !known {
				gateways = append(gateways, t.Gateway)
			}
			if o := outcomeOf(c.Predicts, t.Got); t.Unproven == "" && !slices.Contains(got[t.Gateway], o) {
				got[t.Gateway] = append(got[t.Gateway], o)
			}
		}
		var measured []string
		for _, g := range gateways {
			measured = append(measured, g+": "+cmp.Or(strings.Join(got[g], ", "), "nothing proven"))
		}
		verdict := c.Verdict
		if len(c.Doubts) > 0 {
			verdict += " (not all of it is proven)"
		}
		out.WriteString(markdownRow(c.Cause, c.Says, verdict, strings.Join(measured, "; ")))
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// markdownRow is a row of a table in Markdown.
func markdownRow(cells ...string) string {
	for i, c := range cells {
		cells[i] = markdown.Text(terminal.OneLine(c))
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// An outcome is what followed in some scenarios.
type outcome struct {
	text      string
	scenarios []string
}

// outcomes are what followed in the scenarios that test a claim, each once.
func outcomes(c scenario.Weighed) []outcome {
	var all []outcome
	for _, t := range c.Trials {
		if t.Unproven != "" {
			continue
		}
		o := outcomeOf(c.Predicts, t.Got)
		i := slices.IndexFunc(all, func(known outcome) bool { return known.text == o })
		if i < 0 {
			i = len(all)
			all = append(all, outcome{text: o})
		}
		all[i].scenarios = append(all[i].scenarios, t.Scenario)
	}
	return all
}

// outcomeOf is what followed, in short, as far as a claim is about it: "504 after 60 s", "502 (nothing logged)".
func outcomeOf(p scenario.Prediction, e scenario.Expectation) string {
	if p.After == 0 && p.AtMost == 0 && !p.AtOnce {
		e.After = 0
	}
	s := expected(e)
	switch {
	case p.Tries != 0:
		s += fmt.Sprintf(" (%d asked)", max(e.Tries, 0))
	case p.Page != "":
		s += fmt.Sprintf(" (%s)", strings.TrimSpace(tags.ReplaceAllString(e.Page, "")))
	case p.Logged && len(e.Log) == 0:
		s += " (nothing logged)"
	case p.Logged:
		s += " (logged)"
	case p.NoErrno != 0 && !p.Agrees(e):
		s += fmt.Sprintf(" (errno %d)", p.NoErrno)
	}
	return s
}

var tags = regexp.MustCompile(`<[^>]*>`)

// expected is what the client gets and how long he waits: "200 cut after 60 s".
func expected(e scenario.Expectation) string {
	s := status(lab.Exchange{Status: e.Status, NoAnswer: e.NoAnswer, Cut: e.Cut})
	if e.After > 0 {
		s += " after " + seconds(e.After)
	}
	return s
}

// openStyle is the style of tables with a line under the header and no other.
func openStyle() table.Style {
	frame := table.StyleLight
	frame.Options = table.Options{SeparateHeader: true}
	frame.Format.Header = text.FormatDefault
	frame.Box.PaddingLeft, frame.Box.PaddingRight = "", strings.Repeat(" ", gap)
	return frame
}
