package nginxconf_test

import (
	"os"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// FuzzRead holds that no text makes the reading panic, and that what is found hangs together.
func FuzzRead(f *testing.F) {
	everything, err := os.ReadFile("testdata/everything.conf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(everything))
	f.Add(`http{server{listen 80;location ~ ^/(a|b)${proxy_pass http://$1;}}}`)
	f.Add(`stream{map $x $y{default "";~^(?<n>.)$ $n;}server{listen 1-3;proxy_pass $y;}}`)
	f.Add("content_by_lua_block { -- don't }\n } a b;")
	f.Add(`server{if ($a){set $b "$b$b";}location @{proxy_pass $b;}location{}error_page;try_files;}`)
	f.Add(`map $a $a {default $a;} server {proxy_pass $a; location / {proxy_pass http://$a; auth_request /; mirror /; error_page 502 /;}}`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, route := range c.Routes(t.Context()) {
			if seen[route.ID] {
				t.Errorf("two routes have the ID %q", route.ID)
			}
			seen[route.ID] = true
			if len(route.Candidates) == 0 && route.UnreachableReason == "" {
				t.Errorf("%s: neither a candidate nor a reason", route.ID)
			}
			if len(route.Candidates) > 0 && route.UnreachableReason != "" {
				t.Errorf("%s: candidates and a reason", route.ID)
			}
			route.Timeouts()
		}
		c.Durations()
	})
}

// FuzzWay holds that a request of a stranger's log can be followed through any config: it ends, with a way, a reason or an error.
func FuzzWay(f *testing.F) {
	const conf = `upstream app { server 10.0.0.5:8080; } server { listen 80; server_name ~^(?<n>.+)\.example$ shop.example; location ~ \.php$ { fastcgi_pass unix:/run/$n; }
		location / { rewrite ^/a(.*)$ /b$1 last; try_files $uri @app; } location @app { proxy_pass http://app; error_page 502 /; } }`
	f.Add(conf, "shop.example", "a.example", "GET", "/ab", "10.0.0.5:8080")
	f.Add(conf, "", "", "", "", "")
	f.Add(conf, "", "shop.example:80", "POST", "/x.php?a=%zz", "/run/shop")
	f.Add(`server { location { proxy_pass; } proxy_pass $a; }`, "", "x", "HEAD", "/%2e%2e//", "[::1]:80")
	f.Fuzz(func(t *testing.T, text, server, host, method, uri, upstream string) {
		c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
		if err != nil {
			return
		}
		w, err := c.Way(t.Context(), nginxconf.Ask{Server: server, Host: host, Method: method, URI: uri, Upstream: upstream})
		if err != nil {
			return
		}
		if w.Server == nil || w.Location == nil {
			t.Errorf("%q goes to no server, and nothing says why", uri)
		}
		for _, name := range []string{"{proxy}_read_timeout", "{proxy}_ssl_verify", "error_page", "server", "user"} {
			for _, s := range c.Setting(w, name) {
				if s.Set != (s.Place.Line > 0) {
					t.Errorf("%s: set %v at %s", s.Directive, s.Set, s.Place)
				}
				nginxconf.Statuses(s)
			}
		}
	})
}
