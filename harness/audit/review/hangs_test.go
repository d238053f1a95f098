package review

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
)

// What only the server has can't be proven in a lab, whose DNS knows every name: its lines are advice.
func TestEdits_NoneOfWhatHangsOnTheServer(t *testing.T) {
	const (
		pass     = "events {}\nhttp {\nRESOLVER\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://NAME:8080;\n}\n}\n}"
		upstream = "events {}\nhttp {\nRESOLVER\nupstream u { server NAME:8080; }\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://u;\n}\n}\n}"
		stream   = "events {}\nstream {\nRESOLVER\nserver {\nlisten 3306;\nproxy_pass NAME:3306;\n}\n}"
		own      = "resolver 10.0.0.53;"
	)
	for name, c := range map[string]struct {
		conf, resolver, host, gateway string
		proven                        bool
	}{
		"a name in full, and the config's own resolver": {pass, own, "app.internal", "nginx/1.22.1", true},
		"a short name":                     {pass, own, "app", "nginx/1.22.1", false},
		"no resolver":                      {pass, "", "app.internal", "nginx/1.22.1", false},
		"resolve, of an nginx that can":    {upstream, own, "app.internal", "nginx/1.28.0", true},
		"resolve, of a short name":         {upstream, own, "app", "nginx/1.28.0", false},
		"resolve, and no resolver":         {upstream, "", "app.internal", "nginx/1.28.0", false},
		"a stream of an nginx that can't":  {stream, own, "db.internal", "nginx/1.22.1", false},
		"a stream of one that can":         {stream, own, "db.internal", "nginx/1.28.0", true},
		"a stream that calls a short name": {stream, own, "db", "nginx/1.28.0", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newRuleTest(t, strings.NewReplacer("RESOLVER", c.resolver, "NAME", c.host).Replace(c.conf)).allMeasured(stale)
			s.e.Report.Gateway = c.gateway
			f := s.finding("moved-address")
			NewWithT(t).Expect(len(f.Edits) > 0).To(Equal(c.proven), f.Patch)
		})
	}
	const tls = "events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nTRUST\nproxy_pass https://app:8443;\n}\n}\n}"
	for trust, proven := range map[string]bool{"": false, "proxy_ssl_trusted_certificate ca.pem;": true} {
		f := newRuleTest(t, strings.Replace(tls, "TRUST", trust, 1)).
			allMeasured(audit.Measurement{Fault: "tls-expired", Outcome: audit.Outcome{Status: 200}}).finding("tls-unverified")
		NewWithT(t).Expect(len(f.Edits) > 0).To(Equal(proven), f.Patch)
	}
}
