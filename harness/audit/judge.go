package audit

import (
	"cmp"
	"slices"
	"sort"
)

// Severities are the severities of findings, the gravest first.
var Severities = []string{"high", "medium", "low"}

// Judge gives what the rules find in the evidence, the gravest first and then by place. What a rule says of itself is filled
// in where its finding does not say otherwise.
func Judge(e *Evidence, rules []Rule) []Finding {
	var all []Finding
	for _, r := range rules {
		for _, f := range r.Find(e) {
			f.Rule, f.RuleTitle = r.ID, r.Title
			f.Severity = cmp.Or(f.Severity, r.Severity)
			f.Title = cmp.Or(f.Title, r.Title)
			f.Why = cmp.Or(f.Why, r.Why)
			f.Source = cmp.Or(f.Source, r.Source)
			all = append(all, f)
		}
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		if x, y := severityRank(a.Severity), severityRank(b.Severity); x != y {
			return x < y
		}
		if a.Place.File != b.Place.File {
			return a.Place.File < b.Place.File
		}
		return a.Place.Line < b.Place.Line
	})
	return all
}

// severityRank is the place of a severity among Severities: 0 is the gravest.
func severityRank(severity string) int { return slices.Index(Severities, severity) }
