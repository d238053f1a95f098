package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
)

// The marks of the matrix.
const (
	markFails     = "!"
	markTruncated = "~"
	markRepeated  = "×"
	markErrorsFor = "+"
	markForever   = "∞"
	markCached    = "cached"
	markLoop      = "loop"
	markNoStart   = "no start"
	markHeld      = "held"
	markMasked    = "masked"
)

// meanings explain the marks.
var meanings = []struct {
	mark *regexp.Regexp
	text string
}{
	{regexp.MustCompile("^" + markFails), "! makes the check fail: a finding names it, or the policy does not allow it"},
	{regexp.MustCompile(markTruncated), "~ the answer was cut but looks complete: the visitor can't know"},
	{regexp.MustCompile(markRepeated), "×2 the upstreams got the request's body twice"},
	{regexp.MustCompile(`\+[\d.]+m?s`), "+10s errors went on for so long after the upstream was well"},
	{regexp.MustCompile(`\` + markErrorsFor + markForever), "+∞ errors still came at the end, long after the upstream was well"},
	{regexp.MustCompile(markCached), "cached: an error came without any upstream being asked"},
	{regexp.MustCompile(markMasked), "masked: the upstream failed, and the status does not say so"},
	{regexp.MustCompile(markLoop), "loop: the gateway called itself without end"},
	{regexp.MustCompile(`\d/\d`), "1/4 one of four requests was hit"},
	{regexp.MustCompile(markNoStart), "no start: the gateway does not start any more"},
	{regexp.MustCompile(markHeld), "held: an upstream worked on for a visitor who had gone, or who did not read"},
	{regexp.MustCompile(`>`), ">300s the visitor still waited at the end"},
	{regexp.MustCompile(`^error$`), "error: the lab failed, nothing is known"},
}

// legend explains the marks that were used, and whose time it was.
func legend(rows []row, moved bool) (all []string) {
	var used []string
	for _, r := range rows {
		used = append(used, slices.Concat(r.cells...)...)
	}
	has := func(mark *regexp.Regexp) bool { return slices.ContainsFunc(used, mark.MatchString) }
	for _, m := range meanings {
		if has(m.mark) {
			all = append(all, m.text)
		}
	}
	if moved && has(waitPattern) {
		all = append(all, "60s in the gateway's own time: its clock was moved, so nobody waited")
	}
	return all
}

var waitPattern = regexp.MustCompile(`\ds`)

// short is a measurement's outcome in lines of a few letters: "504 60s", "×2 +10s".
func short(c audit.Measurement) []string {
	switch {
	case c.Error != "":
		return []string{"error"}
	case c.Skipped != "":
		return []string{"-"}
	case c.NotStarted != "":
		return []string{markNoStart}
	}
	answer := status(c.Outcome)
	if c.SilentTruncation {
		answer = strings.TrimSuffix(answer, " cut") + markTruncated
	}
	if long(c.Outcome) {
		answer += " " + waitShort(c.Outcome)
	}
	var marks []string
	if c.Of > 1 && c.Bad > 0 {
		marks = append(marks, fmt.Sprintf("%d/%d", c.Bad, c.Of))
	}
	if c.Repeated > 0 {
		marks = append(marks, markRepeated+strconv.Itoa(c.Repeated+1))
	}
	switch {
	case c.NotRecovered:
		marks = append(marks, markErrorsFor+markForever)
	case c.ErrorsFor > 0:
		marks = append(marks, markErrorsFor+strings.ReplaceAll(seconds(c.ErrorsFor), " ", ""))
	}
	if c.Held {
		marks = append(marks, markHeld)
	}
	if c.Loop {
		marks = append(marks, markLoop)
	}
	if c.Masked {
		marks = append(marks, markMasked)
	}
	if c.Cached {
		marks = append(marks, markCached)
	}
	all := []string{answer}
	if len(marks) > 0 {
		all = append(all, strings.Join(marks, " "))
	}
	return all
}
