package review

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
)

// met is a measurement of a pool in which some clients met the bad peer.
func met(fault, method string, status, bad int) audit.Measurement {
	return audit.Measurement{Fault: fault, Method: method, Of: 4, Bad: bad, Outcome: audit.Outcome{Status: status}}
}

func TestDeadPeer(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "dead-peer").allMeasured(met("one-dead", "GET", 502, 2)).finding("dead-peer")
	g.Expect(f.Severity).To(Equal("high"))
	g.Expect(f.Title).To(ContainSubstring("(2 of 4 visitors)"))
	g.Expect(f.Place.Line).To(Equal(15))
	g.Expect(f.Patch).To(Equal("proxy_next_upstream error timeout;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:13, in place of line 15"))

	notFiring(t, "dead-peer").allMeasured(met("one-dead", "GET", 200, 0)).allMeasured(met("one-silent", "GET", 200, 2)).noFinding("dead-peer")
	notFiring(t, "dead-peer").allMeasured(met("one-silent", "POST", 504, 2)).noFinding("dead-peer")
	notFiring(t, "dead-peer").allMeasured(met("refused", "GET", 502, 4)).noFinding("dead-peer")
	g.Expect(firing(t, "dead-peer").allMeasured(met("one-dead", "POST", 502, 2)).findings("dead-peer")).To(HaveLen(1), "nothing of it was sent")
}

func TestDeadPeer_NamesTheCause(t *testing.T) {
	text, _ := Examples("dead-peer")
	for with, c := range map[string]struct{ mend, in string }{
		"proxy_next_upstream http_503;":       {"proxy_next_upstream error timeout http_503;", "location / at nginx.conf:13, in place of line 15"},
		"proxy_next_upstream_tries 1;":        {"proxy_next_upstream_tries 2;", "location / at nginx.conf:13, in place of line 15"},
		"proxy_next_upstream_timeout 3s;":     {"proxy_next_upstream_timeout 10s;\nproxy_connect_timeout 3s;", "location / at nginx.conf:13, in place of lines 15 and 16"},
		"proxy_next_upstream error timeout;#": {"proxy_next_upstream error timeout;", "location / at nginx.conf:13, in place of line 15"},
	} {
		t.Run(with, func(t *testing.T) {
			g := NewWithT(t)
			f := newRuleTest(t, swap(text, "proxy_next_upstream off;", with)).allMeasured(met("one-dead", "GET", 502, 2)).finding("dead-peer")
			g.Expect(f.Patch).To(Equal(c.mend))
			g.Expect(f.In).To(Equal(c.in))
		})
	}
}

func TestPostRepeated(t *testing.T) {
	g := NewWithT(t)
	twice := audit.Measurement{Fault: "died", Method: "POST", Outcome: audit.Outcome{Status: 200, Repeated: 1, Tries: []string{"app:8080", "second:8080"}}}
	f := firing(t, "post-repeated").allMeasured(twice).finding("post-repeated")
	g.Expect(f.Title).To(Equal("a POST is sent twice"))
	g.Expect(f.Patch).To(Equal("proxy_next_upstream error timeout;"))
	g.Expect(f.Place.Line).To(Equal(15))
	g.Expect(f.Saw).To(ContainSubstring("app:8080, second:8080"))

	once := twice
	once.Repeated = 0
	notFiring(t, "post-repeated").allMeasured(once).noFinding("post-repeated")
	get := twice
	get.Method = "GET"
	notFiring(t, "post-repeated").allMeasured(get).noFinding("post-repeated")

	_, text := Examples("post-repeated")
	mirrored := twice
	mirrored.Tries = mirrored.Tries[:1]
	newRuleTest(t, swap(text, "proxy_pass", "mirror /copy; proxy_pass")).allMeasured(mirrored).noFinding("post-repeated")

	fallback := swap(text, "proxy_next_upstream error timeout;", "error_page 502 = @other; } location @other {\nproxy_pass http://pool;")
	f = newRuleTest(t, fallback).measured(0, twice).finding("post-repeated")
	g.Expect(f.Patch).To(HavePrefix("if ($request_method !~ ^(GET|HEAD)$) {"))
	g.Expect(f.In).To(HavePrefix("location @other at nginx.conf:"))
}

func TestSlowRecovery(t *testing.T) {
	g := NewWithT(t)
	after := func(d time.Duration) audit.Measurement {
		return audit.Measurement{Fault: "restarted", ErrorsFor: d, Outcome: audit.Outcome{Status: 502}}
	}
	f := firing(t, "slow-recovery").allMeasured(after(60 * time.Second)).finding("slow-recovery")
	g.Expect(f.Title).To(Equal("errors go on for 60 s after the upstream is well"))
	g.Expect(f.Severity).To(Equal("medium"))
	g.Expect(f.Place.Line).To(Equal(6))
	g.Expect(f.Patch).To(Equal("server app:8080 max_fails=1 fail_timeout=5s;\nserver second:8080 max_fails=1 fail_timeout=5s;"))
	g.Expect(f.In).To(Equal("upstream pool at nginx.conf:5, in place of lines 6 and 7"))

	notFiring(t, "slow-recovery").allMeasured(after(11 * time.Second)).noFinding("slow-recovery")
	notFiring(t, "slow-recovery").allMeasured(audit.Measurement{Fault: "name-moved", NotRecovered: true}).noFinding("slow-recovery")
	notFiring(t, "slow-recovery").allMeasured(audit.Measurement{Fault: "500", Cached: true, ErrorsFor: time.Hour}).noFinding("slow-recovery")
	never := after(2 * time.Minute)
	never.NotRecovered = true
	f = notFiring(t, "slow-recovery").allMeasured(never).finding("slow-recovery")
	g.Expect(f.Severity).To(Equal("high"))
	g.Expect(f.Title).To(ContainSubstring("more than 120 s"))
}

func TestErrorCached(t *testing.T) {
	g := NewWithT(t)
	cached := audit.Measurement{Fault: "500", Cached: true, Outcome: audit.Outcome{Status: 500, Page: "upstream"}}
	f := firing(t, "error-cached").allMeasured(cached).finding("error-cached")
	g.Expect(f.Title).To(Equal("an error is cached for 600 s"))
	g.Expect(f.Patch).To(Equal("proxy_cache_valid 200 301 302 404 10m;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:10, in place of line 13"))

	none := cached
	none.Log = []gateway.LogRecord{{Message: "no live upstreams"}}
	firing(t, "error-cached").allMeasured(none).noFinding("error-cached")
	firing(t, "long-wait").allMeasured(cached).noFinding("error-cached")
	good := cached
	good.Status = 200 // a stale page is what a cache is for
	firing(t, "error-cached").allMeasured(good).noFinding("error-cached")
	text, _ := Examples("error-cached")
	newRuleTest(t, swap(text, "any 10m", "any 5s")).allMeasured(cached).noFinding("error-cached")
	f = notFiring(t, "error-cached").allMeasured(cached).finding("error-cached")
	g.Expect(f.Patch).To(HavePrefix("proxy_no_cache $upstream_failed;"), "the upstream's own headers kept it")
}

// A pool of one server that is long left out has one finding, with the mend that ends it.
func TestLonePeer_IsNoSlowRecovery(t *testing.T) {
	text := "events {}\nhttp {\nupstream one {\nserver 10.0.0.1:80 fail_timeout=40s;\nserver 10.0.0.2:80%s;\n}\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://one;\n}\n}\n}"
	benched := audit.Measurement{Fault: "refused", ErrorsFor: 41 * time.Second, Outcome: audit.Outcome{Status: 502}}
	s := newRuleTest(t, replace(text, " down")).allMeasured(benched)
	s.finding("lone-peer")
	s.noFinding("slow-recovery")
	newRuleTest(t, replace(text, "")).allMeasured(benched).finding("slow-recovery")
}

// Where nginx waits for a peer without end, no list of reasons for another try helps: the wait is the finding.
func TestDeadPeer_NotWhileItIsWaitedFor(t *testing.T) {
	silent := met("one-silent", "GET", 0, 2)
	firing(t, "dead-peer").allMeasured(silent).finding("dead-peer")
	silent.TimedOut = true
	firing(t, "dead-peer").allMeasured(silent).noFinding("dead-peer")
}
