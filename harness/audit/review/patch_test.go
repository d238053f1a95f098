package review

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/gateway"
)

// broken is what the example that fires gives when it is measured, by rule.
var broken = map[string]func(*ruleTest){
	"long-wait": func(s *ruleTest) {
		s.allMeasured(timedOut("silent", reading, time.Minute)).allMeasured(timedOut("off", connecting, time.Minute))
	},
	"healthy-fails": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: audit.Healthy, Method: "POST", Outcome: audit.Outcome{Status: 504, Page: "nginx", Calls: []audit.Call{{}}}})
	},
	"masked-error": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "refused", Masked: true, Outcome: audit.Outcome{Status: 200, Page: "config"}})
	},
	"dead-peer": func(s *ruleTest) { s.allMeasured(met("one-dead", "GET", 502, 2)) },
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
	"shared-limit": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "crowd", Of: 7, Bad: 1, Outcome: audit.Outcome{Status: 503}})
	},
	"idle-websocket": func(s *ruleTest) { s.allMeasured(idle) },
	"host-lost": func(s *ruleTest) {
		s.healthy(func(o *audit.Outcome) { o.Calls = []audit.Call{{Endpoint: "app:8080", Host: "shop.example.test"}} })
		s.allMeasured(hostless)
	},
	"upload-refused": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "upload", Method: "POST", Outcome: audit.Outcome{Status: 413}})
	},
	"work-for-nobody": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "left", Held: true, Outcome: audit.Outcome{NoAnswer: "left"}})
	},
	"slow-reader": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "slow-reader", Held: true, Outcome: audit.Outcome{Status: 200, Waited: 30 * time.Second}})
	},
	"reader-cut": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "slow-reader", Outcome: audit.Outcome{Status: 200, Cut: true}})
	},
	"endless-loop": func(s *ruleTest) { s.healthy(func(o *audit.Outcome) { o.Loop = true }) },
	"auth-500": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 500, Page: "nginx"}})
	},
	"lost-log": func(s *ruleTest) {
		s.allMeasured(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Page: "nginx"}})
	},
}

// patched is the example of a rule that fires, with the finding and the config after its edits.
func patched(t *testing.T, rule string) (string, audit.Finding) {
	t.Helper()
	s := firing(t, rule)
	if measure := broken[rule]; measure != nil {
		measure(s)
	}
	f := s.finding(rule)
	text, _ := Examples(rule)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, f.Place.File), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := provision.Load(provision.Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Edits) == 0 && (advice(f) || strings.Contains(f.Patch, dockersResolver) || slices.Contains(hangOnApplication, rule)) {
		return "", f
	}
	changes, err := tree.Changes(f.Edits)
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	return changes[0].After, f
}

// After a patch the config has its lines, each once, and its static rules find nothing any more.
func TestPatch(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			g := NewWithT(t)
			after, f := patched(t, r.ID)
			if after == "" {
				return // words
			}
			before, _ := Examples(r.ID)
			c := read(t, after)
			for _, l := range strings.Split(f.Patch, "\n") {
				if l, _, _ = strings.Cut(l, " #"); !strings.HasPrefix(l, "# ") && strings.TrimSpace(l) != "}" {
					l = strings.TrimSpace(l)
					g.Expect(strings.Count(after, l)).To(Or(Equal(1), Equal(1+strings.Count(before, l))), "%s\n%s", l, after)
				}
			}
			if r.Static {
				s := newRuleTest(t, after)
				s.e.Report.Static = true
				s.noFinding(r.ID)
			}
			for _, w := range c.Routes(t.Context()) { // no block has two of what it may have one of
				for _, name := range []string{"read_timeout", "next_upstream", "buffer_size", "ssl_verify", "http_version"} {
					g.Expect(len(nginxconf.Effective(w.Location, prefix(w.Target.Protocol)+name))).To(BeNumerically("<=", 1))
				}
			}
		})
	}
	for _, r := range Rules() {
		if broken[r.ID] == nil && !r.Static {
			t.Errorf("%s: what is measured of its example?", r.ID)
		}
	}
}

// What a patch puts into a block of its own takes no line of the block around it away.
func TestPatch_LeavesTheBlockAroundItAlone(t *testing.T) {
	g := NewWithT(t)
	text := "events {}\nhttp {\nserver {\nlisten 80;\nroot /srv/www;\ndefault_type application/json;\nlocation / {\nproxy_pass http://app;\nerror_page 502 @sorry;\n}\n" +
		"location @sorry {\nroot /srv/pages;\nrewrite ^ /sorry.html break;\n}\n}\n}"
	raw := audit.Measurement{Fault: "500", Outcome: audit.Outcome{Status: 500, Page: "upstream"}}
	f := newRuleTest(t, text).finding("error-page-post")
	g.Expect(f.Edits).To(HaveLen(2))
	g.Expect(f.Edits[1].Block.Name).To(Equal("server"))
	g.Expect(f.Edits[1].Replaces).To(BeEmpty(), f.Patch)
	for _, f := range []audit.Finding{f, newRuleTest(t, text).allMeasured(raw).finding("raw-error")} {
		g.Expect(f.Patch).NotTo(ContainSubstring("in place of"))
	}
}

// A line that an included file holds is named with that file: its number alone would be one of the block's own file.
func TestPatch_NamesTheFileOfAnIncludedLine(t *testing.T) {
	g := NewWithT(t)
	files := map[string]string{"nginx.conf": "events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\ninclude slow.conf;\nproxy_pass http://app;\n}\n}\n}",
		"slow.conf": "proxy_send_timeout 5s;\nproxy_connect_timeout 400s;\n"}
	c, err := nginxconf.Read(nginxconf.Map(files), "nginx.conf", "/etc/nginx")
	g.Expect(err).NotTo(HaveOccurred())
	f := newRuleTestOf(t, c).allMeasured(timedOut("off", connecting, 400*time.Second)).finding("long-wait")
	g.Expect(f.Place).To(Equal(nginxconf.Place{File: "slow.conf", Line: 2}))
	g.Expect(f.In).To(Equal(`location / at nginx.conf:5, in place of "proxy_connect_timeout 400s;" at slow.conf:2`))
}

// hangOnApplication are the rules whose lines are right where the application is as they take it to be.
var hangOnApplication = []string{"files-not-passed", "pass-slash", "scheme-port", "two-addresses"}

// advice reports whether a finding has no lines that would mend it, but words.
func advice(f audit.Finding) bool {
	for l := range strings.Lines(f.Patch) {
		if !strings.HasPrefix(l, "#") {
			return false
		}
	}
	return true
}
