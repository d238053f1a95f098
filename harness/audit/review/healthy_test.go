package review

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
)

// What fails while all upstreams are well is a finding; what the config refuses on purpose is none, but for a 5xx.
func TestHealthyFails(t *testing.T) {
	logged := []gateway.LogRecord{{Level: "error", Message: "auth request unexpected status: 504", Phase: "sending to client"}}
	called := []audit.Call{{Endpoint: "10.0.0.5:8080", Method: "POST"}}
	for name, c := range map[string]struct {
		outcome  audit.Outcome
		severity string // empty for no finding
	}{
		"an upstream's answer":               {audit.Outcome{Status: 200, Page: "upstream", Calls: called}, ""},
		"503 after a call":                   {audit.Outcome{Status: 503, Page: "nginx", Calls: called}, "high"},
		"500 and a line in the log":          {audit.Outcome{Status: 500, Page: "nginx", Log: logged}, "high"},
		"another upstream's page with a 503": {audit.Outcome{Status: 503, Page: "upstream", Calls: called}, "high"},
		"no answer after a call":             {audit.Outcome{NoAnswer: "closed", Calls: called}, "high"},
		"return 503":                         {audit.Outcome{Status: 503, Page: "nginx"}, "medium"},
		"200 after a minute":                 {audit.Outcome{Status: 200, Page: "upstream", Calls: called, Waited: 60e9}, "medium"},
		"return 444":                         {audit.Outcome{NoAnswer: "closed"}, ""},
		"limit_except": {audit.Outcome{Status: 403, Page: "nginx",
			Log: []gateway.LogRecord{{Level: "error", Message: "access forbidden by rule"}}}, ""},
		"a static file":    {audit.Outcome{Status: 405, Page: "nginx"}, ""},
		"a call to itself": {audit.Outcome{Status: 502, Loop: true, Calls: called}, ""}, // endless-loop says it
	} {
		t.Run(name, func(t *testing.T) {
			s := firing(t, "healthy-fails").measured(0, audit.Measurement{Fault: audit.Healthy, Method: "POST", Outcome: c.outcome})
			if c.severity == "" {
				s.noFinding("healthy-fails")
				return
			}
			f := s.finding("healthy-fails")
			g := NewWithT(t)
			g.Expect(f.Severity).To(Equal(c.severity))
			g.Expect(f.Title).To(ContainSubstring("POST"))
			g.Expect(f.Faults).To(Equal([]string{audit.Healthy}))
		})
	}
}

// A route that no request gets to, because each is an error of the config's own, is the same finding. Where another upstream would
// have to fail first, or nothing was asked at all, it is none.
func TestHealthyFails_OnARouteThatIsNotReached(t *testing.T) {
	bad := audit.Outcome{Status: 500, Page: "nginx", Log: []gateway.LogRecord{{Level: "error", Message: `invalid URL prefix in "app:80"`}}}
	unreachedBy := func(ask audit.ClientRequest, o audit.Outcome) *ruleTest {
		s := firing(t, "healthy-fails")
		r := &s.e.Report.Routes[0]
		r.Reached, r.Ask, r.Healthy = false, ask, o
		return s
	}
	f := unreachedBy(audit.ClientRequest{Method: "GET"}, bad).finding("healthy-fails")
	NewWithT(t).Expect(f.Saw).To(ContainSubstring(`nginx logs: [error] invalid URL prefix in "app:80"`))
	unreachedBy(audit.ClientRequest{Method: "GET", Requires: "app:8080 answers 404"}, bad).noFinding("healthy-fails")
	unreachedBy(audit.ClientRequest{}, audit.Outcome{}).noFinding("healthy-fails")
}

// Where the request for leave announces a body, the mend is that of the location that asks for it, with the headers that it inherits.
func TestHealthyFails_MendsTheRequestForLeave(t *testing.T) {
	text := "events {}\nhttp {\nserver {\nlisten 80;\nproxy_set_header Host $host;\nlocation / {\nauth_request /leave;\nproxy_pass http://10.0.0.5;\nlocation /in/ {\nauth_request /leave;\nproxy_pass http://10.0.0.7;\n}\n}\n" +
		"location = /leave {\ninternal;\nproxy_pass http://10.0.0.6;\n}\n}\n}"
	failed := audit.Measurement{Fault: audit.Healthy, Method: "POST", Outcome: audit.Outcome{Status: 500, Page: "nginx",
		Log: []gateway.LogRecord{{Level: "error", Message: "auth request unexpected status: 504"}}}}
	s := newRuleTest(t, text).allMeasured(failed)
	g := NewWithT(t)
	all := s.findings("healthy-fails")
	g.Expect(all).To(HaveLen(2), "there are two auth_request")
	for _, f := range all {
		g.Expect(f.Patch).To(Equal("proxy_pass_request_body off;\nproxy_set_header Host $host;\nproxy_set_header Content-Length \"\";"))
		g.Expect(f.In).To(Equal("location = /leave at nginx.conf:14"))
		g.Expect(f.Patch).To(Equal(s.finding("auth-body").Patch), "it is one mend")
	}
}

// Where gateway and upstream have no version of TLS in common, the line that lists the gateway's is the cause, if there is one.
func TestHealthyFails_TLSVersions(t *testing.T) {
	g := NewWithT(t)
	const conf = `events {}
http {
    server {
        listen 80;
        location / {
            proxy_pass https://10.0.0.5:8443;
            %s
        }
    }
}
`
	bad := audit.Outcome{Status: 502, Page: "nginx", Log: []gateway.LogRecord{{Level: "error", Message: "SSL_do_handshake() failed (SSL: tlsv1 alert protocol version)"}}}
	found := func(line string) audit.Finding {
		s := newRuleTest(t, replace(conf, line))
		r := &s.e.Report.Routes[0]
		r.Reached, r.Ask, r.Healthy = false, audit.ClientRequest{Method: "GET"}, bad
		return s.finding("healthy-fails")
	}
	f := found("proxy_ssl_protocols TLSv1 TLSv1.1;")
	g.Expect(f.Place.Line).To(Equal(7))
	g.Expect(f.Patch).To(Equal("proxy_ssl_protocols TLSv1.2 TLSv1.3;"))
	f = found("")
	g.Expect(f.Place.Line).To(Equal(6), "nginx's own versions: the upstream has old ones")
	g.Expect(f.Edits).To(BeEmpty())
}
