package report

import (
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// supplied says what the lab made up: all of it, or how much of each kind.
func (s *textWriter) supplied(r *audit.Report, all bool) {
	if len(r.Supplied) == 0 {
		return
	}
	if !all {
		s.line("")
		s.prose("Supplied by the lab: "+strings.Join(kinds(r.Supplied), ", ")+" (--supplied lists them).", "  ")
		return
	}
	s.heading("Supplied by the lab")
	width := 0
	for _, x := range r.Supplied {
		width = max(width, displayWidth(terminal.OneLine(x.Kind))+gap)
	}
	for _, x := range r.Supplied {
		s.labelledLines(width, terminal.OneLine(x.Kind), supplyLine(x))
	}
}

// supplyLine is one supplied thing: "app -> 198.18.0.3, for nginx.conf:4".
func supplyLine(x audit.Supply) string {
	line := terminal.OneLine(x.What)
	if x.With != "" {
		line += " -> " + terminal.OneLine(x.With)
	}
	if x.Place.File != "" {
		line += ", for " + place(x.Place)
	}
	return line
}

// kinds counts the supplied things by their kind, in the order in which they were first met.
func kinds(all []audit.Supply) (counts []string) {
	n := map[string]int{}
	var order []string
	for _, x := range all {
		if n[x.Kind] == 0 {
			order = append(order, x.Kind)
		}
		n[x.Kind]++
	}
	for _, kind := range order {
		noun := terminal.OneLine(kind)
		if n[kind] > 1 && strings.HasSuffix(noun, "s") { // "addresses"
			noun += "e"
		}
		counts = append(counts, count(n[kind], noun))
	}
	return counts
}

// notes says what the reader should know of the check itself.
func (s *textWriter) notes(g *grid) {
	if len(g.Notes) == 0 {
		return
	}
	s.heading("Notes")
	for _, note := range g.Notes {
		s.prose("- "+note, "  ")
	}
}

// refusal says why a config can't be loaded: nginx's own words first.
func (s *textWriter) refusal(x *audit.Refusal) {
	s.line("")
	if x.Nginx != "" {
		for _, line := range lines(x.Nginx) {
			s.line(s.Red(line))
		}
		s.line("")
	}
	switch message := terminal.OneLine(x.Message); {
	case x.Nginx == "":
		for i, line := range terminal.Wrap(message, max(s.room()-label, 20)) {
			s.labelledLines(label, map[bool]string{true: "why"}[i == 0], s.Red(line))
		}
	case !strings.Contains(terminal.OneLine(x.Nginx), message): // else it is said already
		s.labelled(label, "why", message)
	}
	if x.Place.File != "" {
		s.labelledLines(label, "at", place(x.Place))
	}
	s.labelled(label, "mend", x.Remedy)
}
