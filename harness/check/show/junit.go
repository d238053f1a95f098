package show

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/check"
)

// JUnit writes a report in the XML form that CI systems read: a suite for each route that was measured, and in it a
// case for each fault. What the policy does not allow, and what a finding names, is a failure; what the lab could not
// try is an error; what does not apply is skipped. A finding that no fault brought out is a case in the suite "config",
// and so is a config that can't be loaded. A finding that is waived, or that the policy lets pass, fails nothing. The
// error is the writer's.
func JUnit(w io.Writer, r *check.Report) error {
	g := newGrid(r)
	config := junitSuite{Name: "config"}
	loaded := junitCase{Name: "the config loads", Class: "badgateway.config"}
	if r.Refused != nil {
		s := newSheet(View{})
		s.refusal(r.Refused)
		loaded.Failure = &junitProblem{
			Message: oneLine(r.Refused.Message), Type: oneLine(r.Refused.Kind), Text: strings.TrimSpace(s.String()),
		}
	}
	config.add(loaded)
	open, _ := graded(r)
	for _, f := range open {
		if len(f.Faults) > 0 {
			continue
		}
		c := junitCase{Name: oneLine(f.Rule + " at " + place(f.Place)), Class: "badgateway.config"}
		if p := problem(r, f); fails(r, f) {
			c.Failure = p
		} else {
			c.Out = p.Text
		}
		config.add(c)
	}
	suites := []junitSuite{config}
	for _, route := range g.measured() {
		s := junitSuite{Name: oneLine(route.ID)}
		s.add(healthyCase(route))
		for _, f := range r.Faults {
			if c, ok := g.junitCase(route, f); ok {
				s.add(c)
			}
		}
		suites = append(suites, s)
	}
	for _, route := range g.unreached() {
		s := junitSuite{Name: oneLine(route.ID)}
		skipped := &junitSkipped{oneLine(route.Why)}
		s.add(junitCase{Name: "a request reaches it", Class: "badgateway." + s.Name, Skipped: skipped})
		suites = append(suites, s)
	}
	root := junitRoot{Name: oneLine("badgateway check " + r.Config), Time: junitTime(r.Took), Suites: suites}
	for i := range suites {
		s := &suites[i]
		s.Time, s.Timestamp = "0.000", junitStamp(r.Started)
		root.Tests, root.Failures = root.Tests+s.Tests, root.Failures+s.Failures
		root.Errors, root.Skipped = root.Errors+s.Errors, root.Skipped+s.Skipped
	}
	suites[0].Time = root.Time // routes are measured side by side: no suite has a time of its own
	suites[0].Properties = &junitProperties{[]junitProperty{
		{"config", oneLine(r.Config)}, {"gateway", oneLine(r.Gateway)},
		{"policy", oneLine(r.PolicyFile)}, {"command", oneLine(r.Command)},
	}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	out := xml.NewEncoder(w)
	out.Indent("", "  ")
	if err := out.Encode(root); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// healthyCase is the case of a route before any fault.
func healthyCase(route *check.Route) junitCase {
	c := junitCase{Name: check.Healthy, Class: "badgateway." + oneLine(route.ID)}
	evidence := requestLine(route.Ask, "") + "\n" + saw(route.Healthy) + tried(route.Healthy)
	if len(route.Breaches) == 0 {
		c.Out = clean(evidence)
		return c
	}
	c.Failure = &junitProblem{Message: oneLine(strings.Join(route.Breaches, "; ")), Type: "policy", Text: clean(evidence)}
	return c
}

// junitCase is the case of a cell, if the fault was tried on that route.
func (g *grid) junitCase(route *check.Route, f check.FaultInfo) (c junitCase, ok bool) {
	at := spot{route.ID, f.ID}
	cells := g.cells[at]
	if len(cells) == 0 {
		return c, false
	}
	c = junitCase{Name: oneLine(f.Title), Class: "badgateway." + oneLine(route.ID)}
	evidence := newSheet(View{})
	var wrong []string
	for i, cell := range cells {
		if i > 0 {
			evidence.line("")
		}
		evidence.cell(route, cell)
		for _, b := range cell.Breaches {
			wrong = append(wrong, oneLine(cell.Method+": "+b))
		}
	}
	failed := slices.IndexFunc(cells, func(c check.Cell) bool { return c.Error != "" })
	switch {
	case failed >= 0:
		c.Error = &junitProblem{Message: oneLine(cells[failed].Error), Type: "lab", Text: evidence.String()}
		return c, true
	case g.grade(at) == noneApplies:
		c.Skipped = &junitSkipped{oneLine(cells[0].Skipped)}
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
			kind = oneLine(f.Rule)
		}
		wrong = append(wrong, oneLine(f.Severity+": "+f.Title+" ("+place(f.Place)+")"))
	}
	if len(wrong) == 0 {
		c.Out = evidence.String()
		return c, true
	}
	c.Failure = &junitProblem{Message: strings.Join(wrong, "; "), Type: kind, Text: evidence.String()}
	return c, true
}

// problem is a finding as a failure.
func problem(r *check.Report, f check.Finding) *junitProblem {
	s := newSheet(View{})
	s.finding(r, f)
	return &junitProblem{Message: oneLine(f.Severity + ": " + f.Title), Type: oneLine(f.Rule), Text: s.String()}
}

type junitRoot struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string           `xml:"name,attr"`
	Tests      int              `xml:"tests,attr"`
	Failures   int              `xml:"failures,attr"`
	Errors     int              `xml:"errors,attr"`
	Skipped    int              `xml:"skipped,attr"`
	Time       string           `xml:"time,attr"`
	Timestamp  string           `xml:"timestamp,attr,omitempty"`
	Properties *junitProperties `xml:"properties"`
	Cases      []junitCase      `xml:"testcase"`
}

type junitProperties struct {
	All []junitProperty `xml:"property"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitSkipped `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

// add appends a case, and counts it.
func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func junitTime(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

func junitStamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05")
}
