package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/internal/markdown"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Markdown writes a report for a merge request or a build's summary, in the dialect that code hosts share (GFM): the
// verdict, the findings with the lines that correct them, and the matrix, with the faults down so that it fits. The error
// is the writer's.
func Markdown(w io.Writer, r *audit.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n", markdown.Text(terminal.OneLine(titleOf(r))), markdown.Text(Summary(r)))
	if x := r.Refused; x != nil {
		if x.Nginx != "" {
			b.WriteString("\n" + markdown.Fence("", x.Nginx))
		}
		fmt.Fprintf(&b, "\n%s (%s)\n\n%s\n",
			markdown.Text(terminal.OneLine(x.Message)), markdown.Code(place(x.Place)), markdown.Text(terminal.OneLine(x.Remedy)))
		_, err := io.WriteString(w, b.String())
		return err
	}
	if gist := Gist(r); gist != "" {
		b.WriteString("\n" + markdown.Text(gist) + "\n")
	}
	open, waived := bySeverity(r)
	known := map[string]bool{}
	for _, c := range cards(open) {
		f := c.whole()
		fmt.Fprintf(&b, "\n### %s: %s\n\n", markdown.Text(terminal.OneLine(f.Severity)), markdown.Text(terminal.OneLine(f.Title)))
		fmt.Fprintf(&b, "%s (%s): %s. %s.\n",
			markdown.Code(place(f.Place)), markdown.Code(terminal.OneLine(f.Rule)), markdown.Text(terminal.OneLine(f.Saw)), seenAt(r, f))
		if f.Patch != "" {
			b.WriteString("\n" + markdown.Text(toMend(f)+":") + "\n\n" + markdown.Fence("nginx", f.Patch))
		}
		if f.Unproven != "" {
			b.WriteString("\n" + unprovenTitle(f) + ": " + markdown.Text(terminal.OneLine(f.Unproven)) + ".\n")
		}
		if len(c.others) > 0 {
			b.WriteString("\nThe same lines mend it elsewhere:\n\n")
		}
		for _, one := range c.others {
			text := ""
			if one.Title != c.Title {
				text = ": " + one.Title
			}
			b.WriteString("- " + markdown.Code(place(one.Place)) + markdown.Text(terminal.OneLine(inside(one)+text)) + "\n")
		}
		if f.Why != "" && !known[f.Rule] { // it is read once
			known[f.Rule] = true
			b.WriteString("\n" + markdown.Text(terminal.OneLine(f.Why)))
			if link := sarifLink(f.Source); link != "" {
				b.WriteString(" ([source](" + link + "))")
			}
			b.WriteString("\n")
		}
	}
	if all := mergedBreaches(r); len(all) > 0 {
		b.WriteString("\n### Against the policy\n\n")
		for _, x := range all {
			fmt.Fprintf(&b, "- %s: %s (%s)\n",
				markdown.Code(terminal.OneLine(x.route)), markdown.Text(terminal.OneLine(x.text)), markdown.Text(terminal.OneLine(strings.Join(x.where, ", "))))
		}
	}
	markdownMatrix(&b, r)
	if len(waived) > 0 {
		b.WriteString("\n### Waived\n\n")
		for _, f := range waived {
			b.WriteString("- " + markdown.Text(waiver(f)) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// seenAt says in which measurements a finding was seen. Routes stand as code, or hosts take "@app" for somebody's name.
func seenAt(r *audit.Report, f audit.Finding) string {
	var routes []string
	for _, id := range f.Routes {
		routes = append(routes, markdown.Code(terminal.OneLine(id)))
	}
	text := "Seen at " + some(routes, 4)
	switch {
	case f.Read && len(routes) == 0:
		return "Read in the config, not measured"
	case f.Read:
		text = "Read in the config, not measured, for " + some(routes, 4)
	}
	if len(f.Faults) > 0 {
		text += ": " + markdown.Text(terminal.OneLine(some(titles(r, f.Faults), 6)))
	}
	return text
}

// markdownMatrix writes the matrix, folded, with a column for each set of routes that are alike.
func markdownMatrix(b *strings.Builder, r *audit.Report) {
	g := newGrid(r)
	columns := g.columns()
	rows := g.rows(columns)
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n<details><summary>What visitors get</summary>\n\n| fault |")
	for _, row := range rows {
		var names []string
		for _, name := range row.names {
			names = append(names, markdown.Code(terminal.OneLine(name)))
		}
		b.WriteString(" " + some(names, 3) + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(rows)) + "\n")
	for i, f := range columns {
		b.WriteString("| " + markdown.Text(terminal.OneLine(f.Title)) + " |")
		for _, row := range rows {
			text := strings.Join(row.cells[i], " ")
			if text != "-" { // in a measurement it begins no list
				text = markdown.Text(text)
			}
			if strings.HasPrefix(row.cells[i][0], markFails) {
				text = "**" + markdown.Text(strings.TrimPrefix(strings.Join(row.cells[i], " "), markFails)) + "**"
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, means := range legend(rows, r.Clock == "moved") {
		if strings.HasPrefix(means, markFails) {
			means = "bold" + strings.TrimPrefix(means, markFails)
		}
		b.WriteString("- " + markdown.Text(means) + "\n")
	}
	for _, line := range g.skips() {
		b.WriteString("- not measured: " + markdown.Text(terminal.OneLine(line)) + "\n")
	}
	b.WriteString("\n</details>\n")
}
