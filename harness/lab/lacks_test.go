package lab

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/docker"
)

func TestALimitThatTheKernelDoesNotHaveIsALack(t *testing.T) {
	g := NewWithT(t)
	g.Expect(notHeld(agentapi.Limits{Memory: 32 << 20}, agentapi.Limits{Memory: 32 << 20})).To(BeNil())
	g.Expect(notHeld(agentapi.Limits{Memory: 32 << 20}, agentapi.Limits{}).Need).To(Equal(agentapi.NeedMemory))
	g.Expect(notHeld(agentapi.Limits{CPUs: 0.5}, agentapi.Limits{CPUs: 0.5})).To(BeNil())
	g.Expect(notHeld(agentapi.Limits{CPUs: 0.5}, agentapi.Limits{}).Need).To(Equal(agentapi.NeedCPUs))
	g.Expect(notHeld(agentapi.Limits{}, agentapi.Limits{Memory: 1})).To(BeNil())
}

func TestLackingLimits(t *testing.T) {
	g := NewWithT(t)
	g.Expect(lackingLimits(docker.Info{Memory: true, CPUs: true, Pids: true})).To(BeEmpty())
	lacks := lackingLimits(docker.Info{})
	g.Expect(lacks).To(HaveLen(2))
	g.Expect([]string{lacks[0].Need, lacks[1].Need}).To(Equal([]string{agentapi.NeedMemory, agentapi.NeedCPUs}))
}

func TestWhatIsMissingIsNamedWithItsRemedy(t *testing.T) {
	g := NewWithT(t)
	err := error(&TooLittleError{Engine: "Docker 1 at x", Lacks: []agentapi.Lack{{What: "the capability SYS_ADMIN", Why: "why", Remedy: "remedy"}}})
	g.Expect(err.Error()).To(And(ContainSubstring("the capability SYS_ADMIN is missing (why): remedy"), Not(ContainSubstring("\n"))))
	err = &LimitsError{Engine: "Docker 1 at x", Asked: agentapi.Limits{Memory: 1, Pids: 2}, Got: agentapi.Limits{Memory: 1}}
	g.Expect(err.Error()).To(And(ContainSubstring("uses of processes, so"), ContainSubstring("--without-limits")))
}
