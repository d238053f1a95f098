package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness"
)

// JUnit writes the run in the XML form that CI systems read: a suite for each family, in the order of their first
// scenario, and a case for each scenario and twin. What differed is a failure, with the transcript as its text; what the
// lab could not try is an error. Times are real seconds. The error is the writer's.
func JUnit(w io.Writer, run Run, all []harness.Evidence) error {
	root := junitRoot{Name: "badgateway", Time: junitTime(run.Took)}
	places := map[string]int{}
	for _, e := range all {
		at, known := places[e.Family]
		if !known {
			at = len(root.Suites)
			places[e.Family] = at
			root.Suites = append(root.Suites, newSuite(run, e.Family))
		}
		root.Suites[at].add(e)
	}
	for i := range root.Suites {
		s := &root.Suites[i]
		s.Time = junitTime(s.took)
		root.Tests, root.Failures, root.Errors = root.Tests+s.Tests, root.Failures+s.Failures, root.Errors+s.Errors
	}
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

type junitRoot struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`

	took time.Duration
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

func newSuite(run Run, family string) junitSuite {
	s := junitSuite{Name: "badgateway." + family, Properties: []junitProperty{
		{"seed", strconv.FormatInt(run.Seed, 10)}, {"image", run.Image}, {"engine", run.Engine}, {"command", run.Command},
	}}
	if !run.Started.IsZero() {
		s.Timestamp = run.Started.UTC().Format("2006-01-02T15:04:05")
	}
	return s
}

// add appends the case of one evidence, and counts it.
func (s *junitSuite) add(e harness.Evidence) {
	c := junitCase{Name: oneLine(name(e)), Class: s.Name, Time: junitTime(e.Took)}
	s.Tests++
	s.took += e.Took
	switch e.Verdict {
	case harness.Passed:
		c.Out = short(e)
	case harness.Failed:
		s.Failures++
		c.Failure = &junitProblem{Message: oneLine(why(e)), Type: "difference", Text: transcript(e)}
	default:
		s.Errors++
		c.Error = &junitProblem{Message: oneLine(why(e)), Type: "lab", Text: transcript(e)}
	}
	s.Cases = append(s.Cases, c)
}

// short is the evidence of a scenario that passed, in a few lines.
func short(e harness.Evidence) string {
	all := []string{"broken: " + e.Fault, "visitor: " + saw(e), "proof: " + proof(e)}
	for _, line := range logText(e.Broken) {
		all = append(all, "log: "+line)
	}
	return strings.Join(each(all), "\n")
}

func junitTime(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
