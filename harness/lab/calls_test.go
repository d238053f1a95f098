package lab

import (
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway"
)

func TestUpstreamAddr(t *testing.T) {
	for field, want := range map[string]string{
		"http://10.0.0.5:8080/path?a=b://c":         "10.0.0.5:8080",
		"fastcgi://10.0.0.5:9000":                   "10.0.0.5:9000",
		"https://[::1]:443/":                        "[::1]:443",
		"fastcgi://unix:/run/php/php8.2-fpm.sock:":  "unix:/run/php/php8.2-fpm.sock",
		"http://unix:/run/app.sock:/path/with:more": "unix:/run/app.sock",
		"": "",
	} {
		if got := upstreamAddr(field); got != want {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
}

func TestServes(t *testing.T) {
	for _, c := range []struct {
		listen, addr string
		want         bool
	}{
		{"10.0.0.5:80", "10.0.0.5:80", true},
		{"10.0.0.5:80", "10.0.0.6:80", false},
		{"10.0.0.5:80", "10.0.0.5:81", false},
		{"0.0.0.0:80", "10.0.0.5:80", true},
		{"[::]:9000", "[::1]:9000", true},
		{"[::]:9000", "127.0.0.1:9000", true},
		{"[::]:9000", "127.0.0.1:9001", false},
		{":80", "10.0.0.5:80", true},
		{"unix:/run/a.sock", "unix:/run/a.sock", true},
		{"unix:/run/a.sock", "unix:/run/b.sock", false},
		{"0.0.0.0:80", "pool", false},
	} {
		if got := serves(c.listen, c.addr); got != c.want {
			t.Errorf("%s serves %s: %v", c.listen, c.addr, got)
		}
	}
}

func TestAccounting_OnlyCallsThatConnectedExplainAConnection(t *testing.T) {
	a := newAccounting()
	if _, known := a.taken(); known {
		t.Error("known, and nobody told whom the gateway called")
	}
	a.called(map[string]int{"10.0.0.5:80": 2, "10.0.0.6:80": 1})
	a.failed([]gateway.LogRecord{
		{Level: "error", Phase: "connecting to upstream", Upstream: "http://10.0.0.5:80/", Message: "connect() failed"},
		{Level: "warn", Phase: "connecting to upstream", Upstream: "http://10.0.0.5:80/"}, // the peer is benched
		{Level: "alert", Phase: "connecting to upstream", Upstream: "http://10.0.0.5:80/", Message: "socket() failed"},
		{Level: "error", Phase: "reading response header from upstream", Upstream: "http://10.0.0.6:80/"},
	})
	a.saw("10.0.0.5:80", []fakeupstream.ConnectionRecord{{RequestCount: 2}, {}})
	seen, known := a.taken()
	if !known || seen["10.0.0.5:80"] != 2 {
		t.Errorf("seen %v, known %v", seen, known)
	}
	for listen, want := range map[string]int{"10.0.0.5:80": 1, "10.0.0.6:80": 1, "0.0.0.0:80": 2, "10.0.0.7:80": 0} {
		if got := a.connected(listen); got != want {
			t.Errorf("%s: %d calls connected, want %d", listen, got, want)
		}
	}
	a.backgroundStarted()
	if _, known := a.taken(); known {
		t.Error("known, and the gateway may call for the visitors under way")
	}
}
