package harness

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/wire"
)

type filtering struct{}

func (filtering) Do(context.Context, *Cell) error   { return nil }
func (filtering) Undo(context.Context, *Cell) error { return nil }
func (filtering) Needs() string                     { return wire.NeedFilters }

func TestAScenarioIsSkippedWhereWhatItTakesIsMissing(t *testing.T) {
	g := NewWithT(t)
	limited := Twin{Upstreams: []Upstream{{Name: "app", Real: &Backend{Memory: 1 << 25}}}}
	slow := Twin{Upstreams: []Upstream{{Name: "app", Real: &Backend{CPUs: 1}}}}
	blocked := Twin{Upstreams: []Upstream{{Name: "app", Real: &Backend{}}}, Break: []Change{filtering{}}}
	plain := Twin{Upstreams: []Upstream{{Name: "app", Real: &Backend{}}}}
	none := []wire.Lack{{Need: wire.NeedMemory}, {Need: wire.NeedCPUs}, {Need: wire.NeedFilters, What: "nftables"}}
	for _, twin := range []Twin{limited, slow, blocked} {
		g.Expect(lackOf(none, Scenario{}, twin)).NotTo(BeNil())
		g.Expect(lackOf(nil, Scenario{}, twin)).To(BeNil())
	}
	g.Expect(lackOf(none, Scenario{}, plain)).To(BeNil())
	g.Expect(lackOf(none, Scenario{}, blocked).What).To(Equal("nftables"))
}

func TestALackIsTheReasonOfASkip(t *testing.T) {
	g := NewWithT(t)
	err := fmt.Errorf("starting the upstream app: %w", &LackError{wire.Lack{What: "a limit on memory"}})
	g.Expect(skipped(err)).To(ContainSubstring("a limit on memory is missing"))
	g.Expect(skipped(fmt.Errorf("anything else"))).To(BeEmpty())
}
