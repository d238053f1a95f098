package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/check"
)

// supplied tells what the lab made up: all of it, or how much of each kind.
func (s *sheet) supplied(r *check.Report, all bool) {
	if len(r.Supplied) == 0 {
		return
	}
	if !all {
		s.line("")
		s.say("Supplied by the lab: "+strings.Join(kinds(r.Supplied), ", ")+" (--supplied lists them).", "  ")
		return
	}
	s.head("Supplied by the lab")
	width := 0
	for _, x := range r.Supplied {
		width = max(width, wide(oneLine(x.Kind))+gap)
	}
	for _, x := range r.Supplied {
		s.exact(width, oneLine(x.Kind), supplyLine(x))
	}
}

// supplyLine is one supplied thing: "app -> 198.18.0.3, for nginx.conf:4".
func supplyLine(x check.Supply) string {
	line := oneLine(x.What)
	if x.With != "" {
		line += " -> " + oneLine(x.With)
	}
	if x.Place.File != "" {
		line += ", for " + place(x.Place)
	}
	return line
}

// kinds counts the supplied things by their kind, in the order in which they were first met.
func kinds(all []check.Supply) (counts []string) {
	n := map[string]int{}
	var order []string
	for _, x := range all {
		if n[x.Kind] == 0 {
			order = append(order, x.Kind)
		}
		n[x.Kind]++
	}
	for _, kind := range order {
		noun := oneLine(kind)
		if n[kind] > 1 && strings.HasSuffix(noun, "s") { // "addresses"
			noun += "e"
		}
		counts = append(counts, count(n[kind], noun))
	}
	return counts
}

// notes tells what the reader should know of the check itself.
func (s *sheet) notes(g *grid) {
	if len(g.Notes) == 0 {
		return
	}
	s.head("Notes")
	for _, note := range g.Notes {
		s.say("- "+note, "  ")
	}
}

// The severities of a finding.
const (
	high   = "high"
	medium = "medium"
	low    = "low"
)

// fails tells whether a finding makes a check fail: that of a severity that the policy lets pass does not.
func fails(r *check.Report, f check.Finding) bool {
	least := slices.Index(check.Severities, orElse(r.FailOn, check.DefaultPolicy().FailOn))
	return f.Waived == "" && (f.Rule == check.PolicyRule || slices.Index(check.Severities, f.Severity) <= least)
}

// graded are the findings, the worst first; the waived are apart.
func graded(r *check.Report) (open, waived []check.Finding) {
	for _, f := range r.Findings {
		if f.Waived != "" {
			waived = append(waived, f)
		} else {
			open = append(open, f)
		}
	}
	slices.SortStableFunc(open, func(a, b check.Finding) int {
		return slices.Index(check.Severities, a.Severity) - slices.Index(check.Severities, b.Severity)
	})
	return open, waived
}

// findings writes what an expert would object to, the worst first, each with the lines that mend it.
func (s *sheet) findings(r *check.Report) {
	open, waived := graded(r)
	if len(open) > 0 {
		s.head("Findings")
	}
	known := map[string]bool{}
	for i, f := range open {
		if i > 0 {
			s.line("")
		}
		if known[f.Rule] { // why it matters is read once
			f.Why, f.Source = "", ""
		}
		known[f.Rule] = true
		s.finding(r, f)
	}
	if len(waived) > 0 {
		s.head("Waived")
		for _, f := range waived {
			s.say("- "+waiver(f), "  ")
		}
	}
}

// breaches lists what the policy does not allow, by what it says of it.
func (s *sheet) breaches(r *check.Report) {
	all := gathered(r)
	if len(all) == 0 {
		return
	}
	policy := "the default policy"
	if r.PolicyFile != "" {
		policy = r.PolicyFile
	}
	s.head("Against " + oneLine(policy))
	for _, b := range all {
		s.say("- "+b.route+": "+b.text+" ("+strings.Join(b.where, ", ")+")", "  ")
	}
}

// A breach is one thing that the policy does not allow on a route, with the faults and methods under which it came.
type breach struct {
	route, text string
	where       []string
}

// gathered are the breaches that read the same.
func gathered(r *check.Report) (all []breach) {
	for _, route := range r.Routes {
		known := map[string]int{}
		add := func(texts []string, where string) {
			for _, text := range texts {
				at, seen := known[text]
				if !seen {
					at = len(all)
					known[text] = at
					all = append(all, breach{route: route.ID, text: text})
				}
				all[at].where = append(all[at].where, where)
			}
		}
		add(route.Breaches, check.Healthy)
		for _, c := range route.Cells {
			add(c.Breaches, titleOfFault(r, c.Fault)+" "+c.Method)
		}
	}
	return all
}

// waiver is a waived finding in a line.
func waiver(f check.Finding) string {
	text := fmt.Sprintf("%s at %s (%s): %s", f.Title, place(f.Place), f.Rule, f.Waived)
	if f.Until != "" {
		text += ", until " + f.Until
	}
	return oneLine(text)
}

// label is the width of a finding's labels.
const label = 9

// finding writes one.
func (s *sheet) finding(r *check.Report, f check.Finding) {
	word := strings.ToUpper(oneLine(f.Severity))
	paint := map[string]func(string) string{high: s.red, medium: s.yellow}[f.Severity]
	if paint == nil {
		paint = s.plain
	}
	title := wrap(oneLine(f.Title)+" ["+oneLine(f.Rule)+"]", max(s.room()-label, 20))
	for i, line := range title {
		if i == 0 {
			s.line(paint(fmt.Sprintf("%-*s", label, word)) + s.bold(line))
		} else {
			s.line(strings.Repeat(" ", label) + s.bold(line))
		}
	}
	s.beside(label, "at", where(f))
	s.beside(label, "saw", f.Saw)
	s.beside(label, "under", under(r, f, 4))
	s.exact(label, "mend", lines(f.Mend)...)
	s.beside(label, "in", f.In)
	s.beside(label, "why", f.Why)
	s.exact(label, "source", lines(f.Source)...)
}

// where is the place of a finding, with what it lacks.
func where(f check.Finding) string {
	if f.Lacks != "" {
		return place(f.Place) + ", which lacks " + oneLine(f.Lacks)
	}
	return place(f.Place)
}

// under tells in which cells a finding was seen.
func under(r *check.Report, f check.Finding, most int) string {
	text := some(f.Routes, most)
	if len(f.Faults) > 0 {
		text += ": " + some(titles(r, f.Faults), most+2)
	}
	return oneLine(text)
}

// titles are the faults' heads.
func titles(r *check.Report, ids []string) (all []string) {
	for _, id := range ids {
		all = append(all, titleOfFault(r, id))
	}
	return all
}

func titleOfFault(r *check.Report, id string) string {
	for _, f := range r.Faults {
		if f.ID == id {
			return f.Title
		}
	}
	return id
}

// refusal tells why a config can't be loaded: nginx's own words first.
func (s *sheet) refusal(x *check.Refusal) {
	s.line("")
	if x.Nginx != "" {
		for _, line := range lines(x.Nginx) {
			s.line(s.red(line))
		}
		s.line("")
	}
	switch message := oneLine(x.Message); {
	case x.Nginx == "":
		for i, line := range wrap(message, max(s.room()-label, 20)) {
			s.exact(label, map[bool]string{true: "why"}[i == 0], s.red(line))
		}
	case !strings.Contains(oneLine(x.Nginx), message): // else it is said already
		s.beside(label, "why", message)
	}
	if x.Place.File != "" {
		s.exact(label, "at", place(x.Place))
	}
	s.beside(label, "mend", x.Remedy)
}

// Summary is a report in one sentence: "findings: 2 high, 1 low; 3 cells break the policy".
func Summary(r *check.Report) string {
	routes := "in " + count(len(r.Routes), "route")
	switch {
	case r.Refused != nil:
		return "refused: the config can't be loaded"
	case len(r.Routes) == 0:
		return "passed: the config has no upstream, so there is nothing to break"
	}
	open, waived := graded(r)
	var parts []string
	for _, severity := range check.Severities {
		n := 0
		for _, f := range open {
			if f.Severity == severity {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	text := strings.Join(parts, ", ")
	breaches, unknown := 0, 0
	for _, route := range r.Routes {
		if len(route.Breaches) > 0 {
			breaches++
		}
		for _, c := range route.Cells {
			if len(c.Breaches) > 0 {
				breaches++
			}
			if c.Error != "" {
				unknown++
			}
		}
	}
	if breaches > 0 {
		if text != "" {
			text += "; "
		}
		text += count(breaches, "outcome") + " against the policy"
	}
	if text == "" {
		text = "nothing to object to"
	}
	text = r.Verdict + ": " + text + " " + routes
	if len(waived) > 0 {
		text += fmt.Sprintf("; %d waived", len(waived))
	}
	if unknown > 0 {
		text += fmt.Sprintf("; %d not known, the lab failed", unknown)
	}
	return text
}

// verdict is the last line: how it went, and what to type next.
func (s *sheet) verdict(r *check.Report) {
	paint := s.green
	if r.Verdict != check.Passed {
		paint = s.red
	}
	text, then := Summary(r), next(r)
	if s.width > 0 && wide(text+". "+then) > s.width {
		s.line(paint(text))
		text = ""
	} else if then != "" {
		text += ". "
	}
	s.WriteString(paint(text) + then)
	if text+then != "" {
		s.line("")
	}
}

// next is the command that helps most now, empty when there is none.
func next(r *check.Report) string {
	if r.Command == "" || r.Refused != nil {
		return ""
	}
	if at, ok := worst(r); ok {
		return "Look closer: " + again(r, at.route, at.fault)
	}
	if len(r.Routes) > 0 && r.PolicyFile == "" && !r.Partial {
		return "Keep it so: " + oneLine(r.Command) + " --init"
	}
	return ""
}

// again is the command that shows one cell.
func again(r *check.Report, route, fault string) string {
	return oneLine(r.Command) + " --route " + quoted(oneLine(route)) + " --fault " + quoted(oneLine(fault))
}

// worst is the cell to look at first.
func worst(r *check.Report) (at spot, ok bool) {
	g := newGrid(r)
	most := fine
	for _, route := range g.measured() {
		for _, f := range r.Faults {
			here := spot{route.ID, f.ID}
			if n := g.grade(here); n > most && n < failed {
				at, most, ok = here, n, true
			}
		}
	}
	return at, ok
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
