package scenario

import (
	"time"

	"github.com/badgateway/badgateway/harness/fault"
)

// totalWait is how long one run of a variant waits in all, where its clock is not moved.
func totalWait(s Scenario, v Variant) (sum time.Duration) {
	sum = max(s.Expect.After, s.Expect.Until) + v.RemedyTakes
	for _, list := range [][]fault.Fault{v.Inject, v.InjectInFlight, v.Remedy} {
		for _, c := range list {
			if w, ok := c.(interface{ Waits() time.Duration }); ok {
				sum += w.Waits()
			}
		}
	}
	return sum
}

// Estimate is about how long the batch takes for these jobs: on the machine's own time where the clock of its labs is not
// moved, which is as long as the scenarios wait.
func (b Batch) Estimate(jobs []Job) time.Duration {
	lanes := 0
	for _, l := range b.Labs {
		lanes += b.parallel(l)
	}
	return estimate(jobs, lanes, len(b.Labs) > 0 && !b.Labs[0].Clocked())
}

// estimate is about how long so many lanes take for the jobs.
func estimate(jobs []Job, lanes int, realTime bool) time.Duration {
	const each = 250 * time.Millisecond // what a run takes beside its waits, on a machine that does other things too
	var sum, longest time.Duration
	for _, j := range jobs {
		took := each
		if realTime {
			took += totalWait(j.Scenario, j.Variant)
		}
		sum, longest = sum+took, max(longest, took)
	}
	return max(longest, sum/time.Duration(max(lanes, 1)))
}
