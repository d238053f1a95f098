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
	g.Expect(f.Patch).To(Equal("resolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf\n" +
		"set $app_host app;\nproxy_pass http://$app_host:8080;"))
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
			"set $app_internal_host app.internal;\nrewrite ^/api/(.*)$ /v1/$1 break;\nproxy_pass http://$app_internal_host:8080;",
			"location /api/ at nginx.conf:6, in place of line 7"},
		"one path, which is another there": {"events {}\nhttp {\nresolver 10.0.0.53;\nserver {\nlisten 80;\nlocation = /api {\nproxy_pass http://app.internal/v1/x;\n}\n}\n}", "nginx/1.22.1",
			"set $app_internal_host app.internal;\nproxy_pass http://$app_internal_host:80/v1/x;", "location = /api at nginx.conf:6, in place of line 7"},
		"fastcgi": {replace(server, "resolver 10.0.0.53;") + "fastcgi_pass php:9000;\n}\n}\n}", "nginx/1.22.1",
			"set $php_host php;\nfastcgi_pass $php_host:9000;", "location /api/ at nginx.conf:6, in place of line 7"},
		"grpc": {replace(server, "resolver 10.0.0.53;") + "grpc_pass app:9000;\n}\n}\n}", "nginx/1.22.1",
			"set $app_host app;\ngrpc_pass grpc://$app_host:9000;", "location /api/ at nginx.conf:6, in place of line 7"},
		"memcached takes no variable": {replace(server, "resolver 10.0.0.53;") + "memcached_pass cache:11211;\n}\n}\n}", "nginx/1.22.1",
			"memcached_pass cache_servers;\n# and in http:\nupstream cache_servers {\n    zone cache_servers 64k;\n    resolver 10.0.0.53;\n" +
				"    server cache:11211 resolve; # needs nginx 1.27.3\n}", "location /api/ at nginx.conf:6, in place of line 7"},
		"stream takes none either": {"events {}\nstream {\nserver {\nlisten 3306;\nproxy_pass db:3306;\n}\n}", "nginx/1.28.0",
			"proxy_pass db_servers;\n# and in stream:\nupstream db_servers {\n    zone db_servers 64k;\n" +
				"    resolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf\n    server db:3306 resolve;\n}",
			"server at nginx.conf:3, in place of line 5"},
		"several servers of an nginx that can't": {replace(server, "upstream u { server app:80;\nserver b:80; }\nresolver 10.0.0.53;") + "proxy_pass http://u;\n}\n}\n}", "nginx/1.26.3",
			"# one name for all servers of u: give app the addresses of each\nset $app_host app;\nproxy_pass http://$app_host:80;\n# and take the block upstream u out: its names are looked up at the start",
			"location /api/ at nginx.conf:8, in place of line 9"},
		"an upstream block of an nginx that can": {replace(server, "upstream u { server app:8080 weight=2;\nserver 10.0.0.5:80; }") + "proxy_pass http://u;\n}\n}\n}",
			"nginx/1.27.4", "zone u 64k;\nresolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf\nserver app:8080 weight=2 resolve;",
			"upstream u at nginx.conf:3, in place of line 3"},
		"an upstream block of one that can't": {replace(server, "upstream u { server app:8080; }") + "proxy_pass http://u;\n}\n}\n}",
			"nginx/1.26.3", "resolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf\nset $app_host app;\nproxy_pass http://$app_host:8080;\n# and take the block upstream u out: its names are looked up at the start",
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
