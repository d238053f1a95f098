package suites

import (
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/lab"
	. "github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/scenarios"
)

// waiting are scenarios whose client waits 20 to 60 s: for a connection behind a firewall that drops, for an answer, for
// the rest of a body, for PHP-FPM's own limit, and for a script that waits itself.
var waiting = []string{"drop-connect", "app-hangs", "body-stalls", "fpm-terminate-timeout", "fpm-max-execution-time-waiting"}

var _ = Describe("a moved clock", Label("slow"), func() {
	It("gives the verdict and the log that real time gives", func(ctx SpecContext) {
		var some []scenario.Scenario
		for _, id := range waiting {
			s, err := scenarios.Select(id)
			Expect(err).NotTo(HaveOccurred())
			Expect(s[0].Expect.After).To(BeNumerically(">=", 20*time.Second), id)
			some = append(some, s...)
		}
		jobs := scenarios.Jobs(some)
		Expect(jobs).To(HaveLen(2 * len(waiting)))

		slow, err := lab.Start(ctx, lab.Options{GatewayImage: os.Getenv("GATEWAY_IMAGE"), RealTime: true, Logger: toGinkgo})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(slow.Close)
		begun := time.Now()
		real, err := scenario.Batch{Labs: []*lab.Lab{slow}, Parallel: len(jobs)}.Run(ctx, jobs)
		Expect(err).NotTo(HaveOccurred())
		inReal := time.Since(begun)

		begun = time.Now()
		moved, err := scenario.Batch{Labs: []*lab.Lab{shared}}.Run(ctx, jobs)
		Expect(err).NotTo(HaveOccurred())
		inMoved := time.Since(begun)

		for i := range jobs {
			r, m := real[i], moved[i]
			for _, e := range []scenario.Evidence{r, m} {
				if e.Verdict != scenario.Passed {
					Expect(report.Transcript(GinkgoWriter, e)).To(Succeed())
				}
				Expect(e).To(HavePassed())
			}
			name := r.Scenario + " " + string(r.Variant)
			Expect(r.Scenario+string(r.Variant)).To(Equal(m.Scenario+string(m.Variant)), name)
			Expect(r.Clock).To(Equal("real"), name)
			Expect(m.Clock).To(Equal("moved"), name)
			Expect(m.Broken.Status).To(Equal(r.Broken.Status), name)
			Expect(m.Broken.Cut).To(Equal(r.Broken.Cut), name)
			Expect(same(m)).To(Equal(same(r)), name)
			Expect(same(r)).NotTo(BeEmpty(), name)

			limit := jobs[i].Scenario.Expect.After
			Expect(r.Broken.Real).To(BeNumerically(">=", limit-50*time.Millisecond), name+" waits as long as it says in real time")
			Expect(m.Broken.Real).To(BeNumerically("<", limit/2), name+" does not where the clock is moved")
		}
		Expect(inMoved).To(BeNumerically("<", inReal/2))
	})
})

// same are the log lines under the fault, without what is new in each run.
func same(e scenario.Evidence) (lines []string) {
	for _, l := range e.Broken.Log {
		lines = append(lines, l.Same())
	}
	return lines
}
