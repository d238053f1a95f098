package suites

import (
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/review"
)

// What only some applications do, each on a route that meets it and on one beside it that can't, which says why and is not measured.
var _ = Describe("upstreams as they are", Label("columns"), func() {
	// modern asks in HTTP/1.1, keeps connections and names its upstream block as the host; plain has nothing but defaults.
	const framing = `events {} http {
		upstream app { server app.internal:8080; keepalive 4; }
		server { listen 80; server_name shop.example.test;
			location /modern/ { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
			location /plain/ { proxy_pass http://app.internal:8080; proxy_set_header Host $host; }
		} }`
	DescribeTable("framing, versions and names", func(ctx SpecContext, fault, hit, near, why string, holds func(audit.Measurement)) {
		r := columns(ctx, framing, fault)
		for _, c := range r.Routes {
			for _, m := range c.Measurements {
				if m.Fault == audit.Healthy {
					continue
				}
				switch c.Location {
				case hit:
					Expect(m.Skipped).To(BeEmpty(), "%s %s", c.ID, m.Method)
					holds(m)
				case near:
					Expect(m.Skipped).To(ContainSubstring(why), "%s %s", c.ID, m.Method)
				}
			}
		}
	},
		// What nginx since 1.23 refuses, the lab's 1.22 takes: https://nginx.org/en/CHANGES.
		Entry("Transfer-Encoding twice", "te-twice", "/modern/", "/plain/", "HTTP/1.0", answered(200, "upstream")),
		Entry("Content-Length beside chunked", "both-lengths", "/modern/", "/plain/", "HTTP/1.0", answered(200, "upstream")),
		Entry("103 before the answer, which nginx before 1.29 takes for the answer", "early-hints", "/modern/", "/plain/", "HTTP/1.0", answered(0, "")),
		Entry("426 to HTTP/1.0", "no-http10", "/plain/", "/modern/", "HTTP/1.1", answered(426, "upstream")),
		Entry("400 to the name of an upstream block", "host-refused", "/modern/", "/plain/", "shop.example.test", answered(400, "upstream")),
	)

	It("401, 403, 404 and 301 of the application are passed on as they are, and are no failures", func(ctx SpecContext) {
		r := columns(ctx, `events {} http { proxy_cache_path /tmp/c keys_zone=c:1m;
			server { listen 80; server_name shop.example.test;
				location = /auth { internal; proxy_pass http://10.0.0.9:4180; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
				location /private/ { auth_request /auth; proxy_pass http://10.0.0.5:8080; proxy_set_header Host $host; }
				location /named/ { proxy_pass http://10.0.0.5:8080; proxy_cache c; proxy_cache_valid any 10m; proxy_redirect off; }
			} }`, "401", "404", "301", "auth-*")
		Expect(r.Verdict).To(Equal(audit.Passed), "%s", titles(r.Findings))
		for _, route := range r.Routes {
			for _, m := range route.Measurements {
				if m.Fault == audit.Healthy {
					continue
				}
				says := r.Faults[slices.IndexFunc(r.Faults, func(f audit.FaultInfo) bool { return f.ID == m.Fault })].Says
				if forAuth := m.Fault == "auth-401" || m.Fault == "auth-403"; forAuth != (route.Location == "= /auth") {
					Expect(m.Skipped).NotTo(BeEmpty(), "%s %s", route.ID, m.Fault)
					continue
				} else if forAuth {
					answered(says, "nginx")(m) // what the service says beside its status nobody sees
					continue
				}
				answered(says, "upstream")(m)
				Expect(m.ErrorsFor).To(BeZero(), "a cache may keep what is no failure")
				if want := map[string]string{"/private/": "http://shop.example.test/moved", "/named/": "http://10.0.0.5:8080/moved"}; says == 301 {
					Expect(m.Header["Location"]).To(ConsistOf(want[route.Location]), "what the application made of the Host that it was sent")
				}
			}
		}
	})

	It("one of several peers that answers 503, and one address of a name that refuses", func(ctx SpecContext) {
		r := columns(ctx, `events {} http {
			upstream pool { server a.internal:8080; server b.internal:8080; }
			server { listen 80; server_name shop.example.test;
				location /pool/ { proxy_pass http://pool; }
				location /again/ { proxy_pass http://pool; proxy_next_upstream error timeout http_503; }
				location /local/ { proxy_pass http://localhost:3000; }
				location /fixed/ { proxy_pass http://127.0.0.1:3000; }
			} }`, "one-503", "one-address")
		of := func(location, fault, method string) audit.Measurement { return faultOf(r, location, fault, method) }
		m := of("/pool/", "one-503", "GET")
		answered(503, "upstream")(m)
		Expect([]int{m.Bad, m.Of}).To(Equal([]int{2, 4}))
		answered(200, "upstream")(of("/again/", "one-503", "GET"))
		answered(503, "upstream")(of("/again/", "one-503", "POST")) // nobody sends it again
		Expect(of("/fixed/", "one-503", "GET").Skipped).To(Equal("the route has one peer"))

		for _, location := range []string{"/pool/", "/local/"} {
			m := of(location, "one-address", "GET")
			answered(200, "upstream")(m)
			Expect(m.Tries).To(HaveLen(2), "the address that refuses was tried before the other: %v", m.Log)
		}
		Expect(of("/fixed/", "one-address", "GET").Skipped).To(Equal("the upstream is given by one address"))
	})

	It("an application that closes idle connections after 5 s: the gateway has to have closed them before", func(ctx SpecContext) {
		r := columns(ctx, `events {} http { proxy_http_version 1.1; proxy_set_header Connection "";
			upstream long { server app.internal:8080; keepalive 4; }
			upstream short { server app.internal:8081; keepalive 4; keepalive_timeout 4s; }
			server { listen 80; server_name shop.example.test;
				location /long/ { proxy_pass http://long; }
				location /short/ { proxy_pass http://short; }
				location /closing/ { proxy_pass http://long; proxy_set_header Connection close; }
			} }`, "reuse", "idle-5s")
		for fault, short := range map[string]int{"reuse": 502, "idle-5s": 200} {
			Expect(faultOf(r, "/long/", fault, "POST").Status).To(Equal(502))
			Expect(faultOf(r, "/short/", fault, "POST").Status).To(Equal(short), fault)
			Expect(faultOf(r, "/closing/", fault, "POST").Skipped).To(Equal("connections to the upstream are not kept"))
		}
	})

	It("an answer before the body is read, and an auth service that waits for a body which is announced and not sent", func(ctx SpecContext) {
		r := columns(ctx, `events {} http {
			server { listen 80; server_name shop.example.test;
				location = /waits { internal; proxy_pass http://10.0.0.9:4180; proxy_pass_request_body off; }
				location = /right { internal; proxy_pass http://10.0.0.9:4180; proxy_pass_request_body off; proxy_set_header Content-Length ""; }
				location /waits/ { auth_request /waits; proxy_pass http://10.0.0.5:8080; }
				location /right/ { auth_request /right; proxy_pass http://10.0.0.5:8080; }
				location /uwsgi/ { uwsgi_pass 10.0.0.7:3031; }
			} }`, "early-answer", "awaits-body")
		m := faultOf(r, "= /waits", "awaits-body", "POST")
		answered(500, "nginx")(m)
		Expect(m.Waited).To(BeNumerically("~", time.Minute, time.Second))
		answered(200, "upstream")(faultOf(r, "= /right", "awaits-body", "POST"))
		Expect(faultOf(r, "/right/", "awaits-body", "POST").Skipped).To(Equal("the upstream is not asked for leave"))

		answered(413, "upstream")(faultOf(r, "/right/", "early-answer", "POST"))
		Expect(faultOf(r, "= /right", "early-answer", "POST").Skipped).NotTo(BeEmpty())
		// What ends with its connection is lost with it, but for the status.
		m = faultOf(r, "/uwsgi/", "early-answer", "POST")
		answered(413, "")(m)
		Expect(m.Cut).To(BeTrue())
	})

	It("kept closed, for gRPC: every call is a POST, and is not sent again", func(ctx SpecContext) {
		r := columns(ctx, `events {} http {
			upstream stock { server stock-1.internal:50051; server stock-2.internal:50051; keepalive 2; }
			server { listen 8080 http2;
				location /stock.v1.Stock/ { grpc_pass grpc://stock; }
				location /closing/ { grpc_pass grpc://192.0.2.6:50051; }
			} }`, "reuse")
		Expect(faultOf(r, "/stock.v1.Stock/", "reuse", "POST").Skipped).To(BeEmpty())
		answered(502, "nginx")(faultOf(r, "/stock.v1.Stock/", "reuse", "POST"))
		Expect(faultOf(r, "/closing/", "reuse", "POST").Skipped).To(Equal("connections to the upstream are not kept"))
	})
})

// columns measures these faults of a config, which the lab has to load, reach and measure in full.
func columns(ctx SpecContext, config string, faults ...string) *audit.Report {
	GinkgoHelper()
	r, err := measure.Run(ctx, measure.Options{
		NoMends: true, // they have specs of their own
		Path:    file("nginx.conf", config), Lab: untrustedLab(ctx, ""), Faults: faults, FaultList: review.Faults(),
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(r.Refused).To(BeNil())
	for _, route := range r.Routes {
		Expect(route.Reached).To(BeTrue(), route.Why)
		for _, c := range route.Measurements {
			Expect(c.Error).To(BeEmpty())
		}
	}
	return r
}

// faultOf is the measurement of a route with a fault and a method.
func faultOf(r *audit.Report, location, fault, method string) audit.Measurement {
	GinkgoHelper()
	for _, route := range r.Routes {
		at := slices.IndexFunc(route.Measurements, func(m audit.Measurement) bool {
			return route.Location == location && m.Fault == fault && m.Method == method
		})
		if at >= 0 {
			return route.Measurements[at]
		}
	}
	Fail("there is no measurement of " + location + " with " + fault + " and " + method)
	return audit.Measurement{}
}

// answered is what a client has to get, and whose page.
func answered(status int, page string) func(audit.Measurement) {
	return func(m audit.Measurement) {
		GinkgoHelper()
		Expect(m.Status).To(Equal(status), "%s %s: %+v", m.Fault, m.Method, m.Outcome)
		Expect(m.Page).To(Equal(page))
	}
}
