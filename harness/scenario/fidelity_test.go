package scenario

import (
	"testing"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// ofVariant is evidence of a 502 with one line and one try, judged alone.
func ofVariant(kind VariantKind, spoil func(*Evidence)) Evidence {
	well := lab.Exchange{Request: "GET /", Status: 200}
	e := Evidence{
		Scenario: "a", Variant: kind, Gateway: "nginx/1", Healthy: well, Recovered: well,
		Expected: Expected{Expectation: Expectation{Status: 502, Log: []LogLine{{Level: "error"}}}},
		Broken: lab.Exchange{Request: "GET /", Status: 502, Tries: []lab.Try{{Addr: "10.0.0.5:8080"}}, Log: []gateway.LogRecord{
			{Level: "error", Message: "connect() failed"},
		}},
	}
	if spoil != nil {
		spoil(&e)
	}
	return e
}

func TestFidelity_Verdicts(t *testing.T) {
	both := Scenario{ID: "a", Variants: []Variant{{Kind: Real}, {Kind: Fake}}}
	for name, c := range map[string]struct {
		scenario Scenario
		evidence []Evidence
		verdict  string
		why      string
	}{
		"the same":  {both, []Evidence{ofVariant(Fake, nil), ofVariant(Real, nil)}, Alike, ""},
		"real only": {Scenario{ID: "a", Alone: "why", Variants: both.Variants[:1]}, []Evidence{ofVariant(Real, nil)}, OnlyReal, "why"},
		"fake only": {Scenario{ID: "a", Alone: "why", Variants: both.Variants[1:]}, []Evidence{ofVariant(Fake, nil)}, OnlyFake, "why"},
		"another line": {both, []Evidence{ofVariant(Real, nil), ofVariant(Fake, func(e *Evidence) {
			e.Broken.Log[0].Message = "recv() failed"
		})}, Unlike, ""},
		"other tries": {both, []Evidence{ofVariant(Real, nil), ofVariant(Fake, func(e *Evidence) {
			e.Broken.Tries = nil
		})}, Unlike, ""},
		"tries that one does not know": {both, []Evidence{ofVariant(Real, nil), ofVariant(Fake, func(e *Evidence) {
			e.Broken.Tries, e.Broken.TriesUnknown = nil, "nobody counted"
		})}, Alike, ""},
		"another status": {both, []Evidence{ofVariant(Real, nil), ofVariant(Fake, func(e *Evidence) {
			e.Broken.Status, e.Expected.Status = 504, 504
		})}, Unlike, ""},
		"one of two fakes is unlike": {both, []Evidence{ofVariant(Real, nil), ofVariant(Fake, nil), ofVariant(Fake, func(e *Evidence) {
			e.Broken.Log[0].Message = "recv() failed"
		})}, Unlike, ""},
		"one is missing": {both, []Evidence{ofVariant(Real, nil)}, Unproven, "fake is not in the evidence"},
		"the lab failed": {both, []Evidence{ofVariant(Fake, nil), ofVariant(Real, func(e *Evidence) {
			e.Error = "no space left"
		})}, Unproven, "real error no space left"},
		"one is skipped": {both, []Evidence{ofVariant(Real, nil), ofVariant(Fake, func(e *Evidence) {
			e.Skipped = "no limits"
		})}, Unproven, "fake skipped no limits"},
		"both fail alike": {both, []Evidence{
			ofVariant(Real, func(e *Evidence) { e.Broken.Status = 504 }), ofVariant(Fake, func(e *Evidence) { e.Broken.Status = 504 }),
		}, Unproven, "fake failed, status: expected 502, came 504"},
	} {
		got := CompareVariants([]Scenario{c.scenario}, JudgeAll(c.evidence))
		if len(got) != 1 || got[0].Verdict != c.verdict || got[0].Why != c.why || (len(got[0].Differences) > 0) != (c.verdict == Unlike) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
