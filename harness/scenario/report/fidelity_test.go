package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/scenario"
)

func TestFidelity(t *testing.T) {
	line := scenario.LogLine{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"}
	real := scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{line}}
	fake := scenario.Expectation{Status: 504, Tries: 2, Log: []scenario.LogLine{line, line}}
	all := []scenario.Fidelity{
		{Scenario: "app-dies", Gateway: "nginx/1.22.1", Verdict: scenario.Alike, Real: &real, Fake: &real},
		{Scenario: "app-lies", Gateway: "nginx/1.22.1", Verdict: scenario.Unlike, Real: &real, Fake: &fake,
			Differences: []scenario.Difference{{What: "variants", Want: "502", Got: "504"}}},
		{Scenario: "http-to-tls", Gateway: "nginx/1.22.1", Verdict: scenario.OnlyFake, Fake: &fake, Why: "nobody else does it"},
		{Scenario: "gone", Gateway: "nginx", Verdict: scenario.Unproven, Why: "real is not in the evidence"},
	}
	for _, width := range []int{80, 120, 200} {
		var out bytes.Buffer
		if err := Fidelity(&out, all, false, width); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"502 / 504", "1 / 2", "UNLIKE", "unlike app-lies: real 502, fake 504", "fake only http-to-tls: nobody else does it",
			"1 alike, 1 unlike, 1 unproven, 1 fake only",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > width {
				t.Errorf("%d columns in a terminal of %d: %s", n, width, line)
			}
		}
	}
}

func TestFidelity_EscapesHostileText(t *testing.T) {
	var f scenario.Fidelity
	f.Real, f.Fake = &scenario.Expectation{}, &scenario.Expectation{}
	nasty.Fill(&f, nasty.Text)
	var out bytes.Buffer
	if err := Fidelity(&out, []scenario.Fidelity{f}, false, 100); err != nil {
		t.Fatal(err)
	}
	if at := nasty.Raw(out.String()); at != "" {
		t.Errorf("a character that drives or deceives its reader: %q", at)
	}
}
