package labtest_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/lab/labtest"
	. "github.com/badgateway/badgateway/harness/match"
)

const conf = `events {}
http {
    server { listen 80; location / { proxy_pass http://10.0.0.5:8080; } }
}`

func TestADeadAppIsA502(t *testing.T) {
	RegisterTestingT(t)
	ctx := t.Context()
	sandbox := labtest.Open(t, labtest.Start(t), lab.Setup{
		Gateway:   lab.Gateway{Driver: nginx.Driver, Config: conf},
		Upstreams: []lab.Upstream{{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}},
	})
	healthy, err := sandbox.Do(ctx, lab.Request{Path: "/"})
	Expect(err).NotTo(HaveOccurred())
	Expect(healthy).To(HaveStatus(200))

	undo, err := fault.Stop{Upstream: "app"}.Inject(ctx, sandbox)
	Expect(err).NotTo(HaveOccurred())
	broken, err := sandbox.Do(ctx, lab.Request{Path: "/"})
	Expect(err).NotTo(HaveOccurred())
	Expect(broken).To(HaveStatus(502))
	Expect(broken).To(HaveLogLine(Errno(111), Phase("connecting to upstream")))
	Expect(broken).To(HaveTried(1))

	Expect(undo(ctx)).To(Succeed())
}
