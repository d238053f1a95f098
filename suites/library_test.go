package suites

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/faults"
	. "github.com/badgateway/badgateway/harness/match"
)

// upstreamLog is the form of the access log from which the harness learns what was tried.
const upstreamLog = `log_format upstream escape=json '{"client":"$remote_addr","upstream_addr":"$upstream_addr",'
        '"upstream_status":"$upstream_status","upstream_response_time":"$upstream_response_time"}';
    access_log /var/log/nginx/upstream.log upstream;`

// gatewayOf is nginx with a config of one's own.
func gatewayOf(conf string) harness.Gateway {
	return harness.Gateway{Program: harness.Nginx, Files: []harness.File{{Path: harness.Nginx.Conf, Data: conf}}}
}

// proxyTo is a config that passes everything on, with further lines for http and for the location.
func proxyTo(to, http, location string) string {
	return `error_log /var/log/nginx/error.log warn;
events {}
http {
    ` + upstreamLog + `
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
func fakeAt(name, listen string, behaviours ...fakeupstream.Behaviour) harness.Upstream {
	u := harness.Upstream{Name: name, Fake: &fakeupstream.Spec{Listen: listen}}
	for _, b := range behaviours {
		u.Fake.Script = append(u.Fake.Script, fakeupstream.Connection{b})
	}
	return u
}

// open opens a cell for the spec.
func open(ctx context.Context, setup harness.Setup) *harness.Cell {
	GinkgoHelper()
	c, err := lab.Open(ctx, setup)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(c.Close)
	return c
}

// ask asks as a visitor.
func ask(ctx context.Context, c *harness.Cell, r harness.Request) harness.Exchange {
	GinkgoHelper()
	x, err := c.Ask(ctx, r)
	Expect(err).NotTo(HaveOccurred())
	return x
}

var _ = Describe("the harness as a library", func() {
	pool := gatewayOf(proxyTo("http://pool", "upstream pool { server 10.0.0.1:8080; server 10.0.0.2:8080; }", ""))
	both := []harness.Upstream{
		fakeAt("a", "10.0.0.1:8080", fakeupstream.Well{Body: "from a\n"}), fakeAt("b", "10.0.0.2:8080", fakeupstream.Well{Body: "from b\n"}),
	}

	It("asks a gateway with a config of one's own, breaks what is behind it, and mends it", func(ctx SpecContext) {
		c := open(ctx, harness.Setup{Gateway: pool, Upstreams: both})
		x := ask(ctx, c, harness.Request{Path: "/hello", Header: map[string]string{"X-Mine": "yes"}})
		Expect(x).To(And(HaveStatus(200), HaveTriedPeers("10.0.0.1:8080"), HaveWaited(0), HaveOnlyLogLines()))
		Expect(x.Body).To(Equal("from a\n"))
		records, err := c.Records(ctx, "a")
		Expect(err).NotTo(HaveOccurred())
		Expect(records).To(HaveLen(1))
		Expect(records[0].Requests).To(HaveLen(1))
		Expect(records[0].Requests[0].URI).To(Equal("/hello"))
		Expect(records[0].Requests[0].Header("X-Mine")).To(Equal("yes"))

		dead := []harness.Change{faults.Stop{Upstream: "b"}, faults.Stop{Upstream: "a"}}
		Expect(dead[0].Do(ctx, c)).To(Succeed())
		x = ask(ctx, c, harness.Request{})
		Expect(x).To(And(HaveStatus(200), HaveTriedPeers("10.0.0.2:8080", "10.0.0.1:8080")))
		Expect(x).To(HaveLogLine("connect() failed", Level("error"), Errno(111), Phase("connecting to upstream")))

		Expect(dead[1].Do(ctx, c)).To(Succeed())
		x = ask(ctx, c, harness.Request{})
		Expect(x).To(And(HaveStatus(502), HaveTriedPeers("10.0.0.1:8080", "pool")), "the other is benched for ten seconds")
		x = ask(ctx, c, harness.Request{})
		Expect(x).To(And(HaveStatus(502), HaveTried(1), HaveLogLine("no live upstreams", Errno(0))))

		Expect(dead[1].Undo(ctx, c)).To(Succeed())
		Expect(dead[0].Undo(ctx, c)).To(Succeed())
		Expect(c.RestartGateway(ctx)).To(Succeed())
		Expect(ask(ctx, c, harness.Request{})).To(And(HaveStatus(200), HaveTried(1), HaveNoAlerts()))
	})

	It("moves the clock, and proves a wait from both sides", func(ctx SpecContext) {
		c := open(ctx, harness.Setup{
			Gateway:   gatewayOf(proxyTo("http://10.0.0.1:8080", "", "proxy_read_timeout 300s;")),
			Upstreams: []harness.Upstream{fakeAt("a", "10.0.0.1:8080", fakeupstream.Silent{})}, Clock: true,
		})
		x, err := c.AskSlowly(ctx, harness.Request{}, harness.Patience{After: 300 * time.Second, Held: "a"})
		Expect(err).NotTo(HaveOccurred())
		Expect(x).To(And(HaveStatus(504), HaveWaited(300*time.Second), Not(HaveWaited(290*time.Second))))
		Expect(x.Real).To(BeNumerically("<", time.Minute))
		Expect(x).To(HaveLogLine("upstream timed out", Errno(110), Phase("reading response header from upstream")))
	})

	It("proves a scenario of one's own", func(ctx SpecContext) {
		mine := harness.Scenario{
			ID: "mine", Claim: "The application resets the connection: 502.", Gateway: gatewayOf(proxyTo("http://10.0.0.1:8080", "", "")),
			Fault: "the application resets the connection",
			Expect: harness.Expectation{Status: 502, Tries: 1, Log: []harness.LogLine{
				{Level: "error", Text: "recv() failed", Errno: 104, Phase: "reading response header from upstream"},
			}},
		}
		twin := harness.Twin{
			Kind: harness.Fake, Upstreams: []harness.Upstream{fakeAt("a", "10.0.0.1:8080")},
			Break: []harness.Change{faults.Behave{Upstream: "a", Script: fakeupstream.Always(fakeupstream.Reset{})}},
		}
		e := harness.Run(ctx, lab, mine, twin)
		Expect(e).To(And(HavePassed(), HaveStatus(502), HaveNoAlerts()))

		mine.Expect.Log[0].Errno = 111
		e = harness.Run(ctx, lab, mine, twin)
		Expect(e.Verdict).To(Equal(harness.Failed))
		Expect(e.Differences).To(ConsistOf(HaveField("What", "log")))
	})

	It("tells in a type that a config is refused, in nginx's words", func(ctx SpecContext) {
		_, err := lab.Open(ctx, harness.Setup{Gateway: gatewayOf("events {}\nhttp { server { lisen 80; } }\n")})
		var refused *harness.ConfigError
		Expect(err).To(MatchError(ContainSubstring(`unknown directive "lisen" in /etc/nginx/nginx.conf:2`)))
		Expect(errorAs(err, &refused)).To(BeTrue())
		Expect(refused.Lines).To(HaveLen(1))
		Expect(refused.Lines[0].Level).To(Equal("emerg"))
	})
})
