package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
)

// maxSkips bounds the reasons under the matrix: a config with very many routes has one for each.
const maxSkips = 12

// skips say what of the matrix was not measured, and why: those with the same reason in one line, with the routes where not all
// have it.
func (g *grid) skips() (all []string) {
	routes := map[string][]string{}
	for _, r := range g.measured() {
		for _, line := range inapplicable(g.Report, r) {
			if routes[line] == nil {
				all = append(all, line)
			}
			routes[line] = append(routes[line], r.ID)
		}
	}
	for i, line := range all {
		if n := len(routes[line]); n < len(g.measured()) {
			all[i] += " (" + some(routes[line], 2) + ")"
		}
	}
	if n := len(all) - maxSkips; n > 1 {
		all = append(all[:maxSkips], fmt.Sprintf("%d more reasons, on single routes: --route shows them", n))
	}
	return all
}

// inapplicable says which faults do not apply to a route, and why: those with the same reason in one line, and a method with
// which none was tried by its own name.
func inapplicable(r *audit.Report, route *audit.Route) (all []string) {
	tried := map[string]bool{}
	for _, c := range route.Measurements {
		tried[c.Method] = tried[c.Method] || c.Skipped == "" && c.Fault != audit.Healthy
	}
	known := map[string][]string{}
	var reasons []string
	for _, c := range route.Measurements {
		if c.Skipped == "" {
			continue
		}
		what := titleOfFault(r, c.Fault)
		inAll := !slices.ContainsFunc(route.Measurements, func(o audit.Measurement) bool { return o.Fault == c.Fault && o.Skipped != c.Skipped })
		if !tried[c.Method] && !inAll { // else it is the fault that applies to no method
			what = c.Method + ", every fault"
		}
		if known[c.Skipped] == nil {
			reasons = append(reasons, c.Skipped)
		}
		if !slices.Contains(known[c.Skipped], what) {
			known[c.Skipped] = append(known[c.Skipped], what)
		}
	}
	for _, reason := range reasons {
		all = append(all, strings.Join(known[reason], ", ")+": "+reason)
	}
	return all
}
