package suites

import (
	"os"
	"path/filepath"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/review"
)

// A publicReport is what somebody met in production and told of in public, as a config of our own that does the same. What it came to
// is known from there: the check has to find the cause, at its line, and what mended it there.
type publicReport struct {
	source string
	came   string // what visitors got
	rule   string
	line   int
	saw    string // in what the finding saw or read
	patch  string // its lines
	proven string // in the proof; empty where a mend can't be proven, as what it takes is not in the config
}

// publicReports are by the name of their config in testdata/reports.
var publicReports = map[string]publicReport{
	"query-of-a-regex": {
		source: "https://github.com/ShelterTechSF/askdarcel-web/pull/40", came: "200 to a question without its parameters",
		rule: "uri-lost", line: 11, saw: "holds no $args", patch: "proxy_pass http://10.0.0.5:3000/$1$is_args$args;",
	},
	"expires-for-assets": {
		source: "https://github.com/digitalocean/nginxconfig.io/issues/58", came: "404 for styles, scripts and pictures",
		rule: "files-not-passed", line: 16, saw: "never asked of http://192.168.1.119:8080", patch: "proxy_pass http://192.168.1.119:8080;\nproxy_set_header Host $host;",
	},
	"http-to-443": {
		source: "https://github.com/StudioQi/jeto/issues/26", came: "400 The plain HTTP request was sent to HTTPS port",
		rule: "scheme-port", line: 13, saw: "calls port 443", patch: "proxy_pass https://containers;",
	},
	"loop-behind-a-balancer": {
		source: "https://github.com/datakind/permanent-colandr-back/pull/225", came: "301 to the same URL without end",
		rule: "https-loop", line: 10, saw: "$scheme is always http", patch: "if ($http_x_forwarded_proto = http) { return 301 https://$host$request_uri; }",
		proven: "no request got there before",
	},
	"redirect-to-underscore": {
		source: "https://github.com/nginx/ansible-role-nginx/issues/137", came: "301 to https://_/",
		rule: "redirect-nowhere", line: 8, saw: "which no DNS knows", patch: "return 301 https://$host$request_uri;",
	},
	"php-without-script": {
		source: "https://github.com/pimcore/pimcore/pull/3082", came: "200 and an empty page",
		rule: "script-missing", line: 15, saw: "no fastcgi_param SCRIPT_FILENAME", patch: "fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;",
	},
	"cookies-of-2k": {
		source: "https://github.com/tjcsl/ion/issues/304", came: "400 Request Header Or Cookie Too Large",
		rule: "small-request-buffer", line: 5, saw: "below nginx's own", patch: "large_client_header_buffers 4 16k;",
	},
	"443-without-ssl": {
		source: "https://github.com/galaxyproject/galaxy/pull/11633", came: "no page: SSL_ERROR_RX_RECORD_TOO_LONG",
		rule: "tls-port-plain", line: 6, saw: "has no ssl", patch: "listen 443 ssl;",
	},
	"scheme-not-told": {
		source: "https://github.com/BustByte/coronastatus/issues/366", came: "redirects without end, by the application",
		rule: "proto-lost", line: 18, saw: "without X-Forwarded-Proto", patch: "proxy_set_header X-Forwarded-Proto $scheme;",
	},
	"named-before-404": {
		source: "https://github.com/nickjj/ansible-nginx/pull/9", came: "404 for each page of the application",
		rule: "fallback-lost", line: 11, saw: "@api comes before =404", patch: "try_files $uri $uri.html $uri/ @api;", proven: "no request got there before",
	},
	"old-tls-to-upstream": {
		source: "https://github.com/hortonworks/cloudbreak-images/pull/1358", came: "502, as no version of TLS is in common",
		rule: "healthy-fails", line: 10, saw: "alert protocol version", patch: "proxy_ssl_protocols TLSv1.2 TLSv1.3;", proven: "no request got there before",
	},
}

var _ = Describe("what was told in public", Label("review"), func() {
	for name, want := range publicReports {
		It(name+": "+want.came+" ("+want.source+")", func(ctx SpecContext) {
			text, err := os.ReadFile(filepath.Join("testdata", "reports", name+".conf"))
			Expect(err).NotTo(HaveOccurred())
			r, err := measure.Run(ctx, measure.Options{
				Path: file("nginx.conf", string(text)), Lab: untrustedLab(ctx, ""), FaultList: review.Faults()[:1],
			})
			Expect(err).NotTo(HaveOccurred())
			Expect(r.Refused).To(BeNil())
			found := of(r.Findings, want.rule)
			Expect(found).To(HaveLen(1), "found: %s", titles(r.Findings))
			f := found[0]
			Expect(f.Place.Line).To(Equal(want.line), titles(found))
			Expect(f.Saw).To(ContainSubstring(want.saw))
			Expect(f.Unproven).To(BeEmpty())
			Expect(f.Patch).To(Equal(want.patch))
			if want.proven == "" {
				Expect(f.Proof).To(BeEmpty(), "nothing of it can be measured")
				return
			}
			Expect(f.Proof).To(ContainSubstring(want.proven))
		})
	}
})
