package suites

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
)

// What a machine has and the lab makes up, as it would be there.
var _ = Describe("the world around a config", Label("world"), func() {
	It("pages exist on whatever way a config leads to them, and the file of a maintenance switch does not", func(ctx SpecContext) {
		r := columns(ctx, `events {} http { server { listen 80; server_name shop.example.test; root /srv/shop;
			if (-f $document_root/closed.html) { return 503; }
			error_page 503 @closed;
			location @closed { rewrite ^ /closed.html break; }
			location / { proxy_pass http://app:8080; error_page 502 @sorry; }
			location @sorry { rewrite ^ /sorry.html break; }
		} }`, "refused")
		answered(502, "config")(under(r, "refused", "GET"))
		Expect(under(r, "refused", "POST").Status).To(Equal(405), "a static page takes no POST")
		Expect(strings.Join(r.Notes, "\n")).To(SatisfyAll(ContainSubstring("/srv/shop/closed.html (nginx.conf:2): it is not there in the lab"),
			ContainSubstring("with it GET http://shop.example.test/ is answered 503 with the config's page, POST http://shop.example.test/ is answered 405")))
	})

	It("what is taken for granted of clients and caches is told, and measured without", func(ctx SpecContext) {
		r := columns(ctx, `events {} http { proxy_cache_path /tmp/c keys_zone=c:1m;
			server { listen 80 proxy_protocol; server_name shop.example.test;
				location / { proxy_cache c; proxy_cache_valid 200 10m; proxy_cache_use_stale error; proxy_pass http://app:8080; } } }`, "refused", "500")
		Expect(under(r, "refused", "GET")).To(HaveField("Warm", 200))
		Expect(under(r, "500", "GET")).To(HaveField("Warm", 500))
		Expect(strings.Join(r.Notes, "\n")).To(SatisfyAll(ContainSubstring("speaks the PROXY protocol to 192.0.2.80:80 (nginx.conf:2)"),
			ContainSubstring("without that GET http://shop.example.test/ gets no answer"),
			ContainSubstring("whose time is over, GET is still answered 200 under refused; a page whose time is over is not served under 500")))
	})

	It("one try is one, however many files have its line", func(ctx SpecContext) {
		r := columns(ctx, `events {} error_log /var/log/nginx/all.log; error_log /var/log/nginx/more.log warn;
			http { server { listen 80; location / { proxy_pass http://app:8080; } } }`, "refused")
		Expect(under(r, "refused", "GET").Tries).To(Equal([]string{"app:8080"}))
		Expect(under(r, "refused", "GET").Log).To(HaveLen(1))
		r = columns(ctx, `events {} error_log /dev/null crit; http { server { listen 80; location / { proxy_pass http://app:8080; } } }`, "off")
		Expect(under(r, "off", "GET").Tries).To(Equal([]string{"app:8080"}))
	})
})

// under is the measurement of the first route under a fault with a method.
func under(r *audit.Report, fault, method string) audit.Measurement {
	GinkgoHelper()
	for _, m := range r.Routes[0].Measurements {
		if m.Fault == fault && m.Method == method {
			Expect(m.Skipped).To(BeEmpty())
			return m
		}
	}
	Fail("there is no measurement of " + fault + " with " + method)
	return audit.Measurement{}
}
