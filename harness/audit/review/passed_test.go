package review

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestPassed(t *testing.T) {
	const (
		at  = "location ~ ^/v1/(.*)$ {\n            proxy_pass http://10.0.0.5:8080/$1;"
		set = "location /v1/ { set $app 10.0.0.5; proxy_pass http://$app:8080/; "
	)
	for name, v := range map[string]variation{
		"the path alone":                {"uri-lost", "/$1", "$uri", "proxy_pass http://10.0.0.5:8080$uri$is_args$args;"},
		"the whole":                     {"uri-lost", "/$1", "$request_uri", ""},
		"a query of its own":            {"uri-lost", "/$1", "/$1?all=1", ""},
		"a name in the pattern":         {"uri-lost", at, "location ~ ^/v1/(?<rest>.*)$ {\n            proxy_pass http://10.0.0.5:8080/$rest;", "/$rest$is_args$args;"},
		"a variable of other kind":      {"uri-lost", "/$1", "/$arguments", ""},
		"for nginx itself":              {"uri-lost", "location ~", "location ~ ^/v2/ { return 404; }\n        location ~", "the query"},
		"an internal location":          {"uri-lost", "proxy_pass", "internal; proxy_pass", ""},
		"no variable":                   {"uri-lost", at, "location /v1/ {\n            proxy_pass http://10.0.0.5:8080/;", ""},
		"a variable in the host, no /":  {"uri-lost", at, "location /v1/ { set $app 10.0.0.5; proxy_pass http://$app:8080; ", ""},
		"a variable in the host, and /": {"uri-lost", at, set, "# behind each set and if, as break ends them: rewrite ^/v1/(.*)$ /$1 break;"},
		"the same, set by the server":   {"uri-lost", at, "set $app 10.0.0.5; location /v1/ { proxy_pass http://$app:8080/; ", "rewrite ^/v1/(.*)$ /$1 break;\nproxy_pass http://$app:8080;"},
		"the same, at the root":         {"uri-lost", at, "set $app 10.0.0.5; location / { proxy_pass http://$app:8080/; ", "proxy_pass http://$app:8080;"},
		"one path for one page":         {"uri-lost", at, "set $app 10.0.0.5; location = /health { proxy_pass http://$app:8080/ok; ", ""},

		"TLS to 80":               {"scheme-port", "http://10.0.0.5:443", "https://10.0.0.5:80", "proxy_pass http://10.0.0.5:80;"},
		"an ordinary port":        {"scheme-port", "http://10.0.0.5:443", "http://10.0.0.5:8080", ""},
		"a server of the gateway": {"scheme-port", "    server {", "    server { listen 10.0.0.5:443; return 204; }\n    server {", ""},
		"uwsgi to HTTP's port":    {"scheme-port", "proxy_pass http://10.0.0.5:443;", "uwsgi_pass 10.0.0.5:80;", "uwsgi is spoken to port 80"},

		"FastCGI without PHP":          {"script-missing", `\.php$`, `\.fcgi$`, ""},
		"an include that is not there": {"script-missing", "fastcgi_param REQUEST_METHOD $request_method;", "include fastcgi.conf;", ""},
		"a socket of PHP's":            {"script-missing", "location ~ \\.php$ {", "location / { fastcgi_index index.php;", ""},

		"no Host":                {"proto-lost", "proxy_set_header Host $host;", "", ""},
		"a Host of another site": {"proto-lost", "Host $host", "Host app.example.com", ""},
		"told in another way":    {"proto-lost", "proxy_set_header Host $host;", "proxy_set_header Host $host; proxy_set_header X-Forwarded-Ssl on;", ""},
		"without TLS":            {"proto-lost", "listen 443 ssl;", "listen 80;", ""},
		"an include that is not there, with Host": {"proto-lost", "proxy_set_header Host $host;", "proxy_set_header Host $host; include proxy_params;", ""},
	} {
		t.Run(v.rule+": "+name, func(t *testing.T) { v.check(t) })
	}
	text, _ := Examples("proto-lost")
	f := newRuleTest(t, swap(text, "    server {", "    server { listen 80; return 301 https://$host$request_uri; }\n    server {")).finding("proto-lost")
	NewWithT(t).Expect(f.Severity).To(Equal("medium"), "its own redirect to http:// comes back to it")
}
