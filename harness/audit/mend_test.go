package audit

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// measured is a report of one route with a healthy answer and one measurement.
func measured(healthy Outcome, m Measurement) *Report {
	return &Report{Routes: []Route{{ID: "/", Reached: true, Healthy: healthy, Ask: ClientRequest{Method: "GET"}, Measurements: []Measurement{m},
		Endpoints: []Endpoint{{Name: "a:80", Called: true}}}}}
}

func TestWorsened(t *testing.T) {
	well := Outcome{Status: 200, Page: "upstream", Header: map[string][]string{"Location": {"/x"}, "X-A": {"1"}, "Date": {"now"}},
		Calls: []Call{{URI: "/x", Host: "a", TLS: true}}}
	silent := Measurement{Fault: "silent", Method: "GET", Outcome: Outcome{Status: 504, Waited: time.Minute, Page: "config"}}
	own := Measurement{Fault: "silent", Method: "GET", Outcome: Outcome{Status: 500, Page: "upstream"}}
	none := map[Cell]bool{}
	for name, c := range map[string]struct {
		before, after *Report
		own           map[Cell]bool
		want          string
	}{
		"the same":               {measured(well, silent), measured(well, silent), none, ""},
		"a shorter wait":         {measured(well, silent), measured(well, altered(silent, func(m *Measurement) { m.Waited = time.Second })), none, ""},
		"a longer wait":          {measured(well, silent), measured(well, altered(silent, func(m *Measurement) { m.Waited *= 2 })), none, "504 after 120 s"},
		"another error":          {measured(well, silent), measured(well, altered(silent, func(m *Measurement) { m.Status = 502 })), none, "502"},
		"another error, its own": {measured(well, silent), measured(well, altered(silent, func(m *Measurement) { m.Status = 503 })), map[Cell]bool{{"/", "silent", "GET"}: true}, ""},
		"the application's own":  {measured(well, own), measured(well, altered(own, func(m *Measurement) { m.Status = 503 })), map[Cell]bool{{"/", "silent", "GET"}: true}, "the application's own 500"},
		"an error of nginx's":    {measured(well, altered(silent, func(m *Measurement) { m.Page = "nginx" })), measured(well, altered(silent, func(m *Measurement) { m.Status = 503 })), none, ""},
		"immune":                 {measured(well, silent), measured(well, altered(silent, func(m *Measurement) { m.Skipped, m.SkippedAs = "x", Immune })), none, ""},
		"the page is lost":       {measured(well, silent), measured(well, altered(silent, func(m *Measurement) { m.Page = "nginx" })), none, "nginx's own page"},
		"not measured":           {measured(well, silent), measured(well, altered(silent, func(m *Measurement) { m.Skipped = "x" })), none, "can't be measured"},
		"a header is lost":       {measured(well, silent), measured(with(well, func(o *Outcome) { o.Header = map[string][]string{"Location": {"/x"}} }), silent), none, "no X-A any more"},
		"Location":               {measured(well, silent), measured(with(well, func(o *Outcome) { o.Header = map[string][]string{"Location": {"http://a/x"}, "X-A": {"1"}} }), silent), none, "Location: /x before"},
		"the URI":                {measured(well, silent), measured(with(well, func(o *Outcome) { o.Calls = []Call{{URI: "/", Host: "a", TLS: true}} }), silent), none, "asked for /, not for /x"},
		"without TLS":            {measured(well, silent), measured(with(well, func(o *Outcome) { o.Calls = []Call{{URI: "/x", Host: "a"}} }), silent), none, "without TLS"},
		"a mirror's calls":       {measured(with(well, mirrored("a", "m")), silent), measured(with(well, mirrored("m", "a")), silent), none, ""},
		"another Host":           {measured(well, silent), measured(with(well, func(o *Outcome) { o.Calls = []Call{{URI: "/x", Host: "b", TLS: true}} }), silent), none, "Host: b, not a"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, _ := Worsened(c.before, c.after, c.own)
			if c.want == "" {
				g.Expect(got).To(BeEmpty())
				return
			}
			g.Expect(got).To(ContainElement(ContainSubstring(c.want)))
		})
	}
	g := NewWithT(t)
	lost := measured(well, silent)
	lost.Routes[0].Endpoints[0].Called = false
	g.Expect(harms(Worsened(measured(well, silent), lost, none))).To(ConsistOf("/ does not call a:80 any more"))
	g.Expect(harms(Worsened(lost, measured(well, silent), none))).To(BeEmpty())
	found := measured(well, silent)
	found.Findings = []Finding{{Rule: "r", Severity: "high", Title: "t", Routes: []string{"/"}}}
	g.Expect(harms(Worsened(measured(well, silent), found, none))).To(HaveLen(1))
	g.Expect(harms(Worsened(found, found, none))).To(BeEmpty())
}

// A websocket that is opened and cut when nobody speaks is more than none.
func TestWorsened_ByTheLossOfWebsockets(t *testing.T) {
	g := NewWithT(t)
	opened := Measurement{Fault: "idle-websocket", Method: "GET", Outcome: Outcome{Status: 101, Cut: true, Waited: 90 * time.Second}}
	refused := altered(opened, func(m *Measurement) { m.Outcome = Outcome{Status: 426, Page: "upstream"} })
	well := Outcome{Status: 200}
	g.Expect(harms(Worsened(measured(well, opened), measured(well, refused), nil))).To(HaveLen(1))
	g.Expect(harms(Worsened(measured(well, refused), measured(well, opened), map[Cell]bool{{"/", "idle-websocket", "GET"}: true}))).To(BeEmpty())
}

// What an application says of a 404 is its own, as that of an API for its clients.
func TestWorsened_ByAnotherPageForA404(t *testing.T) {
	g := NewWithT(t)
	own := Measurement{Fault: "404", Method: "GET", Outcome: Outcome{Status: 404, Page: "upstream"}}
	ours := altered(own, func(m *Measurement) { m.Page = "config" })
	well := Outcome{Status: 200}
	g.Expect(harms(Worsened(measured(well, own), measured(well, ours), nil))).To(ConsistOf(ContainSubstring("the application's own 404 page gives way")))
}

// Who is waited for a shorter time loses the answers that took longer.
func TestCosts_OfAShorterTimeOut(t *testing.T) {
	g := NewWithT(t)
	slow := Measurement{Fault: "slow", Method: "GET", Outcome: Outcome{Status: 504, Waited: time.Minute}}
	well := Outcome{Status: 200}
	short := measured(well, altered(slow, func(m *Measurement) { m.Waited = 30 * time.Second }))
	g.Expect(Costs(measured(well, slow), short)).To(Equal("/, slow, GET: an answer that takes longer than 30 s is lost, not only one of 60 s"))
	g.Expect(Costs(short, measured(well, slow))).To(BeEmpty())
}

// A connection that is kept can be closed as it is used, which is told.
func TestCosts_OfWhatCouldNotComeAboutBefore(t *testing.T) {
	g := NewWithT(t)
	closed := Measurement{Fault: "reuse", Method: "POST", Outcome: Outcome{Status: 502}}
	never := Measurement{Fault: "reuse", Method: "POST", Skipped: "connections to the upstream are not kept", SkippedAs: Immune}
	well := Outcome{Status: 200}
	g.Expect(Costs(measured(well, never), measured(well, closed))).To(Equal("/, reuse, POST: 502, which could not come about before"))
	g.Expect(Costs(measured(well, never), measured(well, altered(closed, func(m *Measurement) { m.Status = 200 })))).To(BeEmpty())
	g.Expect(Costs(measured(well, closed), measured(well, never))).To(BeEmpty())
}

// harms is what is worse whatever the application does.
func harms(all, some []string) []string { return all }

// What comes about alone with applications that do what few do is told apart.
func TestWorsenedForSome(t *testing.T) {
	g := NewWithT(t)
	b := Measurement{Fault: "early-hints", Method: "GET", Outcome: Outcome{Status: 200}}
	a := altered(b, func(m *Measurement) { m.Status, m.NoAnswer = 0, "closed" })
	before := measured(Outcome{Status: 200}, b)
	before.Faults = []FaultInfo{{ID: "early-hints", Servers: []string{"Puma"}}}
	all, some := Worsened(before, measured(Outcome{Status: 200}, a), nil)
	g.Expect(all).To(BeEmpty())
	g.Expect(some).To(ConsistOf(ContainSubstring("early-hints, GET: 200 before")))
	before.Faults[0].Says = 200
	all, _ = Worsened(before, measured(Outcome{Status: 200}, a), nil)
	g.Expect(all).To(HaveLen(1), "a way of answering that every application has")
}

func altered(m Measurement, f func(*Measurement)) Measurement {
	f(&m)
	return m
}

func with(o Outcome, f func(*Outcome)) Outcome {
	f(&o)
	return o
}

// mirrored has calls to these endpoints in this order, with the Host of each.
func mirrored(order ...string) func(*Outcome) {
	return func(o *Outcome) {
		o.Calls = nil
		for _, name := range order {
			o.Calls = append(o.Calls, Call{Endpoint: name, URI: "/x", Host: name, TLS: true})
		}
	}
}

func TestImproved(t *testing.T) {
	g := NewWithT(t)
	own := map[Cell]bool{{"/", "silent", "GET"}: true}
	silent := Measurement{Fault: "silent", Method: "GET", Outcome: Outcome{Status: 504, Waited: time.Minute}}
	before := measured(Outcome{Status: 200}, silent)
	g.Expect(Improved(before, before, own)).To(BeEmpty(), "a directive that is there has proven nothing")
	quick := measured(Outcome{Status: 200}, altered(silent, func(m *Measurement) { m.Waited = 5 * time.Second }))
	g.Expect(Improved(before, quick, own)).To(Equal("/, silent, GET: 504 after 60 s before, 504 after 5 s with it"))
	g.Expect(Improved(before, quick, map[Cell]bool{})).To(BeEmpty(), "what changed elsewhere is no proof")
	held := measured(Outcome{Status: 200}, altered(silent, func(m *Measurement) { m.Held = true }))
	g.Expect(Improved(held, before, own)).To(ContainSubstring("the upstream is let go"))
	g.Expect(Improved(before, held, own)).To(ContainSubstring("the upstream is held"))
	masked := measured(Outcome{Status: 200}, altered(silent, func(m *Measurement) { m.Masked = true }))
	g.Expect(Improved(masked, before, own)).To(ContainSubstring("no longer hides"))
	warm := measured(Outcome{Status: 200}, altered(silent, func(m *Measurement) { m.Warm = 200 }))
	g.Expect(Improved(before, warm, own)).To(ContainSubstring("answers 200, not 0"))
	called := measured(Outcome{Status: 200}, altered(silent, func(m *Measurement) { m.Calls = []Call{{SNI: "a"}} }))
	g.Expect(Improved(before, called, own)).To(ContainSubstring("the upstream is called in another way"))
}

// With a mend a request may get to a route that none got to: that is what it is for, and what is found there then was not known before.
func TestImproved_ARouteThatWasNotReached(t *testing.T) {
	g := NewWithT(t)
	m := Measurement{Fault: "refused", Method: "GET", Outcome: Outcome{Status: 502}}
	before, after := measured(Outcome{Status: 404}, m), measured(Outcome{Status: 200}, m)
	before.Routes[0].Reached, before.Routes[0].Measurements = false, nil
	after.Findings = []Finding{{Rule: "r", Severity: "high", Title: "t", Routes: []string{"/"}}}
	about := Finding{Rule: "other", Routes: []string{"/"}}
	g.Expect(Improved(before, after, about.Cells(after))).To(Equal("/: no request got there before, and one does with it"))
	g.Expect(Improved(before, after, map[Cell]bool{})).To(BeEmpty(), "another finding's")
	g.Expect(harms(Worsened(before, after, nil))).To(BeEmpty())
	before.Routes[0].Reached = true
	g.Expect(harms(Worsened(before, after, nil))).NotTo(BeEmpty())
}

func TestCosts(t *testing.T) {
	g := NewWithT(t)
	b := Measurement{Fault: "off", Method: "GET", Outcome: Outcome{Status: 504, Waited: 5 * time.Second, Tries: []string{"a"}}}
	a := altered(b, func(m *Measurement) { m.Waited, m.Tries = 10*time.Second, []string{"a", "b"} })
	before, after := measured(Outcome{Status: 200}, b), measured(Outcome{Status: 200}, a)
	g.Expect(Costs(before, after)).To(Equal("/, off, GET: 504 after 10 s, not 5 s, as 2 peers are tried"))
	g.Expect(harms(Worsened(before, after, nil))).To(BeEmpty())
	after = measured(Outcome{Status: 200}, altered(a, func(m *Measurement) { m.Waited = time.Minute }))
	g.Expect(Costs(before, after)).To(BeEmpty())
	g.Expect(harms(Worsened(before, after, nil))).NotTo(BeEmpty(), "nobody waits for a minute")
	after = measured(Outcome{Status: 200}, altered(b, func(m *Measurement) { m.ErrorsFor = 11 * time.Second }))
	g.Expect(Costs(before, after)).To(ContainSubstring("errors for 11 s after recovery"))
	g.Expect(harms(Worsened(before, after, nil))).To(BeEmpty())
}
