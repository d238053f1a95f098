package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/badgateway/badgateway/harness/check"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Markdown writes a report for a merge request or a build's summary, in the dialect that code hosts share (GFM): the
// verdict, the findings with the lines that mend them, and the matrix, with the faults down so that it fits. The error
// is the writer's.
func Markdown(w io.Writer, r *check.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n", markdownText(terminal.OneLine(titleOf(r))), markdownText(Summary(r)))
	if x := r.Refused; x != nil {
		if x.Nginx != "" {
			b.WriteString("\n" + fence(x.Nginx))
		}
		fmt.Fprintf(&b, "\n%s (%s)\n\n%s\n",
			markdownText(terminal.OneLine(x.Message)), code(place(x.Place)), markdownText(terminal.OneLine(x.Remedy)))
		_, err := io.WriteString(w, b.String())
		return err
	}
	open, waived := graded(r)
	known := map[string]bool{}
	for _, f := range open {
		fmt.Fprintf(&b, "\n### %s: %s\n\n", markdownText(terminal.OneLine(f.Severity)), markdownText(terminal.OneLine(f.Title)))
		fmt.Fprintf(&b, "%s (%s): %s. Seen at %s.\n",
			code(place(f.Place)), code(terminal.OneLine(f.Rule)), markdownText(terminal.OneLine(f.Saw)), seenAt(r, f))
		if f.Mend != "" {
			b.WriteString("\n" + markdownText(terminal.OneLine("To mend it"+inside(f)+":")) + "\n\n" + fence(f.Mend))
		}
		if f.Why != "" && !known[f.Rule] { // it is read once
			known[f.Rule] = true
			b.WriteString("\n" + markdownText(terminal.OneLine(f.Why)))
			if link := sarifLink(f.Source); link != "" {
				b.WriteString(" ([source](" + link + "))")
			}
			b.WriteString("\n")
		}
	}
	if all := gathered(r); len(all) > 0 {
		b.WriteString("\n### Against the policy\n\n")
		for _, x := range all {
			fmt.Fprintf(&b, "- %s: %s (%s)\n",
				code(terminal.OneLine(x.route)), markdownText(terminal.OneLine(x.text)), markdownText(terminal.OneLine(strings.Join(x.where, ", "))))
		}
	}
	markdownMatrix(&b, r)
	if len(waived) > 0 {
		b.WriteString("\n### Waived\n\n")
		for _, f := range waived {
			b.WriteString("- " + markdownText(waiver(f)) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// seenAt tells in which cells a finding was seen. Routes stand as code, or hosts take "@app" for somebody's name.
func seenAt(r *check.Report, f check.Finding) string {
	var routes []string
	for _, id := range f.Routes {
		routes = append(routes, code(terminal.OneLine(id)))
	}
	text := some(routes, 4)
	if len(f.Faults) > 0 {
		text += ": " + markdownText(terminal.OneLine(some(titles(r, f.Faults), 6)))
	}
	return text
}

func inside(f check.Finding) string {
	if f.In == "" {
		return ""
	}
	return ", in " + f.In
}

// markdownMatrix writes the matrix, folded, with a column for each set of routes that are alike.
func markdownMatrix(b *strings.Builder, r *check.Report) {
	g := newGrid(r)
	columns, _ := g.columns()
	rows := g.rows(columns)
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n<details><summary>What visitors get</summary>\n\n| fault |")
	for _, row := range rows {
		var names []string
		for _, name := range row.names {
			names = append(names, strings.ReplaceAll(code(terminal.OneLine(name)), "|", `\|`)) // which would end the cell
		}
		b.WriteString(" " + some(names, 3) + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(rows)) + "\n")
	for i, f := range columns {
		b.WriteString("| " + markdownText(terminal.OneLine(f.Title)) + " |")
		for _, row := range rows {
			text := markdownText(strings.Join(row.cells[i], " "))
			if strings.HasPrefix(row.cells[i][0], objected) {
				text = "**" + markdownText(strings.TrimPrefix(strings.Join(row.cells[i], " "), objected)) + "**"
			}
			b.WriteString(" " + text + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, means := range legend(rows, r.Clock == "moved") {
		if strings.HasPrefix(means, objected) {
			means = "bold" + strings.TrimPrefix(means, objected)
		}
		b.WriteString("- " + markdownText(means) + "\n")
	}
	b.WriteString("\n</details>\n")
}

// markdownText is a text of which nothing is taken for Markdown or HTML.
func markdownText(s string) string {
	return markdownMarks.Replace(s)
}

var markdownMarks = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "~", `\~`, "#", `\#`, "!", `\!`,
)

// code is a text as it is, in a line.
func code(s string) string {
	ticks := "`"
	for strings.Contains(s, ticks) {
		ticks += "`"
	}
	if len(ticks) > 1 {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// fence is a block of text as it is.
func fence(s string) string {
	ticks := "```"
	for strings.Contains(s, ticks) {
		ticks += "`"
	}
	return ticks + "nginx\n" + strings.Join(lines(s), "\n") + "\n" + ticks + "\n"
}
