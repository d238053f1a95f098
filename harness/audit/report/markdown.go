package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Markdown writes a report for a merge request or a build's summary, in the dialect that code hosts share (GFM): the
// verdict, the findings with the lines that correct them, and the matrix, with the faults down so that it fits. The error
// is the writer's.
func Markdown(w io.Writer, r *audit.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n", markdownText(terminal.OneLine(titleOf(r))), markdownText(Summary(r)))
	if x := r.Refused; x != nil {
		if x.Nginx != "" {
			b.WriteString("\n" + fence("", x.Nginx))
		}
		fmt.Fprintf(&b, "\n%s (%s)\n\n%s\n",
			markdownText(terminal.OneLine(x.Message)), code(place(x.Place)), markdownText(terminal.OneLine(x.Remedy)))
		_, err := io.WriteString(w, b.String())
		return err
	}
	open, waived := bySeverity(r)
	known := map[string]bool{}
	for _, f := range open {
		fmt.Fprintf(&b, "\n### %s: %s\n\n", markdownText(terminal.OneLine(f.Severity)), markdownText(terminal.OneLine(f.Title)))
		fmt.Fprintf(&b, "%s (%s): %s. Seen at %s.\n",
			code(place(f.Place)), code(terminal.OneLine(f.Rule)), markdownText(terminal.OneLine(f.Saw)), seenAt(r, f))
		if f.Patch != "" {
			b.WriteString("\n" + markdownText(terminal.OneLine("To mend it"+inside(f)+":")) + "\n\n" + fence("nginx", f.Patch))
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
	if all := mergedBreaches(r); len(all) > 0 {
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

// seenAt says in which measurements a finding was seen. Routes stand as code, or hosts take "@app" for somebody's name.
func seenAt(r *audit.Report, f audit.Finding) string {
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

func inside(f audit.Finding) string {
	if f.In == "" {
		return ""
	}
	return ", in " + f.In
}

// markdownMatrix writes the matrix, folded, with a column for each set of routes that are alike.
func markdownMatrix(b *strings.Builder, r *audit.Report) {
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
			names = append(names, code(terminal.OneLine(name)))
		}
		b.WriteString(" " + some(names, 3) + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(rows)) + "\n")
	for i, f := range columns {
		b.WriteString("| " + markdownText(terminal.OneLine(f.Title)) + " |")
		for _, row := range rows {
			text := strings.Join(row.cells[i], " ")
			if text != "-" { // in a measurement it begins no list
				text = markdownText(text)
			}
			if strings.HasPrefix(row.cells[i][0], markFails) {
				text = "**" + markdownText(strings.TrimPrefix(strings.Join(row.cells[i], " "), markFails)) + "**"
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
		b.WriteString("- " + markdownText(means) + "\n")
	}
	b.WriteString("\n</details>\n")
}

// markdownText is a text of which nothing is taken for Markdown or HTML. A word that a code host makes something of (a name of
// somebody's who is then told, an address, an issue's number, a formula) stands as code, in which hosts look for nothing.
func markdownText(s string) string {
	all := strings.Fields(s)
	for i, word := range all {
		if active.MatchString(word) {
			all[i] = code(word)
			continue
		}
		all[i] = markdownMarks.Replace(word)
		if i == 0 { // what begins a line may begin a list, or underline what is above
			all[i] = listed.ReplaceAllString(all[i], `$1\$2`)
		}
	}
	return strings.Join(all, " ")
}

var (
	active = regexp.MustCompile(`(?i)[@$]|:/|www\.|mailto:|xmpp:|[#!&%~^][\pL\d"{]|\bgh-\d`)
	listed = regexp.MustCompile(`^(\d*)([-+=.)]+)$`)
)

var markdownMarks = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "~", `\~`, "#", `\#`, "!", `\!`,
)

// code is a text as it is, in a line. One that would end it, or a table's measurement, stands in HTML's.
func code(s string) string {
	if s == "" || strings.ContainsAny(s, "`|\n") || strings.TrimSpace(s) != s || strings.HasSuffix(s, `\`) {
		return "<code>" + entities(s) + "</code>"
	}
	return "`" + s + "`"
}

// entities writes all but letters, digits and blanks as HTML's, so that nothing is left to be taken for Markdown.
func entities(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteByte(' ')
		case r == ' ', r > 0x7f, '0' <= r && r <= '9', 'a' <= r|0x20 && r|0x20 <= 'z':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// fence is a block of text as it is, of a language or of none.
func fence(language, s string) string {
	ticks := "```"
	for strings.Contains(s, ticks) {
		ticks += "`"
	}
	return ticks + language + "\n" + strings.Join(lines(s), "\n") + "\n" + ticks + "\n"
}
