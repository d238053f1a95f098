package scenarios

import (
	"slices"
	"testing"

	"github.com/badgateway/badgateway/harness/scenario"
)

func TestNeighbours(t *testing.T) {
	ids := func(id string) (all []string) {
		for _, s := range Neighbours(id) {
			all = append(all, s.ID)
		}
		return all
	}
	if got := ids("fpm-dead"); !slices.Contains(got, "fpm-other-port") || slices.Contains(got, "fpm-dead") || slices.Contains(got, "fpm-read-timeout") ||
		slices.Contains(got, "nginx-refused") /* whose line says http:// */ {
		t.Errorf("the neighbours of fpm-dead are %v", got)
	}
	if got := ids("no-such"); got != nil {
		t.Errorf("an unknown one has the neighbours %v", got)
	}
	silent := slices.IndexFunc(All(), func(s scenario.Scenario) bool { return len(s.Expect.Log) == 0 })
	if got := ids(All()[silent].ID); got != nil {
		t.Errorf("%s logs nothing and has the neighbours %v", All()[silent].ID, got)
	}
}
