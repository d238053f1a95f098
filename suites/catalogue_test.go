package suites

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/lab"
	. "github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/scenarios"
)

// picked are the scenarios that SCENARIOS names, or all.
func picked() []scenario.Scenario {
	some, err := scenarios.Select(strings.Fields(os.Getenv("SCENARIOS"))...)
	if err != nil {
		panic(err)
	}
	return some
}

var _ = Describe("the catalogue", func() {
	for _, s := range picked() {
		labels := Label("family: "+s.Family, "gateway: "+s.Gateway.Driver.Name)
		for _, c := range s.Causes {
			labels = append(labels, "cause: "+c)
		}
		It(s.ID+": "+s.Claim, labels, func(ctx SpecContext) {
			all, err := scenario.Batch{Labs: []*lab.Lab{shared}}.Run(ctx, scenarios.Jobs([]scenario.Scenario{s}))
			Expect(err).NotTo(HaveOccurred())
			for _, e := range all {
				if e.Verdict != scenario.Passed {
					Expect(report.Transcript(GinkgoWriter, e)).To(Succeed())
				}
				Expect(e).To(HavePassed())
			}
			for _, f := range scenario.CompareVariants([]scenario.Scenario{s}, all) {
				Expect(f.Verdict).To(BeElementOf(scenario.Alike, scenario.OnlyReal, scenario.OnlyFake), "%+v", f)
			}
		})
	}
})
