package scenario

import (
	"context"
	"fmt"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
)

type filtering struct{}

func (filtering) Inject(context.Context, fault.Target) (fault.Undo, error) { return nil, nil }
func (filtering) Needs() string                                            { return lab.NeedFilters }

func TestLackOf_SkipsWhereTheEngineLacksSomething(t *testing.T) {
	g := NewWithT(t)
	limited := Variant{Upstreams: []lab.Upstream{{Name: "app", Real: &lab.Backend{Memory: 1 << 25}}}}
	slow := Variant{Upstreams: []lab.Upstream{{Name: "app", Real: &lab.Backend{CPUs: 1}}}}
	blocked := Variant{Upstreams: []lab.Upstream{{Name: "app", Real: &lab.Backend{}}}, Inject: []fault.Fault{filtering{}}}
	blocks := Variant{Upstreams: []lab.Upstream{{Name: "app", Real: &lab.Backend{Filters: true}}}}
	plain := Variant{Upstreams: []lab.Upstream{{Name: "app", Real: &lab.Backend{}}}}
	none := []lab.Lack{{Need: lab.NeedMemory}, {Need: lab.NeedCPUs}, {Need: lab.NeedFilters, What: "nftables"}}
	for _, variant := range []Variant{limited, slow, blocked, blocks} {
		g.Expect(lackOf(none, Scenario{}, variant)).NotTo(BeNil())
		g.Expect(lackOf(nil, Scenario{}, variant)).To(BeNil())
	}
	g.Expect(lackOf(none, Scenario{}, plain)).To(BeNil())
	g.Expect(lackOf(none, Scenario{}, blocked).What).To(Equal("nftables"))
}

func TestSkipped_GivesTheLack(t *testing.T) {
	g := NewWithT(t)
	err := fmt.Errorf("starting the upstream app: %w", &lab.LackError{Lack: lab.Lack{What: "a limit on memory"}})
	g.Expect(skipped(err)).To(ContainSubstring("a limit on memory is missing"))
	g.Expect(skipped(fmt.Errorf("anything else"))).To(BeEmpty())
}
