package measure

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

func TestConnectAddress(t *testing.T) {
	for _, c := range []struct {
		listen nginxconf.Listen
		want   string
	}{
		{nginxconf.Listen{Network: "tcp", Address: "*", Port: 80}, "192.0.2.80:80"},
		{nginxconf.Listen{Network: "tcp", Address: "0.0.0.0", Port: 8080}, "192.0.2.80:8080"},
		{nginxconf.Listen{Network: "tcp", Address: "10.1.2.3", Port: 443}, "10.1.2.3:443"},
		{nginxconf.Listen{Network: "tcp", Address: "::", Port: 443}, "[::1]:443"},
		{nginxconf.Listen{Network: "tcp", Address: "gw.example.com", Port: 80}, "192.0.2.80:80"},
		{nginxconf.Listen{Network: "unix", Address: "/run/gw.sock"}, "unix:/run/gw.sock"},
	} {
		if got := connectAddress(c.listen); got != c.want {
			t.Errorf("%+v is asked at %s, not %s", c.listen, got, c.want)
		}
	}
}

func TestRequest(t *testing.T) {
	tls := request{candidate: nginxconf.Candidate{
		Listen: nginxconf.Listen{Network: "tcp", Address: "*", Port: 8443, TLS: true}, TLSName: "shop.example.com",
		Host: "shop.example.com", URI: "/api/?a=1", Header: map[string]string{"X-Mine": "yes"},
	}}
	if got, want := tls.shown("POST").URL, "https://shop.example.com:8443/api/?a=1"; got != want {
		t.Errorf("the URL is %s, not %s", got, want)
	}
	s := tls.withArgument("badgateway=broken").spec("POST", []time.Duration{time.Minute}, time.Hour)
	raw := string(s.Raw)
	for _, part := range []string{
		"POST /api/?a=1&badgateway=broken HTTP/1.1\r\n", "Host: shop.example.com\r\n", "X-Mine: yes\r\n", "Content-Length: 12\r\n", "Connection: close\r\n",
	} {
		if !strings.Contains(raw, part) {
			t.Errorf("%q lacks %q", raw, part)
		}
	}
	if !s.TLS || s.ServerName != "shop.example.com" || s.Body != form {
		t.Errorf("the request is %+v", s)
	}
	if tls.candidate.URI != "/api/?a=1" {
		t.Error("a fresh request changed the one that it was made of")
	}
	stream := request{stream: true, candidate: nginxconf.Candidate{Listen: nginxconf.Listen{Network: "tcp", Address: "*", Port: 443}, TLSName: "vault.example.com"}}
	if s := stream.spec("TCP", nil, time.Hour); !s.TLS || !s.Stream {
		t.Error("a stream that is chosen by its TLS name is not asked in TLS")
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		peer     nginxconf.Peer
		key      string
		isCalled string
		literal  bool
	}{
		{nginxconf.Peer{Host: "App.Internal.", Port: 80}, "app.internal:80", "app.internal:80", false},
		{nginxconf.Peer{Host: "10.0.0.5", Port: 9000}, "10.0.0.5:9000", "10.0.0.5:9000", true},
		{nginxconf.Peer{Host: "2001:db8::5", Port: 88}, "[2001:db8::5]:88", "[2001:db8::5]:88", true},
		{nginxconf.Peer{Host: "localhost", Port: 5000}, "localhost:5000", "127.0.0.1:5000", true},
		{nginxconf.Peer{Socket: "/run/x.sock"}, "unix:/run/x.sock", "unix:/run/x.sock", true},
	} {
		key := peerKey(c.peer)
		if key != c.key || canonicalKey(key) != c.isCalled || isLiteral(key) != c.literal {
			t.Errorf("%+v: key %s, called %s, literal %v", c.peer, key, canonicalKey(key), isLiteral(key))
		}
	}
	if got := allAddresses([]string{"127.0.0.1:5000", "app:80"}); !slices.Equal(got, []string{"127.0.0.1:5000", "app:80", "[::1]:5000"}) {
		t.Errorf("localhost is called at %q", got)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, id string
		want        bool
	}{
		{"refused", "refused", true}, {"tls-*", "tls-expired", true}, {"tls-*", "refused", false}, {`a ~ \.php$`, `a ~ \.php$`, true},
		{"*", "a.test/b/c/", true}, {"a.test*", "a.test/b/c/", true}, {"a.test/*", "a.test/b/c/", true}, {"*/c/", "a.test/b/c/", true}, {"*/d/", "a.test/b/c/", false},
		{"a.test?b?", "a.test/b/", true}, {"a.test[/:]b/", "a.test/b/", true}, {"a.test/?", "a.test/b/", false}, {"a.test/[", "a.test/[", true}, {"a.test/[", "a.test/b", false},
	} {
		if matches(c.pattern, c.id) != c.want {
			t.Errorf("%q picks %q: not %v", c.pattern, c.id, c.want)
		}
	}
}
