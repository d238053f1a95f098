package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// The severities of a finding.
const (
	high   = "high"
	medium = "medium"
	low    = "low"
)

// fails reports whether a finding makes a check fail: that of a severity that the policy lets pass does not.
func fails(r *audit.Report, f audit.Finding) bool {
	least := slices.Index(audit.Severities, orElse(r.FailOn, audit.DefaultPolicy().FailOn))
	return f.Waived == "" && (f.Rule == audit.PolicyRule || slices.Index(audit.Severities, f.Severity) <= least)
}

// bySeverity are the findings, the worst first; the waived are apart.
func bySeverity(r *audit.Report) (open, waived []audit.Finding) {
	for _, f := range r.Findings {
		if f.Waived != "" {
			waived = append(waived, f)
		} else {
			open = append(open, f)
		}
	}
	slices.SortStableFunc(open, func(a, b audit.Finding) int {
		return slices.Index(audit.Severities, a.Severity) - slices.Index(audit.Severities, b.Severity)
	})
	return open, waived
}

// findings writes what an expert would object to, the worst first, each with the lines that correct it.
func (s *textWriter) findings(r *audit.Report) {
	open, waived := bySeverity(r)
	if len(open) > 0 {
		s.heading("Findings")
	}
	known := map[string]bool{}
	for i, c := range cards(open) {
		if i > 0 {
			s.line("")
		}
		if known[c.Rule] { // why it matters is read once
			c.Why, c.Source = "", ""
		}
		known[c.Rule] = true
		s.card(r, c)
	}
	if len(waived) > 0 {
		s.heading("Waived")
		for _, f := range waived {
			s.prose("- "+waiver(f), "  ")
		}
	}
}

// breaches lists what the policy does not allow, by what it says of it.
func (s *textWriter) breaches(r *audit.Report) {
	all := mergedBreaches(r)
	if len(all) == 0 {
		return
	}
	policy := "the default policy"
	if r.PolicyFile != "" {
		policy = r.PolicyFile
	}
	s.heading("Against " + terminal.OneLine(policy))
	for _, b := range all {
		s.prose("- "+b.route+": "+b.text+" ("+strings.Join(b.where, ", ")+")", "  ")
	}
}

// A breach is one thing that the policy does not allow on a route, with the faults and methods under which it came.
type breach struct {
	route, text string
	where       []string
}

// mergedBreaches are the breaches that read the same.
func mergedBreaches(r *audit.Report) (all []breach) {
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
		add(route.Breaches, audit.Healthy)
		for _, c := range route.Measurements {
			add(c.Breaches, titleOfFault(r, c.Fault)+" "+c.Method)
		}
	}
	return all
}

// waiver is a waived finding in a line.
func waiver(f audit.Finding) string {
	text := fmt.Sprintf("%s at %s (%s): %s", f.Title, place(f.Place), f.Rule, f.Waived)
	if f.Until != "" {
		text += ", until " + f.Until
	}
	return terminal.OneLine(text)
}

// label is the width of a finding's labels.
const label = 9

// finding writes one.
func (s *textWriter) finding(r *audit.Report, f audit.Finding) { s.card(r, card{Finding: f}) }

// card writes the findings of one mend: the gravest, and the places of all.
func (s *textWriter) card(r *audit.Report, c card) {
	f := c.whole()
	word := strings.ToUpper(terminal.OneLine(f.Severity))
	paint := map[string]func(string) string{high: s.Red, medium: s.Yellow}[f.Severity]
	if paint == nil {
		paint = s.Plain
	}
	title := terminal.Wrap(terminal.OneLine(f.Title)+" ["+terminal.OneLine(f.Rule)+"]", max(s.room()-label, 20))
	for i, line := range title {
		if i == 0 {
			s.line(paint(fmt.Sprintf("%-*s", label, word)) + s.Bold(line))
		} else {
			s.line(strings.Repeat(" ", label) + s.Bold(line))
		}
	}
	s.labelled(label, "at", strings.Join(c.Places(), "\n"))
	s.labelled(label, sawLabel(f), f.Saw)
	s.labelled(label, "under", under(r, f, 4))
	mend := "advice"
	if f.Proof != "" {
		mend = "mend"
	}
	s.labelledLines(label, mend, lines(f.Patch)...)
	s.labelled(label, "in", strings.Join(c.Ins(), "\n"))
	s.labelled(label, "proven", f.Proof)
	s.labelled(label, "costs", f.Costs)
	s.labelled(label, unprovenLabel(f), f.Unproven)
	s.labelled(label, "why", f.Why)
	s.labelledLines(label, "source", lines(f.Source)...)
}

// sawLabel says where the finding comes from.
func sawLabel(f audit.Finding) string {
	if f.Read {
		return "read"
	}
	return "saw"
}

// unprovenLabel heads what came of lines that are no proven mend: what some may take all the same is still advice.
func unprovenLabel(f audit.Finding) string {
	if f.Patch != "" {
		return "unproven"
	}
	return "no mend"
}

// unprovenTitle is that as a sentence begins.
func unprovenTitle(f audit.Finding) string {
	word := unprovenLabel(f)
	return strings.ToUpper(word[:1]) + word[1:]
}

// toMend says what a finding's lines are: a mend that was proven, or advice.
func toMend(f audit.Finding) string {
	words := "To mend it (proven in the lab: " + f.Proof + ")"
	if f.Costs != "" {
		words += ", at a cost (" + f.Costs + ")"
	}
	if f.Proof == "" {
		words = "Advice, which is not proven"
	}
	return terminal.OneLine(words + inside(f))
}

// where is the place of a finding, with what it lacks.
func where(f audit.Finding) string {
	if f.Lacks != "" {
		return place(f.Place) + ", which lacks " + terminal.OneLine(f.Lacks)
	}
	return place(f.Place)
}

// under says in which measurements a finding was seen.
func under(r *audit.Report, f audit.Finding, most int) string {
	text := some(f.Routes, most)
	if len(f.Faults) > 0 {
		text += ": " + some(titles(r, f.Faults), most+2)
	}
	return terminal.OneLine(text)
}

// titles are the faults' heads.
func titles(r *audit.Report, ids []string) (all []string) {
	for _, id := range ids {
		all = append(all, titleOfFault(r, id))
	}
	return all
}

func titleOfFault(r *audit.Report, id string) string {
	for _, f := range r.Faults {
		if f.ID == id {
			return f.Title
		}
	}
	return id
}

// inside says where a finding's lines go, after other words; empty where that is not said.
func inside(f audit.Finding) string {
	if f.In == "" {
		return ""
	}
	return ", in " + f.In
}
