package suites

import (
	"fmt"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/lab"
	. "github.com/badgateway/badgateway/harness/match"
)

// How the client speaks is what nginx says of it.
var _ = Describe("the client", func() {
	const conf = `error_log /var/log/nginx/error.log warn;
events {}
http {
    keepalive_requests 3;
    keepalive_timeout 60s;
    ssl_certificate tls/shop.pem;
    ssl_certificate_key tls/shop.key;
    server {
        listen 80;
        listen 443 ssl http2;
        listen 81 http2;
        listen 8443 ssl;
        location / { return 200 "$server_protocol $scheme $ssl_server_name $host $connection_requests $request_body"; }
        location /body { return 200 "$content_length"; }
        location /app { proxy_pass http://10.0.0.1:8080; }
        location /closes { return 444; }
    }
}
`
	gateway := gatewayOf(conf)
	gateway.Files = backend.Certificate{Name: "shop.test"}.Files("/etc/nginx/tls/shop.pem", "/etc/nginx/tls/shop.key")
	app := []lab.Upstream{fakeAt("app", "10.0.0.1:8080")}
	do := func(ctx SpecContext, c *lab.Sandbox, r lab.Request, o ...lab.Option) lab.Exchange {
		GinkgoHelper()
		x, err := c.Do(ctx, r, o...)
		Expect(err).NotTo(HaveOccurred())
		return x
	}

	It("speaks TLS and HTTP/2", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{Gateway: gateway, Upstreams: app})
		tls, http2 := lab.OverTLS("shop.test"), lab.OverHTTP2()
		Expect(do(ctx, c, lab.Request{}).Body).To(Equal("HTTP/1.1 http  example.com 1 "))
		Expect(do(ctx, c, lab.Request{}, tls).Body).To(Equal("HTTP/1.1 https shop.test shop.test 1 "))
		Expect(do(ctx, c, lab.Request{Host: "other.test"}, tls, http2).Body).To(Equal("HTTP/2.0 https shop.test other.test 1 "))
		Expect(do(ctx, c, lab.Request{}, http2, lab.At("192.0.2.80:81")).Body).To(Equal("HTTP/2.0 http  example.com 1 "))
		upload := lab.Request{Method: "POST", Path: "/body", Body: "0123456789", BodyTimes: 10_000}
		Expect(do(ctx, c, upload, tls, http2).Body).To(Equal("100000"))
		Expect(do(ctx, c, lab.Request{Method: "HEAD"}, tls, http2)).To(And(HaveStatus(200), HaveField("Cut", false)))

		x := do(ctx, c, lab.Request{Path: "/app"}, tls, http2)
		Expect(x).To(And(HaveStatus(200), HaveTriedPeers("10.0.0.1:8080"), HaveOnlyLogLines()))
		Expect(x.Access).To(And(HavePrefix(x.Visitor), ContainSubstring(`"GET /app HTTP/2.0" 200`)))
		_, err := fault.Stop{Upstream: "app"}.Inject(ctx, c)
		Expect(err).NotTo(HaveOccurred())
		Expect(do(ctx, c, lab.Request{Path: "/app"}, tls, http2)).To(And(HaveStatus(502), HaveLogLine(Errno(111))))

		_, err = c.Do(ctx, lab.Request{}, tls, http2, lab.At("192.0.2.80:8443"))
		Expect(err).To(MatchError(ContainSubstring("asking 192.0.2.80:8443: the gateway does not speak HTTP/2")))
		Expect(do(ctx, c, lab.Request{}, tls, lab.At(lab.FrontDoor)).NoAnswer).To(Equal("garbled"), "TLS where nginx speaks none")
		Expect(do(ctx, c, lab.Request{}, lab.At("192.0.2.80:82")).NoAnswer).To(Equal("refused"))
		Expect(do(ctx, c, lab.Request{Path: "/closes"}, tls).NoAnswer).To(Equal("closed"))
		Expect(do(ctx, c, lab.Request{Path: "/closes"}, tls, http2).NoAnswer).To(Equal("closed"))
	})

	It("keeps its connection until the gateway closes that", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{Gateway: gateway, Upstreams: app, Clock: true})
		for _, way := range [][]lab.Option{nil, {lab.OverTLS("shop.test")}, {lab.OverTLS("shop.test"), lab.OverHTTP2()}} {
			one, other := append(way, lab.KeepAlive()), append(slices.Clone(way), lab.KeepAlive())
			first := do(ctx, c, lab.Request{}, one...)
			Expect(first).To(HaveField("Reused", false))
			second := do(ctx, c, lab.Request{Path: "/app"}, one...)
			Expect(second).To(And(HaveStatus(200), HaveTried(1), HaveField("Reused", true), HaveField("Visitor", first.Visitor)))
			Expect(second.Access).To(HavePrefix(first.Visitor))
			Expect(do(ctx, c, lab.Request{}, other...)).To(HaveField("Reused", false), "another client's")
			Expect(do(ctx, c, lab.Request{}, one...).Body).To(MatchRegexp(` 3 $`), "the third of its connection")
			Expect(do(ctx, c, lab.Request{}, one...)).To(And(HaveField("Reused", false), HaveField("Body", MatchRegexp(` 1 $`))),
				"keepalive_requests")
			Expect(c.Wait(ctx, 61*time.Second)).To(Succeed())
			Expect(do(ctx, c, lab.Request{}, one...)).To(And(HaveField("Reused", false), HaveStatus(200)), "keepalive_timeout")
		}
		_, err := c.Do(ctx, lab.Request{}, lab.KeepAlive(), lab.Within(lab.WaitWindow{}))
		Expect(err).To(MatchError(ContainSubstring("leave out KeepAlive")))
	})

	It("has all that Apache's threads log of a request, on a connection that stays open", func(ctx SpecContext) {
		const access = "/var/log/apache2/access.log"
		const modules = "/usr/lib/apache2/modules/"
		c := open(ctx, lab.Setup{Logs: []string{access}, Upstreams: app, Gateway: lab.Gateway{Driver: apache.Driver, Config: `
ServerName example.com
PidFile /run/apache2.pid
DefaultRuntimeDir /run
ErrorLog /var/log/apache2/error.log
LoadModule mpm_event_module ` + modules + `mod_mpm_event.so
LoadModule authz_core_module ` + modules + `mod_authz_core.so
LoadModule proxy_module ` + modules + `mod_proxy.so
LoadModule proxy_http_module ` + modules + `mod_proxy_http.so
CustomLog ` + access + ` "%U"
Listen 80
ProxyPass / http://10.0.0.1:8080/
`}})
		client := lab.KeepAlive()
		for i := range 30 {
			path := fmt.Sprintf("/%d", i)
			x := do(ctx, c, lab.Request{Path: path}, client)
			Expect(x).To(And(HaveStatus(200), HaveField("Reused", i > 0)))
			Expect(x.UpstreamLog).To(ConsistOf(path))
		}
	})

	It("waits over TLS as it does without", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{Gateway: gateway, Upstreams: []lab.Upstream{fakeAt("app", "10.0.0.1:8080", fakeupstream.Silent{})}, Clock: true})
		x := do(ctx, c, lab.Request{Path: "/app"}, lab.OverTLS("shop.test"),
			lab.Within(lab.WaitWindow{After: time.Minute, WaitFor: []lab.Condition{lab.RequestAt("app")}}))
		Expect(x).To(And(HaveStatus(504), HaveWaited(time.Minute)))
	})

	It("need not find the gateway on port 80", func(ctx SpecContext) {
		secure := gateway
		secure.Listen, secure.Config = "192.0.2.80:443", `events {} http { server { listen 443 ssl; ssl_certificate tls/shop.pem; ssl_certificate_key tls/shop.key; return 204; } }`
		c := open(ctx, lab.Setup{Gateway: secure})
		Expect(do(ctx, c, lab.Request{}, lab.OverTLS("shop.test"))).To(HaveStatus(204))
	})
})
