package scenario

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/lab"
)

// A Claim is what articles commonly say of a cause, and the scenarios that test it.
type Claim struct {
	// Cause is the id of the documented cause that the articles say it of ("B2").
	Cause string `json:"cause"`
	// Says is the claim, in one sentence.
	Says string `json:"says"`
	// Predicts is what follows in each of the scenarios if the claim holds.
	Predicts Prediction `json:"predicts"`
	// Scenarios are the ids of those that test it.
	Scenarios []string `json:"scenarios"`
}

// A Prediction is what would follow if a claim held. What is not set is left open.
type Prediction struct {
	// Status is any of these, with a complete answer.
	Status []int `json:"status,omitempty"`
	// Gone says that the client gets no answer, as he has left.
	Gone bool `json:"gone,omitempty"`
	// Page is a text that the page holds.
	Page string `json:"page,omitempty"`
	// Cut says that the answer ends too soon.
	Cut bool `json:"cut,omitempty"`
	// AtOnce says that the client does not wait.
	AtOnce bool `json:"at_once,omitempty"`
	// After is how long the client waits.
	After time.Duration `json:"after_ns,omitempty"`
	// AtMost is the longest that the client waits.
	AtMost time.Duration `json:"at_most_ns,omitempty"`
	// Tries is how many peers are asked; [NoTry] for none.
	Tries int `json:"attempts,omitempty"`
	// Logged says that the gateway logs a line.
	Logged bool `json:"logged,omitempty"`
	// NoErrno is an errno that no line has.
	NoErrno int `json:"no_errno,omitempty"`
}

// Agrees reports whether what followed is what was predicted.
func (p Prediction) Agrees(e Expectation) bool {
	switch {
	case p.Status != nil && (!slices.Contains(p.Status, e.Status) || e.Cut || e.NoAnswer != ""):
	case p.Gone && e.Status != 0:
	case p.Page != "" && !strings.Contains(e.Page, p.Page):
	case p.Cut && !e.Cut:
	case p.AtOnce && max(e.After, e.Until) > 0:
	case p.After > 0 && p.After != e.After:
	case p.AtMost > 0 && max(e.After, e.Until) > p.AtMost:
	case p.Tries != 0 && p.Tries != e.Tries:
	case p.Logged && len(e.Log) == 0:
	case p.NoErrno != 0 && slices.ContainsFunc(e.Log, func(l LogLine) bool { return l.Errno == p.NoErrno }):
	default:
		return true
	}
	return false
}

// A Trial is what followed in one scenario.
type Trial struct {
	Scenario string `json:"scenario"`
	// Gateway is its name ("nginx"), with the version where it was measured ("nginx/1.22.1").
	Gateway string `json:"gateway"`
	// Got is what followed.
	Got Expectation `json:"got"`
	// Waited is how long the client waited; 0 for less than a second.
	Waited time.Duration `json:"waited_ns,omitempty"`
	// Log are the gateway's lines in its own words; as the scenario states them where nothing was measured.
	Log []string `json:"log,omitempty"`
	// Agrees says whether that is what a claim predicts.
	Agrees bool `json:"agrees"`
	// Unproven says why it proves nothing; empty where it is proven.
	Unproven string `json:"unproven,omitempty"`
}

// Trials are what the scenarios state, which is proven by running them.
func Trials(all []Scenario) []Trial {
	var trials []Trial
	for _, s := range all {
		t := Trial{Scenario: s.ID, Gateway: s.Gateway.Driver.Name, Got: s.Expect, Waited: s.Expect.After}
		for _, l := range s.Expect.Log {
			t.Log = append(t.Log, l.String())
		}
		if s.Expect.Access != "" {
			t.Log = append(t.Log, "access log: "+s.Expect.Access)
		}
		trials = append(trials, t)
	}
	return trials
}

// TrialsSeen are what evidence, as [JudgeAll] has judged it, proves: for each scenario of the real variant where there is one. What did not
// pass says why.
func TrialsSeen(all []Evidence) []Trial {
	var trials []Trial
	at := map[string]int{}
	for _, e := range all {
		t := Trial{Scenario: e.Scenario, Gateway: e.Gateway, Got: e.Got(), Waited: e.waited(), Unproven: e.doubt()}
		for _, l := range e.Broken.Log {
			t.Log = append(t.Log, l.String())
		}
		if e.Expected.Access != "" {
			t.Log = append(t.Log, "access log: "+e.Broken.Access)
		}
		i, known := at[e.Scenario]
		switch {
		case !known:
			at[e.Scenario] = len(trials)
			trials = append(trials, t)
		case trials[i].Unproven != "": // nothing makes up for one that did not pass
		case t.Unproven != "", e.Variant == Real:
			trials[i] = t
		}
	}
	return trials
}

// doubt says why an evidence proves nothing; empty where it passed.
func (e Evidence) doubt() string {
	if e.Verdict == Failed && len(e.Differences) > 0 {
		d := e.Differences[0]
		return "failed, " + d.What + ": expected " + d.Want + ", came " + d.Got
	}
	if e.Verdict == Passed {
		return ""
	}
	return strings.TrimSpace(e.Verdict + " " + cmp.Or(e.Error, e.Skipped))
}

// Got is what followed the fault. Of evidence that passed it is what was expected, to which that is proven to be equal within the bounds of
// [Judge].
func (e Evidence) Got() Expectation {
	if e.Verdict == Passed {
		got := e.Expected.Expectation
		if got.Tries == 0 && e.Broken.TriesUnknown == "" {
			got.Tries = triesOf(e.Broken)
		}
		return got
	}
	x := e.Broken
	got := Expectation{Status: x.Status, NoAnswer: x.NoAnswer, Cut: x.Cut, Tries: triesOf(x)}
	if x.Waited >= lab.AtOnce {
		got.After = x.Waited
	}
	for _, l := range x.Log {
		got.Log = append(got.Log, LogLine{Level: l.Level, Code: l.Code, Text: l.Message, Errno: l.Errno, Phase: l.Phase})
	}
	return got
}

// waited is how long the client waited: as long as was expected, where that was proven from both sides.
func (e Evidence) waited() time.Duration {
	switch {
	case e.Verdict == Passed && e.Expected.After > 0 && e.Expected.Until <= e.Expected.After:
		return e.Expected.After
	case e.Broken.Waited < time.Second:
		return 0
	}
	return e.Broken.Waited.Round(100 * time.Millisecond)
}

func triesOf(x lab.Exchange) int {
	if len(x.Tries) == 0 {
		return NoTry
	}
	return len(x.Tries)
}

// The verdicts on a claim.
const (
	Holds    = "holds"    // in each scenario that tests it
	False    = "false"    // in none
	Depends  = "depends"  // in some
	Untested = "untested" // nothing is known of any
)

// A Weighed is a claim beside what followed in the scenarios that test it.
type Weighed struct {
	Claim
	// Verdict is [Holds], [False], [Depends] or [Untested]. What did not pass counts for none of them.
	Verdict string  `json:"verdict"`
	Trials  []Trial `json:"trials"`
	// Doubts say what of it is not proven: a scenario that did not pass, or of which there is no evidence.
	Doubts []string `json:"doubts,omitempty"`
}

// Weigh holds the claim against what followed in the scenarios that test it.
func (c Claim) Weigh(all []Trial) Weighed {
	w := Weighed{Claim: c, Verdict: Untested, Trials: []Trial{}}
	agreed, proven := 0, 0
	var absent []string
	for _, id := range c.Scenarios {
		i := slices.IndexFunc(all, func(t Trial) bool { return t.Scenario == id })
		if i < 0 {
			absent = append(absent, id)
			continue
		}
		t := all[i]
		t.Agrees = t.Unproven == "" && c.Predicts.Agrees(t.Got)
		w.Trials = append(w.Trials, t)
		if t.Unproven != "" {
			w.Doubts = append(w.Doubts, id+" "+t.Unproven)
			continue
		}
		proven++
		if t.Agrees {
			agreed++
		}
	}
	if len(absent) > 0 {
		w.Doubts = append(w.Doubts, "Not in the evidence: "+strings.Join(absent, ", ")+".")
	}
	switch {
	case proven == 0:
	case agreed == proven:
		w.Verdict = Holds
	case agreed == 0:
		w.Verdict = False
	default:
		w.Verdict = Depends
	}
	return w
}
