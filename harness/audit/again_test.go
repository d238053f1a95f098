package audit

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestDiffering_SameCheckAgain(t *testing.T) {
	g := NewWithT(t)
	report := func(c Measurement) *Report {
		c.Fault, c.Method = "silent", "GET"
		return &Report{Verdict: Passed, Routes: []Route{{ID: "a/", Reached: true, Measurements: []Measurement{c}}}}
	}
	was := Measurement{Outcome: Outcome{Status: 504, Waited: 20 * time.Second, Tries: []string{"a", "b"}, Page: "nginx"}}
	same := was
	same.Waited += 50 * time.Millisecond
	g.Expect(Differing(report(was), report(same))).To(BeEmpty())
	for name, change := range map[string]func(*Measurement){
		"the status":   func(c *Measurement) { c.Status = 502 },
		"the wait":     func(c *Measurement) { c.Waited = 22 * time.Second },
		"the tries":    func(c *Measurement) { c.Tries = c.Tries[:1] },
		"whose turn":   func(c *Measurement) { c.Tries = []string{"b", "a"} },
		"the page":     func(c *Measurement) { c.Page = "config" },
		"skipped":      func(c *Measurement) { c.Skipped = "the route is answered 200 before the fault" },
		"an error":     func(c *Measurement) { c.Error = "the lab failed" },
		"recovery":     func(c *Measurement) { c.ErrorsFor = 10 * time.Second },
		"the start":    func(c *Measurement) { c.NotStarted = "host not found" },
		"how many":     func(c *Measurement) { c.Of, c.Bad = 4, 2 },
		"a second one": func(c *Measurement) { c.Repeated = 1 },
	} {
		is := was
		change(&is)
		g.Expect(Differing(report(was), report(is))).To(HaveLen(1), name)
	}
	other := report(was)
	other.Verdict, other.Routes[0].Reached = Findings, false
	g.Expect(Differing(report(was), other)).To(HaveLen(2))
	g.Expect(Differing(report(was), &Report{Verdict: Passed})).To(HaveLen(1), "a route less")
}
