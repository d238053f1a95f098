package main

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/scenarios"
)

func TestFidelity_FromEvidence(t *testing.T) {
	t.Parallel()
	some, err := scenarios.Select("app-*", "http-to-tls")
	if err != nil {
		t.Fatal(err)
	}
	alike := storedRun(t, some, nil)
	if out, code := printed("fidelity", "app-*", "http-to-tls", "--evidence", alike); code != exitOK || !strings.Contains(out, "fake only http-to-tls: ") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := printed("fidelity", "app-*", "body-cut", "--evidence", alike); code != exitDiffers || !strings.Contains(out, "body-cut: real is not in the evidence") &&
		!strings.Contains(out, "body-cut: fake is not in the evidence") {
		t.Errorf("what is missing: exit %d: %s", code, out)
	}
	unlike := storedRun(t, some, func(e *scenario.Evidence) {
		if e.Scenario == "app-dies" && e.Variant == scenario.Fake {
			e.Broken.Status, e.Expected.Status = 504, 504
		}
	})
	if out, code := printed("fidelity", "app-*", "--json", "--evidence", unlike); code != exitDiffers || strings.Count(out, `"verdict":"unlike"`) != 1 {
		t.Errorf("one that is unlike: exit %d: %s", code, out)
	}
	if _, code := printed("fidelity", "no-such"); code != exitBadInput {
		t.Errorf("exit %d", code)
	}
}
