package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Table writes the end of a run: a row for each scenario and variant (where it was run many times, for the first time that it
// passed and each that it did not), then a line for each that did not pass, then the line
// "N passed, N failed", alone on its line. What the lab could not try counts as failed.
//
// Width is the terminal's; the texts are wrapped, and cut after three lines, so that no line is longer. With 0 nothing is
// cut. Rows that did not pass say so in a word, and are red if colour is true. The error is the writer's.
func Table(w io.Writer, all []scenario.Evidence, colour bool, width int) error {
	style := terminal.Style(colour)
	var out strings.Builder
	if len(all) > 0 {
		out.WriteString(rows(once(all), style, width))
		out.WriteString("\n\n")
	}
	for _, note := range notes(all) {
		out.WriteString(note + "\n")
	}
	for _, e := range all {
		line := verdict(e) + " " + terminal.OneLine(name(e)) + ": " + terminal.OneLine(why(e))
		switch e.Verdict {
		case scenario.Passed:
		case scenario.Skipped:
			fmt.Fprintf(&out, "%s\n", line)
		default:
			fmt.Fprintf(&out, "%s\n", style.Red(line))
		}
	}
	passed, failed, skipped := Count(all)
	fmt.Fprintf(&out, "%d passed, %d failed", passed, failed)
	if skipped > 0 {
		fmt.Fprintf(&out, ", %d skipped", skipped)
	}
	out.WriteString("\n")
	_, err := io.WriteString(w, out.String())
	return err
}

// once leaves out what passed more than once.
func once(all []scenario.Evidence) []scenario.Evidence {
	seen := map[string]bool{}
	var some []scenario.Evidence
	for _, e := range all {
		if e.Verdict == scenario.Passed && seen[name(e)] {
			continue
		}
		seen[name(e)] = seen[name(e)] || e.Verdict == scenario.Passed
		some = append(some, e)
	}
	return some
}

// why is the reason for which a scenario did not pass, in short.
func why(e scenario.Evidence) string {
	if reason := cmp.Or(e.Error, e.Skipped); reason != "" {
		return reason
	}
	var parts []string
	for _, d := range e.Differences {
		parts = append(parts, fmt.Sprintf("%s: expected %s, came %s", d.What, d.Want, d.Got))
	}
	if len(parts) == 0 {
		return "no reason given"
	}
	return strings.Join(parts, "; ")
}

// mark stands after a wait that was made shorter than it says.
const mark = "*"

// notes explain the mark, where it was used.
func notes(all []scenario.Evidence) []string {
	how := ""
	for _, e := range all {
		switch {
		case !shortened(e):
		case e.Clock == lab.ClockScaled:
			how = "was moved or ran faster"
		case how == "":
			how = "was moved"
		}
	}
	if how == "" {
		return nil
	}
	return []string{mark + " in the gateway's own time: its clock " + how + ", so nobody waited that long"}
}

// rows is the table itself, without a line break at its end.
func rows(all []scenario.Evidence, style terminal.Style, width int) string {
	widths := columns(all, width)
	t := table.NewWriter()
	t.SetStyle(openStyle())
	t.SuppressTrailingSpaces()

	row := func(paint func(string) string, cells [columnCount]string) table.Row {
		var r table.Row
		for i, cell := range cells {
			if widths[i] > 0 {
				if i == logColumn {
					cell = withErrno(cell, widths[i])
				}
				r = append(r, fit(cell, widths[i], paint))
			}
		}
		return r
	}
	t.AppendHeader(row(style.Bold, headings))
	for _, e := range all {
		paint := style.Plain
		if e.Verdict != scenario.Passed && e.Verdict != scenario.Skipped {
			paint = style.Red
		}
		t.AppendRow(row(paint, cells(e)))
	}
	return t.Render()
}

// cells are the texts of a row.
func cells(e scenario.Evidence) [columnCount]string {
	time := waited(e.Broken, e.Clock)
	if shortened(e) {
		time += " " + mark
	}
	log := logged(e.Broken.Log)
	answer := status(e.Broken)
	if e.Broken.Request == "" && (e.Verdict == scenario.Error || e.Verdict == scenario.Skipped) { // it did not come to the question
		time, log, answer = "-", "-", "-"
	}
	return [columnCount]string{verdict(e), terminal.OneLine(name(e)), terminal.OneLine(e.Fault), terminal.OneLine(answer), terminal.OneLine(log), time}
}
