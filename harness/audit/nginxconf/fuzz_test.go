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
