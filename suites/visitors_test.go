package suites

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
)

// What visitors do, each on a route that meets it and on one beside it that does not, or that is none the worse for it.
var _ = Describe("visitors as they are", Label("columns"), func() {
	It("measures each where a route meets it, and says elsewhere why not", func(ctx SpecContext) {
		r := columns(ctx, `events {} http {
			proxy_http_version 1.1;
			limit_req_zone $binary_remote_addr zone=each:1m rate=1r/m;
			limit_conn_zone $http_x_forwarded_for zone=own:1m;
			server { listen 80; server_name a.example.test;
				location /limited/ { limit_req zone=each burst=2 nodelay; proxy_pass http://10.0.0.5:8080; }
				location /known/ { limit_conn own 1; proxy_pass http://10.0.0.5:8080; }
				location /socket/ { proxy_pass http://10.0.0.5:8080; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_read_timeout 45s; }
				location /closed/ { proxy_pass http://10.0.0.5:8080; proxy_set_header Upgrade $http_upgrade; }
				location /large/ { proxy_pass http://10.0.0.5:8080; client_max_body_size 4m; proxy_ignore_client_abort on; proxy_buffering off; }
				location /hasty/ { proxy_pass http://10.0.0.5:8080; send_timeout 10s; }
				location /streamed/ { proxy_pass http://10.0.0.5:8080; client_max_body_size 4m; proxy_request_buffering off; }
				location /mirrored/ { mirror /copy; proxy_pass http://10.0.0.5:8080; }
				location = /copy { internal; proxy_pass http://10.0.0.6:8080; proxy_read_timeout 7s; }
			}
			server { listen 81 proxy_protocol; location /behind/ { proxy_pass http://10.0.0.5:8080; } }
			server { listen 443 ssl http2; server_name b.example.test; ssl_certificate b.crt; ssl_certificate_key b.key;
				location /secured/ { proxy_pass http://10.0.0.5:8080; } }
			server { listen 444 ssl default_server; ssl_reject_handshake on; }
			server { listen 444 ssl; server_name c.example.test; ssl_certificate b.crt; ssl_certificate_key b.key;
				location /named/ { proxy_pass http://10.0.0.5:8080; } }
		}`, "crowd", "idle-websocket", "upload", "left", "no-proxy-line", "slow-mirror", "slow-reader", "no-sni", "http2")
		at := map[string]map[string]audit.Measurement{}
		for _, route := range r.Routes {
			Expect(route.Reached).To(BeTrue(), "%s: %s", route.ID, route.Why)
			at[route.Location] = map[string]audit.Measurement{}
			for _, m := range route.Measurements {
				Expect(m.Error).To(BeEmpty())
				at[route.Location][m.Fault] = m
			}
		}
		served := func(location, fault string) {
			GinkgoHelper()
			m := at[location][fault]
			Expect(m.Skipped).To(BeEmpty(), "%s %s", location, fault)
			Expect(m.Status).To(Equal(200), "%s %s", location, fault)
			Expect(m.Waited).To(BeZero(), "%s %s", location, fault)
		}

		m := at["/limited/"]["crowd"]
		Expect([]int{m.Status, m.Bad, m.Of}).To(Equal([]int{503, 1, 4}), "one more than the limit lets in")
		served("/known/", "crowd") // whom the one in front tells apart
		Expect(at["/large/"]["crowd"].Skipped).To(ContainSubstring("no limit"))
		served("/limited/", "slow-reader") // its limit is waited for

		m = at["/socket/"]["idle-websocket"]
		Expect(m.Status).To(Equal(101))
		Expect(m.Cut).To(BeTrue())
		Expect(m.Waited).To(Equal(45 * time.Second))
		Expect(m.NotBefore).To(BeNumerically(">", 44*time.Second))
		Expect(at["/closed/"]["idle-websocket"].Status).To(Equal(426), "the Connection field says close")
		Expect(at["/large/"]["idle-websocket"].Skipped).To(ContainSubstring("no websockets"))

		Expect(at["/socket/"]["upload"].Status).To(Equal(413))
		served("/large/", "upload")
		served("/streamed/", "upload")
		Expect(at["/hasty/"]["slow-reader"].Cut).To(BeTrue(), "send_timeout is shorter than his pause")
		Expect(at["/socket/"]["left"].NoAnswer).To(Equal("left"))
		Expect(at["/socket/"]["left"].Held).To(BeFalse())
		Expect(at["/large/"]["left"].Held).To(BeTrue())
		served("/socket/", "slow-reader") // send_timeout is 60 s here
		Expect(at["/socket/"]["slow-reader"].Held).To(BeFalse())
		Expect(at["/large/"]["slow-reader"].Held).To(BeTrue())

		Expect(at["/behind/"]["no-proxy-line"].NoAnswer).To(Equal("closed"))
		Expect(at["/large/"]["no-proxy-line"].Skipped).To(ContainSubstring("no PROXY line"))
		m = at["/mirrored/"]["slow-mirror"]
		Expect(m.Status).To(Equal(200))
		Expect(m.Waited).To(Equal(7 * time.Second))
		Expect(m.NotBefore).To(BeNumerically(">", 6*time.Second))
		Expect(at["/large/"]["slow-mirror"].Skipped).To(ContainSubstring("mirrors nothing"))
		served("/secured/", "http2")
		served("/secured/", "no-sni")
		Expect(at["/named/"]["no-sni"].NoAnswer).To(Equal("handshake failed"))
		Expect(at["/named/"]["http2"].Skipped).NotTo(BeEmpty())
		for _, found := range []string{"idle-websocket", "shared-limit", "work-for-nobody", "slow-reader", "reader-cut", "upload-refused"} {
			Expect(of(r.Findings, found)).NotTo(BeEmpty(), found)
		}
		Expect(of(r.Findings, "slow-recovery")).To(BeEmpty())
	})

	It("names the server over HTTP/3, where the route itself is asked without TLS", func(ctx SpecContext) {
		r, err := measure.Run(ctx, measure.Options{Faults: []string{"http3"}, Lab: untrustedLab(ctx, "1.26"), Path: file("nginx.conf", `events {} http {
			server { listen 443 ssl default_server; listen 443 quic reuseport default_server; ssl_reject_handshake on; }
			server { listen 80; listen 443 quic; server_name a.example.test; ssl_certificate a.crt; ssl_certificate_key a.key;
				location / { proxy_pass http://10.0.0.5:8080; } }
		}`)})
		Expect(err).NotTo(HaveOccurred())
		Expect(r.Refused).To(BeNil())
		Expect(r.Routes).To(HaveLen(1))
		m := faultOf(r, "/", "http3", "GET")
		Expect(m.Status).To(Equal(200), "%+v", m)
		Expect(m.Page).To(Equal("upstream"))
	})
})
