package review

import (
	"fmt"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/gateway"
)

// Each change is told of a config that it touches, at the line, and not of one near it.
func TestVersionNotes(t *testing.T) {
	const plain = "listen 80;\nlocation / {\nproxy_pass http://app:80;\n}"
	server := func(text string) string {
		return "events {}\nhttp {\nserver {\n" + text + "\n}\n}\n"
	}
	upstream := func(block, rest string) string {
		return "events {}\nhttp {\nupstream app {\n" + block + "\n}\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\n" + rest + "\n}\n}\n}\n"
	}
	for _, c := range []struct {
		words, touched, near string
		line                 int
	}{
		{"in HTTP/1.1, and connections", server(plain), upstream("server a:80;\nkeepalive 8;", "proxy_http_version 1.1;"), 6},
		{"in HTTP/1.1, and connections", upstream("server a:80;", "proxy_http_version 1.1;"), server("listen 80;\nlocation / {\nfastcgi_pass a:9000;\n}"), 9},
		{"\"ssl on\" is gone", server("ssl on;\n" + plain), server("listen 443 ssl;\n" + plain), 4},
		{"listen ... http2 warns", server("listen 443 ssl http2;\n" + plain), server("http2 on;\n" + plain), 4},
		{"push is gone", server("http2_push /a.css;\n" + plain), server(plain), 4},
		{"TLS 1.0 and 1.1 are refused", server("listen 443 ssl;\n" + plain), server("listen 443 ssl;\nssl_protocols TLSv1 TLSv1.2;\n" + plain), 3},
		{"TLS 1.3 is spoken", server("listen 443 ssl;\n" + plain), server("listen 443 ssl;\nssl_protocols TLSv1.2;\n" + plain), 3},
		{"by ALPN", server("listen 443 ssl;\n" + plain), server(plain), 3},
		{"this directive is gone", server("http2_max_requests 9;\n" + plain), server(plain), 4},
		{"kept for 1000 requests", upstream("server a:80;\nkeepalive 8;", ""), upstream("server a:80;\nkeepalive 8;\nkeepalive_requests 100;", ""), 5},
		{"has to be escaped", server("listen 80;\nlocation /a/ {\nproxy_pass http://app/b/;\n}"), server(plain), 6},
		{"sendfile sends 2 MB", server("sendfile on;\n" + plain), server("sendfile on;\nsendfile_max_chunk 0;\n" + plain), 4},
		{"marked down", upstream("server a:80;\nserver b:80 down;", ""), upstream("server a:80;\nserver b:80 backup;", ""), 5},
		{"joined to one", server("listen 80;\nlocation / {\nfastcgi_pass a:9000;\n}"), server(plain), 6},
		{"refused with 502", server(plain), server("listen 80;\nlocation / {\ngrpc_pass a:9000;\n}"), 6},
		{"103 from an upstream", server(plain), server("listen 80;\nlocation / {\nfastcgi_pass a:9000;\n}"), 6},
	} {
		told := func(text string) string {
			conf := read(t, text)
			for _, n := range VersionNotes(conf, conf.Routes(t.Context())) {
				if strings.Contains(n.Text, c.words) {
					return fmt.Sprint(n.Places)
				}
			}
			return ""
		}
		if got := told(c.touched); !strings.Contains(got, fmt.Sprintf(":%d]", c.line)) {
			t.Errorf("%s: told at %q, not at line %d of\n%s", c.words, got, c.line, c.touched)
		}
		if got := told(c.near); got != "" {
			t.Errorf("%s: told at %s of\n%s", c.words, got, c.near)
		}
	}
}

func TestVersionChanges_SayWhenAndWhere(t *testing.T) {
	last := "1.18.0"
	for _, c := range versionChanges {
		if (gateway.Build{Version: c.since}).Before(last) || !strings.HasPrefix(c.source, "https://") || c.says == "" || strings.HasSuffix(c.says, ".") {
			t.Errorf("%+v", c)
		}
		last = c.since
	}
}
