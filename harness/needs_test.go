package harness

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/engine"
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
	none := &Lab{lacks: append(lackingLimits(engine.Info{}), wire.Lack{Need: wire.NeedFilters, What: "nftables"})}
	for _, twin := range []Twin{limited, slow, blocked} {
		g.Expect(none.Lack(Scenario{}, twin)).NotTo(BeNil())
		g.Expect((&Lab{}).Lack(Scenario{}, twin)).To(BeNil())
	}
	g.Expect(none.Lack(Scenario{}, plain)).To(BeNil())
	g.Expect(none.Lack(Scenario{}, blocked).What).To(Equal("nftables"))
	g.Expect(lackingLimits(engine.Info{Memory: true, CPUs: true, Pids: true})).To(BeEmpty())
}

func TestALimitThatTheKernelDoesNotHaveIsALack(t *testing.T) {
	g := NewWithT(t)
	g.Expect(notHeld(wire.Limits{Memory: 32 << 20}, wire.Limits{Memory: 32 << 20})).To(BeNil())
	g.Expect(notHeld(wire.Limits{Memory: 32 << 20}, wire.Limits{}).Need).To(Equal(wire.NeedMemory))
	g.Expect(notHeld(wire.Limits{CPUs: 0.5}, wire.Limits{CPUs: 0.5})).To(BeNil())
	g.Expect(notHeld(wire.Limits{CPUs: 0.5}, wire.Limits{}).Need).To(Equal(wire.NeedCPUs))
	g.Expect(notHeld(wire.Limits{}, wire.Limits{Memory: 1})).To(BeNil())
	err := fmt.Errorf("starting the upstream app: %w", lackError{*notHeld(wire.Limits{Memory: 1}, wire.Limits{})})
	g.Expect(skipped(err)).To(ContainSubstring("a limit on memory is missing"))
	g.Expect(skipped(fmt.Errorf("anything else"))).To(BeEmpty())
}

func TestWhatIsMissingIsNamedWithItsRemedy(t *testing.T) {
	g := NewWithT(t)
	err := error(&TooLittleError{Engine: "Docker 1 at x", Lacks: []wire.Lack{{What: "the capability SYS_ADMIN", Why: "why", Remedy: "remedy"}}})
	g.Expect(err.Error()).To(And(ContainSubstring("the capability SYS_ADMIN is missing (why): remedy"), Not(ContainSubstring("\n"))))
	err = &LimitsError{Engine: "Docker 1 at x", Asked: wire.Limits{Memory: 1, Pids: 2}, Got: wire.Limits{Memory: 1}}
	g.Expect(err.Error()).To(And(ContainSubstring("uses of processes, so"), ContainSubstring("--without-limits")))
}
