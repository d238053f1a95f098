package suites

import (
	"math/rand/v2"
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
	some, err := scenarios.ToRun(strings.Fields(os.Getenv("SCENARIOS"))...)
	if err != nil {
		panic(err)
	}
	return some
}

// sampled reports whether a part of the catalogue is enough here, as make test has run it all before.
func sampled() bool { return os.Getenv("CATALOGUE") == "sample" }

// sample is one of each family and one of each gateway, by the seed of the run.
func sample(all []scenario.Scenario) (some []scenario.Scenario) {
	r := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
	known := map[string]bool{}
	for _, i := range r.Perm(len(all)) {
		s := all[i]
		family, gateway := "family: "+s.Family, "gateway: "+s.Gateway.Driver.Name
		if !known[family] || !known[gateway] {
			known[family], known[gateway] = true, true
			some = append(some, s)
		}
	}
	return some
}

var _ = Describe("the catalogue", func() {
	all := picked()
	if sampled() {
		all = sample(all)
	}
	for _, s := range all {
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
				Expect(scenarios.Blamed(e.Healthy)).To(BeEmpty(), "diagnose names a failure before there is one")
			}
			for _, f := range scenario.CompareVariants([]scenario.Scenario{s}, all) {
				Expect(f.Verdict).To(BeElementOf(scenario.Alike, scenario.OnlyReal, scenario.OnlyFake), "%+v", f)
			}
		})
	}
})
