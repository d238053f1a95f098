package suites

import (
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/scenarios"
)

// What this process was before it had a lab.
var (
	environAtStart = os.Environ()
	loggerAtStart  = log.Default()
)

var _ = Describe("the process that a lab is a part of", func() {
	It("keeps its environment, and testcontainers as it had set it up", func(ctx SpecContext) {
		some, err := scenarios.Select("fpm-dead")
		Expect(err).NotTo(HaveOccurred())
		for _, j := range scenarios.Jobs(some) { // the real variant takes a container more
			r := scenario.Run(ctx, shared, j.Scenario, j.Variant)
			Expect(r.Verdict).To(Equal("passed"))
		}
		Expect(os.Environ()).To(Equal(environAtStart))
		Expect(log.Default()).To(BeIdenticalTo(loggerAtStart))
		Expect(testcontainers.ReadConfig().RyukDisabled).To(Equal(os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "true"))
	})
})
