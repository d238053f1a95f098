package report

import (
	"io"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/internal/junit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// JUnit writes a report in the XML form that CI systems read: a suite for each route that was measured, and in it a
// case for each fault. What the policy does not allow, and what a finding names, is a failure; what the lab could not
// try is an error; what does not apply is skipped. A finding that no fault brought out is a case in the suite "config",
// and so is a config that can't be loaded. A finding that is waived, or that the policy lets pass, fails nothing. The
// error is the writer's.
func JUnit(w io.Writer, r *audit.Report) error {
	g := newGrid(r)
	config := junit.Suite{Name: "config"}
	loaded := junit.Case{Name: "the config loads", Class: "badgateway.config"}
	if r.Refused != nil {
		s := newTextWriter(View{})
		s.refusal(r.Refused)
		loaded.Failure = &junit.Problem{
			Message: terminal.OneLine(r.Refused.Message), Type: terminal.OneLine(r.Refused.Kind), Text: strings.TrimSpace(s.String()),
		}
	}
	config.Add(loaded)
	open, _ := bySeverity(r)
	for _, f := range open {
		if len(f.Faults) > 0 {
			continue
		}
		c := junit.Case{Name: terminal.OneLine(f.Rule + " at " + place(f.Place)), Class: "badgateway.config"}
		if p := problem(r, f); fails(r, f) {
			c.Failure = p
		} else {
			c.Out = p.Text
		}
		config.Add(c)
	}
	suites := []junit.Suite{config}
	for _, route := range g.measured() {
		s := junit.Suite{Name: terminal.OneLine(route.ID)}
		if len(g.cells[cellKey{route.ID, audit.Healthy}]) == 0 {
			s.Add(healthyCase(route))
		}
		for _, f := range r.Faults {
			if c, ok := g.junitCase(route, f); ok {
				s.Add(c)
			}
		}
		suites = append(suites, s)
	}
	for _, route := range g.unreached() {
		s := junit.Suite{Name: terminal.OneLine(route.ID)}
		s.Add(junit.Case{
			Name: "a request reaches it", Class: "badgateway." + s.Name, Skipped: &junit.Skipped{Message: terminal.OneLine(route.Why)},
		})
		suites = append(suites, s)
	}
	skipped := 0
	root := junit.Root{Skipped: &skipped, Name: terminal.OneLine("badgateway check " + r.Config), Time: junit.Time(r.Took), Suites: suites}
	for i := range suites {
		s := &suites[i]
		s.Time, s.Timestamp = "0.000", junit.Stamp(r.Started)
		root.Tests, root.Failures = root.Tests+s.Tests, root.Failures+s.Failures
		root.Errors, skipped = root.Errors+s.Errors, skipped+s.Skipped
	}
	suites[0].Time = root.Time // routes are measured side by side: no suite has a time of its own
	suites[0].Properties = &junit.Properties{All: []junit.Property{
		{Name: "config", Value: terminal.OneLine(r.Config)}, {Name: "gateway", Value: terminal.OneLine(r.Gateway)},
		{Name: "clock", Value: terminal.OneLine(r.Clock + ": " + r.ClockWhy)},
		{Name: "policy", Value: terminal.OneLine(r.PolicyFile)}, {Name: "command", Value: terminal.OneLine(r.Command)},
	}}
	return root.Write(w)
}

// healthyCase is the case of a route before any fault, in a report that has no column for it.
func healthyCase(route *audit.Route) junit.Case {
	c := junit.Case{Name: audit.Healthy, Class: "badgateway." + terminal.OneLine(route.ID)}
	evidence := requestLine(route.Ask, "") + "\n" + saw(route.Healthy) + tried(route.Healthy)
	if len(route.Breaches) == 0 {
		c.Out = terminal.Clean(evidence)
		return c
	}
	c.Failure = &junit.Problem{Message: terminal.OneLine(strings.Join(route.Breaches, "; ")), Type: "policy", Text: terminal.Clean(evidence)}
	return c
}

// junitCase is the case of a measurement, if the fault was tried on that route.
func (g *grid) junitCase(route *audit.Route, f audit.FaultInfo) (c junit.Case, ok bool) {
	at := cellKey{route.ID, f.ID}
	cells := g.cells[at]
	if len(cells) == 0 {
		return c, false
	}
	c = junit.Case{Name: terminal.OneLine(f.Title), Class: "badgateway." + terminal.OneLine(route.ID)}
	evidence := newTextWriter(View{})
	var wrong []string
	for i, cell := range cells {
		if i > 0 {
			evidence.line("")
		}
		evidence.measurement(route, cell)
		for _, b := range cell.Breaches {
			wrong = append(wrong, terminal.OneLine(cell.Method+": "+b))
		}
	}
	failed := slices.IndexFunc(cells, func(c audit.Measurement) bool { return c.Error != "" })
	switch {
	case failed >= 0:
		c.Error = &junit.Problem{Message: terminal.OneLine(cells[failed].Error), Type: "lab", Text: evidence.String()}
		return c, true
	case g.grade(at) == gradeIdle:
		c.Skipped = &junit.Skipped{Message: terminal.OneLine(cells[0].Skipped)}
		return c, true
	}
	kind := "policy"
	for _, i := range g.found[at] {
		f := g.Findings[i]
		evidence.line("")
		evidence.finding(g.Report, f)
		if !fails(g.Report, f) {
			continue
		}
		if len(wrong) == 0 {
			kind = terminal.OneLine(f.Rule)
		}
		wrong = append(wrong, terminal.OneLine(f.Severity+": "+f.Title+" ("+place(f.Place)+")"))
	}
	if len(wrong) == 0 {
		c.Out = evidence.String()
		return c, true
	}
	c.Failure = &junit.Problem{Message: strings.Join(wrong, "; "), Type: kind, Text: evidence.String()}
	return c, true
}

// problem is a finding as a failure.
func problem(r *audit.Report, f audit.Finding) *junit.Problem {
	s := newTextWriter(View{})
	s.finding(r, f)
	return &junit.Problem{Message: terminal.OneLine(f.Severity + ": " + f.Title), Type: terminal.OneLine(f.Rule), Text: s.String()}
}
