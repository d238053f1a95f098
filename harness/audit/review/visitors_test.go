package review

import (
	"net/http"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
)

// idle is a websocket that was cut after a minute.
var idle = audit.Measurement{Fault: "idle-websocket", Outcome: audit.Outcome{Status: http.StatusSwitchingProtocols, Cut: true, Waited: time.Minute}}

// hostless is a visit by HTTP/3 of which the upstream knows no Host.
var hostless = audit.Measurement{Fault: "http3", Outcome: audit.Outcome{Status: 200, Calls: []audit.Call{{Endpoint: "app:8080"}}}}

func TestReaderCut(t *testing.T) {
	g := NewWithT(t)
	cut := audit.Measurement{Fault: "slow-reader", Outcome: audit.Outcome{Status: 200, Cut: true}}
	f := firing(t, "reader-cut").allMeasured(cut).finding("reader-cut")
	g.Expect(f.Patch).To(Equal("send_timeout 60s;"))
	whole := cut
	whole.Cut = false
	firing(t, "reader-cut").allMeasured(whole).noFinding("reader-cut")
	text, _ := Examples("reader-cut")
	newRuleTest(t, swap(text, "send_timeout 10s;", "")).allMeasured(cut).noFinding("reader-cut")
}

func TestHostLost(t *testing.T) {
	g := NewWithT(t)
	named := func(o *audit.Outcome) { o.Calls = []audit.Call{{Endpoint: "app:8080", Host: "shop.example.test"}} }
	f := firing(t, "host-lost").healthy(named).allMeasured(hostless).finding("host-lost")
	g.Expect(f.Patch).To(Equal("proxy_set_header Host $host;"))
	g.Expect(f.Saw).To(ContainSubstring("asked without a Host"))
	kept := hostless
	named(&kept.Outcome)
	firing(t, "host-lost").healthy(named).allMeasured(kept).noFinding("host-lost")
	firing(t, "host-lost").allMeasured(hostless).noFinding("host-lost")
	notFiring(t, "host-lost").healthy(named).allMeasured(hostless).noFinding("host-lost")
	text, _ := Examples("host-lost")
	f = newRuleTest(t, swap(text, "Host $http_host", "Host ${http_host}:8443")).healthy(named).allMeasured(hostless).finding("host-lost")
	g.Expect(f.Patch).To(Equal("proxy_set_header Host $host:8443;"))
}

func TestSharedLimit(t *testing.T) {
	g := NewWithT(t)
	refused := audit.Measurement{Fault: "crowd", Of: 7, Bad: 1, Outcome: audit.Outcome{Status: 503}}
	f := firing(t, "shared-limit").allMeasured(refused).finding("shared-limit")
	g.Expect(f.Severity).To(Equal("medium"), "the config reads what only a proxy sends")
	g.Expect(f.Place.Line).To(Equal(10), "the zone")
	g.Expect(f.Patch).To(Equal("set_real_ip_from 192.0.2.0/24; # the addresses of what is in front\nreal_ip_header X-Forwarded-For;"))
	g.Expect(f.In).To(HavePrefix("http at nginx.conf:3"))
	served := refused
	served.Bad, served.Status = 0, 200
	firing(t, "shared-limit").allMeasured(served).noFinding("shared-limit")

	text, _ := Examples("shared-limit")
	alone := swap(text, "proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto;", "")
	g.Expect(newRuleTest(t, alone).allMeasured(refused).finding("shared-limit").Severity).To(Equal("low"), "perhaps nothing is in front")
	f = newRuleTest(t, swap(text, "$binary_remote_addr", "$server_name")).allMeasured(refused).finding("shared-limit")
	g.Expect(f.Severity).To(Equal("low"))
	g.Expect(f.Patch).To(Equal("limit_req_zone $binary_remote_addr zone=each:1m rate=1r/s;"))
	f = newRuleTest(t, swap(text, "listen 80;", "listen 80 proxy_protocol;")).allMeasured(refused).finding("shared-limit")
	g.Expect(f.Patch).To(HaveSuffix("real_ip_header proxy_protocol;"))
}

func TestIdleWebsocket(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "idle-websocket").allMeasured(idle).finding("idle-websocket")
	g.Expect(f.Title).To(Equal("a websocket on which nobody speaks is cut after 60 s"))
	g.Expect(f.Patch).To(Equal("# in a location for websockets alone, as whoever asks for a page there would wait as long: proxy_read_timeout 1h;"))
	g.Expect(f.Edits).To(BeEmpty(), "in this location it does harm to all else")
	long := idle
	long.Waited = time.Hour
	firing(t, "idle-websocket").allMeasured(long).noFinding("idle-websocket")
	open := idle
	open.Cut, open.TimedOut = false, true
	firing(t, "idle-websocket").allMeasured(open).noFinding("idle-websocket")

	refused := audit.Measurement{Fault: "idle-websocket", Outcome: audit.Outcome{Status: http.StatusUpgradeRequired, Calls: []audit.Call{{Protocol: "http/1.0"}}}}
	f = firing(t, "idle-websocket").allMeasured(refused).finding("idle-websocket")
	g.Expect(f.Severity).To(Equal("high"))
	g.Expect(f.Title).To(Equal("no websocket is ever opened"))
	g.Expect(f.Patch).To(ContainSubstring("proxy_http_version 1.1;"))
	refused.Calls[0].Protocol = "http/1.1"
	text, _ := Examples("idle-websocket")
	f = newRuleTest(t, swap(text, `proxy_set_header Connection "upgrade";`, "")).allMeasured(refused).finding("idle-websocket")
	g.Expect(f.Lacks).To(Equal("proxy_set_header"))
	g.Expect(f.Patch).To(ContainSubstring(`proxy_set_header Connection "upgrade";`))
}

func TestUploadRefused(t *testing.T) {
	refused := audit.Measurement{Fault: "upload", Method: "POST", Outcome: audit.Outcome{Status: 413}}
	firing(t, "upload-refused").allMeasured(refused).finding("upload-refused")
	notFiring(t, "upload-refused").allMeasured(refused).noFinding("upload-refused")
	refused.Calls = []audit.Call{{}}
	firing(t, "upload-refused").allMeasured(refused).noFinding("upload-refused") // the application's own
	refused.Calls = nil
	f := newRuleTest(t, "events {}\nhttp {\nserver {\nlisten 80;\nlocation / { try_files /x @app; }\nlocation @app { proxy_pass http://app; }\n}\n}").allMeasured(refused).finding("upload-refused")
	NewWithT(t).Expect(f.In).To(Equal("server at nginx.conf:3"), "it is held against the location that a request enters by")
}

func TestHeldUpstreams(t *testing.T) {
	left := audit.Measurement{Fault: "left", Held: true, Outcome: audit.Outcome{NoAnswer: "left"}}
	firing(t, "work-for-nobody").allMeasured(left).finding("work-for-nobody")
	notFiring(t, "work-for-nobody").allMeasured(left).noFinding("work-for-nobody") // a cache may want the answer
	left.Held = false
	firing(t, "work-for-nobody").allMeasured(left).noFinding("work-for-nobody")

	slow := audit.Measurement{Fault: "slow-reader", Held: true, Outcome: audit.Outcome{Status: 200}}
	firing(t, "slow-reader").allMeasured(slow).finding("slow-reader")
	slow.Held = false
	firing(t, "slow-reader").allMeasured(slow).noFinding("slow-reader")
}

// What visitors do is nothing of which the rules about upstreams that fail speak.
func TestVisitorsAreNotTakenForUpstreams(t *testing.T) {
	s := firing(t, "long-wait")
	s.allMeasured(audit.Measurement{Fault: "slow-mirror", Outcome: audit.Outcome{Status: 200, Waited: time.Hour}})
	s.allMeasured(audit.Measurement{Fault: "crowd", Outcome: audit.Outcome{Status: 503, Page: "nginx", Version: true}, ErrorsFor: time.Hour})
	for _, r := range Rules() {
		if found := audit.Judge(s.e, []audit.Rule{r}); len(found) > 0 && r.ID != "timeout-order" {
			t.Errorf("%s: %+v", r.ID, found)
		}
	}
}
