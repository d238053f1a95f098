package suites

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit/measure"
)

// What an expert would write at once sends whoever mistypes a password away: error_page has a page for 401 as well, and the application
// and the auth service say 401.
const withLogin = `events {}
http {
    server {
        listen 80;
        server_name shop.example.test;
        error_page 401 = @login;
        error_page 502 503 504 /sorry.html;
        location @login { return 302 /login; }
        location = /sorry.html { internal; return 200 "sorry"; }
        location = /leave { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; proxy_pass http://10.0.0.7:4000; }
        location / { auth_request /leave; proxy_pass http://10.0.0.5:3000; }
    }
}
`

var _ = Describe("a mend", Label("review"), func() {
	It("is printed only when it was proven, and all of them together are a diff", func(ctx SpecContext) {
		conf := file("nginx.conf", withLogin)
		r, err := measure.Run(ctx, measure.Options{Path: conf, Lab: untrustedLab(ctx, "")})
		Expect(err).NotTo(HaveOccurred())
		raw := of(r.Findings, "raw-error")
		Expect(raw).NotTo(BeEmpty())
		Expect(raw[0].Patch).To(BeEmpty(), "a wrong password would be sent to the login page")
		Expect(raw[0].Unproven).To(ContainSubstring("the application's own 401 becomes 302"))
		waits := of(r.Findings, "long-wait")
		Expect(waits).NotTo(BeEmpty())
		Expect(waits[0].Proof).To(ContainSubstring("after 60 s before"))
		leave := of(r.Findings, "auth-500")
		Expect(leave).NotTo(BeEmpty())
		Expect(leave[0].Patch).To(ContainSubstring("error_page 401 = @login;\n"), "one of the location's own does away with the server's")
		Expect(leave[0].Proof).To(ContainSubstring("503"))

		Expect(r.Fix).To(HaveLen(1))
		Expect(r.Fix[0].File).To(Equal(conf))
		Expect(r.Fix[0].Before).To(Equal(withLogin))
		Expect(os.WriteFile(conf, []byte(r.Fix[0].After), 0o600)).To(Succeed())
		after, err := measure.Run(ctx, measure.Options{Path: conf, Lab: untrustedLab(ctx, "")})
		Expect(err).NotTo(HaveOccurred())
		for _, f := range after.Findings {
			Expect(of(r.Findings, f.Rule)).NotTo(BeEmpty(), "the mends brought %s: %s", f.Rule, f.Saw)
			Expect(f.Proof).To(BeEmpty(), "a mend is left over: %s", strings.TrimSpace(f.Patch))
		}
	})

	It("for a name that moves is one for all who name it, and the upstream is asked as before, its redirects too", func(ctx SpecContext) {
		r, err := measure.Run(ctx, measure.Options{Lab: untrustedLab(ctx, ""), Path: file("nginx.conf", `events {} http { server_tokens off; resolver 192.0.2.53;
			proxy_connect_timeout 2s; proxy_read_timeout 9s; proxy_http_version 1.1; proxy_buffer_size 16k; proxy_buffers 8 16k; client_max_body_size 16m;
			server { listen 80; server_name media.example.test;
				location ^~ /img/ { proxy_pass http://img.corp.example.com:9090/v2/; }
				location = /logo { proxy_pass http://img.corp.example.com:9090/logo.png; }
			} }`)})
		Expect(err).NotTo(HaveOccurred())
		for rule, proof := range map[string]string{"moved-address": "errors for ever before, 200", "missing-name": "does not start before"} {
			all := of(r.Findings, rule)
			Expect(all).To(HaveLen(1))
			Expect(all[0].Unproven).To(BeEmpty())
			Expect(all[0].Proof).To(ContainSubstring(proof))
			Expect(all[0].Patch).To(SatisfyAll(ContainSubstring("rewrite ^/img/(.*)$ /v2/$1 break;\n"), ContainSubstring("/logo.png$is_args$args;\n"),
				ContainSubstring("proxy_redirect http://img.corp.example.com:9090/v2/ /img/;\n")))
		}
	})
})
