package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// withinRoute joins what several faults and methods of a route have alike.
func withinRoute(all []Change) []Change {
	merge := func(in []Change, same func(a, b Change) bool, join func(into *Change, c Change)) []Change {
		var out []Change
	next:
		for _, c := range in {
			for i := range out {
				if out[i].Kind == c.Kind && out[i].Before == c.Before && out[i].After == c.After && same(out[i], c) {
					join(&out[i], c)
					continue next
				}
			}
			out = append(out, c)
		}
		return out
	}
	healthy := func(a, b Change) bool { return (len(a.Faults) == 0) == (len(b.Faults) == 0) }
	// First the methods of a fault, so that faults are joined only when all of their methods are alike.
	all = merge(all, func(a, b Change) bool { return slices.Equal(a.Faults, b.Faults) },
		func(into *Change, c Change) { into.Methods = append(into.Methods, c.Methods...) })
	return merge(all, func(a, b Change) bool { return healthy(a, b) && slices.Equal(a.Methods, b.Methods) },
		func(into *Change, c Change) { into.Faults = append(into.Faults, c.Faults...) })
}

// acrossRoutes joins what several routes have alike. Routes that came or went stay by themselves.
func acrossRoutes(all []Change) []Change {
	var out []Change
	known := map[string]int{}
	for _, c := range all {
		key := strings.Join([]string{c.Before, c.After, strings.Join(c.Faults, " "), strings.Join(c.Methods, " ")}, "\n")
		if i, ok := known[key]; ok && c.Kind == AnswerChanged {
			out[i].Also = append(out[i].Also, c.Route)
			continue
		}
		if c.Kind == AnswerChanged {
			known[key] = len(out)
		}
		out = append(out, c)
	}
	for i, c := range out {
		if n := len(c.Also); n == 1 {
			out[i].Text = c.Route + " and " + c.Also[0] + strings.TrimPrefix(c.Text, c.Route)
		} else if n > 1 {
			out[i].Text = fmt.Sprintf("%s and %d more%s", c.Route, n, strings.TrimPrefix(c.Text, c.Route))
		}
	}
	return out
}

func titles(reports ...*Report) map[string]string {
	all := map[string]string{}
	for _, r := range reports {
		for _, f := range r.Faults {
			if _, ok := all[f.ID]; !ok {
				all[f.ID] = f.Title
			}
		}
	}
	return all
}

// withTexts writes the line of each change that has none.
func withTexts(all []Change, title map[string]string) []Change {
	for i := range all {
		c := &all[i]
		if c.Text != "" {
			continue
		}
		var faults []string
		for _, f := range c.Faults {
			faults = append(faults, cmp.Or(title[f], f))
		}
		text := c.Route
		switch {
		case len(faults) == 0:
			text += ", all well"
		case strings.HasPrefix(faults[0], "one "), strings.HasPrefix(faults[0], "name "):
			text += ", " + listed(faults)
		default:
			text += ", upstream " + listed(faults)
		}
		if len(c.Methods) == 1 && c.Methods[0] != "GET" {
			text += ", " + c.Methods[0]
		}
		c.Text = text + ": " + c.Before + " before, " + afterwards(c.Before, c.After) + " now"
	}
	return all
}

// afterwards leaves out the status where it is the same as before: "after 60 s".
func afterwards(before, after string) string {
	first, _, _ := strings.Cut(before, " ")
	rest, ok := strings.CutPrefix(after, first+" ")
	if ok && len(first) == 3 && first >= "100" && first <= "999" {
		return rest
	}
	return after
}

// listed joins words as one would say them: "a, b and c".
func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// findingChanges compares by rule and route, since lines move.
func findingChanges(old, new *Report) []Change {
	type key struct{ rule, route string }
	has := func(r *Report) map[key]bool {
		all := map[key]bool{}
		for _, f := range r.Findings {
			for _, route := range routesOf(f) {
				all[key{f.Rule, route}] = true
			}
		}
		return all
	}
	before, after := has(old), has(new)
	one := func(kind ChangeKind, r *Report, other map[key]bool, word, direction string) []Change {
		var all []Change
		for _, f := range r.Findings {
			if f.Rule == PolicyRule {
				continue
			}
			routes := slices.DeleteFunc(slices.Clone(routesOf(f)), func(route string) bool { return other[key{f.Rule, route}] })
			if len(routes) == 0 {
				continue
			}
			c := Change{Kind: kind, Route: routes[0], Also: routes[1:], Faults: f.Faults, Rule: f.Rule, Direction: direction}
			if kind == FindingNew {
				c.After = f.Title
			} else {
				c.Before = f.Title
			}
			c.Text = fmt.Sprintf("%s: %s (%s, %s:%d)", word, f.Title, f.Rule, f.Place.File, f.Place.Line)
			all = append(all, c)
		}
		return all
	}
	return append(one(FindingNew, new, before, "new finding", Worse), one(FindingGone, old, after, "no longer found", Better)...)
}

// routesOf are a finding's routes; one without any is about the whole config.
func routesOf(f Finding) []string {
	if len(f.Routes) == 0 {
		return []string{""}
	}
	return f.Routes
}
