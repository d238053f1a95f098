package suites

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// A pair is a config before and after a change that nobody would call for the worse by its statuses alone, or for the better.
type pair struct {
	good, bad string
	faults    []string
	// worse is what is said of the change from good to bad; better of the one back.
	worse, better []string
}

// inServer is a config with these lines in its http block, and those in its server.
func inServer(http, server string) string {
	return "events {}\nhttp {\n" + http + "\nserver_tokens off;\nserver {\nlisten 8080;\nproxy_connect_timeout 2s;\nproxy_read_timeout 4s;\n" + server + "\n}\n}\n"
}

var _ = Describe("check --against", Label("check-command"), func() {
	DescribeTable("weighs what visitors notice, on a real nginx and both ways", func(p pair) {
		good, bad := file("nginx.conf", p.good), file("nginx.conf", p.bad)
		words := func(new, old string) []any {
			all := []any{"check", new, "--against", old, "--quiet"}
			for _, f := range p.faults {
				all = append(all, "--fault", f)
			}
			return all
		}
		c := badgateway(words(bad, good)...).ended()
		Expect(c).To(gexec.Exit(1), "%s%s", c.stdout(), c.stderr())
		Expect(parts(c.stdout())["Worse"]).To(Equal(p.worse), "%s", c.stdout())
		Expect(parts(c.stdout())["Better"]).To(BeEmpty(), "%s", c.stdout())

		c = badgateway(words(good, bad)...).ended()
		Expect(c).To(gexec.Exit(0), "%s%s", c.stdout(), c.stderr())
		Expect(parts(c.stdout())["Better"]).To(Equal(p.better), "%s", c.stdout())
		Expect(parts(c.stdout())["Worse"]).To(BeEmpty(), "%s", c.stdout())
	},
		Entry("connections are kept, which the application closes", pair{
			good:   inServer("upstream shop { server 192.0.2.21:8000; }", "location / { proxy_pass http://shop; proxy_http_version 1.1; }"),
			bad:    inServer("upstream shop { server 192.0.2.21:8000; keepalive 2; keepalive_timeout 3s; }", `location / { proxy_pass http://shop; proxy_http_version 1.1; proxy_set_header Connection ""; }`),
			faults: []string{"reuse"},
			worse: []string{
				"- :8080/, upstream kept closed, POST: does not apply (connections to the upstream are not kept) before, 502, nginx's page now",
			},
			better: []string{
				"- :8080/, upstream kept closed, POST: 502, nginx's page before, does not apply (connections to the upstream are not kept) now",
			},
		}),
		Entry("a certificate that is no longer verified", pair{
			good: inServer("", "location / { proxy_pass https://pay.internal; proxy_ssl_server_name on; proxy_ssl_verify on;\n"+
				"proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt; }"),
			bad:    inServer("", "location / { proxy_pass https://pay.internal; proxy_ssl_server_name on; }"),
			faults: []string{"tls-*"},
			worse: []string{
				"- :8080/, upstream TLS expired and TLS name: 502, nginx's page before, 200, the upstream's page now",
				"- new finding: the upstream's certificate is not verified (tls-unverified, nginx.conf:9)",
			},
			better: []string{
				"- :8080/, upstream TLS expired and TLS name: 200, the upstream's page before, 502, nginx's page now",
				"- no longer found: the upstream's certificate is not verified (tls-unverified, nginx.conf:9)",
			},
		}),
		Entry("a peer is lost", pair{
			good:   inServer("upstream shop { server 192.0.2.21:8000; server 192.0.2.22:8000; }", "location / { proxy_pass http://shop; }"),
			bad:    inServer("upstream shop { server 192.0.2.21:8000; }", "location / { proxy_pass http://shop; }"),
			faults: []string{"one-dead"},
			worse:  []string{"- :8080/: 192.0.2.22:8000 is called no more, 192.0.2.21:8000 alone is left, without a spare"},
			better: []string{"- :8080/: 192.0.2.22:8000 is called too, beside 192.0.2.21:8000"},
		}),
		Entry("a method fails, and what it showed is not known any more", pair{
			good: inServer("", "location / { auth_request /leave; proxy_pass http://192.0.2.21:8000; }\n"+
				`location = /leave { internal; proxy_pass http://192.0.2.30:9091; proxy_pass_request_body off; proxy_set_header Content-Length ""; }`),
			bad: inServer("", "location / { auth_request /leave; proxy_pass http://192.0.2.21:8000; }\n"+
				"location = /leave { internal; proxy_pass http://192.0.2.30:9091; proxy_pass_request_body off; }"),
			faults: []string{"upload"},
			worse: []string{
				"- :8080/ and :8080 = /leave, all well, POST: 200 at once, the upstream's page before, 500 after 4 s, nginx's page now",
				"- new finding: POST gets 500 after 4 s, though all upstreams are well (healthy-fails, nginx.conf:9)",
				"- new finding: the request for leave announces a body that never comes (auth-body, nginx.conf:10)",
			},
			better: []string{
				"- :8080/ and :8080 = /leave, all well, POST: 500 after 4 s, nginx's page before, 200 at once, the upstream's page now",
				"- no longer found: POST gets 500 after 4 s, though all upstreams are well (healthy-fails, nginx.conf:9)",
				"- no longer found: the request for leave announces a body that never comes (auth-body, nginx.conf:10)",
			},
		}),
	)
})

// parts are the items of a list of changes by the titles that they stand under.
func parts(out string) map[string][]string {
	all, title, text := map[string][]string{}, "", ""
	for _, l := range append(strings.Split(out, "\n"), "") {
		if l == "" || l[0] != '-' && l[0] != ' ' {
			if title != "" && text != "" {
				all[title] = itemsOf(text)
			}
			if l != "" {
				title, text = l, ""
			}
			continue
		}
		text += l + "\n"
	}
	return all
}
