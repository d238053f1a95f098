package audit

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// Apply holds the policy against what was measured: it fills the breaches of measurements and routes, the waivers of findings and
// the verdict. Waivers that have ended by that day, and routes that the policy names and there are not, become findings of the
// [PolicyRule], which always fail.
func (p *Policy) Apply(r *Report, today time.Time) {
	r.PolicyFile = p.File
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		return slices.Contains([]string{PolicyRule, UnmeasuredRule, UnreachedRule}, f.Rule)
	})
	if r.Refused != nil {
		r.Verdict = Refused
		return
	}
	r.Verdict = Passed
	l, visitors := p.lookup(), r.visitors()
	for i := range r.Routes {
		if !r.Static && l.applyTo(&r.Routes[i], visitors) {
			r.Verdict = Findings
		}
	}
	r.Findings = append(r.Findings, notKnown(r)...)
	p.applyWaivers(r, today)
	for _, f := range r.Findings {
		if f.Waived == "" && severityRank(f.Severity) <= severityRank(p.FailOn) {
			r.Verdict = Findings
		}
	}
	own := append(p.endedWaivers(r, today), p.missingRoutes(r)...)
	if len(own) > 0 {
		r.Verdict = Findings
		r.Findings = append(r.Findings, own...)
	}
}

// applyTo fills the breaches of a route, and reports whether there are any.
func (l lookup) applyTo(r *Route, visitors map[string]bool) bool {
	r.Breaches = nil
	for i := range r.Measurements {
		r.Measurements[i].Breaches = nil
	}
	if !r.Reached {
		if _, ok := l.ids[r.ID]; ok {
			r.Breaches = []string{"no request reaches it, and the policy speaks of it: " + r.Why}
		}
		return len(r.Breaches) > 0
	}
	scopes := l.scopes(r.ID)
	if !r.hasHealthyColumn() { // of a route that is like another there are no measurements
		well, _ := limitsOf(scopes, Healthy, r.Ask.Method, false)
		r.Breaches = well.breaches(r.healthy())
	}
	broken := len(r.Breaches) > 0
	for i := range r.Measurements {
		c := &r.Measurements[i]
		if !conclusive(*c) {
			continue
		}
		here, survive := limitsOf(scopes, c.Fault, c.Method, visitors[c.Fault])
		c.Breaches = here.breaches(*c)
		if survive && !survived(*c, r.Healthy) {
			c.Breaches = append([]string{"has to survive it, and visitors got " + statusWord(*c)}, c.Breaches...)
		}
		broken = broken || len(c.Breaches) > 0
	}
	return broken
}

// visitors are the faults that are a client's own, by id.
func (r *Report) visitors() map[string]bool {
	all := map[string]bool{}
	for _, f := range r.Faults {
		if f.Visitor {
			all[f.ID] = true
		}
	}
	return all
}

// survived reports whether the client noticed nothing but a wait.
func survived(c Measurement, healthy Outcome) bool {
	good := c.Status == http.StatusOK || c.Status == healthy.Status
	return good && !c.Masked && c.NotStarted == "" && !c.Cut && !c.SilentTruncation && !c.TimedOut && c.NoAnswer == healthy.NoAnswer
}

// breaches are what the limits do not allow, each in a few words.
func (l limits) breaches(c Measurement) []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if l.status != nil && !slices.Contains(l.status, statusWord(c)) {
		add("status %s, and %s is allowed", statusWord(c), orList(l.status))
	}
	if c.NotStarted != "" {
		return all // there is nothing else to be held against
	}
	if waited := wait(c); l.wait != nil && !l.wait.holds(waited, 500*time.Millisecond) {
		add("waited %s, and %s is allowed", span{value: waited}, l.wait)
	}
	if l.page != nil && !slices.Contains(l.page, pageWord(c)) {
		add("page of %s, and that of %s is allowed", pageWord(c), orList(l.page))
	}
	if l.tries != nil && !slices.Contains(l.tries, len(c.Tries)) {
		add("tries: %d, and %s is allowed", len(c.Tries), orList(l.tries))
	}
	if l.repeated != nil && *l.repeated >= 0 && c.Repeated != *l.repeated {
		add("the body was sent %s, and %s is allowed", times(c.Repeated+1), times(*l.repeated+1))
	}
	if l.silentTruncation != nil && !*l.silentTruncation && c.SilentTruncation {
		add("a cut answer passes as whole")
	}
	if errors := recovery(c); l.errors != nil && !l.errors.holds(errors, 1500*time.Millisecond) {
		add("errors for %s after recovery, and %s is allowed", span{value: errors}, l.errors)
	}
	return all
}

// statusWord is a measurement's status as a policy has it.
func statusWord(c Measurement) string {
	switch {
	case c.NotStarted != "":
		return "not-started"
	case c.answered():
		return "served"
	case c.Status == 0:
		return "none"
	}
	return strconv.Itoa(c.Status)
}

// answered reports whether a client of a stream, where there is no status, got what he came for.
func (c Measurement) answered() bool {
	return c.Status == 0 && c.NoAnswer == "" && c.NotStarted == "" && (c.Method == "TCP" || c.Method == "UDP")
}

// healthy is the healthy answer as a measurement.
func (r *Route) healthy() Measurement {
	return Measurement{Fault: Healthy, Outcome: r.Healthy, Method: r.Ask.Method}
}

// hasHealthyColumn reports whether the route was measured while all was well.
func (r *Route) hasHealthyColumn() bool {
	return slices.ContainsFunc(r.Measurements, func(c Measurement) bool { return c.Fault == Healthy && conclusive(c) })
}

// pageWord is a measurement's page as a policy has it.
func pageWord(c Measurement) string { return cmp.Or(c.Page, "none") }

// orList joins values as one would say them: "502 or 504".
func orList[T any](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}

// applyWaivers fills the waivers that are in force. A finding is waived when all of its routes are.
func (p *Policy) applyWaivers(r *Report, today time.Time) {
	inForce := map[string][]Waiver{} // by rule
	for _, w := range p.Waivers {
		if !w.expired(today) {
			inForce[w.Rule] = append(inForce[w.Rule], w)
		}
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Waived, f.Until = "", ""
		var reasons []string
		var until time.Time
		covered := true
		for _, route := range routesOf(*f) {
			here := false
			for _, w := range inForce[f.Rule] {
				if !w.covers(route) {
					continue
				}
				here = true
				if !slices.Contains(reasons, w.Reason) {
					reasons = append(reasons, w.Reason)
				}
				if until.IsZero() || w.Until.Before(until) {
					until = w.Until
				}
				break
			}
			covered = covered && here
		}
		if covered {
			f.Waived, f.Until = strings.Join(reasons, "; "), until.Format(time.DateOnly)
		}
	}
}

func (w Waiver) covers(route string) bool {
	return len(w.Routes) == 0 || slices.ContainsFunc(w.Routes, func(p string) bool { return matchRoute(p, route) })
}

// expired reports whether the waiver's last day is past.
func (w Waiver) expired(today time.Time) bool {
	y, m, d := today.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).After(w.Until)
}

// endedWaivers are the waivers that have ended.
func (p *Policy) endedWaivers(r *Report, today time.Time) []Finding {
	var all []Finding
	for _, w := range p.Waivers {
		if !w.expired(today) {
			continue
		}
		saw := "nothing is found any more that it would be for"
		if slices.ContainsFunc(r.Findings, func(f Finding) bool {
			return f.Rule == w.Rule && slices.ContainsFunc(routesOf(f), w.covers)
		}) {
			saw = "what it was for is still there"
		}
		all = append(all, Finding{
			Rule: PolicyRule, RuleTitle: "The policy does not fit what it is held against", Severity: "medium", Title: "the waiver of " + w.Rule + " ended on " + w.Until.Format(time.DateOnly),
			Place: nginxconf.Place{File: p.File, Line: w.Line}, Routes: w.Routes, Saw: saw,
			Patch: "# remove the waiver, mend what it was for, or give it a new day and a reason that still holds",
			In:    fmt.Sprintf("%s:%d", p.File, w.Line),
			Why:   "It was given for a time (" + w.Reason + "), and the time is over.",
		})
	}
	return all
}

// missingRoutes are the routes that the policy names by their id and that there are not. A report of some routes only can't tell.
func (p *Policy) missingRoutes(r *Report) []Finding {
	if r.Partial || r.Static { // those of upstreams that only a request shows are known to be missing by a measurement alone
		return nil
	}
	ids := make([]string, len(r.Routes))
	known := make(map[string]bool, len(r.Routes))
	for i, route := range r.Routes {
		ids[i] = route.ID
		known[route.ID] = true
	}
	var all []Finding
	missing := func(name string, line int) {
		if known[name] || slices.ContainsFunc(ids, func(id string) bool { return matchRoute(name, id) }) {
			return
		}
		saw := "the config has no route of that id"
		if len(ids) > 0 {
			saw += "; " + nearest(name, slices.Clone(ids))
		}
		all = append(all, Finding{
			Rule: PolicyRule, RuleTitle: "The policy does not fit what it is held against", Severity: "medium", Title: "the policy speaks of a route that there is not: " + name,
			Place: nginxconf.Place{File: p.File, Line: line}, Saw: saw,
			Patch: "# remove it, or give the route's id of today", In: fmt.Sprintf("%s:%d", p.File, line),
			Why: "What the policy says of it is held against nothing.",
		})
	}
	for _, s := range p.routes {
		missing(s.route, s.line)
	}
	for _, q := range p.requests {
		missing(q.route, q.line)
	}
	return all
}
