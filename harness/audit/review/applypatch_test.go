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
var broken = map[string]func(*ruleTest){
	"long-wait": func(s *ruleTest) {
		s.allMeasured(timedOut("silent", reading, time.Minute)).allMeasured(timedOut("off", connecting, time.Minute))
	},
	"timeout-order": func(*ruleTest) {},
	"dead-peer":     func(s *ruleTest) { s.allMeasured(met("one-dead", "GET", 502, 2)) },
	"post-repeated": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "died", Method: "POST", Outcome: audit.Outcome{Status: 200, Repeated: 1}})
	},
	"slow-recovery": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "restarted", ErrorsFor: time.Minute, Outcome: audit.Outcome{Status: 502}})
	},
	"error-cached": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "500", Cached: true, Outcome: audit.Outcome{Status: 500}})
	},
	"moved-address": func(s *ruleTest) { s.allMeasured(stale) },
	"missing-name": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "name-gone", NotStarted: `host not found in upstream "app"`})
	},
	"no-resolver": func(s *ruleTest) {
		s.healthy(func(o *audit.Outcome) { o.Log = []gateway.LogRecord{{Message: "no resolver defined to resolve app"}} })
	},
	"error-page": func(s *ruleTest) { s.measured(0, bare("refused", 502)) },
	"version-shown": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Page: "nginx", Version: true}})
	},
	"raw-error": func(s *ruleTest) {
		s.measured(0, audit.Measurement{Fault: "500", Outcome: audit.Outcome{Status: 500, Page: "upstream"}})
	},
	"cut-passes": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "cut", Outcome: audit.Outcome{Status: 200, SilentTruncation: true, Calls: []audit.Call{{Protocol: "http/1.0"}}}})
	},
	"small-header-buffer": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "big-header", Outcome: audit.Outcome{Status: 502}})
	},
	"tls-unverified": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "tls-expired", Outcome: audit.Outcome{Status: 200}})
	},
	"no-sni": func(s *ruleTest) {
		s.healthy(func(o *audit.Outcome) { o.Calls = []audit.Call{{Endpoint: "app:8443", TLS: true}} })
	},
	"no-keepalive": func(s *ruleTest) {
		s.healthy(func(o *audit.Outcome) {
			o.Calls = []audit.Call{{Endpoint: "app:8080", Protocol: "http/1.1", Close: true}}
		})
	},
	"endless-loop": func(s *ruleTest) { s.healthy(func(o *audit.Outcome) { o.Loop = true }) },
	"auth-500": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 500, Page: "nginx"}})
	},
	"lost-log": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Page: "nginx"}})
	},
}

// patched is the example of a rule that fires, with the finding and the config after its patch.
func patched(t *testing.T, rule string) (string, audit.Finding) {
	t.Helper()
	s := firing(t, rule)
	broken[rule](s)
	f := s.finding(rule)
	text, _ := Examples(rule)
	after, err := ApplyPatch(text, f)
	if err != nil {
		t.Fatal(err)
	}
	return after, f
}

// After a patch the config has the lines, each once, in the block that the finding names, and nothing else is gone than the
// lines that the finding names. Its static rules find nothing any more.
func TestApplyPatch(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			g := NewWithT(t)
			text, _ := Examples(r.ID)
			after, f := patched(t, r.ID)
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
				newRuleTest(t, after).noFinding(r.ID)
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
