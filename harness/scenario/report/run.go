package report

import (
	"time"

	"github.com/badgateway/badgateway/harness/scenario"
)

// A Run is what all the evidence of one run has in common.
type Run struct {
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took_ns"`
	// Seed is what the order of the scenarios was made from; the same seed gives the same order.
	Seed int64 `json:"seed"`
	// Image is the gateway's image, as the engine knows it ("nginx:1.22", or its digest).
	Image string `json:"image"`
	// Engine is the container engine and its version ("Docker 20.10.24").
	Engine string `json:"engine"`
	// Clock says whose time the run was in, and why.
	Clock string `json:"clock"`
	// Command is the command line that made the run.
	Command string `json:"command"`
}

// Count says how many of the evidence passed, and how many did not. What the lab failed at has not passed. What the engine
// can't stage counts for neither: it was skipped.
func Count(all []scenario.Evidence) (passed, failed, skipped int) {
	for _, e := range all {
		switch e.Verdict {
		case scenario.Passed:
			passed++
		case scenario.Skipped:
			skipped++
		}
	}
	return passed, len(all) - passed - skipped, skipped
}
