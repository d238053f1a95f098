package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// UnmeasuredRule is the rule of the finding that nothing was measured: the config has no upstream, no request got to any route, or
// no fault applied to those that were reached. A policy may waive it for a time as any other.
const UnmeasuredRule = "unmeasured"

// UnreachedRule is the rule of the finding that no request got to some of the routes. A policy gives a request for them, or waives it.
const UnreachedRule = "unreached"

// HealthyRule is the rule of findings that requests fail while all upstreams are well.
const HealthyRule = "healthy-fails"

// notKnown is the finding that nothing is known of some routes, or of any, so that nobody takes it for proof. What is known to fail
// while all is well is said by the [HealthyRule]; where the lab failed, that is said in its own way.
func notKnown(r *Report) []Finding {
	if r.Static {
		return nil // nothing was to be measured
	}
	if len(r.Routes) == 0 {
		return []Finding{{
			Rule: UnmeasuredRule, RuleTitle: "Nothing was measured", Severity: "medium", Title: "the config has no upstream: nothing was measured",
			Place: nginxconf.Place{File: r.Main, Line: 1}, Routes: []string{},
			Saw: "no proxy_pass and no other pass directive is in what nginx reads",
			Why: "Either another config was meant, or a file is not included that should be: this check proves nothing.",
		}}
	}
	failing := map[string]bool{}
	for _, f := range r.Findings {
		for _, route := range f.Routes {
			failing[route] = failing[route] || f.Rule == HealthyRule
		}
	}
	var dark []*Route // not reached, and no finding says why
	reached, measured, visitors := 0, false, r.visitors()
	f := Finding{}
	for i := range r.Routes {
		route := &r.Routes[i]
		switch {
		case route.Reached:
			reached++
		case !failing[route.ID]:
			dark = append(dark, route)
		}
		for _, c := range route.Measurements {
			if c.Error != "" || c.Fault != Healthy && !visitors[c.Fault] && c.Skipped == "" {
				measured = true
			} else if c.Skipped != "" {
				f.Saw = cmp.Or(f.Saw, route.ID+", "+c.Fault+": "+c.Skipped)
			}
		}
	}
	switch {
	case reached > 0 && !measured:
		f.Title, f.Routes = "nothing was measured", reachedIDs(r)
		f.Place = r.Routes[slices.IndexFunc(r.Routes, func(route Route) bool { return route.Reached })].Place
		if n := len(f.Routes) - 1; n > 0 {
			f.Saw += fmt.Sprintf("; %d more routes", n)
		}
	case len(dark) == 0:
		return nil
	default:
		first := dark[0]
		f.Title, f.Place, f.In = "no request gets to any route: nothing was measured", first.Place, PolicyName
		f.Saw = first.ID + ": " + first.Why
		f.Patch = "requests: {" + strconv.Quote(first.ID) + ": {method: GET, path: /}} # the request that gets there"
		for _, route := range dark {
			f.Routes = append(f.Routes, route.ID)
		}
		if n := len(dark) - 1; n > 0 {
			f.Saw += fmt.Sprintf("; %d more routes", n)
		}
		if reached > 0 || len(dark) < len(r.Routes) {
			f.Rule, f.RuleTitle, f.Severity = UnreachedRule, "No request gets to some of the routes", "medium"
			f.Title = "no request gets to " + routesWord(len(dark)) + ": nothing is known of it"
			f.Why = "What visitors get there is not known, well or not: what the check says is not of this part of the config. A route that " +
				"nobody needs can go."
			return []Finding{f}
		}
	}
	f.Rule, f.RuleTitle, f.Severity = UnmeasuredRule, "Nothing was measured", "high"
	f.Why = "What visitors get when an upstream fails is not known of any route: this check proves nothing."
	return []Finding{f}
}

func routesWord(n int) string {
	if n == 1 {
		return "one route"
	}
	return fmt.Sprintf("%d routes", n)
}

func reachedIDs(r *Report) (ids []string) {
	for _, route := range r.Routes {
		if route.Reached {
			ids = append(ids, route.ID)
		}
	}
	return ids
}
