package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// A card is what one mend is for: the gravest finding of a rule that it answers, and the others, of which only their places are to
// be told.
type card struct {
	audit.Finding
	others []audit.Finding
}

// cards joins the findings that have the same mend, in the order of the first of each.
func cards(all []audit.Finding) []card {
	var out []card
	known := map[string]int{}
	for _, f := range all {
		key := fmt.Sprint(f.Rule, "\x00", f.Patch, "\x00", f.Proof != "")
		if i, ok := known[key]; ok && f.Patch != "" {
			out[i].others = append(out[i].others, f)
			continue
		}
		known[key] = len(out)
		out = append(out, card{Finding: f})
	}
	return out
}

// all are the findings of the card.
func (c card) all() []audit.Finding { return append([]audit.Finding{c.Finding}, c.others...) }

// whole is the card as one finding, of all its routes and faults.
func (c card) whole() audit.Finding {
	f := c.Finding
	for _, one := range c.others {
		f.Routes, f.Faults = union(f.Routes, one.Routes), union(f.Faults, one.Faults)
	}
	return f
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Places are where the findings are, a line for each: with its own title, where that is another than the card's.
func (c card) Places() []string {
	var lines []string
	for _, f := range c.all() {
		line := where(f)
		if f.Title != c.Title {
			line += ": " + terminal.OneLine(f.Title)
		}
		lines = union(lines, []string{line})
	}
	return lines
}

// Ins are where the lines go, each place once.
func (c card) Ins() []string {
	var lines []string
	for _, f := range c.all() {
		if f.In != "" {
			lines = union(lines, []string{terminal.OneLine(f.In)})
		}
	}
	return lines
}

// Others reports whether the card is for more than one finding.
func (c card) Others() bool { return len(c.others) > 0 }

// has reports whether a finding of the card names a place of the matrix.
func (c card) has(at cellKey) bool {
	return slices.ContainsFunc(c.all(), func(f audit.Finding) bool {
		return slices.Contains(f.Routes, at.route) && slices.Contains(f.Faults, at.fault)
	})
}

// Gist sums a report up in a sentence, from what was measured: on how many routes visitors get what makes the check fail, and when.
// It is empty where no fault brings anything of the kind out.
func Gist(r *audit.Report) string {
	g := newGrid(r)
	type failing struct {
		when   string
		routes int
	}
	var all []failing
	total := 0
	for _, route := range g.measured() {
		total += len(g.alike(route))
	}
	for _, f := range r.Faults {
		when, _, _ := strings.Cut(terminal.OneLine(f.Claim), ":")
		one := failing{when: when}
		for _, route := range g.measured() {
			if g.failing(cellKey{route.ID, f.ID}) {
				one.routes += len(g.alike(route))
			}
		}
		if one.routes > 0 {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortStableFunc(all, func(a, b failing) int { return b.routes - a.routes })
	const most = 3
	shown := all[:min(most, len(all))]
	verb := " fail when "
	if shown[0].routes == 1 {
		verb = " fails when "
	}
	text := fmt.Sprintf("%d of %s", shown[0].routes, count(total, "route")) + verb + shown[0].when
	for _, one := range shown[1:] {
		text += fmt.Sprintf("; %d when %s", one.routes, one.when)
	}
	if n := len(all) - len(shown); n > 0 {
		text += "; so under " + count(n, "more fault")
	}
	return text + "."
}

// failing reports whether what visitors get in a place of the matrix makes the check fail: a finding that was measured names it, or
// the policy does not allow it.
func (g *grid) failing(at cellKey) bool {
	return slices.ContainsFunc(g.found[at], func(i int) bool { return fails(g.Report, g.Findings[i]) && !g.Findings[i].Read }) ||
		slices.ContainsFunc(g.cells[at], func(c audit.Measurement) bool { return len(c.Breaches) > 0 })
}
