package suites

import (
	"context"
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	. "github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/scenario"
)

// gatewayOf is nginx with a config of one's own.
func gatewayOf(conf string) lab.Gateway { return lab.Gateway{Driver: nginx.Driver, Config: conf} }

// proxyTo is a config that passes everything on, with further lines for http and for the location.
func proxyTo(to, http, location string) string {
	return `error_log /var/log/nginx/error.log warn;
events {}
http {
    ` + http + `
    server {
        listen 80;
        location / {
            proxy_pass ` + to + `;
            ` + location + `
        }
    }
}
`
}

// fakeAt is a fake HTTP upstream.
func fakeAt(name, listen string, behaviours ...fakeupstream.Behaviour) lab.Upstream {
	u := lab.Upstream{Name: name, Fake: &fakeupstream.Spec{Listen: listen}}
	for _, b := range behaviours {
		u.Fake.Script = append(u.Fake.Script, fakeupstream.Connection{b})
	}
	return u
}

// open opens a sandbox for the spec.
func open(ctx context.Context, setup lab.Setup) *lab.Sandbox {
	GinkgoHelper()
	c, err := shared.Open(ctx, setup)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(c.Close)
	return c
}

// unknownToLabs is a behaviour that only this program knows.
type unknownToLabs struct{ fakeupstream.Silent }

func init() {
	fakeupstream.Register(fakeupstream.Entry{Name: "unknown-to-labs", Zero: unknownToLabs{}})
}

// ask asks as a client.
func ask(ctx context.Context, c *lab.Sandbox, r lab.Request) lab.Exchange {
	GinkgoHelper()
	x, err := c.Do(ctx, r)
	Expect(err).NotTo(HaveOccurred())
	return x
}

var _ = Describe("the harness as a library", func() {
	pool := gatewayOf(proxyTo("http://pool", "upstream pool { server 10.0.0.1:8080; server 10.0.0.2:8080; }", ""))
	both := []lab.Upstream{
		fakeAt("a", "10.0.0.1:8080", fakeupstream.Well{Body: "from a\n"}), fakeAt("b", "10.0.0.2:8080", fakeupstream.Well{Body: "from b\n"}),
	}

	It("asks a gateway with a config of one's own, breaks what is behind it, and mends it", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{Gateway: pool, Upstreams: both})
		x := ask(ctx, c, lab.Request{Path: "/hello", Header: http.Header{"X-Mine": {"yes"}}})
		Expect(x).To(And(HaveStatus(200), HaveTriedPeers("10.0.0.1:8080"), HaveWaited(0), HaveOnlyLogLines()))
		Expect(x.Body).To(Equal("from a\n"))
		records, err := c.Records(ctx, "a")
		Expect(err).NotTo(HaveOccurred())
		Expect(records).To(HaveLen(1))
		Expect(records[0].Requests).To(HaveLen(1))
		Expect(records[0].Requests[0].URI).To(Equal("/hello"))
		Expect(records[0].Requests[0].Header("X-Mine")).To(Equal("yes"))

		var dead fault.Stack
		Expect(dead.Inject(ctx, c, fault.Stop{Upstream: "b"})).To(Succeed())
		x = ask(ctx, c, lab.Request{})
		Expect(x).To(And(HaveStatus(200), HaveTriedPeers("10.0.0.2:8080", "10.0.0.1:8080")))
		Expect(x).To(HaveLogLine("connect() failed", Level("error"), Errno(111), Phase("connecting to upstream")))

		Expect(dead.Inject(ctx, c, fault.Stop{Upstream: "a"})).To(Succeed())
		x = ask(ctx, c, lab.Request{})
		Expect(x).To(And(HaveStatus(502), HaveTriedPeers("10.0.0.1:8080")), "the other is benched for ten seconds")
		x = ask(ctx, c, lab.Request{})
		Expect(x).To(And(HaveStatus(502), HaveTried(0), HaveLogLine("no live upstreams", Errno(0))))

		Expect(dead.Undo(ctx)).To(Succeed())
		Expect(c.RestartGateway(ctx)).To(Succeed())
		Expect(ask(ctx, c, lab.Request{})).To(And(HaveStatus(200), HaveTried(1), HaveNoAlerts()))
	})

	It("moves the clock, and proves a wait from both sides", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{
			Gateway:   gatewayOf(proxyTo("http://10.0.0.1:8080", "", "proxy_read_timeout 300s;")),
			Upstreams: []lab.Upstream{fakeAt("a", "10.0.0.1:8080", fakeupstream.Silent{})}, Clock: true,
		})
		x, err := c.Do(ctx, lab.Request{}, lab.Within(lab.WaitWindow{After: 300 * time.Second, WaitFor: []lab.Condition{lab.RequestAt("a")}}))
		Expect(err).NotTo(HaveOccurred())
		Expect(x).To(And(HaveStatus(504), HaveWaited(300*time.Second), Not(HaveWaited(290*time.Second))))
		Expect(x.Real).To(BeNumerically("<", time.Minute))
		Expect(x).To(HaveLogLine("upstream timed out", Errno(110), Phase("reading response header from upstream")))
	})

	It("proves a scenario of one's own", func(ctx SpecContext) {
		mine := scenario.Scenario{
			ID: "mine", Claim: "The application resets the connection: 502.", Gateway: gatewayOf(proxyTo("http://10.0.0.1:8080", "", "")),
			Fault: "the application resets the connection",
			Expect: scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
				{Level: "error", Text: "recv() failed", Errno: 104, Phase: "reading response header from upstream"},
			}},
		}
		fake := scenario.Variant{
			Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeAt("a", "10.0.0.1:8080")},
			Inject: []fault.Fault{fault.SetBehaviour{Upstream: "a", Script: fakeupstream.Always(fakeupstream.Reset{})}},
		}
		e := scenario.Run(ctx, shared, mine, fake)
		Expect(e).To(And(HavePassed(), HaveStatus(502), HaveNoAlerts()))

		mine.Expect.Log[0].Errno = 111
		e = scenario.Run(ctx, shared, mine, fake)
		Expect(e.Verdict).To(Equal(scenario.Failed))
		Expect(e.Differences).To(ConsistOf(HaveField("What", "log")))
	})

	It("names what is registered in this program and not in the lab's", func(ctx SpecContext) {
		_, err := shared.Open(ctx, lab.Setup{Gateway: pool, Upstreams: []lab.Upstream{fakeAt("a", "10.0.0.1:8080", unknownToLabs{})}})
		Expect(err).To(MatchError(And(ContainSubstring("agentmain.Main"), ContainSubstring(`no behaviour is called "unknown-to-labs"`))))
		c := open(ctx, lab.Setup{Gateway: pool, Upstreams: both})
		err = c.StartUpstream(ctx, fakeAt("a", "10.0.0.1:8080", unknownToLabs{}))
		Expect(err).To(And(MatchError(ContainSubstring("agentmain.Main")), MatchError(fakeupstream.ErrNoBehaviour)))
	})

	It("tells in a type that a config is refused, in nginx's words", func(ctx SpecContext) {
		_, err := shared.Open(ctx, lab.Setup{Gateway: gatewayOf("events {}\nhttp { server { lisen 80; } }\n")})
		var refused *lab.ConfigError
		Expect(err).To(MatchError(ContainSubstring(`unknown directive "lisen" in /etc/nginx/nginx.conf:2`)))
		Expect(errorAs(err, &refused)).To(BeTrue())
		Expect(refused.Lines).To(HaveLen(1))
		Expect(refused.Lines[0].Level).To(Equal("emerg"))
	})
})
