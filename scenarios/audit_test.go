package scenarios

import (
	"slices"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/scenario"
)

// The faults of a check name scenarios and causes, which package review can't look up.
func TestFaultsOfACheck_NameWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, f := range review.Faults() {
		there := slices.ContainsFunc(All(), func(s scenario.Scenario) bool { return s.ID == f.Scenario })
		if !there && f.ID != "does-not-read" && len(f.Servers) == 0 && !f.Visitor { // no scenario is of that alone
			t.Errorf("%s names the scenario %q, which there is not", f.ID, f.Scenario)
		}
		for _, c := range f.Causes {
			if _, known := CauseByID(c); !known {
				t.Errorf("%s names the cause %q, which there is not", f.ID, c)
			}
		}
	}
}
