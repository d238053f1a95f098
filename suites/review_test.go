package suites

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/review"
)

// Every rule is tried on a real nginx: a config that fires it, one that is as near to that as can be and must not, and the
// first one with the lines that the finding itself gives.
var _ = Describe("what an expert objects to", Label("review"), func() {
	for _, rule := range review.Rules() {
		It(rule.ID+": "+rule.Title, func(ctx SpecContext) {
			fires, near := review.Examples(rule.ID)
			conf := file("nginx.conf", fires)
			before := reviewed(ctx, conf)
			found := before.Findings
			first := of(found, rule.ID)
			Expect(first).NotTo(BeEmpty(), "the config that fires it: %s", titles(found))
			Expect(first[0].Place.File).To(Equal("nginx.conf"))
			Expect(first[0].Place.Line).To(BeNumerically(">", 0))
			Expect(first[0].Routes).NotTo(BeEmpty())
			Expect(first[0].Saw).NotTo(BeEmpty())

			other := reviewed(ctx, file("nginx.conf", near)).Findings
			Expect(of(other, rule.ID)).To(BeEmpty(), "the config near it")

			mended, err := review.ApplyPatch(fires, first[0])
			Expect(err).NotTo(HaveOccurred())
			after := reviewed(ctx, file("nginx.conf", mended)).Findings
			Expect(of(after, rule.ID)).To(BeEmpty(), "mended:\n%s", mended)
			if before.Routes[0].Healthy.Status >= 500 {
				return // what else is wrong with it can be seen only now
			}
			for _, f := range after {
				Expect(f.Severity == "low" || len(of(found, f.Rule)) > 0).To(BeTrue(),
					"mended, it has a fault that it had not: %s\n%s", titles(after), mended)
			}
		})
	}
})

// reviewed is a config measured with every fault and held against all rules, which the lab has to load, reach and measure in full.
func reviewed(ctx SpecContext, conf string) *audit.Report {
	GinkgoHelper()
	r, err := measure.Run(ctx, measure.Options{
		Path: conf, Lab: untrustedLab(ctx, ""),
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Refused).To(BeNil())
	for _, route := range r.Routes {
		for _, c := range route.Measurements {
			Expect(c.Error).To(BeEmpty())
		}
	}
	return r
}

// of are the findings of one rule.
func of(all []audit.Finding, rule string) (some []audit.Finding) {
	for _, f := range all {
		if f.Rule == rule {
			some = append(some, f)
		}
	}
	return some
}

// titles says what was found, in short.
func titles(all []audit.Finding) string {
	out := ""
	for _, f := range all {
		out += fmt.Sprintf("\n  %s %s at %s:%d: %s", f.Severity, f.Rule, f.Place.File, f.Place.Line, f.Saw)
	}
	return out
}
