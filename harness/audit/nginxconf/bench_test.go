package nginxconf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// large is a config of many servers as a hosting company has them.
func large(servers int) map[string]string {
	files := map[string]string{
		"nginx.conf": "events {}\nhttp { include conf.d/*.conf; server { listen 80 default_server; return 444; } }",
		"proxy.inc":  "proxy_set_header Host $host;\nproxy_set_header X-Real-IP $remote_addr;\nproxy_read_timeout 30s;\n",
	}
	for i := range servers {
		files[fmt.Sprintf("conf.d/%04d.conf", i)] = strings.ReplaceAll(`
upstream pool_N { server 10.0.0.1:8080; server 10.0.0.2:8080 backup; keepalive 8; }
server {
	listen 80;
	listen 443 ssl;
	server_name siteN.example.com www.siteN.example.com;
	ssl_certificate /etc/ssl/siteN.pem;
	ssl_certificate_key /etc/ssl/siteN.key;
	root /srv/siteN;
	error_page 502 504 /50x.html;
	if ($request_method = TRACE) { return 405; }
	location / { try_files $uri @app; }
	location @app { proxy_pass http://pool_N; include proxy.inc; }
	location /api/ { proxy_pass http://pool_N/v1/; include proxy.inc; }
	location ~ \.php$ { try_files $uri =404; fastcgi_pass unix:/run/php-N.sock; }
	location = /health { access_log off; return 200 "ok"; }
}
`, "N", fmt.Sprint(i))
	}
	return files
}

func BenchmarkRead2000Servers(b *testing.B) {
	files := nginxconf.Map(large(2000))
	for b.Loop() {
		if _, err := nginxconf.Read(files, "nginx.conf", "/etc/nginx"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWays2000Servers(b *testing.B) {
	c, err := nginxconf.Read(nginxconf.Map(large(2000)), "nginx.conf", "/etc/nginx")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if routes := c.Routes(b.Context()); len(routes) != 6000 {
			b.Fatalf("%d routes", len(routes))
		}
	}
}
