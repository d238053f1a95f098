package scenario

import (
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// A Scenario is one thing that can go wrong between a gateway and its upstream: what is broken, what follows, how to
// recognise it and what remedies it. It is pure data; [Run] proves it.
type Scenario struct {
	// ID names the scenario on the command line and in every report: short, lower case, words joined by hyphens.
	ID string
	// Claim is what the scenario proves, in one sentence, the guilty side first.
	Claim string
	// Family groups scenarios that an operator looks for together ("service", "time", "memory").
	Family string
	// Causes are the ids of the documented causes that the scenario reproduces ("A1"); `badgateway list causes` has them all.
	Causes []string
	// Row is the fault's name where gateways are compared by faults ("silent"): there is one scenario of it on each gateway. Most
	// scenarios are in no row.
	Row string
	// Said is what articles commonly claim, where the measurement differs; empty where they agree. It follows from the [Claim]s.
	Said string

	// Gateway is the gateway's program with its config.
	Gateway lab.Gateway
	// Ask is the client's request, the same before the fault, under it and after the remedy.
	Ask lab.Request
	// AskInstead is what the client asks under the fault where it is his request that is at fault; nil for Ask.
	AskInstead *lab.Request
	// Leaves says that under the fault the client goes after Expect.After, and does not wait for the answer.
	Leaves bool
	// Fault says what is broken, in a few words: "php-fpm is stopped".
	Fault string
	// Variants are the upstreams that the scenario is proven on. A fake and a real one must give the same log lines.
	Variants []Variant
	// Alone is why there is only a real, or only a fake one; empty where there are both.
	Alone string
	// Expect is what follows the fault.
	Expect Expectation
	// Exceptions are what follows on some gateways in place of Expect; the first that fits counts.
	Exceptions []Exception
	// Then is what the clients after the first get; nil where each gets the same.
	Then *Sequel

	// Confirm is the one check that proves this cause on a live server.
	Confirm string
	// Remedy is what helps. The scenario performs it, and the same request answers 200 again.
	Remedy string
	// Source is where the claim can be read.
	Source string
}

// A Variant is one staging of a scenario: its upstreams, and how the fault is made there.
type Variant struct {
	// Kind is Fake or Real.
	Kind VariantKind
	// Upstreams are started in this order, before the gateway.
	Upstreams []lab.Upstream
	// Inject is the fault: it is made in this order before the client asks.
	Inject []fault.Fault
	// InjectInFlight is injected while the request is in flight, once the first of WaitFor holds.
	InjectInFlight []fault.Fault
	// RemedyToleratesFault says that the remedy does not keep InjectInFlight away but makes it harmless: it is injected once
	// more, while the request after the remedy is in flight.
	RemedyToleratesFault bool
	// WaitFor is how far the request has to come before the fault meets it or the clock is moved; without any, it is enough
	// that the gateway has read it. Of several conditions one holds after the other, each for an equal part of the time
	// that the client is expected to wait.
	WaitFor []lab.Condition
	// Remedy is what is done against it; without any, that is to undo the fault. With fault.Undone first it is that, and more.
	Remedy []fault.Fault
	// RemedyTakes is how long the client waits for the 200 after the remedy, in the gateway's time; 0 is at once.
	RemedyTakes time.Duration
	// UpstreamLog is a text that the upstream's own log has to hold under the fault; empty for none.
	UpstreamLog string
}

// undoes reports whether the remedy begins with undoing the fault.
func (v Variant) undoes() bool {
	return len(v.Remedy) == 0 || v.Remedy[0] == fault.Fault(fault.Undone{})
}

// A VariantKind distinguishes a programmable upstream from the real component.
type VariantKind string

// The kinds of variant. A fake is believed only because a real component gave the same log line.
const (
	Fake VariantKind = "fake"
	Real VariantKind = "real"
)

// NoTry is the [Expectation].Tries of a gateway that asks nobody.
const NoTry = -1

// An Expectation is what follows a fault: exact, so that a near miss fails.
type Expectation struct {
	// Status is the status that the client gets; 0 when no answer comes at all, which NoAnswer then names.
	Status int `json:"status"`
	// NoAnswer says how the client's connection ended where it got no status: "refused", "closed", "reset", "left" where the client
	// went, or "garbled" where bytes came that are no HTTP.
	NoAnswer string `json:"no_answer,omitempty"`
	// Cut is true when the answer ends before the length that it declared, or without its last chunk.
	Cut bool `json:"cut,omitempty"`
	// Page is a text that the page holds which the client gets, and tells whose page it is; empty leaves it open.
	Page string `json:"page,omitempty"`
	// Access is a text that the gateway's access log holds of this request (`" 499 0 `); empty leaves it open.
	Access string `json:"access,omitempty"`
	// Log are the lines of level warn and above that the gateway logs for this request, in order, and no others.
	Log []LogLine `json:"log,omitempty"`
	// Tries is how many peers were asked, each counted as often as it was; 0 leaves it open, and NoTry stands for none. A
	// gateway that finds no peer to ask has asked none, though $upstream_addr names the pool then.
	Tries int `json:"attempts,omitempty"`
	// After is how long the client waits, in the gateway's own time; 0 means at once. The lab proves it from both
	// sides: half a second before the client still waits, half a second after the answer is there.
	After time.Duration `json:"after_ns,omitempty"`
	// Until is the latest that the answer may come, where the guilty side looks at its own limit only now and then;
	// After when 0.
	Until time.Duration `json:"until_ns,omitempty"`
}

// An Exception is what follows a fault on gateways of some versions or builds. It fits one that is all that is set.
type Exception struct {
	From   string // its version ("1.23.0"), or later
	Before string // older than this version
	TLS    string // it has this TLS library, as far as its name begins so ("OpenSSL 1.")
	// Why says what is another there, for the evidence to show.
	Why    string
	Expect Expectation
}

// fits reports whether the exception is meant for a build.
func (x Exception) fits(b gateway.Build) bool {
	return (x.From == "" || !b.Before(x.From)) && (x.Before == "" || b.Before(x.Before)) && strings.HasPrefix(b.TLS, x.TLS)
}

// forBuild is the scenario with the expectation that holds on a build, and why it is another one than elsewhere.
func (s Scenario) forBuild(b gateway.Build) (fitted Scenario, why string) {
	for _, x := range s.Exceptions {
		if x.fits(b) {
			s.Expect = x.Expect
			return s, x.Why
		}
	}
	return s, ""
}

// A Sequel is what clients get after the first, while the fault goes on. [Run] asks once under the fault; who tries it by
// hand asks again.
type Sequel struct {
	// Each is what the second gets, the third, and so on; the last of them is what all further ones get.
	Each []Expectation
	// For is how long they do, from the first one's answer on; then it begins anew. 0 is for as long as the fault lasts.
	For time.Duration
	// Cycles says that it begins anew at once after the last of Each.
	Cycles bool
	// From says that it comes only when so much time has passed since the fault; until then each gets what the first gets.
	From time.Duration
	// Why says in a few words why it is not the same again.
	Why string
}

// A LogLine is what the gateway's log must say. All that is set must agree exactly, except Text.
type LogLine struct {
	// Level is "warn", "error", "crit", "alert" or "emerg".
	Level string `json:"level,omitempty"`
	// Code is the program's own ("AH01114"); empty when the line has none.
	Code string `json:"code,omitempty"`
	// Text is contained in the line's message ("connect() failed").
	Text string `json:"text,omitempty"`
	// Errno is the number in the line (111); 0 when it has none.
	Errno int `json:"errno,omitempty"`
	// Phase is what nginx was doing ("connecting to upstream"); empty when the line has none.
	Phase string `json:"phase,omitempty"`
}
