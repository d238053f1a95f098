package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// refusedLine is the line for a port on which nothing listens.
var refusedLine = scenario.LogLine{
	Level: "error", Text: "connect() failed", Errno: 111, Phase: connecting,
}

// refused is what follows from it.
var refused = scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{refusedLine}}

// withPage is an expectation whose page holds that text as well.
func withPage(mark string, e scenario.Expectation) scenario.Expectation {
	e.Page = mark
	return e
}

// stop ends the upstream "app", of whatever kind, at once.
var stop = fault.Stop{Upstream: "app"}

// resetLine is the line for a connection that died before the answer began.
var resetLine = []scenario.LogLine{{
	Level: "error", Text: "recv() failed", Errno: 104, Phase: readingHeader,
}}

// after is what follows once so much time has passed.
func after(limit time.Duration, e scenario.Expectation) scenario.Expectation {
	e.After = limit
	return e
}

// givesUp is a variant whose fake application gives up before it has answered; it waits for as long as it needs then.
func givesUp(v scenario.Variant, needed time.Duration) scenario.Variant {
	v = waitingFor(lab.RequestAt("app"), v)
	v.Remedy, v.RemedyTakes = []fault.Fault{scripted("app", fakeupstream.Delay{For: needed})}, needed
	return v
}
