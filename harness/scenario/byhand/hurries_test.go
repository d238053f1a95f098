package byhand

import (
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/scenario"
)

func TestHurries_OnlyWhereTheGatewaysTimeDecides(t *testing.T) {
	for name, c := range map[string]struct {
		scenario scenario.Scenario
		variant  scenario.Variant
		want     bool
	}{
		"a limit of the gateway's":     {scenario.Scenario{Expect: scenario.Expectation{After: time.Minute, Until: 2 * time.Minute}}, scenario.Variant{}, true},
		"at once":                      {scenario.Scenario{}, scenario.Variant{}, true},
		"the visitor leaves":           {scenario.Scenario{Leaves: true, Expect: scenario.Expectation{After: time.Minute}}, scenario.Variant{}, false},
		"a limit of the application's": {scenario.Scenario{Expect: scenario.Expectation{Until: time.Minute}}, scenario.Variant{}, false},
		"a limit of the application's, and a slow remedy": {scenario.Scenario{Expect: scenario.Expectation{Until: time.Minute}}, scenario.Variant{RemedyTakes: time.Minute}, true},
	} {
		if got := hurries(c.scenario, c.variant); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
