package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/internal/markdown"
	"github.com/badgateway/badgateway/harness/terminal"
)

// parts of a list of changes, in the order in which they matter to clients.
var directions = []struct{ turn, title string }{{audit.Worse, "Worse"}, {"", "Changed"}, {audit.Better, "Better"}}

// byDirection gives the changes of one turn.
func byDirection(c audit.Changes, turn string) (some []audit.Change) {
	for _, x := range c.Changes {
		if x.Direction == turn {
			some = append(some, x)
		}
	}
	return some
}

// SummaryOfChanges is a comparison in one sentence: "3 changes: 2 worse, 1 better".
func SummaryOfChanges(c audit.Changes) string {
	documented := ""
	if n := len(c.Documented); n > 0 {
		documented = "; " + count(n, "documented change") + " of nginx not measured"
	}
	if len(c.Changes) == 0 {
		return "visitors would notice no difference" + documented
	}
	var counts []string
	for _, t := range directions {
		if n := len(byDirection(c, t.turn)); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, strings.ToLower(t.title)))
		}
	}
	return count(len(c.Changes), "change") + ": " + strings.Join(counts, ", ") + documented
}

// documentedTitle stands above what is known and was not measured.
const documentedTitle = "Documented of nginx, touches this config, and not measured"

// versionNote is a documented change in a line: since when, what, where it touches the config, and where it is told.
func versionNote(n audit.VersionNote) string {
	since := "since " + n.Since
	if n.Undone {
		since = "no longer, as before " + n.Since
	}
	var places []string
	for _, p := range n.Places {
		places = append(places, place(p))
	}
	return terminal.OneLine(since + ": " + n.Text + " (" + some(places, 3) + "; " + n.Source + ")")
}

// TableChanges writes what clients would notice as lines for a terminal, what is worse first, and as the last line the
// sums. The error is the writer's.
func TableChanges(w io.Writer, c audit.Changes, v View) error {
	s := newTextWriter(v)
	s.line(s.Bold(terminal.OneLine(c.Old) + " -> " + terminal.OneLine(c.New)))
	paints := map[string]func(string) string{audit.Worse: s.Red, audit.Better: s.Green}
	for _, t := range directions {
		some := byDirection(c, t.turn)
		if len(some) == 0 {
			continue
		}
		s.line("")
		paint := paints[t.turn]
		if paint == nil {
			paint = s.Bold
		}
		s.line(paint(t.title))
		for _, x := range some {
			s.prose("- "+x.Text, "  ")
		}
	}
	if len(c.Documented) > 0 {
		s.line("")
		s.line(s.Bold(documentedTitle))
		for _, n := range c.Documented {
			s.prose("- "+versionNote(n), "  ")
		}
	}
	s.line("")
	s.line(SummaryOfChanges(c))
	return s.writeTo(w)
}

// MarkdownChanges writes what clients would notice for a merge request: what is worse first, then the rest, as lists.
// The error is the writer's.
func MarkdownChanges(w io.Writer, c audit.Changes) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## What visitors would notice\n\n%s instead of %s: %s.\n",
		markdown.Code(terminal.OneLine(c.New)), markdown.Code(terminal.OneLine(c.Old)), SummaryOfChanges(c))
	for _, t := range directions {
		some := byDirection(c, t.turn)
		if len(some) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n", t.title)
		for _, x := range some {
			b.WriteString("- " + markdownChange(x) + "\n")
		}
	}
	if len(c.Documented) > 0 {
		b.WriteString("\n### " + documentedTitle + "\n\n")
		for _, n := range c.Documented {
			b.WriteString("- " + markdown.Text(versionNote(n)) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// markdownChange is a change in a line, its route as code, or hosts take "@app" for somebody's name.
func markdownChange(x audit.Change) string {
	text := terminal.OneLine(x.Text)
	if rest, ok := strings.CutPrefix(text, terminal.OneLine(x.Route)); ok && x.Route != "" {
		return markdown.Code(terminal.OneLine(x.Route)) + markdown.Text(rest)
	}
	return markdown.Text(text)
}

// ChangesSchema names the form of what JSONChanges writes.
const ChangesSchema = "badgateway.changes/1"

// JSONChanges writes a comparison as one indented object: its schema, and the fields of [audit.Changes]. The error is
// the writer's.
func JSONChanges(w io.Writer, c audit.Changes) error {
	if c.Changes == nil {
		c.Changes = []audit.Change{}
	}
	return terminal.JSON(w, struct {
		Schema string `json:"schema"`
		audit.Changes
	}{ChangesSchema, c}, "  ")
}
