package review

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
)

// timedOut is a measurement that a time-out ended.
func timedOut(fault, phase string, after time.Duration, tries ...string) audit.Measurement {
	return audit.Measurement{Fault: fault, Outcome: audit.Outcome{
		Status: 504, Page: "nginx", Waited: after, Tries: tries,
		Log: []gateway.LogRecord{{Level: "error", Message: "upstream timed out", Errno: 110, Phase: phase}},
	}}
}

const reading, connecting = "reading response header from upstream", "connecting to upstream"

func TestLongWait(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "long-wait").allMeasured(timedOut("off", connecting, 60080*time.Millisecond)).
		allMeasured(timedOut("silent", reading, 60*time.Second)).finding("long-wait")
	g.Expect(f.Title).To(Equal("visitors wait 60 s"))
	g.Expect(f.Severity).To(Equal("medium"))
	g.Expect(f.Place.Line).To(Equal(8), "the location, which lacks both")
	g.Expect(f.Lacks).To(Equal("proxy_connect_timeout, proxy_read_timeout"))
	g.Expect(f.Patch).To(Equal("proxy_connect_timeout 5s;\nproxy_read_timeout 30s;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:8"))
	g.Expect(f.Faults).To(Equal([]string{"off", "silent"}))
	g.Expect(f.Saw).To(ContainSubstring("504 after 60 s"))

	s := firing(t, "long-wait").allMeasured(timedOut("silent", reading, 60*time.Second))
	s.e.Report.Routes = append(s.e.Report.Routes, audit.Route{ID: "like", SameAs: s.e.Report.Routes[0].ID, Protocol: "http", Reached: true})
	s.e.ConfigRoutes["like"] = s.e.ConfigRoutes[s.e.Report.Routes[0].ID]
	g.Expect(s.finding("long-wait").Routes).To(HaveLen(2), "what is like the route that was measured is found too")

	notFiring(t, "long-wait").allMeasured(timedOut("off", connecting, 5*time.Second)).allMeasured(timedOut("silent", reading, 30*time.Second)).noFinding("long-wait")
	firing(t, "long-wait").allMeasured(audit.Measurement{Fault: "silent", Skipped: "x", Outcome: audit.Outcome{Waited: time.Hour}}).noFinding("long-wait")
	firing(t, "long-wait").allMeasured(audit.Measurement{Fault: "silent", Error: "x", Outcome: audit.Outcome{Waited: time.Hour}}).noFinding("long-wait")
}

func TestLongWait_OfAPool(t *testing.T) {
	g := NewWithT(t)
	pool := "events {}\nhttp {\nupstream pool {\nserver a:80;\nserver b:80;\nserver c:80;\n}\nserver {\nlisten 80;\nlocation / {\n" +
		"proxy_pass http://pool;\nproxy_read_timeout %s;\n}\n}\n}\n"
	f := newRuleTest(t, replace(pool, "60s")).allMeasured(timedOut("silent", reading, 3*time.Minute, "a:80", "b:80", "c:80")).finding("long-wait")
	g.Expect(f.Title).To(Equal("visitors wait 180 s, for 3 peers in turn"))
	g.Expect(f.Severity).To(Equal("high"))
	g.Expect(f.Place.Line).To(Equal(12))
	g.Expect(f.Patch).To(Equal("# where no answer takes longer: proxy_read_timeout 30s;\nproxy_connect_timeout 5s;\nproxy_next_upstream_timeout 30s;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:10"))
	g.Expect(f.Edits).To(HaveLen(1))
	g.Expect(f.Edits[0].Replaces).To(BeEmpty(), "what somebody wrote stays")

	f = newRuleTest(t, replace(pool, "25s")).allMeasured(timedOut("silent", reading, 75*time.Second, "a:80", "b:80", "c:80")).finding("long-wait")
	g.Expect(f.Lacks).To(Equal("proxy_next_upstream_timeout"), "each try is short, and nothing bounds them together")
}

// A wait that is double because the error page is asked of the same upstream is no matter of time-outs, and of no second peer.
func TestLongWait_ForTheErrorPage(t *testing.T) {
	g := NewWithT(t)
	text := "events {}\nhttp {\nserver {\nlisten 80;\nerror_page 502 504 /sorry.html;\nlocation / {\nproxy_pass http://app;\nproxy_read_timeout %s;\n}\n}\n}"
	f := newRuleTest(t, replace(text, "30s")).allMeasured(timedOut("silent", reading, time.Minute, "app:80", "app:80")).finding("long-wait")
	g.Expect(f.Title).To(Equal("visitors wait 60 s, as the error page /sorry.html is asked of the same upstream"))
	g.Expect(f.Place.Line).To(Equal(5))
	g.Expect(f.Patch).To(HavePrefix("error_page 502 504 /gateway-error.html;"))
	f = newRuleTest(t, replace(text, "60s")).allMeasured(timedOut("silent", reading, 2*time.Minute, "app:80", "app:80")).finding("long-wait")
	g.Expect(f.Title).To(Equal("visitors wait 120 s"), "which is too long for one answer already")
	g.Expect(f.Patch).To(Equal("# where no answer takes longer: proxy_read_timeout 30s;"))
}

func TestLongWait_NamesTheCause(t *testing.T) {
	for name, c := range map[string]struct {
		conf, lacks, mend string
		line              int
		cell              audit.Measurement
	}{
		"inherited from http": {"events {}\nhttp {\nproxy_read_timeout 300s;\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\n}\n}\n}",
			"", "# where no answer takes longer: proxy_read_timeout 30s;", 3, timedOut("silent", reading, 300*time.Second)},
		"fastcgi": {"events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nfastcgi_pass app:9000;\n}\n}\n}",
			"fastcgi_read_timeout", "fastcgi_read_timeout 30s;", 5, timedOut("silent", reading, 60*time.Second)},
		"grpc": {"events {}\nhttp {\nserver {\nlisten 80 http2;\nlocation / {\ngrpc_pass grpc://app:9000;\n}\n}\n}",
			"grpc_connect_timeout", "grpc_connect_timeout 5s;", 5, timedOut("off", connecting, 60*time.Second)},
		"sending": {"events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\n}\n}\n}",
			"proxy_send_timeout", "proxy_send_timeout 30s;", 5, timedOut("does-not-read", "sending request to upstream", 60*time.Second)},
		"two locations of a server": {"events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\n}\nlocation /b/ {\nproxy_pass http://b;\n}\n}\n}",
			"proxy_read_timeout", "proxy_read_timeout 30s;", 3, timedOut("silent", reading, 60*time.Second)},
		"two servers": {"events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\n}\n}\nserver {\nlisten 81;\nlocation / {\nproxy_pass http://b;\n}\n}\n}",
			"proxy_read_timeout", "proxy_read_timeout 30s;", 2, timedOut("silent", reading, 60*time.Second)},
		"without a line in the log": {"events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\n}\n}\n}",
			"proxy_connect_timeout", "proxy_connect_timeout 5s;", 5, audit.Measurement{Fault: "off", Outcome: audit.Outcome{Status: 504, Waited: time.Minute}}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			f := newRuleTest(t, c.conf).allMeasured(c.cell).finding("long-wait")
			g.Expect(f.Place.Line).To(Equal(c.line))
			g.Expect(f.Lacks).To(Equal(c.lacks))
			g.Expect(f.Patch).To(Equal(c.mend))
		})
	}
}

func TestLongWait_OfWebsocketsAndStreams(t *testing.T) {
	g := NewWithT(t)
	ws := "events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\nproxy_set_header Upgrade $http_upgrade;\nproxy_read_timeout 1h;\n}\n}\n}"
	g.Expect(newRuleTest(t, ws).allMeasured(timedOut("silent", reading, time.Hour)).finding("long-wait").Severity).To(Equal("low"))
	f := newRuleTest(t, ws).allMeasured(timedOut("off", connecting, 10*time.Minute)).finding("long-wait")
	g.Expect(f.Severity).To(Equal("high"), "no websocket needs to wait for a connection")
	g.Expect(f.Patch).To(Equal("proxy_connect_timeout 5s;"))
	both := newRuleTest(t, ws).allMeasured(timedOut("off", connecting, time.Minute)).allMeasured(timedOut("silent", reading, time.Hour)).findings("long-wait")
	g.Expect(both).To(HaveLen(2))
	g.Expect([]string{both[0].Severity, both[1].Severity}).To(Equal([]string{"medium", "low"}))
	stream := "events {}\nstream {\nserver {\nlisten 3306;\nproxy_pass db:3306;\n}\n}"
	newRuleTest(t, stream).allMeasured(audit.Measurement{Fault: "silent", Outcome: audit.Outcome{Waited: 10 * time.Minute}}).noFinding("long-wait")
	f = newRuleTest(t, stream).allMeasured(audit.Measurement{Fault: "off", Outcome: audit.Outcome{Waited: time.Minute}}).finding("long-wait")
	g.Expect(f.Patch).To(Equal("proxy_connect_timeout 5s;"))
	g.Expect(f.In).To(Equal("server at nginx.conf:3"))
	f = firing(t, "long-wait").allMeasured(audit.Measurement{Fault: "silent", Outcome: audit.Outcome{TimedOut: true, Waited: 2 * time.Hour}}).finding("long-wait")
	g.Expect(f.Title).To(Equal("visitors wait without end"))
	g.Expect(f.Severity).To(Equal("high"))
}

func TestTimeoutOrder(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "timeout-order").finding("timeout-order")
	g.Expect(f.Place.Line).To(Equal(11), "the outer time-out")
	g.Expect(f.Saw).To(ContainSubstring("waits 20 s"))
	g.Expect(f.Saw).To(ContainSubstring("may wait 30 s"))
	g.Expect(f.Patch).To(Equal("proxy_read_timeout 13s;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:18, in place of line 21"))
	notFiring(t, "timeout-order").noFinding("timeout-order")
	// Another port of the same machine is not the gateway's.
	text, _ := Examples("timeout-order")
	newRuleTest(t, swap(text, "listen 127.0.0.1:8081", "listen 127.0.0.1:8082")).noFinding("timeout-order")
	newRuleTest(t, swap(text, "proxy_pass http://127.0.0.1:8081", "proxy_pass http://10.0.0.5:8081")).noFinding("timeout-order")
}
