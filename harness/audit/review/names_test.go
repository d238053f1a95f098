package review

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
)

var stale = audit.Measurement{Fault: "name-moved", NotRecovered: true, ErrorsFor: 10 * time.Minute, Outcome: audit.Outcome{Status: 502}}

func TestMovedAddress(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "moved-address").allMeasured(stale).finding("moved-address")
	g.Expect(f.Title).To(Equal("the address of app is never looked up again"))
	g.Expect(f.Place.Line).To(Equal(9))
	g.Expect(f.Patch).To(Equal("resolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf, which has to be asked for app with its domain\n" +
		"set $app_host app;\nproxy_pass http://$app_host:8080;\nproxy_redirect http://app:8080/ /;"))
	g.Expect(f.In).To(Equal("location / at nginx.conf:8, in place of line 9"))

	late := stale
	late.NotRecovered, late.ErrorsFor = false, 30*time.Second
	notFiring(t, "moved-address").allMeasured(late).noFinding("moved-address")
	late.ErrorsFor = 10 * time.Minute
	f = notFiring(t, "moved-address").allMeasured(late).finding("moved-address")
	g.Expect(f.Patch).To(Equal("resolver 127.0.0.53 valid=10s;"))
	g.Expect(f.Title).To(Equal("a moved address is followed after 600 s only"))
}

func TestMovedAddress_Patches(t *testing.T) {
	server := "events {}\nhttp {\n%s\nserver {\nlisten 80;\nlocation /api/ {\n"
	for name, c := range map[string]struct{ conf, gateway, mend, in string }{
		"a path that is replaced": {replace(server, "resolver 10.0.0.53;") + "proxy_pass http://app.internal:8080/v1/;\n}\n}\n}", "nginx/1.22.1",
			"set $app_internal_host app.internal;\nrewrite ^/api/(.*)$ /v1/$1 break;\nproxy_pass http://$app_internal_host:8080;\nproxy_redirect http://app.internal:8080/v1/ /api/;",
			"location /api/ at nginx.conf:6, in place of line 7"},
		"one path, which is another there": {"events {}\nhttp {\nresolver 10.0.0.53;\nserver {\nlisten 80;\nlocation = /api {\nproxy_pass http://app.internal/v1/x;\n}\n}\n}", "nginx/1.22.1",
			"set $app_internal_host app.internal;\nproxy_pass http://$app_internal_host:80/v1/x$is_args$args;\nproxy_redirect http://app.internal/v1/x /api;", "location = /api at nginx.conf:6, in place of line 7"},
		"fastcgi": {replace(server, "resolver 10.0.0.53;") + "fastcgi_pass php:9000;\n}\n}\n}", "nginx/1.22.1",
			"# give php with its domain, as 10.0.0.53 is asked for the name as it stands\nset $php_host php;\nfastcgi_pass $php_host:9000;", "location /api/ at nginx.conf:6, in place of line 7"},
		"grpc": {replace(server, "resolver 10.0.0.53;") + "grpc_pass app:9000;\n}\n}\n}", "nginx/1.22.1",
			"# give app with its domain, as 10.0.0.53 is asked for the name as it stands\nset $app_host app;\ngrpc_pass grpc://$app_host:9000;", "location /api/ at nginx.conf:6, in place of line 7"},
		"memcached takes no variable": {replace(server, "resolver 10.0.0.53;") + "memcached_pass cache:11211;\n}\n}\n}", "nginx/1.22.1",
			"memcached_pass cache_servers;\n# and in http at nginx.conf:2:\nupstream cache_servers {\n    zone cache_servers 64k;\n    resolver 10.0.0.53;\n" +
				"    server cache:11211 resolve; # needs nginx 1.27.3\n}", "location /api/ at nginx.conf:6, in place of line 7"},
		"stream takes none either": {"events {}\nstream {\nserver {\nlisten 3306;\nproxy_pass db:3306;\n}\n}", "nginx/1.28.0",
			"proxy_pass db_servers;\n# and in stream at nginx.conf:2:\nupstream db_servers {\n    zone db_servers 64k;\n" +
				"    resolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf, which has to be asked for db with its domain\n    server db:3306 resolve;\n}",
			"server at nginx.conf:3, in place of line 5"},
		"several servers of an nginx that can't": {replace(server, "upstream u { server app:80;\nserver b:80; }\nresolver 10.0.0.53;") + "proxy_pass http://u;\n}\n}\n}", "nginx/1.26.3",
			"# one name for all servers of u: give app the addresses of each\n# give app with its domain, as 10.0.0.53 is asked for the name as it stands\nset $app_host app;\nproxy_pass http://$app_host:80;\nproxy_redirect http://app/ /;\n# and take the block upstream u out: its names are looked up at the start",
			"location /api/ at nginx.conf:8, in place of line 9"},
		"a location that no regular expression goes before": {"events {}\nhttp {\nresolver 10.0.0.53;\nserver {\nlisten 80;\nlocation ^~ /api/ {\nproxy_pass https://app.internal/;\nproxy_redirect default;\n}\n}\n}", "nginx/1.22.1",
			"set $app_internal_host app.internal;\nrewrite ^/api/(.*)$ /$1 break;\nproxy_pass https://$app_internal_host:443;\nproxy_redirect https://app.internal/ /api/;",
			"location ^~ /api/ at nginx.conf:6, in place of lines 7 and 8"},
		"redirects that are left alone": {replace(server, "resolver 10.0.0.53;\nproxy_redirect off;") + "proxy_pass http://app.internal:3000;\n}\n}\n}", "nginx/1.22.1",
			"set $app_internal_host app.internal;\nproxy_pass http://$app_internal_host:3000;", "location /api/ at nginx.conf:7, in place of line 8"},
		"a name that the public resolver can't know": {replace(server, "resolver 8.8.8.8;") + "proxy_pass http://app.internal:3000;\n}\n}\n}", "nginx/1.22.1",
			"resolver 127.0.0.11 valid=10s; # Docker's; elsewhere a nameserver that knows app.internal, as 8.8.8.8 does not\n" +
				"set $app_internal_host app.internal;\nproxy_pass http://$app_internal_host:3000;\nproxy_redirect http://app.internal:3000/ /;", "location /api/ at nginx.conf:6, in place of line 7"},
		"a pool with more than a name": {replace(server, "upstream u { ip_hash;\nkeepalive 8;\nserver a.internal:80 max_fails=3;\nserver b.internal:80; }\nresolver 10.0.0.53;") + "proxy_pass http://u;\n}\n}\n}", "nginx/1.26.3",
			"# one name for all servers of u: give a.internal the addresses of each\n" +
				"# this does without ip_hash, keepalive and max_fails of u: to keep that leave it as it is, and reload nginx when an address moves\n" +
				"set $a_internal_host a.internal;\nproxy_pass http://$a_internal_host:80;\nproxy_redirect http://a.internal/ /;\n" +
				"# and take the block upstream u out: its names are looked up at the start", "location /api/ at nginx.conf:10, in place of line 11"},
		"an upstream block of an nginx that can": {replace(server, "upstream u { server app:8080 weight=2;\nserver 10.0.0.5:80; }") + "proxy_pass http://u;\n}\n}\n}",
			"nginx/1.27.4", "zone u 64k;\nresolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf, which has to be asked for app with its domain\nserver app:8080 weight=2 resolve;",
			`upstream u at nginx.conf:3, in place of "server app:8080 weight=2;" at nginx.conf:3`},
		"an upstream block of one that can't": {replace(server, "upstream u { server app:8080; }") + "proxy_pass http://u;\n}\n}\n}",
			"nginx/1.26.3", "resolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf, which has to be asked for app with its domain\nset $app_host app;\nproxy_pass http://$app_host:8080;\nproxy_redirect http://app:8080/ /;\n# and take the block upstream u out: its names are looked up at the start",
			"location /api/ at nginx.conf:6, in place of line 7"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := newRuleTest(t, c.conf).allMeasured(stale)
			s.e.Report.Gateway = c.gateway
			f := s.finding("moved-address")
			g.Expect(f.Patch).To(Equal(c.mend))
			g.Expect(f.In).To(Equal(c.in))
		})
	}
}

// A variable finds the servers that another pass directive names, which were looked up at the start: the mend is for that one.
func TestMovedAddress_OfAVariableThatAnotherNames(t *testing.T) {
	g := NewWithT(t)
	text := "events {}\nhttp {\nresolver 10.0.0.53;\nserver {\nlisten 80;\nlocation /a {\nset $to http://app.internal:3000;\nproxy_pass $to;\n}\nlocation /b {\nproxy_pass http://app.internal:%s;\n}\n}\n}"
	f := newRuleTest(t, replace(text, "3000")).allMeasured(stale).finding("moved-address")
	g.Expect(f.Place.Line).To(Equal(11))
	g.Expect(f.Routes).To(HaveLen(2))
	g.Expect(f.Patch).To(ContainSubstring("proxy_pass http://$app_internal_host:3000;"))
	g.Expect(f.In).To(Equal("location /b at nginx.conf:10, in place of line 11"))
	g.Expect(newRuleTest(t, replace(text, "3001")).allMeasured(stale).findings("moved-address")).To(HaveLen(2), "another port is another server")
}

// Pass directives that name the same have one set of servers: it is one finding, and one mend for all of them.
func TestMovedAddress_OfAllWhoNameIt(t *testing.T) {
	g := NewWithT(t)
	text := "events {}\nhttp {\nresolver 10.0.0.53;\nserver {\nlisten 80;\nlocation /a {\nproxy_pass http://app.internal:3000;\n}\nlocation /b {\nproxy_pass http://app.internal:3000;\n}\n" +
		"location /c {\nfastcgi_pass app.internal:9000;\n}\nlocation /d {\nproxy_pass http://other.internal;\n}\nlocation /e {\nproxy_pass http://app.internal:3000;\n}\n}\n}"
	all := newRuleTest(t, text).allMeasured(stale).findings("moved-address")
	g.Expect(all).To(HaveLen(2))
	f := all[0]
	g.Expect(f.Routes).To(HaveLen(4))
	g.Expect(f.In).To(Equal("location /a at nginx.conf:6, in place of line 7"))
	g.Expect(f.Patch).To(ContainSubstring("# and in location /b at nginx.conf:9, in place of line 10, and in location /e at nginx.conf:18, in place of line 19:\n"))
	g.Expect(f.Patch).To(HaveSuffix("# and in location /c at nginx.conf:12, in place of line 13:\nset $app_internal_host app.internal;\nfastcgi_pass $app_internal_host:9000;"))
	g.Expect(f.Edits).To(HaveLen(4))
	g.Expect(all[1].Title).To(ContainSubstring("other.internal"))
}

func TestMissingName(t *testing.T) {
	g := NewWithT(t)
	gone := audit.Measurement{Fault: "name-gone", NotStarted: `host not found in upstream "app" in /etc/nginx/nginx.conf:9`}
	f := firing(t, "missing-name").allMeasured(gone).finding("missing-name")
	g.Expect(f.Severity).To(Equal("medium"), "no other route goes down with it")
	g.Expect(f.Title).To(Equal("without the name app the gateway does not start"))
	g.Expect(f.Patch).To(ContainSubstring("proxy_pass http://$app_host:8080;"))
	notFiring(t, "missing-name").allMeasured(audit.Measurement{Fault: "name-gone", Outcome: audit.Outcome{Status: 502}}).noFinding("missing-name")

	two := "events {}\nhttp {\nserver {\nlisten 80;\nlocation / {\nproxy_pass http://app;\n}\nlocation /b {\nproxy_pass http://b;\n}\n}\n}"
	f = newRuleTest(t, two).measured(0, gone).finding("missing-name")
	g.Expect(f.Severity).To(Equal("high"))
	g.Expect(f.Saw).To(HaveSuffix("; 1 other route goes down with it"))
}

func TestNoResolver(t *testing.T) {
	g := NewWithT(t)
	f := firing(t, "no-resolver").healthy(func(o *audit.Outcome) {
		*o = audit.Outcome{Status: 502, Log: []gateway.LogRecord{{Message: "no resolver defined to resolve app"}}}
	}).finding("no-resolver")
	g.Expect(f.Lacks).To(Equal("resolver"))
	g.Expect(f.Patch).To(HavePrefix("resolver 127.0.0.11"))
	notFiring(t, "no-resolver").noFinding("no-resolver")
}

func TestAtLeast(t *testing.T) {
	for gateway, want := range map[string]bool{
		"nginx/1.27.3": true, "nginx/1.28.0": true, "nginx/2.0.0": true, "nginx 1.30.1": true, "nginx/1.27.2": false, "nginx/1.26.3 (Debian)": false,
		"": false, "angie": false,
	} {
		if atLeast(gateway, 1, 27, 3) != want {
			t.Errorf("%q: want %v", gateway, want)
		}
	}
}

// How bad it is that a name is missing hangs on the config, not on what was asked for; and a line of the log that was seen on
// another route says so.
func TestMissingNameIsTheRoutesOwn(t *testing.T) {
	g := NewWithT(t)
	text := "events {}\nhttp {\nserver {\nlisten 80;\nlocation /a {\nproxy_pass http://a;\n}\nlocation /b {\nproxy_pass http://b;\n}\n}\n}"
	gone := audit.Measurement{Fault: "name-gone", NotStarted: `host not found in upstream "a" in /etc/nginx/nginx.conf:6`}
	alone := newRuleTest(t, text).measured(0, gone)
	alone.e.Report.Routes = alone.e.Report.Routes[:1]
	g.Expect(alone.finding("missing-name").Severity).To(Equal("high"))

	alike := newRuleTest(t, text).measured(0, gone)
	alike.e.Report.Routes[1].SameAs = alike.e.Report.Routes[0].ID
	all := alike.findings("missing-name")
	g.Expect(all).To(HaveLen(2))
	g.Expect(all[1].Title).To(ContainSubstring("the name b"))
	g.Expect(all[1].Saw).To(HavePrefix(":80/b (as measured on :80/a), "))
}
