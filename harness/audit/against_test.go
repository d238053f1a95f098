package audit

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// two are a report and its like after a change.
func two(change func(*Report)) (*Report, *Report) {
	old, new := measuredReport(), measuredReport()
	for _, r := range []*Report{old, new} {
		r.Routes[0].ID = "/api/"
		r.Routes[0].Measurements = nil
		r.Findings = nil
		for _, fault := range []string{"refused", "silent", "one-dead"} {
			for _, method := range []string{"GET", "POST"} {
				c := Measurement{Fault: fault, Method: method, Outcome: Outcome{Status: 504, Page: "nginx", Waited: 5 * time.Second}}
				r.Routes[0].Measurements = append(r.Routes[0].Measurements, c)
			}
		}
	}
	change(new)
	return old, new
}

func measurementsWith(r *Report, fault, method string, change func(*Measurement)) {
	for i := range r.Routes[0].Measurements {
		c := &r.Routes[0].Measurements[i]
		if (fault == "" || c.Fault == fault) && (method == "" || c.Method == method) {
			change(c)
		}
	}
}

func TestCompare(t *testing.T) {
	slow := func(c *Measurement) { c.Waited = 60 * time.Second }
	for name, c := range map[string]struct {
		change func(*Report)
		want   []string
		turn   string
	}{
		"nothing": {func(*Report) {}, nil, ""},
		"noise": {func(r *Report) {
			measurementsWith(r, "", "", func(c *Measurement) { c.Waited += 400 * time.Millisecond; c.ErrorsFor += time.Second })
		}, nil, ""},
		"what visitors do not notice": {func(r *Report) {
			measurementsWith(r, "", "", func(c *Measurement) { c.Tries = []string{"a", "b"}; c.Log = nil; c.LogFile = "x"; c.Body = "y" })
		}, nil, ""},
		"a wait": {func(r *Report) { measurementsWith(r, "silent", "", slow) },
			[]string{"/api/, upstream silent: 504 after 5 s before, after 60 s now"}, Worse},
		"a wait of one method": {func(r *Report) { measurementsWith(r, "silent", "POST", slow) },
			[]string{"/api/, upstream silent, POST: 504 after 5 s before, after 60 s now"}, Worse},
		"several faults": {func(r *Report) { measurementsWith(r, "silent", "", slow); measurementsWith(r, "refused", "", slow) },
			[]string{"/api/, upstream refused and silent: 504 after 5 s before, after 60 s now"}, Worse},
		"faults whose methods differ": {func(r *Report) { measurementsWith(r, "silent", "", slow); measurementsWith(r, "refused", "GET", slow) },
			[]string{"/api/, upstream refused: 504 after 5 s before, after 60 s now", "/api/, upstream silent: 504 after 5 s before, after 60 s now"}, Worse},
		"a pool": {func(r *Report) {
			measurementsWith(r, "one-dead", "", func(c *Measurement) { c.Status, c.Waited, c.Page = 200, 0, "upstream" })
		}, []string{"/api/, one dead: 504 after 5 s, nginx's page before, 200 at once, the upstream's page now"}, Better},
		"a page": {func(r *Report) { measurementsWith(r, "refused", "", func(c *Measurement) { c.Page = "config" }) },
			[]string{"/api/, upstream refused: 504, nginx's page before, 504, the config's page now"}, ""},
		"cut as whole": {func(r *Report) {
			measurementsWith(r, "refused", "GET", func(c *Measurement) { c.SilentTruncation = true })
		},
			[]string{"/api/, upstream refused: 504 before, 504, cut but complete to see now"}, Worse},
		"a POST twice": {func(r *Report) { measurementsWith(r, "refused", "POST", func(c *Measurement) { c.Repeated = 1 }) },
			[]string{"/api/, upstream refused, POST: 504, sent once before, 504, sent twice now"}, Worse},
		"errors for long": {func(r *Report) {
			measurementsWith(r, "refused", "", func(c *Measurement) { c.ErrorsFor = time.Minute })
		},
			[]string{"/api/, upstream refused: 504, no errors after recovery before, 504, errors for 60 s after recovery now"}, Worse},
		"errors for ever": {func(r *Report) { measurementsWith(r, "refused", "", func(c *Measurement) { c.NotRecovered = true }) },
			[]string{"/api/, upstream refused: 504, no errors after recovery before, 504, errors for ever now"}, Worse},
		"no start": {func(r *Report) {
			measurementsWith(r, "refused", "", func(c *Measurement) { *c = Measurement{Fault: c.Fault, Method: c.Method, NotStarted: "x"} })
		},
			[]string{"/api/, upstream refused: 504 after 5 s before, nothing, as the gateway does not start now"}, Worse},
		"no answer": {func(r *Report) {
			measurementsWith(r, "refused", "", func(c *Measurement) { c.Status, c.NoAnswer, c.Page = 0, "reset", "" })
		},
			[]string{"/api/, upstream refused: 504, nginx's page before, no answer (reset), no page now"}, Worse},
		"endless": {func(r *Report) { measurementsWith(r, "refused", "", func(c *Measurement) { c.TimedOut = true }) },
			[]string{"/api/, upstream refused: 504 after 5 s before, 504, waiting without end now"}, Worse},
		"skipped cells": {func(r *Report) {
			measurementsWith(r, "refused", "", func(c *Measurement) { c.Skipped, c.Status = "one peer", 0 })
		}, nil, ""},
		"lab errors": {func(r *Report) {
			measurementsWith(r, "refused", "", func(c *Measurement) { c.Error, c.Status = "lab", 0 })
		}, nil, ""},
		"healthy":      {func(r *Report) { r.Routes[0].Healthy.Status = 404 }, []string{"/api/, all well: 200 before, 404 now"}, Worse},
		"a route new":  {func(r *Report) { r.Routes = append(r.Routes, Route{ID: "/new", Pass: "http://app"}) }, []string{"/new: is new (to http://app)"}, ""},
		"a route gone": {func(r *Report) { r.Routes = r.Routes[1:] }, []string{"/api/: is gone (was to http://app:8080)"}, ""},
		"not reached": {func(r *Report) { r.Routes[0].Reached, r.Routes[0].Why = false, "internal" },
			[]string{"/api/: is reached before, is not reached (internal) now"}, Worse},
		"refused": {func(r *Report) { r.Refused = &Refusal{Message: "unknown directive"} },
			[]string{"the config: loads before, can't be loaded: unknown directive now"}, Worse},
		"a finding": {func(r *Report) {
			r.Findings = []Finding{{Rule: "long-wait", Title: "visitors wait 60 s", Routes: []string{"/api/"}, Place: nginxconf.Place{File: "a.conf", Line: 3}}}
		}, []string{"new finding: visitors wait 60 s (long-wait, a.conf:3)"}, Worse},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			var texts []string
			for _, change := range Compare(two(c.change)).Changes {
				texts = append(texts, change.Text)
				g.Expect(change.Direction).To(Equal(c.turn), change.Text)
			}
			g.Expect(texts).To(Equal(c.want))
		})
	}
}

func TestCompare_JoinsMethodsThatChangeAlike(t *testing.T) {
	g := NewWithT(t)
	c := Compare(two(func(r *Report) {
		measurementsWith(r, "silent", "", func(c *Measurement) { c.Waited = time.Minute })
		r.Gateway = "nginx/1.26.3"
	}))
	g.Expect(c.Old).To(Equal("nginx.conf (nginx/1.22.1)"))
	g.Expect(c.New).To(Equal("nginx.conf (nginx/1.26.3)"))
	g.Expect(c.Changes).To(Equal([]Change{{
		Kind: AnswerChanged, Route: "/api/", Faults: []string{"silent"}, Methods: []string{"GET", "POST"}, Direction: Worse,
		Before: "504 after 5 s", After: "504 after 60 s", Text: "/api/, upstream silent: 504 after 5 s before, after 60 s now",
	}}))
}

// Routes with the same change make one line; a route that is like another has its measurements.
func TestCompare_JoinsRoutesThatChangeAlike(t *testing.T) {
	g := NewWithT(t)
	old, new := two(func(*Report) {})
	for _, r := range []*Report{old, new} {
		r.Routes[1] = r.Routes[0]
		r.Routes[1].ID = "/b/"
		r.Routes = append(r.Routes, Route{ID: "/c/", SameAs: "/b/", Reached: true, Healthy: r.Routes[0].Healthy})
		r.Routes[1].Measurements = append([]Measurement(nil), r.Routes[0].Measurements...)
	}
	new.Routes[0].Measurements = append([]Measurement(nil), new.Routes[0].Measurements...)
	new.Routes[1].Measurements[0].Status, new.Routes[0].Measurements[0].Status = 502, 502
	c := Compare(old, new)
	g.Expect(c.Changes).To(HaveLen(1))
	g.Expect(c.Changes[0].Also).To(Equal([]string{"/b/", "/c/"}))
	g.Expect(c.Changes[0].Text).To(Equal("/api/ and 2 more, upstream refused: 504 before, 502 now"))
}

func TestCompare_FindingsByRuleAndRoute(t *testing.T) {
	g := NewWithT(t)
	old, new := two(func(*Report) {})
	old.Findings = []Finding{{Rule: "a", Title: "A", Routes: []string{"/x"}, Place: nginxconf.Place{Line: 1}}, {Rule: "b", Title: "B"}, {Rule: PolicyRule}}
	new.Findings = []Finding{{Rule: "a", Title: "A", Routes: []string{"/x", "/y"}, Place: nginxconf.Place{File: "n.conf", Line: 9}}}
	c := Compare(old, new).Changes
	g.Expect(c).To(HaveLen(2))
	g.Expect(c[0].Route).To(Equal("/y"), "that of /x has only moved")
	g.Expect(c[0].Kind).To(Equal(FindingNew))
	g.Expect(c[1].Kind).To(Equal(FindingGone))
	g.Expect(c[1].Direction).To(Equal(Better))
}
