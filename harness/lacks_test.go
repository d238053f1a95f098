package harness

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/engine"
	"github.com/badgateway/badgateway/harness/wire"
)

func TestALimitThatTheKernelDoesNotHaveIsALack(t *testing.T) {
	g := NewWithT(t)
	g.Expect(notHeld(wire.Limits{Memory: 32 << 20}, wire.Limits{Memory: 32 << 20})).To(BeNil())
	g.Expect(notHeld(wire.Limits{Memory: 32 << 20}, wire.Limits{}).Need).To(Equal(wire.NeedMemory))
	g.Expect(notHeld(wire.Limits{CPUs: 0.5}, wire.Limits{CPUs: 0.5})).To(BeNil())
	g.Expect(notHeld(wire.Limits{CPUs: 0.5}, wire.Limits{}).Need).To(Equal(wire.NeedCPUs))
	g.Expect(notHeld(wire.Limits{}, wire.Limits{Memory: 1})).To(BeNil())
}

func TestLackingLimits(t *testing.T) {
	g := NewWithT(t)
	g.Expect(lackingLimits(engine.Info{Memory: true, CPUs: true, Pids: true})).To(BeEmpty())
	lacks := lackingLimits(engine.Info{})
	g.Expect(lacks).To(HaveLen(2))
	g.Expect([]string{lacks[0].Need, lacks[1].Need}).To(Equal([]string{wire.NeedMemory, wire.NeedCPUs}))
}

func TestWhatIsMissingIsNamedWithItsRemedy(t *testing.T) {
	g := NewWithT(t)
	err := error(&TooLittleError{Engine: "Docker 1 at x", Lacks: []wire.Lack{{What: "the capability SYS_ADMIN", Why: "why", Remedy: "remedy"}}})
	g.Expect(err.Error()).To(And(ContainSubstring("the capability SYS_ADMIN is missing (why): remedy"), Not(ContainSubstring("\n"))))
	err = &LimitsError{Engine: "Docker 1 at x", Asked: wire.Limits{Memory: 1, Pids: 2}, Got: wire.Limits{Memory: 1}}
	g.Expect(err.Error()).To(And(ContainSubstring("uses of processes, so"), ContainSubstring("--without-limits")))
}
