package review

import (
	"testing"

	. "github.com/onsi/gomega"
)

// A variation is an example with one text in place of another. The rule finds the text that is wanted in it, or nothing.
type variation struct{ rule, old, new, want string }

func (v variation) check(t *testing.T) {
	t.Helper()
	text, _ := Examples(v.rule)
	s := newRuleTest(t, swap(text, v.old, v.new))
	s.e.Report.Static = true
	if v.want == "" {
		s.noFinding(v.rule)
		return
	}
	f := s.finding(v.rule)
	NewWithT(t).Expect(f.Title + "\n" + f.Saw + "\n" + f.Patch).To(ContainSubstring(v.want))
}

func TestAstray(t *testing.T) {
	const (
		back = "return 301 https://$host$request_uri;"
		end  = "            proxy_pass http://10.0.0.5:8080;\n        }\n    }\n"
		tls  = "    server {\n        listen 443 ssl;\n        ssl_certificate /etc/ssl/a.pem;\n        server_name a.example.com;\n    }\n"
	)
	for name, v := range map[string]variation{
		"a location that says where its files are": {"files-not-passed", "expires 7d;", "root /srv/www;", ""},
		"a root of the server":                     {"files-not-passed", "listen 80;", "listen 80; root /srv/www;", ""},
		"an include that is not there":             {"files-not-passed", "expires 7d;", "include assets.conf;", ""},
		"a pattern for other files":                {"files-not-passed", "(css|js|png)", "(pdf|zip)", ""},
		"the application is for a part only":       {"files-not-passed", "location / {", "location /app/ {", ""},

		"a typo":                   {"fallback-lost", "@app =404", "@ap", "try_files $uri @app;"},
		"no location of that kind": {"fallback-lost", "location @app", "location /app/", "@app is never asked, and is not there"},
		"a file comes before":      {"fallback-lost", "@app =404", "/index.html =404", ""},
		"an error_page's":          {"fallback-lost", "try_files $uri @app =404;", "error_page 404 = @ap;", "there is no location @ap"},

		"sends by its own name":    {"https-loop", back, "return 301 https://$server_name/;", "this server has none"},
		"sends to another site":    {"https-loop", back, "return 301 https://www.example.org/;", ""},
		"sends to its own site":    {"https-loop", "listen 80;\n\n        location / {\n            if ($scheme = http) {\n                " + back, "listen 80; server_name a.example.com;\n\n        location / {\n            if ($scheme = http) {\n                rewrite ^ https://a.example.com$request_uri;", "this server has none"},
		"sends some pages":         {"https-loop", back, "rewrite ^/login https://$host$request_uri;", ""},
		"has TLS itself":           {"https-loop", "listen 80;", "listen 80; listen 443 ssl;", ""},
		"another server has TLS":   {"https-loop", end, end + tls, ""},
		"asks for something else":  {"https-loop", "$scheme = http", "$host = www.example.com", ""},
		"has nothing to pass on":   {"https-loop", "proxy_pass http://10.0.0.5:8080;", "root /srv/www;", ""},
		"takes its scheme for one": {"https-loop", "$scheme = http", "$scheme != https", "this server has none"},

		"no name at all":           {"redirect-nowhere", "        server_name _;\n", "", `the host ""`},
		"the name is written":      {"redirect-nowhere", "$server_name", "_", "return 301 https://$host$request_uri;"},
		"a name that DNS may know": {"redirect-nowhere", "server_name _;", "server_name www.example.com;", ""},
		"a wildcard":               {"redirect-nowhere", "server_name _;", "server_name *.example.com;", `the host "*.example.com"`},
		"an expression":            {"redirect-nowhere", "server_name _;", `server_name ~^(\w+)\.example\.com$;`, "which no DNS knows"},
		"a variable":               {"redirect-nowhere", "server_name _;", "server_name $hostname;", ""},
		"a path":                   {"redirect-nowhere", "https://$server_name", "/$server_name", ""},
		"another variable":         {"redirect-nowhere", "$server_name", "$server_names", ""},
	} {
		t.Run(v.rule+": "+name, func(t *testing.T) { v.check(t) })
	}
}
