//go:build linux

package agent

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func TestACapabilityThatIsNotInEffectIsNamed(t *testing.T) {
	g := NewWithT(t)
	g.Expect(missingCapabilities("Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n")).To(BeEmpty())
	// What Docker gives a container that asks for nothing, and NET_ADMIN.
	found := missingCapabilities("CapEff:\t00000000a80435fb\n")
	g.Expect(found).To(HaveLen(2))
	g.Expect(found[0].What).To(Equal("the capability SYS_ADMIN"))
	g.Expect(found[0].Remedy).To(ContainSubstring("--cap-add=SYS_ADMIN"))
	g.Expect(found[1].What).To(Equal("the capability SYS_PTRACE"))
	g.Expect(missingCapabilities("")).To(HaveLen(3))
	for _, l := range missingCapabilities("") {
		g.Expect(agentapi.Tried).To(ContainElement(l.What))
	}
}
