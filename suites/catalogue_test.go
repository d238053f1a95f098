package suites

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness"
	. "github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/report"
	"github.com/badgateway/badgateway/scenarios"
)

// picked are the scenarios that SCENARIOS names, or all.
func picked() []harness.Scenario {
	some, err := scenarios.Select(strings.Fields(os.Getenv("SCENARIOS"))...)
	if err != nil {
		panic(err)
	}
	return some
}

var _ = Describe("the catalogue", func() {
	for _, s := range picked() {
		labels := Label("family: "+s.Family, "gateway: "+s.Gateway.Program.Name)
		for _, c := range s.Causes {
			labels = append(labels, "cause: "+c)
		}
		It(s.ID+": "+s.Claim, labels, func(ctx SpecContext) {
			all, err := harness.Batch{Labs: []*harness.Lab{lab}}.Run(ctx, scenarios.Jobs([]harness.Scenario{s}))
			Expect(err).NotTo(HaveOccurred())
			for _, e := range all {
				if e.Verdict != harness.Passed {
					Expect(report.Transcript(GinkgoWriter, e)).To(Succeed())
				}
				Expect(e).To(HavePassed())
			}
		})
	}
})
