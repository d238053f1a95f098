package scenario

import (
	"time"

	"github.com/badgateway/badgateway/harness/lab"
)

// Evidence is all that one run of one variant of a scenario observed, what it had to observe, and what differed. The verdict
// and the differences follow from the rest, so that stored evidence can be judged again: see [JudgeAll]. Its JSON is the
// stable form that reports and other tools read.
type Evidence struct {
	Scenario string      `json:"scenario"`
	Variant  VariantKind `json:"variant"`
	Family   string      `json:"family"`
	Causes   []string    `json:"causes"`
	Claim    string      `json:"claim"`
	Said     string      `json:"said,omitempty"`
	Fault    string      `json:"fault"`
	Confirm  string      `json:"confirm"`
	Remedy   string      `json:"remedy"`
	Source   string      `json:"source"`

	// Gateway is the program and version that answered, as it names itself ("nginx/1.22.1").
	Gateway string `json:"gateway"`
	// ExceptionReason is why something else follows on this gateway than on others; empty where it does not.
	ExceptionReason string `json:"here,omitempty"`
	// Config is the gateway's config file as it stood under the fault.
	Config string `json:"config"`
	// Clock says whose time it was: "real", "moved" or "scaled"; ClockWhy the reason.
	Clock    string `json:"clock"`
	ClockWhy string `json:"clock_why"`
	// ClockUnasked is true where the time was real and nobody had asked for that: the lab could not move the clock.
	ClockUnasked bool `json:"clock_unasked,omitempty"`

	// Expected is what had to come on this gateway.
	Expected Expected `json:"expected"`

	Healthy   lab.Exchange `json:"healthy"`   // before the fault
	Broken    lab.Exchange `json:"broken"`    // under the fault
	Recovered lab.Exchange `json:"recovered"` // after the remedy
	// UpstreamCalls are the connections to the fake upstreams during the whole run, where they can be counted.
	UpstreamCalls []lab.UpstreamCalls `json:"upstream_calls,omitempty"`

	// Verdict is "passed", "failed" (something differs), "error" (the lab could not be had, or was not healthy), or "skipped"
	// (the engine lacks what the scenario takes).
	Verdict string `json:"verdict"`
	// Differences are what differed from the expectation; empty when the verdict is "passed".
	Differences []Difference `json:"differences,omitempty"`
	// Error says what went wrong with the lab itself, when the verdict is "error".
	Error string `json:"error,omitempty"`
	// MeasuredAgain says, for each earlier run of the same that counts for nothing, how the machine had no processor for it.
	MeasuredAgain []string `json:"measured_again,omitempty"`
	// Skipped says what the engine lacks, and what helps, when the verdict is "skipped".
	Skipped string `json:"skipped,omitempty"`
	// Transcript is what happened, each line with its actor and its time.
	Transcript []lab.Event `json:"transcript"`
	// Took is how long the run took, in real time.
	Took time.Duration `json:"took_ns"`
	// Again is the command that runs this alone.
	Again string `json:"again"`
}

// Expected is all that a run has to observe under the fault and after the remedy.
type Expected struct {
	Expectation // what follows the fault
	// RemedyTakes is how long the client waits for the 200 after the remedy; 0 is at once.
	RemedyTakes time.Duration `json:"remedy_takes_ns,omitempty"`
	// UpstreamLog is a text that the upstream's own log holds under the fault; empty for none.
	UpstreamLog string `json:"upstream_log,omitempty"`
}

// The verdicts of an [Evidence].
const (
	Passed  = "passed"
	Failed  = "failed"
	Error   = "error"
	Skipped = "skipped"
)

// ClockNotNeeded is the [Evidence.ClockWhy] of a run that is in real time though the lab has a clock: it would prove the same by either.
const ClockNotNeeded = "nothing in it waits for a time to come"

// A Difference is one thing that was not as expected.
type Difference struct {
	What string `json:"what"` // "status", "page", "access log", "log", "tries", "waited", "upstream log", "upstream calls", "variants"
	Want string `json:"want"`
	Got  string `json:"got"`
}
