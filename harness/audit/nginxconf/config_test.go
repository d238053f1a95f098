package nginxconf_test

import (
	"slices"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

func TestEffective_InheritsListsAsAWhole(t *testing.T) {
	c := read(t, `error_log /var/log/e.log;
http {
	proxy_set_header A 1;
	proxy_set_header B 2;
	proxy_read_timeout 5s;
	server {
		location /own { proxy_set_header C 3; proxy_pass http://a; }
		location /none { proxy_pass http://b; if ($x) { proxy_pass http://c; } }
	}
}`)
	passes := c.Find("proxy_pass")
	for i, want := range [][]string{{"C"}, {"A", "B"}, {"A", "B"}} {
		var names []string
		for _, d := range nginxconf.Effective(passes[i].Parent, "proxy_set_header") {
			names = append(names, d.Args[0])
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s inherits %q, want %q", passes[i].Args[0], names, want)
		}
	}
	if all := nginxconf.Effective(passes[0].Parent, "error_log"); len(all) != 1 || all[0].Place.Line != 1 {
		t.Errorf("error_log of the top level: %v", all)
	}
	if all := nginxconf.Effective(passes[0].Parent, "proxy_buffering"); all != nil {
		t.Errorf("a directive that is nowhere: %v", all)
	}
}

func TestLocate(t *testing.T) {
	c := read(t, `server {
	location / { }
	location = / { }
	location /a { location /a/b { } location ~ \.in$ { } location = /a/exact { } }
	location ^~ /quiet { location ~ \.in$ { } }
	location ^~ /quiet/sub/nested { }
	location ~ \.php$ { location ~ ^/deep { } }
	location ~* \.(GIF|jpg)$ { }
	location ~ ^/a/b/re { }
	location =/tight { }
	location ~^/nospace { }
	location @named { }
	location "/sp ace" { }
}
server { location /only { } }`)
	server, other := c.Main[0], c.Main[1]
	for path, want := range map[string]string{
		"/":                 "= /",
		"/x":                "/",
		"/a":                "/a",
		"/a/b/c":            "/a/b",
		"/a/b/re":           "~ ^/a/b/re",
		"/a/x.in":           "~ \\.in$",
		"/a/exact":          "= /a/exact",
		"/a/b/x.php":        "~ \\.php$",
		"/deep.php":         "~ ^/deep",
		"/quiet/x.php":      "^~ /quiet",
		"/quiet/x.in":       "~ \\.in$",
		"/quiet/sub/nested": "^~ /quiet/sub/nested",
		"/X.gif":            "~* \\.(GIF|jpg)$",
		"/x.PHP":            "/",
		"/tight":            "=/tight",
		"/nospace":          "~^/nospace",
		"/@named":           "/",
		"/sp ace/x":         "/sp ace",
	} {
		at := nginxconf.Locate(server, path)
		got := ""
		for i, a := range at.Args {
			if i > 0 {
				got += " "
			}
			got += a
		}
		if got != want {
			t.Errorf("%s is served by %q, want %q", path, got, want)
		}
	}
	if at := nginxconf.Locate(other, "/x"); at != other {
		t.Errorf("a path of no location is served by %v", at)
	}
}

func TestTimeouts(t *testing.T) {
	c := read(t, `http {
	proxy_read_timeout 1m30s;
	server {
		location /proxy { proxy_connect_timeout 500ms; proxy_next_upstream_timeout 7; proxy_pass http://a; }
		location /fcgi { fastcgi_read_timeout 2h; fastcgi_pass a:1; }
		location /grpc { grpc_send_timeout 3s; grpc_pass grpcs://a:1; }
		location /uwsgi { uwsgi_connect_timeout ${X}; uwsgi_pass suwsgi://a:1; }
	}
}
stream { server { listen 1; proxy_timeout 5s; proxy_pass a:1; } server { listen 2; proxy_pass a:1; } }`)
	minute := time.Minute
	want := []nginxconf.Timeouts{
		{Connect: 500 * time.Millisecond, Send: minute, Read: 90 * time.Second, NextUpstream: 7 * time.Second},
		{Connect: minute, Send: minute, Read: 2 * time.Hour},
		{Connect: minute, Send: 3 * time.Second, Read: minute},
		{Connect: minute, Send: minute, Read: minute},
		{Connect: minute, Send: 5 * time.Second, Read: 5 * time.Second},
		{Connect: minute, Send: 10 * minute, Read: 10 * minute},
	}
	routes := c.Routes(t.Context())
	if len(routes) != len(want) {
		t.Fatalf("%d routes, want %d", len(routes), len(want))
	}
	for i, route := range routes {
		if got := route.Timeouts(); got != want[i] {
			t.Errorf("%s: %v, want %v", route.ID, got, want[i])
		}
	}
	all := c.Durations()
	for _, d := range []time.Duration{500 * time.Millisecond, 3 * time.Second, 7 * time.Second, 10 * time.Second, minute,
		90 * time.Second, 10 * minute, 2 * time.Hour} {
		if !slices.Contains(all, d) {
			t.Errorf("durations %v lack %v", all, d)
		}
	}
	if !slices.IsSorted(all) {
		t.Errorf("durations are not sorted: %v", all)
	}
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]time.Duration{"60s": time.Minute, "1m30s": 90 * time.Second, "10": 10 * time.Second,
		"500ms": 500 * time.Millisecond, "1h 5m": 65 * time.Minute, "1d": 24 * time.Hour, "1M": 30 * 24 * time.Hour, "0": 0} {
		if got, err := nginxconf.Duration(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "s", "1x", "30s1m", "off", "$t", "99999999999999999999s", "999999999999y", "-1"} {
		if got, err := nginxconf.Duration(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
	for text, want := range map[string]int64{"512": 512, "4k": 4096, "1M": 1 << 20, "2g": 2 << 30} {
		if got, err := nginxconf.Size(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "k", "1kb", "-1", "99999999999g"} {
		if got, err := nginxconf.Size(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
