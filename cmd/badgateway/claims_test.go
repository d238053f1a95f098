package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/scenarios"
)

// printed is what a command prints, and its exit code.
func printed(words ...string) (string, int) {
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(words)
	code := exitCode(c.Execute())
	return out.String(), code
}

// storedRun is a file of evidence of a run of those scenarios in which all went as the catalogue states, but for what spoil does.
func storedRun(t *testing.T, some []scenario.Scenario, spoil func(*scenario.Evidence)) string {
	t.Helper()
	var all []scenario.Evidence
	well := lab.Exchange{Request: "GET /", Status: 200}
	for _, s := range some {
		for _, v := range s.Variants {
			e := scenario.Evidence{
				Scenario: s.ID, Variant: v.Kind, Gateway: s.Gateway.Driver.Name + "/1", Fault: s.Fault, Remedy: s.Remedy, Expected: scenario.Expected{Expectation: s.Expect},
				Healthy: well, Recovered: well, Broken: lab.Exchange{
					Request: "GET /", Status: s.Expect.Status, NoAnswer: s.Expect.NoAnswer, Cut: s.Expect.Cut, Body: s.Expect.Page, TriesUnknown: "nobody counted",
					Waited: s.Expect.After, NotBefore: s.Expect.After, Real: s.Expect.After,
				},
			}
			for range max(s.Expect.Tries, 0) {
				e.Broken.Tries = append(e.Broken.Tries, lab.Try{Addr: "10.0.0.5:8080"})
			}
			e.Expected.Log = nil // a line is not what these tests are about
			if spoil != nil {
				spoil(&e)
			}
			all = append(all, e)
		}
	}
	name := filepath.Join(t.TempDir(), "evidence.json")
	var out bytes.Buffer
	if err := report.JSON(&out, report.Run{Started: time.Now()}, scenario.JudgeAll(all)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestClaims_FromTheCatalogue(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(said(t, "claims", "--json")), "\n")
	if len(lines) != len(scenarios.Claims()) {
		t.Errorf("%d lines for %d claims", len(lines), len(scenarios.Claims()))
	}
	table := said(t, "claims", "b6")
	for _, want := range []string{"A time-out is a 504.", "depends", "body-stalls", "make test-scenarios"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in %s", want, table)
		}
	}
	if strings.Contains(table, "A1") {
		t.Error("another cause is shown")
	}
	for _, words := range [][]string{{"claims", "Z9"}, {"claims", "--json", "--markdown"}, {"claims", "--evidence", "/no/such"}} {
		if _, code := printed(words...); code != exitBadInput {
			t.Errorf("%q: exit %d", words, code)
		}
	}
}

func TestClaims_FromEvidence(t *testing.T) {
	t.Parallel()
	some, err := scenarios.Select("cause:B2", "row:silent", "row:body-stalls", "row:dropped", "drop-*", "*handshake-stalls", "pool-*-silent", "body-drips",
		"httpd-*-timeout", "node-request-timeout")
	if err != nil {
		t.Fatal(err)
	}
	asStated := storedRun(t, some, nil)
	if out, code := printed("claims", "B2", "B6", "--evidence", asStated); code != exitOK || strings.Contains(out, "!") {
		t.Errorf("exit %d: %s", code, out)
	}
	for name, c := range map[string]struct {
		spoil func(*scenario.Evidence)
		says  string
	}{
		"one that failed": {func(e *scenario.Evidence) {
			if e.Scenario == "body-drips" {
				e.Broken.Status = 502
			}
		}, "body-drips failed, status: expected 200, came 502"},
		"another verdict": {func(e *scenario.Evidence) {
			if e.Scenario == "body-drips" {
				e.Broken.Cut, e.Expected.Cut = true, true
			}
		}, "The catalogue's verdict is another: false."},
	} {
		out, code := printed("claims", "B6", "--evidence", storedRun(t, some, c.spoil))
		if code != exitDiffers || !strings.Contains(out, c.says) {
			t.Errorf("%s: exit %d, no %q in %s", name, code, c.says, out)
		}
	}
	out, code := printed("claims", "A1", "--json", "--evidence", asStated)
	var w scenario.Weighed
	if err := json.Unmarshal([]byte(out), &w); err != nil || code != exitDiffers || w.Verdict != scenario.Untested {
		t.Errorf("what is not in the evidence: exit %d, %v: %s", code, err, out)
	}
}
