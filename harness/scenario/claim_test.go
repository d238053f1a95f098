package scenario

import (
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

func TestPrediction_Agrees(t *testing.T) {
	minute := Expectation{Status: 504, After: time.Minute, Tries: 1, Log: []LogLine{{Errno: 110}}}
	for name, c := range map[string]struct {
		predicts Prediction
		got      Expectation
		want     bool
	}{
		"nothing is predicted":     {Prediction{}, minute, true},
		"the status":               {Prediction{Status: []int{502, 504}}, minute, true},
		"another status":           {Prediction{Status: []int{502}}, minute, false},
		"a status, and it is cut":  {Prediction{Status: []int{200}}, Expectation{Status: 200, Cut: true}, false},
		"a status, and no answer":  {Prediction{Status: []int{502}}, Expectation{NoAnswer: "closed"}, false},
		"gone, and it is answered": {Prediction{Gone: true}, minute, false},
		"gone":                     {Prediction{Gone: true}, Expectation{NoAnswer: "closed"}, true},
		"a page":                   {Prediction{Page: "edge"}, Expectation{Status: 502, Page: "the edge"}, true},
		"another page":             {Prediction{Page: "edge"}, Expectation{Status: 502, Page: "origin"}, false},
		"cut, and it is whole":     {Prediction{Cut: true}, Expectation{Status: 200}, false},
		"cut":                      {Prediction{Cut: true}, Expectation{Status: 200, Cut: true}, true},
		"at once, and it waits":    {Prediction{AtOnce: true}, minute, false},
		"at once, and it may wait": {Prediction{AtOnce: true}, Expectation{Until: time.Second}, false},
		"after":                    {Prediction{After: time.Minute}, minute, true},
		"after another time":       {Prediction{After: time.Second}, minute, false},
		"at the most":              {Prediction{AtMost: time.Minute}, minute, true},
		"longer":                   {Prediction{AtMost: time.Second}, minute, false},
		"the tries":                {Prediction{Tries: 1}, minute, true},
		"other tries":              {Prediction{Tries: NoTry}, minute, false},
		"a line":                   {Prediction{Logged: true}, minute, true},
		"no line":                  {Prediction{Logged: true}, Expectation{Status: 502}, false},
		"an errno that is there":   {Prediction{NoErrno: 110}, minute, false},
		"an errno that is not":     {Prediction{NoErrno: 28}, minute, true},
	} {
		if got := c.predicts.Agrees(c.got); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestClaim_Weigh(t *testing.T) {
	trials := []Trial{
		{Scenario: "yes", Got: Expectation{Status: 502}},
		{Scenario: "no", Got: Expectation{Status: 504}},
		{Scenario: "broken", Got: Expectation{Status: 502}, Unproven: "failed"},
	}
	for name, c := range map[string]struct {
		tested  []string
		verdict string
		doubts  int
	}{
		"all":                     {[]string{"yes"}, Holds, 0},
		"none":                    {[]string{"no"}, False, 0},
		"some":                    {[]string{"yes", "no"}, Depends, 0},
		"what failed counts not":  {[]string{"no", "broken"}, False, 1},
		"what is missing is said": {[]string{"yes", "gone"}, Holds, 1},
		"nothing is known":        {[]string{"gone", "broken"}, Untested, 2},
	} {
		w := Claim{Says: "x", Predicts: Prediction{Status: []int{502}}, Scenarios: c.tested}.Weigh(trials)
		if w.Verdict != c.verdict || len(w.Doubts) != c.doubts {
			t.Errorf("%s: %s, doubts %q", name, w.Verdict, w.Doubts)
		}
	}
}

func TestTrialsSeen_OfEachScenarioOne(t *testing.T) {
	passed := func(v VariantKind, status int) Evidence {
		return Evidence{Scenario: "a", Variant: v, Gateway: string(v), Verdict: Passed, Expected: Expected{Expectation: Expectation{Status: status}},
			Broken: lab.Exchange{Status: status, Tries: []lab.Try{{}}}}
	}
	failed := Evidence{Scenario: "a", Variant: Fake, Verdict: Failed, Differences: []Difference{{"status", "502", "200"}}, Broken: lab.Exchange{
		Status: 200, Waited: time.Minute, Log: []gateway.LogRecord{{Level: "error", Message: "x", Errno: 1}},
	}}
	for name, all := range map[string][]Evidence{
		"real first": {passed(Real, 502), passed(Fake, 502)}, "fake first": {passed(Fake, 502), passed(Real, 502)},
	} {
		trials := TrialsSeen(all)
		if len(trials) != 1 || trials[0].Gateway != "real" || trials[0].Unproven != "" || trials[0].Got.Tries != 1 {
			t.Errorf("%s: %+v", name, trials)
		}
	}
	for name, all := range map[string][]Evidence{"failed first": {failed, passed(Real, 502)}, "failed last": {passed(Real, 502), failed}} {
		trials := TrialsSeen(all)
		if len(trials) != 1 || trials[0].Unproven != "failed, status: expected 502, came 200" {
			t.Errorf("%s: %+v", name, trials)
		}
	}
	if got := failed.Got(); got.Status != 200 || got.After != time.Minute || got.Tries != NoTry || got.Log[0].Errno != 1 {
		t.Errorf("what came is %+v", got)
	}
}
