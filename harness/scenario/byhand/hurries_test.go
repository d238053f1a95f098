package byhand

import (
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/scenario"
)

func TestHurries_OnlyWhereTheGatewaysTimeDecides(t *testing.T) {
	for name, c := range map[string]struct {
		scenario scenario.Scenario
		want     bool
	}{
		"a limit of the gateway's":     {scenario.Scenario{Expect: scenario.Expectation{After: time.Minute, Until: 2 * time.Minute}}, true},
		"at once":                      {scenario.Scenario{}, true},
		"the visitor leaves":           {scenario.Scenario{Leaves: true, Expect: scenario.Expectation{After: time.Minute}}, false},
		"a limit of the application's": {scenario.Scenario{Expect: scenario.Expectation{Until: time.Minute}}, false},
	} {
		if got := hurries(c.scenario); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
