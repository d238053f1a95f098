package review

import "testing"

func TestListeners(t *testing.T) {
	for name, v := range map[string]variation{
		"a certificate of another block": {"tls-port-plain", "        ssl_certificate /etc/ssl/www.pem;\n", "", ""},
		"another port":                   {"tls-port-plain", "listen 443;", "listen 8080;", ""},
		"ssl on, of old":                 {"tls-port-plain", "listen 443;", "listen 443; ssl on;", ""},
		"an address":                     {"tls-port-plain", "listen 443;", "listen [::]:443 default_server;", "listen [::]:443 ssl default_server;"},
		"a neighbour has TLS":            {"tls-port-plain", "    server {", "    server { listen 443 ssl; server_name a; }\n    server {", ""},
		"no size":                        {"small-request-buffer", "4 2k", "4 many", ""},
		"in bytes":                       {"small-request-buffer", "4 2k", "4 4096", "4096"},
		"as much as nginx has":           {"small-request-buffer", "4 2k", "2 8192", ""},
	} {
		t.Run(v.rule+": "+name, func(t *testing.T) { v.check(t) })
	}
}
