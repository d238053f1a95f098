package review

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/gateway"
)

// broken is what the example that fires gives when it is measured, by rule.
var broken = map[string]func(*story){
	"long-wait": func(s *story) {
		s.all(timedOut("silent", reading, time.Minute)).all(timedOut("off", connecting, time.Minute))
	},
	"timeout-order": func(*story) {},
	"dead-peer":     func(s *story) { s.all(met("one-dead", "GET", 502, 2)) },
	"post-repeated": func(s *story) {
		s.all(audit.Measurement{Fault: "died", Method: "POST", Outcome: audit.Outcome{Status: 200, Repeated: 1}})
	},
	"slow-recovery": func(s *story) {
		s.all(audit.Measurement{Fault: "restarted", ErrorsFor: time.Minute, Outcome: audit.Outcome{Status: 502}})
	},
	"error-cached": func(s *story) {
		s.all(audit.Measurement{Fault: "500", Cached: true, Outcome: audit.Outcome{Status: 500}})
	},
	"moved-address": func(s *story) { s.all(stale) },
	"missing-name": func(s *story) {
		s.all(audit.Measurement{Fault: "name-gone", NotStarted: `host not found in upstream "app"`})
	},
	"no-resolver": func(s *story) {
		s.well(func(o *audit.Outcome) { o.Log = []gateway.LogRecord{{Message: "no resolver defined to resolve app"}} })
	},
	"error-page": func(s *story) { s.on(0, bare("refused", 502)) },
	"version-shown": func(s *story) {
		s.all(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Page: "nginx", Version: true}})
	},
	"raw-error": func(s *story) {
		s.on(0, audit.Measurement{Fault: "500", Outcome: audit.Outcome{Status: 500, Page: "upstream"}})
	},
	"cut-passes": func(s *story) {
		s.all(audit.Measurement{Fault: "cut", Outcome: audit.Outcome{Status: 200, SilentTruncation: true, Calls: []audit.Call{{Protocol: "http/1.0"}}}})
	},
	"small-header-buffer": func(s *story) { s.all(audit.Measurement{Fault: "big-header", Outcome: audit.Outcome{Status: 502}}) },
	"tls-unverified":      func(s *story) { s.all(audit.Measurement{Fault: "tls-expired", Outcome: audit.Outcome{Status: 200}}) },
	"no-sni": func(s *story) {
		s.well(func(o *audit.Outcome) { o.Calls = []audit.Call{{Endpoint: "app:8443", TLS: true}} })
	},
	"no-keepalive": func(s *story) {
		s.well(func(o *audit.Outcome) {
			o.Calls = []audit.Call{{Endpoint: "app:8080", Protocol: "http/1.1", Close: true}}
		})
	},
	"endless-loop": func(s *story) { s.well(func(o *audit.Outcome) { o.Loop = true }) },
	"auth-500": func(s *story) {
		s.all(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 500, Page: "nginx"}})
	},
	"lost-log": func(s *story) {
		s.all(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Page: "nginx"}})
	},
}

// mended is the example of a rule that fires, with the finding and the config after its mend.
func mended(t *testing.T, rule string) (string, audit.Finding) {
	t.Helper()
	s := fires(t, rule)
	broken[rule](s)
	f := s.one(rule)
	text, _ := Examples(rule)
	after, err := Mended(text, f)
	if err != nil {
		t.Fatal(err)
	}
	return after, f
}

// After a mend the config has the lines, each once, in the block that the finding names, and nothing else is gone than the
// lines that the finding names. Its static rules find nothing any more.
func TestMended(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			g := NewWithT(t)
			text, _ := Examples(r.ID)
			after, f := mended(t, r.ID)
			c := read(t, after)
			for _, l := range strings.Split(f.Patch, "\n") {
				if !strings.HasPrefix(l, "# ") && strings.TrimSpace(l) != "}" {
					g.Expect(strings.Count("\n"+after+"\n", "\n"+l+"\n")).To(Equal(1), "%s\n%s", l, after)
				}
			}
			gone := 0
			for _, l := range strings.Split(text, "\n") {
				if !strings.Contains("\n"+after+"\n", "\n"+l+"\n") {
					gone++
				}
			}
			if _, lines, ok := strings.Cut(f.In, "in place of"); ok {
				g.Expect(gone).To(Equal(len(numbers.FindAllString(lines, -1))), after)
			} else {
				g.Expect(gone).To(BeZero(), after)
			}
			if r.ID == "timeout-order" {
				of(t, after).none(r.ID)
			}
			for _, w := range c.Routes(t.Context()) { // no block has two of what it may have one of
				for _, name := range []string{"read_timeout", "next_upstream", "buffer_size", "ssl_verify", "http_version"} {
					g.Expect(len(nginxconf.Effective(w.Location, prefix(w.Target.Protocol)+name))).To(BeNumerically("<=", 1))
				}
			}
		})
	}
	if len(broken) != len(Rules()) {
		t.Errorf("%d rules, and %d of them are tried here", len(Rules()), len(broken))
	}
}
