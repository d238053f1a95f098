package suites

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit/measure"
)

// manyWorkers has each worker say its number to the upstream, and clients spread over the workers by their port. Its masks name
// processors that few machines have.
const manyWorkers = `worker_processes 16;
worker_cpu_affinity 1000000000000000000000000000000000000000000000000000000000000000 01;
worker_rlimit_nofile 2048;
events { worker_connections 64; }
http { server { listen 80 reuseport; location / { rewrite ^ /$pid break; proxy_pass http://app:8080; } } }
`

var _ = Describe("a check of a config with many workers", Label("check"), func() {
	It("runs one of them, says so, and leaves the file alone", func(ctx SpecContext) {
		conf := filepath.Join(GinkgoT().TempDir(), "nginx.conf")
		Expect(os.WriteFile(conf, []byte(manyWorkers), 0o644)).To(Succeed())
		o := measure.Options{Path: conf, Faults: []string{"500"}, Lab: untrustedLab(ctx, "")}

		report, err := measure.Run(ctx, o)
		Expect(err).NotTo(HaveOccurred())
		Expect(report.Refused).To(BeNil())
		Expect(report.Notes).To(ContainElement(And(
			ContainSubstring(`one worker process runs here in place of "worker_processes 16" (nginx.conf:1)`),
			ContainSubstring(`(nginx.conf:2) is left out`))))
		Expect(report.Routes).To(HaveLen(1))
		Expect(report.Routes[0].Healthy.Log).To(BeEmpty())

		kept, err := measure.Keep(ctx, o, report.Routes[0].ID, "500")
		Expect(err).NotTo(HaveOccurred())
		defer kept.Close()
		workers := map[string]bool{}
		for _, visitor := range kept.Outcomes {
			for _, call := range visitor.Calls {
				workers[call.URI] = true
			}
		}
		Expect(kept.Outcomes).To(HaveLen(5))
		Expect(workers).To(HaveLen(1))
		Expect(os.ReadFile(conf)).To(BeEquivalentTo(manyWorkers))
	})
})
