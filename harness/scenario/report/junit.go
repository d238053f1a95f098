package report

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/internal/junit"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// JUnit writes the run in the XML form that CI systems read: a suite for each family, in the order of their first
// scenario, and a case for each scenario and variant. What differed is a failure, with the transcript as its text; what the
// lab could not try is an error. Times are real seconds. The error is the writer's.
func JUnit(w io.Writer, run Run, all []scenario.Evidence) error {
	root := junit.Root{Name: "badgateway", Time: junit.Time(run.Took)}
	places := map[string]int{}
	var took []time.Duration // of each suite
	for _, e := range all {
		at, known := places[e.Family]
		if !known {
			at = len(root.Suites)
			places[e.Family] = at
			root.Suites, took = append(root.Suites, newSuite(run, e.Family)), append(took, 0)
		}
		s := &root.Suites[at]
		s.Add(caseOf(e, s.Name))
		took[at] += e.Took
	}
	skipped := 0
	for i := range root.Suites {
		s := &root.Suites[i]
		s.Time = junit.Time(took[i])
		root.Tests, root.Failures, root.Errors = root.Tests+s.Tests, root.Failures+s.Failures, root.Errors+s.Errors
		skipped += s.Skipped
	}
	root.Skipped = &skipped
	return root.Write(w)
}

func newSuite(run Run, family string) junit.Suite {
	return junit.Suite{
		Name: "badgateway." + family, Timestamp: junit.Stamp(run.Started),
		Properties: &junit.Properties{All: []junit.Property{
			{Name: "seed", Value: strconv.FormatInt(run.Seed, 10)}, {Name: "image", Value: run.Image},
			{Name: "engine", Value: run.Engine}, {Name: "clock", Value: run.Clock}, {Name: "command", Value: run.Command},
		}},
	}
}

// caseOf is the case of one evidence.
func caseOf(e scenario.Evidence, class string) junit.Case {
	c := junit.Case{Name: terminal.OneLine(name(e)), Class: class, Time: junit.Time(e.Took)}
	switch e.Verdict {
	case scenario.Passed:
		c.Out = short(e)
	case scenario.Skipped:
		c.Skipped = &junit.Skipped{Message: terminal.OneLine(e.Skipped)}
	case scenario.Failed:
		c.Failure = &junit.Problem{Message: terminal.OneLine(why(e)), Type: "difference", Text: transcript(e)}
	default:
		c.Error = &junit.Problem{Message: terminal.OneLine(why(e)), Type: "lab", Text: transcript(e)}
	}
	return c
}

// short is the evidence of a scenario that passed, in a few lines.
func short(e scenario.Evidence) string {
	all := []string{"broken: " + e.Fault, "visitor: " + saw(e), "proof: " + proof(e)}
	for _, line := range logText(e.Broken) {
		all = append(all, "log: "+line)
	}
	return strings.Join(each(all), "\n")
}
