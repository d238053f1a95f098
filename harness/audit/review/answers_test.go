package review

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
)

func TestCutPasses(t *testing.T) {
	g := NewWithT(t)
	cut := audit.Measurement{Fault: "cut", Outcome: audit.Outcome{Status: 200, SilentTruncation: true, Calls: []audit.Call{{Endpoint: "app:8080", Protocol: "http/1.0"}}}}
	f := firing(t, "cut-passes").allMeasured(cut).finding("cut-passes")
	g.Expect(f.Severity).To(Equal("medium"))
	g.Expect(f.Patch).To(Equal("proxy_http_version 1.1;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:8, in place of line 10"))

	known := cut
	known.SilentTruncation, known.Cut = false, true
	notFiring(t, "cut-passes").allMeasured(known).noFinding("cut-passes")

	_, text := Examples("cut-passes")
	off := cut
	off.Calls = []audit.Call{{Protocol: "http/1.1"}}
	f = newRuleTest(t, swap(text, "listen 80;", "listen 80;\nchunked_transfer_encoding off;")).allMeasured(off).finding("cut-passes")
	g.Expect(f.Patch).To(Equal("chunked_transfer_encoding on;"))
	g.Expect(f.Place.Line).To(Equal(7))

	f = newRuleTest(t, "events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nuwsgi_pass app:3031;\n}\n}\n}").allMeasured(cut).finding("cut-passes")
	g.Expect(f.Severity).To(Equal("low"), "nothing in nginx can mend it")
}

func TestSmallHeaderBuffer(t *testing.T) {
	g := NewWithT(t)
	refused := audit.Measurement{Fault: "big-header", Outcome: audit.Outcome{Status: 502}}
	f := firing(t, "small-header-buffer").allMeasured(refused).finding("small-header-buffer")
	g.Expect(f.Patch).To(Equal("proxy_buffer_size 16k;"), "buffers that are large enough stay")
	g.Expect(f.In).To(Equal("location / at nginx.conf:8, in place of line 10"))
	notFiring(t, "small-header-buffer").allMeasured(audit.Measurement{Fault: "big-header", Outcome: audit.Outcome{Status: 200}}).noFinding("small-header-buffer")
	huge := refused
	huge.Fault = "huge-header"
	notFiring(t, "small-header-buffer").allMeasured(huge).noFinding("small-header-buffer")

	text, _ := Examples("small-header-buffer")
	f = newRuleTest(t, swap(text, "listen 80;", "listen 80;\nproxy_busy_buffers_size 8k;")).allMeasured(refused).finding("small-header-buffer")
	g.Expect(f.Patch).To(HaveSuffix("proxy_busy_buffers_size 32k;"))
	f = newRuleTest(t, "events {}\nhttp {\nserver {\nlisten 80 http2;\nlocation / {\ngrpc_pass grpc://app:9000;\n}\n}\n}").allMeasured(refused).finding("small-header-buffer")
	g.Expect(f.Patch).To(Equal("grpc_buffer_size 16k;"))
}

func TestTLSUnverified(t *testing.T) {
	g := NewWithT(t)
	taken := audit.Measurement{Fault: "tls-expired", Outcome: audit.Outcome{Status: 200}}
	f := firing(t, "tls-unverified").allMeasured(taken).finding("tls-unverified")
	g.Expect(f.Patch).To(Equal("proxy_ssl_verify on;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:8, in place of line 11"))
	notFiring(t, "tls-unverified").allMeasured(audit.Measurement{Fault: "tls-expired", Outcome: audit.Outcome{Status: 502}}).noFinding("tls-unverified")
	plain := taken
	plain.Fault = "tls-plain"
	notFiring(t, "tls-unverified").allMeasured(plain).noFinding("tls-unverified")

	text, _ := Examples("no-sni")
	f = newRuleTest(t, text).allMeasured(taken).finding("tls-unverified")
	g.Expect(f.Patch).To(Equal("proxy_ssl_verify on;\nproxy_ssl_trusted_certificate /etc/nginx/upstream-ca.crt; # of the authority that signs the upstream's\n" +
		"proxy_ssl_server_name on;"))
	block := "events {}\nhttp {\nupstream u { server app.internal:443; }\nserver {\nlisten 80;\nlocation / {\nproxy_pass https://u;\n}\n}\n}"
	f = newRuleTest(t, block).allMeasured(taken).finding("tls-unverified")
	g.Expect(f.Patch).To(HaveSuffix("proxy_ssl_name app.internal;"), "an upstream block's own name is on no certificate")
}

func TestNoSNI(t *testing.T) {
	g := NewWithT(t)
	calls := func(c audit.Call) func(*audit.Outcome) {
		return func(o *audit.Outcome) { o.Calls = []audit.Call{c} }
	}
	f := firing(t, "no-sni").healthy(calls(audit.Call{Endpoint: "app:8443", TLS: true})).finding("no-sni")
	g.Expect(f.Title).To(Equal("no server name is sent to app:8443"))
	g.Expect(f.Patch).To(Equal("proxy_ssl_server_name on;"))
	notFiring(t, "no-sni").healthy(calls(audit.Call{Endpoint: "app:8443", TLS: true, SNI: "app"})).noFinding("no-sni")
	firing(t, "no-sni").healthy(calls(audit.Call{Endpoint: "10.0.0.5:8443", TLS: true})).noFinding("no-sni")
	firing(t, "no-sni").healthy(calls(audit.Call{Endpoint: "unix:/run/app.sock", TLS: true})).noFinding("no-sni")
	firing(t, "no-sni").healthy(calls(audit.Call{Endpoint: "app:8080"})).noFinding("no-sni")

	block := "events {}\nhttp {\nupstream u { server app.internal:443; }\nserver {\nlisten 80;\nlocation / {\nproxy_pass https://u;\nproxy_ssl_server_name on;\n}\n}\n}"
	f = newRuleTest(t, block).healthy(calls(audit.Call{Endpoint: "app.internal:443", TLS: true, SNI: "u"})).finding("no-sni")
	g.Expect(f.Patch).To(Equal("proxy_ssl_name app.internal;"))
	g.Expect(f.Lacks).To(Equal("proxy_ssl_name"))
}

// What two protocols lack in the block around both is put there for both.
func TestPatches_ForEachProtocolOfABlock(t *testing.T) {
	g := NewWithT(t)
	const conf = "events {}\nhttp {\nserver {\nlisten 80;\nerror_page 500 /sorry.html;\nlocation /a { proxy_pass http://a; }\nlocation /b { uwsgi_pass b:3031; }\nlocation /c { proxy_pass http://c; }\nlocation /d { uwsgi_pass d:3031; }\n}\n}"
	failed := audit.Measurement{Fault: "big-header", Outcome: audit.Outcome{Status: 502, Page: "nginx"}}
	f := newRuleTest(t, conf).allMeasured(failed).finding("small-header-buffer")
	g.Expect(f.Patch).To(Equal("proxy_buffer_size 16k;\nproxy_buffers 8 16k;\nuwsgi_buffer_size 16k;\nuwsgi_buffers 8 16k;"))
	raw := audit.Measurement{Fault: "500", Method: "GET", Outcome: audit.Outcome{Status: 500, Page: "upstream"}}
	f = newRuleTest(t, conf).allMeasured(raw).finding("raw-error")
	g.Expect(f.Patch).To(Equal("proxy_intercept_errors on;\nuwsgi_intercept_errors on;"))
}

// Who opens websockets over the same location goes on to: the map says what is sent with all other requests.
func TestNoKeepalive_BesideWebsockets(t *testing.T) {
	g := NewWithT(t)
	const conf = `events {}
http {
MAP
upstream app { server 10.0.0.5:8080; keepalive 8; keepalive_timeout 4s; }
server {
listen 80;
location / {
proxy_pass http://app;
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection VALUE;
}
}
}`
	closed := func(o *audit.Outcome) {
		o.Calls = []audit.Call{{Endpoint: "10.0.0.5:8080", Protocol: "http/1.1", Close: true}}
	}
	f := newRuleTest(t, swap(swap(conf, "MAP", "map $http_upgrade $mode { default upgrade; '' close; }"), "VALUE", "$mode")).healthy(closed).finding("no-keepalive")
	g.Expect(f.Patch).To(Equal(`"" "";`))
	g.Expect(f.In).To(HavePrefix("map $http_upgrade $mode at nginx.conf:3"))
	g.Expect(f.Edits[0].Replaces).To(HaveLen(1))
	f = newRuleTest(t, swap(swap(conf, "MAP", "map $http_upgrade $mode { default close; websocket upgrade; }"), "VALUE", "$mode")).healthy(closed).finding("no-keepalive")
	g.Expect(f.Edits[0].Replaces).To(BeEmpty())
	f = newRuleTest(t, swap(swap(conf, "MAP", ""), "VALUE", "$http_connection")).healthy(closed).finding("no-keepalive")
	g.Expect(f.Patch).To(HavePrefix("proxy_set_header Connection $upgrade_or_keep;\n# and in http at nginx.conf:2:\nmap $http_upgrade $upgrade_or_keep {"))
}

func TestNoKeepalive(t *testing.T) {
	g := NewWithT(t)
	calls := func(c audit.Call) func(*audit.Outcome) {
		return func(o *audit.Outcome) { o.Calls = []audit.Call{c} }
	}
	closed, old := audit.Call{Endpoint: "app:8080", Protocol: "http/1.1", Close: true}, audit.Call{Endpoint: "app:8080", Protocol: "http/1.0", Close: true}
	f := firing(t, "no-keepalive").healthy(calls(closed)).finding("no-keepalive")
	g.Expect(f.Patch).To(Equal("proxy_set_header Connection \"\";\n# and in upstream app at nginx.conf:5:\nkeepalive_timeout 4s; # less than the application's own"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:13, in place of line 16"))
	notFiring(t, "no-keepalive").healthy(calls(audit.Call{Endpoint: "app:8080", Protocol: "http/1.1"})).noFinding("no-keepalive")
	text, _ := Examples("no-keepalive")
	newRuleTest(t, swap(text, "keepalive 16;", "")).healthy(calls(closed)).noFinding("no-keepalive")
	newRuleTest(t, swap(text, "keepalive 16;", "keepalive 0;")).healthy(calls(closed)).noFinding("no-keepalive")

	text = swap(text, "keepalive 16;", "keepalive 16; keepalive_timeout 4s;")
	bareBlock := swap(swap(text, "proxy_http_version 1.1;", ""), "proxy_set_header Connection close;", "")
	f = newRuleTest(t, bareBlock).healthy(calls(old)).finding("no-keepalive")
	g.Expect(f.Lacks).To(Equal("proxy_http_version"))
	g.Expect(f.Patch).To(Equal("proxy_http_version 1.1;\nproxy_set_header Connection \"\";"))
	inherited := swap(bareBlock, "listen 80;", "listen 80;\nproxy_set_header Host $host;")
	f = newRuleTest(t, inherited).healthy(calls(old)).finding("no-keepalive")
	g.Expect(f.Patch).To(Equal("proxy_http_version 1.1;\n# and in server at nginx.conf:10:\nproxy_set_header Connection \"\";"),
		"beside those that the location inherits, or they would be lost")

	fcgi := "events {}\nhttp {\nupstream u { server app:9000;\nkeepalive 4; }\nserver {\nlisten 80;\nlocation / {\nfastcgi_pass u;\n}\n}\n}"
	f = newRuleTest(t, fcgi).healthy(calls(audit.Call{Protocol: "fastcgi", Close: true})).finding("no-keepalive")
	g.Expect(f.Patch).To(HavePrefix("fastcgi_keep_conn on;\n"))
}

func TestEndlessLoop(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "endless-loop").allMeasured(audit.Measurement{Fault: "", Outcome: audit.Outcome{Status: 500, Loop: true}}).finding("endless-loop")
	g.Expect(f.Severity).To(Equal("high"))
	g.Expect(f.Place.Line).To(Equal(9))
	g.Expect(f.Patch).To(HaveSuffix(": proxy_pass http://app:8080;"))
	notFiring(t, "endless-loop").allMeasured(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502}}).noFinding("endless-loop")
}

func TestAuth500(t *testing.T) {
	g := NewWithT(t)
	s := firing(t, "auth-500")
	auth := -1
	for i, r := range s.e.Report.Routes {
		if r.Role == "auth_request" {
			auth = i
		}
	}
	g.Expect(auth).NotTo(Equal(-1))
	failed := audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 500, Page: "nginx"}}
	f := s.measured(auth, failed).finding("auth-500")
	g.Expect(f.Place.Line).To(Equal(9), "the auth_request, not the location that it asks")
	g.Expect(f.In).To(Equal("location / at nginx.conf:8"))
	g.Expect(f.Patch).To(HavePrefix("error_page 500 = @auth_down;\n# and in server at nginx.conf:5:\nlocation @auth_down {"))

	text, _ := Examples("auth-500")
	two := newRuleTest(t, swap(text, "location = /auth {", "location /api/ { auth_request /auth; proxy_pass http://app:8080; }\nlocation = /auth {"))
	for i, r := range two.e.Report.Routes {
		if r.Role == "auth_request" {
			f = two.measured(i, failed).finding("auth-500")
		}
	}
	g.Expect(f.Patch).To(HavePrefix("error_page 500 = @auth_down;\n# and in location /api/ at nginx.conf:13:\nerror_page 500 = @auth_down;\n# and in server"))

	unavailable := failed
	unavailable.Status = 503
	notFiring(t, "auth-500").allMeasured(unavailable).noFinding("auth-500")
	firing(t, "auth-500").measured(1-auth, failed).noFinding("auth-500")
}

func TestLostLog(t *testing.T) {
	g := NewWithT(t)
	silent := audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Page: "nginx"}}
	f := firing(t, "lost-log").allMeasured(silent).finding("lost-log")
	g.Expect(f.Place.Line).To(Equal(2))
	g.Expect(f.Patch).To(Equal("error_log /var/log/nginx/error.log warn;"))
	logged := silent
	logged.Log = []gateway.LogRecord{{Level: "error", Raw: "connect() failed"}}
	notFiring(t, "lost-log").allMeasured(logged).noFinding("lost-log")
	notFiring(t, "lost-log").allMeasured(silent).noFinding("lost-log")
	firing(t, "lost-log").allMeasured(logged).noFinding("lost-log")
	own := silent
	own.Fault, own.Page = "502", "upstream"
	firing(t, "lost-log").allMeasured(own).noFinding("lost-log")

	text, _ := Examples("lost-log")
	for args, want := range map[string]int{
		"/dev/null": 1, "off": 1, "/var/log/nginx/error.log": 0, "stderr": 0, "syslog:server=10.0.0.9 error": 0, "/var/log/nginx/error.log alert": 1,
		"/dev/null;\nerror_log /var/log/nginx/error.log": 0,
	} {
		g.Expect(newRuleTest(t, swap(text, "/var/log/nginx/error.log crit", args)).allMeasured(silent).findings("lost-log")).To(HaveLen(want), args)
	}
	g.Expect(newRuleTest(t, swap(text, "/var/log/nginx/error.log crit", "off")).allMeasured(logged).findings("lost-log")).To(HaveLen(1), "off is a file")
}
