package main

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/scenarios"
)

func TestMatrix_Stated(t *testing.T) {
	t.Parallel()
	if lines := strings.Count(said(t, "matrix", "--stated", "--json"), "\n"); lines != len(scenarios.Rows()) {
		t.Errorf("%d lines for %d faults", lines, len(scenarios.Rows()))
	}
	table := said(t, "matrix", "--stated")
	for _, r := range scenarios.Rows() {
		if !strings.Contains(table, "\n"+r.Name+" ") {
			t.Errorf("%s is not in the table", r.Name)
		}
	}
	details := said(t, "matrix", "--stated", "silent")
	for _, want := range []string{"upstream timed out", "Restart the application", "badgateway run app-hangs"} {
		if !strings.Contains(details, want) {
			t.Errorf("no %q in %s", want, details)
		}
	}
	for _, words := range [][]string{
		{"matrix", "no-such"}, {"matrix", "--nginx", "1.22"}, {"matrix", "--nginx", "1.22,0.1"}, {"matrix", "--stated", "--evidence", "x"},
		{"matrix", "--json", "--html"}, {"matrix", "--nginx", "1.22,1.26", "gateway:apache"},
	} {
		if out, code := printed(words...); code != exitBadInput {
			t.Errorf("%q: exit %d: %s", words, code, out)
		}
	}
}

func TestMatrix_FromEvidence(t *testing.T) {
	t.Parallel()
	some, err := scenarios.Select("row:silent", "row:refused")
	if err != nil {
		t.Fatal(err)
	}
	out, code := printed("matrix", "silent", "refused", "--evidence", storedRun(t, some, nil))
	if code != exitOK || !strings.Contains(out, "nginx/1  504 60 s") || !strings.Contains(out, "apache/1  502 60 s") {
		t.Errorf("exit %d: %s", code, out)
	}
	spoiled := storedRun(t, some, func(e *scenario.Evidence) {
		if e.Scenario == "apache-silent" {
			e.Broken.Status = 504
		}
	})
	if out, code := printed("matrix", "silent", "--evidence", spoiled); code != exitDiffers || !strings.Contains(out, "failed, status: expected 502, came 504") {
		t.Errorf("one that failed: exit %d: %s", code, out)
	}
	if _, code := printed("matrix", "--evidence", storedRun(t, some, nil)); code != exitDiffers {
		t.Errorf("what is not in the evidence: exit %d", code)
	}
}
