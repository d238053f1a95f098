package measure

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// What is known of the config, and of what was called while all was well, is not measured.
func TestLacks(t *testing.T) {
	t.Parallel()
	_, routes := planned(t, http(`upstream app { server a:80; } server { listen 80; server_name shop.test; location / { proxy_pass http://app; } }`))
	r := routes[0]
	called := func(protocol, host string) {
		r.Healthy.Calls = []audit.Call{{Endpoint: "guard:80", Protocol: "http/1.0", Host: "a_b"}, {Endpoint: "a:80", Protocol: protocol, Host: host}}
	}
	for _, c := range []struct {
		need           audit.Need
		protocol, host string
		lacks          string
	}{
		{"", "http/1.0", "app", ""},
		{audit.NeedsHTTP10, "http/1.0", "app", ""},
		{audit.NeedsHTTP10, "http/1.1", "app", "asked in HTTP/1.1"},
		{audit.NeedsHTTP11, "http/1.1", "app", ""},
		{audit.NeedsHTTP11, "http/1.0", "app", "asked in HTTP/1.0"},
		{audit.NeedsHTTP11, "grpc", "app", "asked in GRPC"},
		{audit.NeedsOddHost, "http/1.0", "app", ""},
		{audit.NeedsOddHost, "http/1.0", "app:81", ""},
		{audit.NeedsOddHost, "http/1.0", "my_app.test", ""},
		{audit.NeedsOddHost, "http/1.0", "shop.test", `"shop.test", is no upstream block's name`},
	} {
		called(c.protocol, c.host)
		if got := r.lacks(c.need); c.lacks == "" != (got == "") || !strings.Contains(got, c.lacks) {
			t.Errorf("%s, called in %s as %s, lacks %q, want %q", c.need, c.protocol, c.host, got, c.lacks)
		}
	}
	called("http/1.1", "app")
	if got := r.lacks(audit.NeedsKept); got != "" {
		t.Errorf("a connection that may be kept: %q", got)
	}
	r.Healthy.Calls[1].Close = true
	if got := r.lacks(audit.NeedsKept); got != notKept {
		t.Errorf("a connection that is closed after the answer: %q", got)
	}
	called("http/1.0", "app")
	r.conf.Names = []string{"app"}
	if got := r.lacks(audit.NeedsOddHost); got == "" {
		t.Error("a name of the server's own is one that visitors ask for")
	}
	r.Healthy.Calls = nil
	if got := r.lacks(audit.NeedsHTTP10); got != "" {
		t.Errorf("of what is not known nothing is said: %q", got)
	}
}

// By its role, a route is of an auth service, or of pages that visitors see.
func TestLacks_ByRole(t *testing.T) {
	t.Parallel()
	for role, want := range map[nginxconf.Role][2]bool{
		nginxconf.Content: {false, true}, nginxconf.Error: {false, true}, nginxconf.Auth: {true, false}, nginxconf.Mirror: {false, false},
	} {
		r := &route{Route: audit.Route{Role: role}}
		if got := [2]bool{r.lacks(audit.NeedsAuth) == "", r.lacks(audit.NeedsContent) == ""}; got != want {
			t.Errorf("%s: is of an auth service, of pages: %v, want %v", role, got, want)
		}
	}
}

func TestManyNamed(t *testing.T) {
	t.Parallel()
	_, routes := planned(t, http(`upstream two { server 192.0.2.1:80; server b.test:80; } server { listen 80;
		location /name/ { proxy_pass http://app.test:81; } location /two/ { proxy_pass http://two; }
		location /local/ { proxy_pass http://localhost:82; } location /same/ { proxy_pass http://127.0.0.1:82; } location /socket/ { proxy_pass http://unix:/run/a.sock; } }`))
	want := map[string]string{"/name/": "app.test:81", "/two/": "b.test:80", "/local/": "127.0.0.1:82", "/same/": "", "/socket/": ""}
	for _, r := range routes {
		if got := r.manyNamed(); got != want[r.Location] {
			t.Errorf("%s: the name that may have several addresses is %q", r.Location, got)
		}
	}
}
