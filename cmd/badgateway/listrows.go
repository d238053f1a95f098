package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// A listColumn is one of the columns of the list.
type listColumn struct {
	heading string
	cell    func(scenario.Scenario) string
	width   int // at the most
}

// listGap is what parts two columns.
const listGap = 2

// listColumns are those for a terminal of some width. What is broken has the last one, and the room that the others leave; in a narrow
// terminal, some of them leave theirs too.
func listColumns(some []scenario.Scenario, width int) []listColumn {
	const wanted, least, most = 40, 15, 60
	ids := listColumn{"scenario", func(s scenario.Scenario) string { return s.ID }, most}
	gets := listColumn{"visitor gets", func(s scenario.Scenario) string { return outcome(s.Expect) }, most}
	all := []listColumn{
		ids, {"gateway", gatewayOf, most}, {"family", func(s scenario.Scenario) string { return s.Family }, most},
		{"cause", func(s scenario.Scenario) string { return strings.Join(s.Causes, " ") }, most}, {"proven on", kinds, most}, gets,
	}
	left := fitted(all, some, width)
	if left < wanted {
		gets.width = 15
		all = []listColumn{ids, gets}
		left = fitted(all, some, width)
	}
	return append(all, listColumn{"what is broken", func(s scenario.Scenario) string { return s.Fault }, min(max(left, least), most)})
}

// fitted makes columns as narrow as their texts are, and says what is left of a width.
func fitted(all []listColumn, some []scenario.Scenario, width int) int {
	for i, c := range all {
		widest := len(c.heading)
		for _, s := range some {
			widest = max(widest, len(c.cell(s)))
		}
		all[i].width = min(widest, c.width)
		width -= all[i].width + listGap
	}
	return width
}

// printRows is the list on a terminal: under each scenario what is logged, and nothing beyond the terminal's width.
func printRows(out io.Writer, some []scenario.Scenario, ink terminal.Style, width int) {
	all := listColumns(some, width)
	row := func(paint func(string) string, cell func(listColumn) string) {
		parts := make([][]string, len(all))
		rows := 0
		for i, c := range all {
			parts[i] = terminal.Wrap(cell(c), c.width)
			rows = max(rows, len(parts[i]))
		}
		for n := range rows {
			var b strings.Builder
			for i, c := range all {
				part := ""
				if n < len(parts[i]) {
					part = parts[i][n]
				}
				fmt.Fprintf(&b, "%-*s", c.width+listGap, part)
			}
			fmt.Fprintln(out, paint(strings.TrimRight(b.String(), " ")))
		}
	}
	row(ink.Bold, func(c listColumn) string { return c.heading })
	for _, s := range some {
		row(ink.Plain, func(c listColumn) string { return c.cell(s) })
		for _, text := range logged(s) {
			for _, part := range terminal.Wrap(text, width-listGap) {
				fmt.Fprintln(out, strings.Repeat(" ", listGap)+ink.Faint(part))
			}
		}
	}
}

// printLines is the list where a program reads it: a line each, whole, in columns of which each is parted from the next by two spaces at least.
func printLines(out io.Writer, some []scenario.Scenario) {
	all := listColumns(some, math.MaxInt)
	for _, s := range some {
		for _, c := range all {
			fmt.Fprintf(out, "%-*s  ", c.width, terminal.OneLine(c.cell(s)))
		}
		fmt.Fprintln(out, "log: "+terminal.OneLine(strings.Join(logged(s), " | ")))
	}
}

// logged is what a scenario's logs hold, as a program writes it, an errno with its words; what is not the gateway's says so.
func logged(s scenario.Scenario) (all []string) {
	times := map[string]int{}
	for _, l := range s.Expect.Log {
		text := l.String()
		if words := diagnose.ErrnoTexts(l.Errno); len(words) > 0 {
			number := fmt.Sprintf("(%d", l.Errno)
			text = strings.Replace(text, number+")", number+": "+strings.ToUpper(words[0][:1])+words[0][1:]+")", 1)
		}
		if times[text] == 0 {
			all = append(all, text)
		}
		times[text]++
	}
	for i, text := range all {
		if n := times[text]; n > 1 {
			all[i] += fmt.Sprintf(" (%d times)", n)
		}
	}
	if len(all) == 0 {
		all = append(all, "no line at level warn or above")
	}
	for _, v := range s.Variants {
		if text := "upstream's log: " + v.UpstreamLog; v.UpstreamLog != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}
