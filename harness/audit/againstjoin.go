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
				if out[i].Kind == c.Kind && out[i].Direction == c.Direction && out[i].Before == c.Before && out[i].After == c.After && same(out[i], c) {
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
		key := strings.Join([]string{string(c.Kind), c.Direction, c.Before, c.After, strings.Join(c.Faults, " "), strings.Join(c.Methods, " ")}, "\n")
		joins := c.Kind == AnswerChanged || c.Kind == FaultApplies || c.Kind == NotMeasured || c.Kind == PeersChanged
		if i, ok := known[key]; ok && joins {
			out[i].Also = append(out[i].Also, c.Route)
			continue
		}
		if joins {
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
			text += ", " + Listed(faults)
		default:
			text += ", upstream " + Listed(faults)
		}
		if len(c.Methods) == 1 && c.Methods[0] != "GET" {
			text += ", " + c.Methods[0]
		}
		c.Text = text + ": " + c.Before + " before, " + afterwards(c.Before, c.After) + " now"
		if c.Kind == NotMeasured {
			c.Text = text + ": " + c.After
		}
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

// Listed joins words as one would say them: "a, b and c".
func Listed(words []string) string {
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
	one := func(kind ChangeKind, r, other *Report, word, direction string) []Change {
		var all []Change
		known, unknown := has(other), unknownCells(r, other)
		for _, f := range r.Findings {
			if f.Rule == PolicyRule || f.Rule == UnmeasuredRule || f.Rule == UnreachedRule { // what is not known is told by route and fault
				continue
			}
			routes := slices.DeleteFunc(slices.Clone(routesOf(f)), func(route string) bool { return known[key{f.Rule, route}] })
			if len(routes) == 0 {
				continue
			}
			c := Change{Kind: kind, Route: routes[0], Also: routes[1:], Faults: f.Faults, Rule: f.Rule, Direction: direction}
			if f.allIn(r, unknown) { // there it could not have been found: that it is not is no change
				if kind == FindingGone {
					continue
				}
				c.Direction = ""
			}
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
	return append(one(FindingNew, new, old, "new finding", Worse), one(FindingGone, old, new, "no longer found", Better)...)
}

// unknownCells are the measurements of a report of which another knows nothing, though it has the route: the lab failed, the method
// fails while all is well, or no request gets there.
func unknownCells(r, other *Report) map[Cell]bool {
	all, routes := map[Cell]bool{}, routesByID(other)
	for i := range r.Routes {
		route, there := &r.Routes[i], routes[r.Routes[i].ID]
		if there == nil {
			continue
		}
		cells := byCell(measurementsOf(routes, there))
		for _, c := range route.Measurements {
			m := cells[cell{c.Fault, c.Method}]
			if conclusive(c) && (!there.Reached || m != nil && (m.Error != "" || unhealthy(m))) {
				all[Cell{route.ID, c.Fault, c.Method}] = true
			}
		}
	}
	return all
}

// allIn reports whether all that was measured of what a finding is about is among some cells.
func (f Finding) allIn(r *Report, some map[Cell]bool) bool {
	measured := 0
	own := f.Cells(r)
	for _, route := range r.Routes {
		for _, c := range route.Measurements {
			at := Cell{route.ID, c.Fault, c.Method}
			if !own[at] || !conclusive(c) {
				continue
			}
			if !some[at] {
				return false
			}
			measured++
		}
	}
	return measured > 0
}

// routesOf are a finding's routes; one without any is about the whole config.
func routesOf(f Finding) []string {
	if len(f.Routes) == 0 {
		return []string{""}
	}
	return f.Routes
}
