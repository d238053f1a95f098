package report

import (
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Summary is a report in one sentence: "findings: 2 high, 1 low; 3 measurements break the policy".
func Summary(r *audit.Report) string {
	routes := "in " + count(len(r.Routes), "route")
	switch {
	case r.Refused != nil:
		return "refused: the config can't be loaded"
	case r.Static && len(r.Routes) == 0 && len(r.Findings) == 0:
		return "read: the config has no upstream; nothing was measured"
	case len(r.Routes) == 0 && r.Verdict != audit.Passed && !r.Static:
		return terminal.OneLine(r.Verdict) + ": the config has no upstream, so nothing was measured"
	case len(r.Routes) == 0 && len(r.Findings) == 0:
		return "passed: the config has no upstream, so there is nothing to break"
	}
	open, waived := bySeverity(r)
	var parts []string
	for _, severity := range audit.Severities {
		n := 0
		for _, f := range open {
			if f.Severity == severity {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	text := strings.Join(parts, ", ")
	breaches, unknown, unreached := 0, 0, 0
	for _, route := range r.Routes {
		if !route.Reached {
			unreached++
		}
		if len(route.Breaches) > 0 {
			breaches++
		}
		for _, c := range route.Measurements {
			if len(c.Breaches) > 0 {
				breaches++
			}
			if c.Error != "" {
				unknown++
			}
		}
	}
	if breaches > 0 {
		if text != "" {
			text += "; "
		}
		text += count(breaches, "outcome") + " against the policy"
	}
	if text == "" {
		text = "nothing to object to"
	}
	text = terminal.OneLine(r.Verdict) + ": " + text + " " + routes
	if len(waived) > 0 {
		text += fmt.Sprintf("; %d waived", len(waived))
	}
	if r.Static {
		return strings.Replace(text, audit.Passed+": ", "read: ", 1) + "; nothing was measured" // which has passed nothing
	}
	if unreached > 0 {
		text += fmt.Sprintf("; %d not reached, of which nothing is known", unreached)
	}
	if unknown > 0 {
		text += fmt.Sprintf("; %d not known, the lab failed", unknown)
	}
	return text
}

// verdict is the last line: how it went, and what to type next.
func (s *textWriter) verdict(r *audit.Report) {
	paint := s.Green
	if r.Verdict != audit.Passed {
		paint = s.Red
	}
	text, then := Summary(r), next(r)
	if s.width > 0 && displayWidth(text+". "+then) > s.width {
		s.line(paint(text))
		text = ""
	} else if then != "" {
		text += ". "
	}
	s.WriteString(paint(text) + then)
	if text+then != "" {
		s.line("")
	}
}

// next is the command that helps most now, empty when there is none.
func next(r *audit.Report) string {
	if r.Command == "" || r.Refused != nil {
		return ""
	}
	if r.Static {
		return "Without --static all of it is measured."
	}
	if at, ok := worst(r); ok && r.Verdict != audit.Passed {
		return "Look closer: " + again(r, at.route, at.fault)
	}
	if r.Verdict == audit.Passed && len(r.Routes) > 0 && r.PolicyFile == "" && !r.Partial {
		return "Keep it so: " + terminal.OneLine(r.Command) + " --init"
	}
	return ""
}

// again is the command that shows one measurement.
func again(r *audit.Report, route, fault string) string {
	return terminal.OneLine(r.Command) + " --route " + terminal.Quote(terminal.OneLine(route)) + " --fault " + terminal.Quote(terminal.OneLine(fault))
}

// worst is the measurement to look at first.
func worst(r *audit.Report) (at cellKey, ok bool) {
	g := newGrid(r)
	most := gradeOK
	for _, route := range g.measured() {
		for _, f := range r.Faults {
			here := cellKey{route.ID, f.ID}
			if n := g.grade(here); n > most && n < gradeError {
				at, most, ok = here, n, true
			}
		}
	}
	return at, ok
}
