package report

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/internal/testhtml"
	"github.com/badgateway/badgateway/harness/scenario"
)

// weighed is a claim that depends on the gateway, and was not proven on a third.
func weighed() scenario.Weighed {
	claim := scenario.Claim{Cause: "B6", Says: "A time-out is a 504.", Predicts: scenario.Prediction{Status: []int{504}}, Scenarios: []string{"a", "b", "c", "d"}}
	return claim.Weigh([]scenario.Trial{
		{Scenario: "a", Gateway: "nginx", Got: scenario.Expectation{Status: 504, After: time.Minute}},
		{Scenario: "b", Gateway: "nginx", Got: scenario.Expectation{Status: 200, Cut: true}},
		{Scenario: "c", Gateway: "apache", Got: scenario.Expectation{Status: 502}},
		{Scenario: "d", Gateway: "haproxy", Unproven: "failed"},
	})
}

func TestClaims_SaysWhatItDependsOn(t *testing.T) {
	var out, md bytes.Buffer
	if err := Claims(&out, []scenario.Weighed{weighed()}, false, 120); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"A time-out is a 504.", "depends !", "504: a; 200 cut: b; 502: c", "! B6 A time-out is a 504. d failed", "1 depend"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if err := ClaimsMarkdown(&md, []scenario.Weighed{weighed()}); err != nil {
		t.Fatal(err)
	}
	want := "| B6 | A time-out is a 504. | depends (not all of it is proven) | nginx: 504, 200 cut; apache: 502; haproxy: nothing proven |\n"
	if !strings.HasSuffix(md.String(), want) {
		t.Errorf("not %q but\n%s", want, md.String())
	}
}

func TestClaims_FitIntoATerminal(t *testing.T) {
	for _, width := range []int{80, 120, 200} {
		var out bytes.Buffer
		w := weighed()
		w.Trials = append(w.Trials, w.Trials...)
		if err := Claims(&out, []scenario.Weighed{w}, false, width); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > width {
				t.Errorf("%d columns in a terminal of %d: %s", n, width, line)
			}
		}
	}
}

func TestClaims_EscapeHostileText(t *testing.T) {
	var w scenario.Weighed
	nasty.Fill(&w, nasty.Text)
	for name, write := range map[string]func(io.Writer) error{
		"table":    func(out io.Writer) error { return Claims(out, []scenario.Weighed{w}, false, 100) },
		"markdown": func(out io.Writer) error { return ClaimsMarkdown(out, []scenario.Weighed{w}) },
	} {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
		if at := nasty.Raw(out.String()); at != "" {
			t.Errorf("%s has a character that drives or deceives its reader: %q", name, at)
		}
	}
}

func TestHTML_HoldsClaimsAgainstTheRun(t *testing.T) {
	all := samples()
	claims := []scenario.Claim{
		{Cause: "B2", Says: "A slow script gives 502.", Predicts: scenario.Prediction{Status: []int{502}}, Scenarios: []string{all[4].Scenario}},
		{Cause: "Z1", Says: "Nobody has tried this.", Predicts: scenario.Prediction{Cut: true}, Scenarios: []string{"no-such"}},
	}
	root := testhtml.Parse(t, func(w io.Writer) error { return HTML(w, sampleRun, all, claims...) })
	text := testhtml.Text(root)
	for _, want := range []string{"What articles say, and what was measured", "A slow script gives 502.", "false"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, "Nobody has tried this.") {
		t.Error("a claim is shown of which nothing was measured")
	}
	linked := false
	for n := range root.Descendants() {
		linked = linked || n.Data == "a" && testhtml.Attribute(n, "href") == "#s5"
	}
	if !linked {
		t.Error("no link to the evidence")
	}
}
