// Package suites joins the catalogue to Ginkgo. SCENARIOS="fpm-* family:time" picks scenarios, and so do label filters:
// ginkgo --label-filter='family: time'.
package suites

import (
	"log/slog"
	"os"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/lab"
)

// toGinkgo shows what labs log beside the spec that fails.
var toGinkgo = slog.New(slog.NewTextHandler(GinkgoWriter, nil))

func TestSuites(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "badgateway")
}

// lab is this process's own: Ginkgo's parallel processes share nothing.
var shared *lab.Lab

var _ = BeforeSuite(func(ctx SpecContext) {
	var err error
	shared, err = lab.Start(ctx, lab.Options{
		GatewayImage: os.Getenv("GATEWAY_IMAGE"), Install: true, Logger: toGinkgo,
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(shared.Close()).To(Succeed()) })
	DeferCleanup(closeUntrustedLabs)
})
