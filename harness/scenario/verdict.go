package scenario

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// JudgeAll returns the evidence of one run with the differences and the verdicts that follow from all the rest of it: those that
// it has count for nothing. It needs no lab. [Batch.Run] judges by it what it has seen; what was stored is judged by it again.
func JudgeAll(all []Evidence) []Evidence {
	judged := make([]Evidence, len(all))
	for i, e := range all {
		judged[i] = e.judged()
	}
	compareVariants(judged)
	return judged
}

// judged is the evidence with what follows from it alone, without the scenario's other variants. What the lab could not do or
// finish is never a finding, but of what took place until then, what differed is reported.
func (e Evidence) judged() Evidence {
	if err := unhealthy(e.Healthy); err != nil && e.Error == "" && e.Skipped == "" {
		e.Error = err.Error()
	}
	whole := e.Error == "" && e.Skipped == ""
	e.Differences = nil
	if whole || e.Broken.Request != "" {
		e.Differences = append(Judge(e.Expected.Expectation, e.Broken), judgeUpstreamLog(e.Expected.UpstreamLog, e.Broken.UpstreamLog)...)
	}
	if whole || e.Recovered.Request != "" {
		for _, d := range Judge(Expectation{Status: 200, After: e.Expected.RemedyTakes}, e.Recovered) {
			d.What = "after the remedy: " + d.What
			e.Differences = append(e.Differences, d)
		}
	}
	e.Differences = append(e.Differences, judgeCalls(e.UpstreamCalls)...)
	switch {
	case e.Error != "":
		e.Verdict = Error
	case e.Skipped != "":
		e.Verdict = Skipped
	case len(e.Differences) > 0:
		e.Verdict = Failed
	default:
		e.Verdict = Passed
	}
	return e
}

// unhealthy says what is wrong with an exchange before the fault; nil when nothing is.
func unhealthy(x lab.Exchange) error {
	if d := Judge(Expectation{Status: 200}, x); len(d) > 0 {
		return fmt.Errorf("the lab is not healthy before the fault: %s is %s, not %s", d[0].What, d[0].Got, d[0].Want)
	}
	return nil
}

// judgeUpstreamLog says that an upstream's own log lacks the text that it has to hold.
func judgeUpstreamLog(want string, lines []string) []Difference {
	log := strings.Join(lines, "\n")
	if strings.Contains(log, want) {
		return nil
	}
	return []Difference{{What: "upstream log", Want: want, Got: cmp.Or(log, "nothing")}}
}

// judgeCalls finds the upstreams that somebody else than the gateway connected to.
func judgeCalls(all []lab.UpstreamCalls) (found []Difference) {
	for _, u := range all {
		if u.Connections > u.Made {
			found = append(found, Difference{
				What: "upstream calls",
				Want: fmt.Sprintf("%d connections at %s, as many as the gateway made", u.Made, u.At),
				Got:  fmt.Sprintf("%d connections", u.Connections),
			})
		}
	}
	return found
}

// variantsDiffer is the [Difference.What] of what a fake led to that the real component did not.
const variantsDiffer = "variants"

// compareVariants holds each fake against the real component in the same scenario. A fake that made the gateway answer otherwise, log other
// lines or ask another number of peers is not to be believed.
func compareVariants(all []Evidence) {
	real := map[string][]Evidence{} // by scenario
	for _, e := range all {
		if e.Variant == Real && conclusive(e) {
			real[e.Scenario] = append(real[e.Scenario], e)
		}
	}
	for i := range all {
		e := &all[i]
		if e.Variant != Fake || !conclusive(*e) {
			continue
		}
		for _, r := range real[e.Scenario] {
			if found := unlike(r, *e); len(found) > 0 {
				e.Differences, e.Verdict = append(e.Differences, found...), Failed
				break
			}
		}
	}
}

// unlike says what a fake led to that the real component did not. Times, process ids and connection numbers of log lines do not count, nor
// does a number of tries that one of them does not know.
func unlike(real, fake Evidence) []Difference {
	var all []Difference
	compare := func(want, got string) {
		if want != got {
			all = append(all, Difference{What: variantsDiffer, Want: want, Got: got})
		}
	}
	answer := func(e Evidence) string {
		return outcomeText(e.Broken.Status, e.Broken.NoAnswer) + ", " + completeText(e.Broken.Cut)
	}
	compare(answer(real), answer(fake))
	if real.Broken.TriesUnknown == "" && fake.Broken.TriesUnknown == "" && len(real.Broken.Tries) != len(fake.Broken.Tries) {
		compare(triesText(real.Broken.Tries)+" tried", triesText(fake.Broken.Tries)+" tried")
	}
	compare(sameForm(real.Broken.Log), sameForm(fake.Broken.Log))
	return all
}

// conclusive reports whether an evidence says something of its variant.
func conclusive(e Evidence) bool { return e.Verdict == Passed || e.Verdict == Failed }

func sameForm(lines []gateway.LogRecord) string {
	all := make([]string, len(lines))
	for i, l := range lines {
		all[i] = l.Same()
	}
	return cmp.Or(strings.Join(all, "\n"), "no line")
}
