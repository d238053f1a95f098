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
	f := fires(t, "cut-passes").all(cut).one("cut-passes")
	g.Expect(f.Severity).To(Equal("medium"))
	g.Expect(f.Patch).To(Equal("proxy_http_version 1.1;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:8, in place of line 10"))

	known := cut
	known.SilentTruncation, known.Cut = false, true
	near(t, "cut-passes").all(known).none("cut-passes")

	_, text := Examples("cut-passes")
	off := cut
	off.Calls = []audit.Call{{Protocol: "http/1.1"}}
	f = of(t, swap(text, "listen 80;", "listen 80;\nchunked_transfer_encoding off;")).all(off).one("cut-passes")
	g.Expect(f.Patch).To(Equal("chunked_transfer_encoding on;"))
	g.Expect(f.Place.Line).To(Equal(7))

	f = of(t, "events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nuwsgi_pass app:3031;\n}\n}\n}").all(cut).one("cut-passes")
	g.Expect(f.Severity).To(Equal("low"), "nothing in nginx can mend it")
}

func TestSmallHeaderBuffer(t *testing.T) {
	g := NewWithT(t)
	refused := audit.Measurement{Fault: "big-header", Outcome: audit.Outcome{Status: 502}}
	f := fires(t, "small-header-buffer").all(refused).one("small-header-buffer")
	g.Expect(f.Patch).To(Equal("proxy_buffer_size 16k;\nproxy_buffers 8 16k;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:8, in place of lines 10 and 11"))
	near(t, "small-header-buffer").all(audit.Measurement{Fault: "big-header", Outcome: audit.Outcome{Status: 200}}).none("small-header-buffer")
	huge := refused
	huge.Fault = "huge-header"
	near(t, "small-header-buffer").all(huge).none("small-header-buffer")

	text, _ := Examples("small-header-buffer")
	f = of(t, swap(text, "listen 80;", "listen 80;\nproxy_busy_buffers_size 8k;")).all(refused).one("small-header-buffer")
	g.Expect(f.Patch).To(HaveSuffix("proxy_busy_buffers_size 32k;"))
	f = of(t, "events {}\nhttp {\nserver {\nlisten 80 http2;\nlocation / {\ngrpc_pass grpc://app:9000;\n}\n}\n}").all(refused).one("small-header-buffer")
	g.Expect(f.Patch).To(Equal("grpc_buffer_size 16k;"))
}

func TestTLSUnverified(t *testing.T) {
	g := NewWithT(t)
	taken := audit.Measurement{Fault: "tls-expired", Outcome: audit.Outcome{Status: 200}}
	f := fires(t, "tls-unverified").all(taken).one("tls-unverified")
	g.Expect(f.Patch).To(Equal("proxy_ssl_verify on;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:8, in place of line 11"))
	near(t, "tls-unverified").all(audit.Measurement{Fault: "tls-expired", Outcome: audit.Outcome{Status: 502}}).none("tls-unverified")
	plain := taken
	plain.Fault = "tls-plain"
	near(t, "tls-unverified").all(plain).none("tls-unverified")

	text, _ := Examples("no-sni")
	f = of(t, text).all(taken).one("tls-unverified")
	g.Expect(f.Patch).To(Equal("proxy_ssl_verify on;\nproxy_ssl_trusted_certificate /etc/nginx/upstream-ca.crt; # of the authority that signs the upstream's\n" +
		"proxy_ssl_server_name on;"))
	block := "events {}\nhttp {\nupstream u { server app.internal:443; }\nserver {\nlisten 80;\nlocation / {\nproxy_pass https://u;\n}\n}\n}"
	f = of(t, block).all(taken).one("tls-unverified")
	g.Expect(f.Patch).To(HaveSuffix("proxy_ssl_name app.internal;"), "an upstream block's own name is on no certificate")
}

func TestNoSNI(t *testing.T) {
	g := NewWithT(t)
	calls := func(c audit.Call) func(*audit.Outcome) {
		return func(o *audit.Outcome) { o.Calls = []audit.Call{c} }
	}
	f := fires(t, "no-sni").well(calls(audit.Call{Endpoint: "app:8443", TLS: true})).one("no-sni")
	g.Expect(f.Title).To(Equal("no server name is sent to app:8443"))
	g.Expect(f.Patch).To(Equal("proxy_ssl_server_name on;"))
	near(t, "no-sni").well(calls(audit.Call{Endpoint: "app:8443", TLS: true, SNI: "app"})).none("no-sni")
	fires(t, "no-sni").well(calls(audit.Call{Endpoint: "10.0.0.5:8443", TLS: true})).none("no-sni")
	fires(t, "no-sni").well(calls(audit.Call{Endpoint: "unix:/run/app.sock", TLS: true})).none("no-sni")
	fires(t, "no-sni").well(calls(audit.Call{Endpoint: "app:8080"})).none("no-sni")

	block := "events {}\nhttp {\nupstream u { server app.internal:443; }\nserver {\nlisten 80;\nlocation / {\nproxy_pass https://u;\nproxy_ssl_server_name on;\n}\n}\n}"
	f = of(t, block).well(calls(audit.Call{Endpoint: "app.internal:443", TLS: true, SNI: "u"})).one("no-sni")
	g.Expect(f.Patch).To(Equal("proxy_ssl_name app.internal;"))
	g.Expect(f.Lacks).To(Equal("proxy_ssl_name"))
}

func TestNoKeepalive(t *testing.T) {
	g := NewWithT(t)
	calls := func(c audit.Call) func(*audit.Outcome) {
		return func(o *audit.Outcome) { o.Calls = []audit.Call{c} }
	}
	closed, old := audit.Call{Endpoint: "app:8080", Protocol: "http/1.1", Close: true}, audit.Call{Endpoint: "app:8080", Protocol: "http/1.0", Close: true}
	f := fires(t, "no-keepalive").well(calls(closed)).one("no-keepalive")
	g.Expect(f.Patch).To(Equal("proxy_set_header Connection \"\";"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:13, in place of line 16"))
	near(t, "no-keepalive").well(calls(audit.Call{Endpoint: "app:8080", Protocol: "http/1.1"})).none("no-keepalive")
	text, _ := Examples("no-keepalive")
	of(t, swap(text, "keepalive 16;", "")).well(calls(closed)).none("no-keepalive")
	of(t, swap(text, "keepalive 16;", "keepalive 0;")).well(calls(closed)).none("no-keepalive")

	bareBlock := swap(swap(text, "proxy_http_version 1.1;", ""), "proxy_set_header Connection close;", "")
	f = of(t, bareBlock).well(calls(old)).one("no-keepalive")
	g.Expect(f.Lacks).To(Equal("proxy_http_version"))
	g.Expect(f.Patch).To(Equal("proxy_http_version 1.1;\nproxy_set_header Connection \"\";"))
	inherited := swap(bareBlock, "listen 80;", "listen 80;\nproxy_set_header Host $host;")
	f = of(t, inherited).well(calls(old)).one("no-keepalive")
	g.Expect(f.Patch).To(Equal("proxy_http_version 1.1;\n# and in server at nginx.conf:10:\nproxy_set_header Connection \"\";"),
		"beside those that the location inherits, or they would be lost")

	fcgi := "events {}\nhttp {\nupstream u { server app:9000;\nkeepalive 4; }\nserver {\nlisten 80;\nlocation / {\nfastcgi_pass u;\n}\n}\n}"
	f = of(t, fcgi).well(calls(audit.Call{Protocol: "fastcgi", Close: true})).one("no-keepalive")
	g.Expect(f.Patch).To(Equal("fastcgi_keep_conn on;"))
}

func TestEndlessLoop(t *testing.T) {
	g := NewWithT(t)
	f := fires(t, "endless-loop").all(audit.Measurement{Fault: "", Outcome: audit.Outcome{Status: 500, Loop: true}}).one("endless-loop")
	g.Expect(f.Severity).To(Equal("high"))
	g.Expect(f.Place.Line).To(Equal(9))
	g.Expect(f.Patch).To(HavePrefix("proxy_pass http://app:8080;"))
	near(t, "endless-loop").all(audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502}}).none("endless-loop")
}

func TestAuth500(t *testing.T) {
	g := NewWithT(t)
	s := fires(t, "auth-500")
	auth := -1
	for i, r := range s.e.Report.Routes {
		if r.Role == "auth_request" {
			auth = i
		}
	}
	g.Expect(auth).NotTo(Equal(-1))
	failed := audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 500, Page: "nginx"}}
	f := s.on(auth, failed).one("auth-500")
	g.Expect(f.Place.Line).To(Equal(9), "the auth_request, not the location that it asks")
	g.Expect(f.In).To(Equal("location / at nginx.conf:8"))
	g.Expect(f.Patch).To(HavePrefix("error_page 500 = @auth_down;\n# and in the same server:\nlocation @auth_down {"))

	unavailable := failed
	unavailable.Status = 503
	near(t, "auth-500").all(unavailable).none("auth-500")
	fires(t, "auth-500").on(1-auth, failed).none("auth-500")
}

func TestLostLog(t *testing.T) {
	g := NewWithT(t)
	silent := audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Page: "nginx"}}
	f := fires(t, "lost-log").all(silent).one("lost-log")
	g.Expect(f.Place.Line).To(Equal(2))
	g.Expect(f.Patch).To(Equal("error_log /var/log/nginx/error.log warn;"))
	logged := silent
	logged.Log = []gateway.LogRecord{{Level: "error", Raw: "connect() failed"}}
	near(t, "lost-log").all(logged).none("lost-log")
	near(t, "lost-log").all(silent).none("lost-log")
	fires(t, "lost-log").all(logged).none("lost-log")
	own := silent
	own.Fault, own.Page = "502", "upstream"
	fires(t, "lost-log").all(own).none("lost-log")

	text, _ := Examples("lost-log")
	for args, want := range map[string]int{
		"/dev/null": 1, "off": 1, "/var/log/nginx/error.log": 0, "stderr": 0, "syslog:server=10.0.0.9 error": 0, "/var/log/nginx/error.log alert": 1,
		"/dev/null;\nerror_log /var/log/nginx/error.log": 0,
	} {
		g.Expect(of(t, swap(text, "/var/log/nginx/error.log crit", args)).all(silent).finds("lost-log")).To(HaveLen(want), args)
	}
	g.Expect(of(t, swap(text, "/var/log/nginx/error.log crit", "off")).all(logged).finds("lost-log")).To(HaveLen(1), "off is a file")
}
