// Package junit writes the XML form of test results that CI systems read.
package junit

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/badgateway/badgateway/harness/terminal"
)

// Root is the whole file.
type Root struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  *int     `xml:"skipped,attr"` // nil where nothing can be skipped
	Time     string   `xml:"time,attr"`
	Suites   []Suite  `xml:"testsuite"`
}

// Suite is what belongs together; Add counts its cases.
type Suite struct {
	Name       string      `xml:"name,attr"`
	Tests      int         `xml:"tests,attr"`
	Failures   int         `xml:"failures,attr"`
	Errors     int         `xml:"errors,attr"`
	Skipped    int         `xml:"skipped,attr"`
	Time       string      `xml:"time,attr"`
	Timestamp  string      `xml:"timestamp,attr,omitempty"`
	Properties *Properties `xml:"properties"`
	Cases      []Case      `xml:"testcase"`
}

// Properties are facts about a suite.
type Properties struct {
	All []Property `xml:"property"`
}

// Property is one of them.
type Property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

// Case is one result: a failure, an error, skipped, or else passed.
type Case struct {
	Name    string   `xml:"name,attr"`
	Class   string   `xml:"classname,attr"`
	Time    string   `xml:"time,attr,omitempty"`
	Failure *Problem `xml:"failure"`
	Error   *Problem `xml:"error"`
	Skipped *Skipped `xml:"skipped"`
	Out     string   `xml:"system-out,omitempty"`
}

// Problem says what was wrong.
type Problem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
	Text    string `xml:",chardata"`
}

// Skipped says why a case was not tried.
type Skipped struct {
	Message string `xml:"message,attr"`
}

// Add appends a case, and counts it.
func (s *Suite) Add(c Case) {
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

// Write writes the file. The error is the writer's.
func (r Root) Write(w io.Writer) error {
	out := terminal.NewCleaner(w) // XML allows what a terminal obeys
	e := xml.NewEncoder(out)
	e.Indent("", "  ")
	fmt.Fprint(out, xml.Header)
	err := e.Encode(r)
	fmt.Fprintln(out)
	if err = errors.Join(err, out.Flush()); err != nil { // Flush gives the first error of all
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return nil
}

// Time is a duration as the form has it: seconds.
func Time(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// Stamp is a moment as the form has it, in UTC; empty for none.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05")
}
