package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/scenarios"
)

var shopConfig = map[string]string{
	"nginx.conf": `user www-data;
events { worker_connections 1024; }
http {
	proxy_read_timeout 30s;
	include /etc/nginx/conf.d/*.conf;
}`,
	"conf.d/shop.conf": `upstream app { server 10.0.0.7:3000 max_fails=2; server 10.0.0.8:3000; }
server { listen 80; server_name shop.example; return 301 https://$host$request_uri; }
server {
	listen 443 ssl; server_name shop.example;
	client_max_body_size 8m;
	error_page 502 504 /sorry.html;
	location / { proxy_pass http://app; }
	location /api/ { proxy_pass http://10.0.0.5:8080/; proxy_connect_timeout 3s; }
	location /pay/ {
		error_page 504 /pay.html;
		proxy_intercept_errors on;
		proxy_pass http://10.0.0.6:8080;
	}
	location ~ \.php$ { fastcgi_pass unix:/run/php/fpm.sock; fastcgi_buffer_size 8k; }
	location /tls/ { proxy_pass https://secure.example; proxy_ssl_verify on; }
	location /named/ { set $to named.example; proxy_pass http://$to; resolver 10.0.0.53; }
	location /rpc { grpc_pass grpc://10.0.0.9:50051; grpc_read_timeout 5s; }
	location /files/ { root /srv; }
}`,
}

func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "nginx.conf")
}

func TestExplainConfig_ShowsWhatDecides(t *testing.T) {
	conf := written(t, shopConfig)
	line := func(says, request, upstream string) string {
		s := "2026/11/20 08:00:00 [error] 8#8: *3 " + says + `, client: 192.0.2.7, server: shop.example, request: "` + request + ` HTTP/1.1"`
		if upstream != "" {
			s += `, upstream: "` + upstream + `"`
		}
		return s + `, host: "shop.example"`
	}
	const reading, connecting = " while reading response header from upstream", " while connecting to upstream"
	for _, one := range []struct {
		text  string
		wants []string // "directive value file:line", or the directive and value alone for a default
		note  string
	}{
		{line("upstream timed out (110: Connection timed out)"+reading, "GET /api/x", "http://10.0.0.5:8080/x"), []string{
			"location /api/ conf.d/shop.conf:8", "proxy_pass http://10.0.0.5:8080/ conf.d/shop.conf:8", "proxy_read_timeout 30s nginx.conf:4",
			"error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("upstream timed out (110: Connection timed out)"+connecting, "GET /api/x?a=1", "http://10.0.0.5:8080/x"), []string{
			"location /api/ conf.d/shop.conf:8", "proxy_pass http://10.0.0.5:8080/ conf.d/shop.conf:8", "proxy_connect_timeout 3s conf.d/shop.conf:8",
			"error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("upstream timed out (110: Connection timed out)"+reading, "GET /pay/x", "http://10.0.0.6:8080/pay/x"), []string{
			"location /pay/ conf.d/shop.conf:9", "proxy_pass http://10.0.0.6:8080 conf.d/shop.conf:12", "proxy_read_timeout 30s nginx.conf:4",
			"error_page 504 /pay.html conf.d/shop.conf:10"}, ""},
		{line("no live upstreams"+connecting, "GET /", "http://app/"), []string{
			"location / conf.d/shop.conf:7", "proxy_pass http://app conf.d/shop.conf:7", "server 10.0.0.7:3000 max_fails=2 conf.d/shop.conf:1",
			"server 10.0.0.8:3000 conf.d/shop.conf:1", "error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("connect() to unix:/run/php/fpm.sock failed (13: Permission denied)"+connecting, "GET /x.php", "fastcgi://unix:/run/php/fpm.sock:"), []string{
			`location ~ \.php$ conf.d/shop.conf:14`, "fastcgi_pass unix:/run/php/fpm.sock conf.d/shop.conf:14", "user www-data nginx.conf:1",
			"error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("upstream sent too big header"+reading, "GET /x.php", "fastcgi://unix:/run/php/fpm.sock:"), []string{
			`location ~ \.php$ conf.d/shop.conf:14`, "fastcgi_pass unix:/run/php/fpm.sock conf.d/shop.conf:14", "fastcgi_buffer_size 8k conf.d/shop.conf:14",
			"fastcgi_buffers 8 of 4k or 8k", "fastcgi_busy_buffers_size 8k or 16k", "error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("upstream SSL certificate verify error: (20:unable to get local issuer certificate) while SSL handshaking to upstream", "GET /tls/x", "https://10.1.1.1:443/tls/x"), []string{
			"location /tls/ conf.d/shop.conf:15", "proxy_pass https://secure.example conf.d/shop.conf:15", "proxy_ssl_verify on conf.d/shop.conf:15",
			"proxy_ssl_trusted_certificate none", "proxy_ssl_verify_depth 1", "error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("named.example could not be resolved (110: Operation timed out)", "GET /named/", ""), []string{
			"location /named/ conf.d/shop.conf:16", "proxy_pass http://$to conf.d/shop.conf:16", "resolver 10.0.0.53 conf.d/shop.conf:16", "resolver_timeout 30s",
			"error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("upstream timed out (110: Connection timed out)"+reading, "POST /rpc", "grpc://10.0.0.9:50051"), []string{
			"location /rpc conf.d/shop.conf:17", "grpc_pass grpc://10.0.0.9:50051 conf.d/shop.conf:17", "grpc_read_timeout 5s conf.d/shop.conf:17",
			"error_page 502 504 /sorry.html conf.d/shop.conf:6"}, ""},
		{line("client intended to send too large body: 10485761 bytes", "POST /api/up", ""), []string{
			"location /api/ conf.d/shop.conf:8", "proxy_pass http://10.0.0.5:8080/ conf.d/shop.conf:8", "client_max_body_size 8m conf.d/shop.conf:5"}, ""},
		{"2026/11/20 08:00:00 [alert] 8#8: *3 1024 worker_connections are not enough", []string{"worker_connections 1024 nginx.conf:2"}, "the path of the request is not known"},
		{strings.ReplaceAll(line("upstream timed out (110: Connection timed out)"+reading, "GET /", "http://app/"), "shop.example", "other.example"), nil,
			`no server block has the name "other.example"; there are shop.example`},
		{line("upstream timed out (110: Connection timed out)"+reading, "GET /api/", "http://10.9.9.9:8080/"), []string{
			"location /api/ conf.d/shop.conf:8", "proxy_pass http://10.0.0.5:8080/ conf.d/shop.conf:8", "proxy_read_timeout 30s nginx.conf:4",
			"error_page 502 504 /sorry.html conf.d/shop.conf:6"}, "10.9.9.9:8080 is none of its upstreams"},
		{line("upstream timed out (110: Connection timed out)"+reading, "GET /files/x", "http://app/"), []string{
			"location /files/ conf.d/shop.conf:18", "error_page 502 504 /sorry.html conf.d/shop.conf:6"}, "no upstream is called for this request here: files answer"},
	} {
		var d struct {
			Config []configLine `json:"config"`
			Note   string       `json:"config_note"`
		}
		out := said(t, "diagnose", "--json", "--explain-config", conf, one.text)
		if err := json.Unmarshal([]byte(strings.SplitN(out, "\n", 2)[0]), &d); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range d.Config {
			s := l.Directive + " " + l.Value
			if l.File != "" {
				s += fmt.Sprintf(" %s:%d", l.File, l.Line)
			}
			if l.Why == "" {
				t.Errorf("%s says not why", l.Directive)
			}
			got = append(got, s)
		}
		if !slices.Equal(got, one.wants) || (one.note == "") != (d.Note == "") || !strings.Contains(d.Note, one.note) {
			t.Errorf("%s\n got %q (%s)\nwant %q (%s)", one.text, got, d.Note, one.wants, one.note)
		}
	}
}

func TestExplainConfig_TakesAURL(t *testing.T) {
	conf := written(t, shopConfig)
	for status, wants := range map[string][]string{
		"504": {"location /api/ (conf.d/shop.conf:8)", "proxy_read_timeout 30s (nginx.conf:4)", "proxy_connect_timeout 3s"},
		"413": {"client_max_body_size 8m (conf.d/shop.conf:5)", "a larger body gets 413"},
		"":    {"location /api/ (conf.d/shop.conf:8)", "no proxy_intercept_errors: nginx's default, off"},
	} {
		words := []string{"diagnose", "--explain-config", conf, "https://shop.example/api/x?a=1"}
		if status != "" {
			words = append(words, status)
		}
		text := strings.Join(strings.Fields(said(t, words...)), " ")
		for _, w := range wants {
			if !strings.Contains(text, w) {
				t.Errorf("status %q: no %q in %s", status, w, text)
			}
		}
		if status == "" && strings.Contains(text, "Status 502") {
			t.Errorf("a status is said that nobody gave: %s", text)
		}
	}
}

func TestExplainConfig_RefusesWhatIsNoConfig(t *testing.T) {
	bad := written(t, map[string]string{"nginx.conf": "events {}\nhttp {\n\tserver { listen 80;\n"})
	for conf, wants := range map[string][]string{
		bad:                          {"nginx.conf:3:", `no closing "}"`, "correct it there"},
		bad + ".gone":                {"there is no such file or folder", "name an nginx.conf"},
		filepath.Dir(bad) + "/a/b/c": {"there is no such file or folder"},
	} {
		c := root()
		c.SetArgs([]string{"diagnose", "--explain-config", conf, "https://shop.example/", "504"})
		err := c.Execute()
		if exitCode(err) != exitBadInput {
			t.Errorf("%s: got %v", conf, err)
			continue
		}
		for _, w := range wants {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: no %q in %v", conf, w, err)
			}
		}
	}
	c := root()
	c.SetArgs([]string{"diagnose", "--explain-config", written(t, shopConfig), "504"})
	if err := c.Execute(); exitCode(err) != exitBadInput || !strings.Contains(err.Error(), "Name its URL") {
		t.Errorf("a status alone: got %v", err)
	}
}

// A request that a check sends to a route is one that Way leads there, in configs as well-known projects document them and in the catalogue's own.
func TestWay_LeadsWhereRoutesDo(t *testing.T) {
	known, _ := filepath.Glob(filepath.Join(checkout, "suites", "testdata", "known", "*"))
	own, _ := filepath.Glob(filepath.Join(checkout, "scenarios", "nginx", "*.conf"))
	followed := 0
	for _, path := range append(known, own...) {
		configs, err := readConfigs([]string{path})
		if err != nil {
			continue // it is for check to say what it lacks
		}
		for _, route := range configs[0].Routes(context.Background()) {
			if route.Stream || route.Role != nginxconf.Content || len(route.Candidates) == 0 || route.Candidates[0].RequiresStatus != 0 || len(route.Candidates[0].Header) > 0 ||
				route.Candidates[0].From != "" {
				continue
			}
			c := route.Candidates[0]
			ask := nginxconf.Ask{Host: c.Host, Method: c.Method, URI: c.URI}
			if names := nginxconf.Effective(route.Server, "server_name"); len(names) > 0 && names[0].Args[0] != "_" {
				ask.Server = names[0].Args[0]
			}
			if len(route.Target.Peers) > 0 && route.Target.Peers[0].Port > 0 {
				ask.Upstream = fmt.Sprintf("%s:%d", route.Target.Peers[0].Host, route.Target.Peers[0].Port)
			}
			way, err := configs[0].Way(context.Background(), ask)
			if err != nil || way.Target.Pass != route.Target.Pass {
				t.Errorf("%s: %s goes to %v (%v, %s), want %s", path, route.ID, way.Target.Written, err, way.Reason, route.Target.Written)
			}
			followed++
		}
	}
	if followed < 50 {
		t.Errorf("only %d routes were followed", followed)
	}
}

// Whatever a cause names is a directive that nginxconf knows, with what it decides.
func TestCauses_NameDirectivesThatAreKnown(t *testing.T) {
	configs, err := readConfigs([]string{written(t, shopConfig)})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, uri := range []string{"/tls/", "/api/", "/x.php"} {
		way, err := configs[0].Way(context.Background(), nginxconf.Ask{Server: "shop.example", URI: uri})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range scenarios.Book().Causes() {
			for _, name := range c.Directives {
				for _, s := range configs[0].Setting(way, name) {
					named++
					if s.Why == "" || s.Value == "" {
						t.Errorf("%s: nothing is known of %s", c.Slug, s.Directive)
					}
				}
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d directives are named", named)
	}
}
