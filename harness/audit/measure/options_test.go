package measure

import (
	"errors"
	"slices"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/review"
)

// Options that name no faults and no rules check with all that there are.
func TestOptions_ZeroIsTheBuiltInFaultsAndRules(t *testing.T) {
	t.Parallel()
	var o Options
	o.defaults()
	if got, want := faultIDs(o.FaultList), faultIDs(review.Faults()); !slices.Equal(got, want) || len(got) == 0 {
		t.Errorf("the faults are %q, want %q", got, want)
	}
	if got, want := len(o.Rules), len(review.Rules()); got != want || got == 0 {
		t.Errorf("%d rules, want %d", got, want)
	}
	o = Options{FaultList: review.Faults()[:1], Rules: []audit.Rule{}}
	o.defaults()
	if len(o.FaultList) != 1 || len(o.Rules) != 0 {
		t.Errorf("what was given is not what is used: %d faults, %d rules", len(o.FaultList), len(o.Rules))
	}
}

// Without faults there is nothing to measure, and nothing passes.
func TestOptions_NoFaultsIsAnError(t *testing.T) {
	if r, err := Run(t.Context(), Options{Path: t.TempDir(), FaultList: []audit.Fault{}}); !errors.Is(err, errNothing) || r.Verdict != "" {
		t.Errorf("verdict %q, %v", r.Verdict, err)
	}
	if _, err := Keep(t.Context(), Options{Path: t.TempDir()}, "a/", "no-such-fault"); err == nil {
		t.Error("a fault that there is not is kept")
	}
}
