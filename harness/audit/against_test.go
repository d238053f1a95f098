package audit

import (
	"slices"
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
		r.Routes = append(r.Routes, Route{ID: "/pool", Reached: true, Endpoints: []Endpoint{{Name: "one:80"}, {Name: "two:80"}}})
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
			measurementsWith(r, "refused", "", func(c *Measurement) { *c = Measurement{Fault: c.Fault, Method: c.Method, Skipped: "one peer"} })
		}, []string{"/api/, upstream refused: 504 after 5 s, nginx's page before, does not apply (one peer) now"}, ""},
		"immune now": {func(r *Report) {
			measurementsWith(r, "refused", "POST", func(c *Measurement) {
				*c = Measurement{Fault: c.Fault, Method: c.Method, Skipped: "nothing is kept", SkippedAs: Immune}
			})
		}, []string{"/api/, upstream refused, POST: 504 after 5 s, nginx's page before, does not apply (nothing is kept) now"}, Better},
		"unhealthy now": {func(r *Report) {
			measurementsWith(r, "", "POST", func(c *Measurement) {
				*c = Measurement{Fault: c.Fault, Method: c.Method, Skipped: "POST is answered 503 without any fault", SkippedAs: Unhealthy}
			})
		}, []string{"/api/, all well, POST: answered as it should be before, POST is answered 503 without any fault now"}, Worse},
		"a cell gone": {func(r *Report) { r.Routes[0].Measurements = r.Routes[0].Measurements[:5] },
			[]string{"/api/, one dead, POST: 504 after 5 s, nginx's page before, not tried now"}, ""},
		"a peer lost": {func(r *Report) { r.Routes[1].Endpoints = r.Routes[1].Endpoints[:1] },
			[]string{"/pool: two:80 is called no more, one:80 alone is left, without a spare"}, Worse},
		"a peer more": {func(r *Report) {
			r.Routes[1].Endpoints = append(r.Routes[1].Endpoints, Endpoint{Name: "three:80", Backup: true})
		},
			[]string{"/pool: three:80 (backup) is called too, beside one:80 and two:80"}, Better},
		"another peer": {func(r *Report) { r.Routes[1].Endpoints[1].Name = "three:80" },
			[]string{"/pool: calls one:80 and two:80 before, one:80 and three:80 now"}, ""},
		"a peer that is a backup now": {func(r *Report) { r.Routes[1].Endpoints[1].Backup = true },
			[]string{"/pool: calls one:80 and two:80 before, one:80 and two:80 (backup) now"}, ""},
		"peers of whatever a visitor names": {func(r *Report) { r.Routes[1].Endpoints, r.Routes[1].Dynamic = nil, true }, nil, ""},
		"lab errors": {func(r *Report) {
			measurementsWith(r, "refused", "", func(c *Measurement) { c.Error, c.Status = "lab: "+c.Method, 0 })
		}, []string{"/api/, upstream refused: could not be measured now, as the lab failed: whether it changed is not known"}, ""},
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

// Whoever can't be believed is to be refused: that a certificate is verified now is better, though visitors get an error.
func TestCompare_RefusingAnImpostorIsBetter(t *testing.T) {
	served, refused := Outcome{Status: 200, Page: "upstream"}, Outcome{Status: 502, Page: "nginx"}
	for _, c := range []struct {
		before, after Outcome
		want          string
	}{{served, refused, Better}, {refused, served, Worse}} {
		g := NewWithT(t)
		old, new := two(func(*Report) {})
		for _, r := range []*Report{old, new} {
			r.Faults = []FaultInfo{{ID: "refused", Title: "TLS expired", MustFail: true}}
		}
		measurementsWith(old, "refused", "", func(m *Measurement) { m.Outcome = c.before })
		measurementsWith(new, "refused", "", func(m *Measurement) { m.Outcome = c.after })
		changes := Compare(old, new).Changes
		g.Expect(changes).To(HaveLen(1))
		g.Expect(changes[0].Direction).To(Equal(c.want))
	}
}

// A fault against which the gateway was immune is weighed as if nothing had happened before.
func TestCompare_WhatBecomesPossibleIsWorseOnlyIfItHurts(t *testing.T) {
	for status, want := range map[int]string{502: Worse, 200: ""} {
		g := NewWithT(t)
		old, new := two(func(*Report) {})
		old.Routes[0].Healthy, new.Routes[0].Healthy = Outcome{Status: 200}, Outcome{Status: 200}
		measurementsWith(old, "refused", "POST", func(m *Measurement) {
			*m = Measurement{Fault: m.Fault, Method: m.Method, Skipped: "nothing is kept", SkippedAs: Immune}
		})
		measurementsWith(new, "refused", "POST", func(m *Measurement) { m.Outcome = Outcome{Status: status} })
		changes := Compare(old, new).Changes
		g.Expect(changes).To(HaveLen(1))
		g.Expect(changes[0].Kind).To(Equal(FaultApplies))
		g.Expect(changes[0].Direction).To(Equal(want))
	}
}

// What the healthy column says of a method is not said again.
func TestCompare_AnUnhealthyMethodIsSaidOnce(t *testing.T) {
	g := NewWithT(t)
	old, new := two(func(r *Report) {
		measurementsWith(r, "", "POST", func(c *Measurement) {
			*c = Measurement{Fault: c.Fault, Method: c.Method, Skipped: "POST is answered 503 without any fault", SkippedAs: Unhealthy}
		})
	})
	old.Routes[0].Measurements = append(old.Routes[0].Measurements, Measurement{Fault: Healthy, Method: "POST", Outcome: Outcome{Status: 200}})
	new.Routes[0].Measurements = append(new.Routes[0].Measurements, Measurement{Fault: Healthy, Method: "POST", Outcome: Outcome{Status: 503}})
	changes := Compare(old, new).Changes
	g.Expect(changes).To(HaveLen(1))
	g.Expect(changes[0].Before).To(HavePrefix("200"))
	g.Expect(changes[0].Direction).To(Equal(Worse))
}

// Where the application is well and says so by its status, that status is right, and any other is worse.
func TestCompare_WhatTheApplicationSaysIsRight(t *testing.T) {
	for _, c := range []struct {
		before, after int
		want          string
	}{{404, 502, Worse}, {404, 200, Worse}, {302, 404, Better}} {
		g := NewWithT(t)
		old, new := two(func(*Report) {})
		old.Faults = []FaultInfo{{ID: "refused", Title: "404", Says: 404}}
		new.Faults = old.Faults
		measurementsWith(old, "refused", "", func(m *Measurement) { m.Outcome = Outcome{Status: c.before} })
		measurementsWith(new, "refused", "", func(m *Measurement) { m.Outcome = Outcome{Status: c.after} })
		changes := Compare(old, new).Changes
		g.Expect(changes).To(HaveLen(1))
		g.Expect(changes[0].Direction).To(Equal(c.want), "%d, %d", c.before, c.after)
	}
}

// A method that is tried on one side only is named as such while all is well, as under a fault.
func TestCompare_AMethodOfOneSide(t *testing.T) {
	g := NewWithT(t)
	old, new := two(func(*Report) {})
	new.Routes[0].Measurements = append(new.Routes[0].Measurements, Measurement{Fault: Healthy, Method: "PUT", Outcome: Outcome{Status: 200}})
	changes := Compare(old, new).Changes
	g.Expect(changes).To(HaveLen(1))
	g.Expect(changes[0].Text).To(Equal("/api/, all well, PUT: not tried before, 200 now"))
}

// A finding is not gone because it can't be seen any more, and not new because it could not be seen before.
func TestCompare_FindingsOfWhatIsNotKnown(t *testing.T) {
	found := []Finding{{Rule: "upload-refused", Title: "uploads are refused", Routes: []string{"/api/"}, Faults: []string{"silent"}}}
	refusing := func(r *Report) {
		measurementsWith(r, "silent", "POST", func(c *Measurement) {
			*c = Measurement{Fault: c.Fault, Method: c.Method, Skipped: "POST is answered 503 without any fault", SkippedAs: Unhealthy}
		})
	}
	broken := func(r *Report) {
		measurementsWith(r, "silent", "POST", func(c *Measurement) { *c = Measurement{Fault: c.Fault, Method: c.Method, Error: "lost"} })
	}
	for name, lose := range map[string]func(*Report){"the method fails": refusing, "the lab failed": broken} {
		g := NewWithT(t)
		kinds := func(old, new *Report) map[ChangeKind]string {
			all := map[ChangeKind]string{}
			for _, c := range Compare(old, new).Changes {
				all[c.Kind] = c.Direction
			}
			return all
		}
		known, lost := two(lose)
		for _, r := range []*Report{known, lost} { // it is about POST alone
			r.Routes[0].Measurements = slices.DeleteFunc(r.Routes[0].Measurements, func(m Measurement) bool { return m.Fault == "silent" && m.Method == "GET" })
		}
		known.Findings = found
		g.Expect(kinds(known, lost)).NotTo(HaveKey(FindingGone), name)
		g.Expect(kinds(lost, known)).To(HaveKeyWithValue(FindingNew, ""), name)

		known, well := two(func(*Report) {})
		known.Findings = found
		g.Expect(kinds(known, well)).To(HaveKeyWithValue(FindingGone, Better))
		g.Expect(kinds(well, known)).To(HaveKeyWithValue(FindingNew, Worse))
	}
}

// That nothing was measured is no change of its own; where it is so on both sides, nobody says that there is no difference.
func TestCompare_WhereNothingWasMeasured(t *testing.T) {
	g := NewWithT(t)
	nothing := []Finding{{Rule: UnmeasuredRule, Title: "nothing was measured"}}
	old, new := two(func(r *Report) { r.Findings = nothing })
	g.Expect(Compare(old, new).Changes).To(BeEmpty())
	old.Findings = nothing
	c := Compare(old, new)
	g.Expect(c.Unknown()).To(BeTrue())
	g.Expect(c.Changes[0].Text).To(ContainSubstring("is not known"))
	new.Findings = []Finding{{Rule: UnmeasuredRule, Waived: "it is a test"}}
	g.Expect(Compare(old, new).Unknown()).To(BeFalse())
}
