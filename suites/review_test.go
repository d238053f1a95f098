package suites

import (
	"fmt"
	"slices"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/review"
)

// Every rule is tried on a real nginx: a config that fires it, one that is as near to that as can be and must not, and the
// first one with all mends that its check has proven.
var _ = Describe("what an expert objects to", Label("review"), func() {
	for _, rule := range review.Rules() {
		if rule.Static {
			continue
		}
		It(rule.ID+": "+rule.Title, func(ctx SpecContext) {
			fires, near := review.Examples(rule.ID)
			conf := file("nginx.conf", fires)
			before := reviewed(ctx, conf, rule)
			found := before.Findings
			first := of(found, rule.ID)
			Expect(first).NotTo(BeEmpty(), "the config that fires it: %s", titles(found))
			Expect(first[0].Place.File).To(Equal("nginx.conf"))
			Expect(first[0].Place.Line).To(BeNumerically(">", 0))
			Expect(first[0].Routes).NotTo(BeEmpty())
			Expect(first[0].Saw).NotTo(BeEmpty())

			other := reviewed(ctx, file("nginx.conf", near), rule).Findings
			Expect(of(other, rule.ID)).To(BeEmpty(), "the config near it")

			if rule.ID == "no-keepalive" { // nginx below 1.29 takes a 103 for the answer, and then waits on the connection that it keeps
				Expect(first[0].Unproven).To(ContainSubstring("early-hints"))
				Expect(first[0].Patch).NotTo(BeEmpty(), "which is no harm to an application that sends none")
				Expect(first[0].Proof).To(BeEmpty())
				return
			}
			Expect(first[0].Unproven).To(BeEmpty(), "its mend does harm, or no good")
			if len(first[0].Edits) == 0 {
				Expect(hangOnServer).To(ContainElement(rule.ID))
				Expect(first[0].Proof).To(BeEmpty())
				return
			}
			Expect(first[0].Proof).NotTo(BeEmpty())
			Expect(before.Fix).To(HaveLen(1))
			mended := before.Fix[0].After
			after := reviewed(ctx, file("nginx.conf", mended), rule).Findings
			Expect(of(after, rule.ID)).To(BeEmpty(), "mended:\n%s", mended)
		})
	}
})

// What a rule reads is tried without an engine, in its own package. Here nginx has to take its example, to bear out what is read, and
// to take the lines that the finding gives, which do no harm.
var _ = Describe("what an expert reads", Label("review"), func() {
	for _, rule := range review.Rules() {
		if !rule.Static {
			continue
		}
		It(rule.ID+": "+rule.Title, func(ctx SpecContext) {
			fires, _ := review.Examples(rule.ID)
			found := of(reviewed(ctx, file("nginx.conf", fires), rule, "refused").Findings, rule.ID)
			Expect(found).To(HaveLen(1))
			Expect(found[0].Unproven).To(BeEmpty())
		})
	}
})

// hangOnServer are the rules whose example no line can be proven to mend: where the application is, and what the server's DNS knows, nobody
// can tell, and a time-out that is long enough for websockets is too long for all else on the route.
var hangOnServer = []string{"endless-loop", "idle-websocket", "moved-address", "missing-name", "no-resolver"}

// takenSince are the rules whose example the labs' own nginx does not take yet, with the first of the project's that does.
var takenSince = map[string]string{"host-lost": "1.26"}

// reviewed is a config measured with every fault, or those that are named, and held against a rule, which the lab has to load, reach
// and measure in full.
func reviewed(ctx SpecContext, conf string, rule audit.Rule, faults ...string) *audit.Report {
	GinkgoHelper()
	o := measure.Options{Path: conf, Lab: untrustedLab(ctx, takenSince[rule.ID]), Rules: []audit.Rule{rule}}
	for _, f := range review.Faults() {
		if slices.Contains(faults, f.ID) {
			o.FaultList = append(o.FaultList, f)
		}
	}
	r, err := measure.Run(ctx, o)
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
