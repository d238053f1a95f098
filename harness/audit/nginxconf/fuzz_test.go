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
		for _, w := range c.Ways(t.Context()) {
			if seen[w.ID] {
				t.Errorf("two ways have the ID %q", w.ID)
			}
			seen[w.ID] = true
			if len(w.Asks) == 0 && w.Why == "" {
				t.Errorf("%s: neither an ask nor a reason", w.ID)
			}
			if len(w.Asks) > 0 && w.Why != "" {
				t.Errorf("%s: asks and a reason", w.ID)
			}
			w.Timeouts()
		}
		c.Durations()
	})
}
