package backend_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/example"
	"github.com/badgateway/badgateway/harness/lab"
)

func TestMain(m *testing.M) { example.Main(m, "^Example") }

// A real PHP-FPM behind nginx, with a script that dies.
func ExamplePHPFPM() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	fpm := backend.PHPFPM{Name: "app", Listen: "10.0.0.5:9000", Scripts: map[string]string{
		"/var/www/index.php": "<?php echo 'hello';",
		"/var/www/dies.php":  "<?php posix_kill(posix_getpid(), 9);",
	}}
	sandbox, err := l.Open(ctx, lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    server {
        listen 80;
        root /var/www;
        location ~ \.php$ {
            include fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass 10.0.0.5:9000;
        }
    }
}
`},
		Upstreams: []lab.Upstream{fpm.Upstream()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	askEach(ctx, sandbox, "/index.php", "/dies.php")
	// Output:
	// /index.php 200
	// /dies.php 502
	//     [error] recv() failed (104: Connection reset by peer) while reading response header from upstream
}

// askEach prints what the pages give, and what nginx logs of them.
func askEach(ctx context.Context, sandbox *lab.Sandbox, paths ...string) {
	for _, path := range paths {
		x, err := sandbox.Do(ctx, lab.Request{Path: path})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(path, x.Status)
		for _, l := range x.Log {
			fmt.Println("   ", l)
		}
	}
}

// A real Gunicorn behind nginx, with an application that ends its worker.
func ExampleGunicorn() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	gunicorn := backend.Gunicorn{Name: "app", Listen: "10.0.0.5:8080", App: `
import os

def application(environ, start_response):
    if environ["PATH_INFO"] == "/dies":
        os.kill(os.getpid(), 9)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\n"]
`}
	askBehindProxy(ctx, l, gunicorn.Upstream())
	// Output:
	// / 200
	// /dies 502
	//     [error] upstream prematurely closed connection while reading response header from upstream
}

// A real Node.js behind nginx, with a script that throws where nobody catches.
func ExampleNode() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	node := backend.Node{Name: "app", Listen: "10.0.0.5:8080", App: `
require('http').createServer((request, response) => {
  if (request.url === '/dies') throw new Error('nobody catches this');
  response.end('hello\n');
}).listen(process.env.PORT, process.env.HOST);
`}
	askBehindProxy(ctx, l, node.Upstream())
	// Output:
	// / 200
	// /dies 502
	//     [error] upstream prematurely closed connection while reading response header from upstream
}

// A real Apache httpd behind nginx, with a page that is in maintenance.
func ExampleHTTPD() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	httpd := backend.HTTPD{Name: "app", Listen: "10.0.0.5:8080", Conf: `
ServerRoot /etc/apache2
ServerName app.internal
PidFile /run/httpd.pid
ErrorLog /var/log/upstream/app.log
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
Listen 10.0.0.5:8080
Redirect 503 /dies
Redirect 204 /
`}
	askBehindProxy(ctx, l, httpd.Upstream())
	// Output:
	// / 204
	// /dies 503
}

// askBehindProxy asks for two paths of an HTTP application behind nginx.
func askBehindProxy(ctx context.Context, l *lab.Lab, app lab.Upstream) {
	sandbox, err := l.Open(ctx, lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    server { listen 80; location / { proxy_pass http://10.0.0.5:8080; } }
}
`},
		Upstreams: []lab.Upstream{app},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	askEach(ctx, sandbox, "/", "/dies")
}

// A real uWSGI behind nginx, with an application that dies.
func ExampleUWSGI() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	uwsgi := backend.UWSGI{Name: "app", Listen: "10.0.0.5:3031", App: `
import os

def application(environ, start_response):
    if environ["PATH_INFO"] == "/dies":
        os.kill(os.getpid(), 9)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello\n"]
`}
	sandbox, err := l.Open(ctx, lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    server {
        listen 80;
        location / {
            include uwsgi_params;
            uwsgi_pass 10.0.0.5:3031;
        }
    }
}
`},
		Upstreams: []lab.Upstream{uwsgi.Upstream()},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	askEach(ctx, sandbox, "/", "/dies")
	// Output:
	// / 200
	// /dies 502
	//     [error] upstream prematurely closed connection while reading response header from upstream
}

// A real dnsmasq that nginx asks for names, of which it knows one.
func ExampleDnsmasq() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	dnsmasq := backend.Dnsmasq{Name: "dns", Listen: "10.0.0.53:53", Conf: `
listen-address=10.0.0.53
bind-interfaces
no-resolv
no-hosts
local=/internal/
host-record=app.internal,10.0.0.5,300
`}
	askByName(ctx, l, dnsmasq.Upstream())
	// Output:
	// /app 200
	// /other 502
	//     [error] other.internal could not be resolved (3: Host not found)
}

// A real BIND that nginx asks for names, of which its zone has one.
func ExampleBIND() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	bind := backend.BIND{
		Name: "dns", Listen: "10.0.0.53:53",
		Conf: `
options { directory "/var/cache/bind"; listen-on { 10.0.0.53; }; recursion no; pid-file none; session-keyfile none; };
zone "internal" { type primary; file "/etc/db.internal"; };
`,
		Files: []lab.File{{Path: "/etc/db.internal", Data: `$TTL 300
@    IN SOA ns hostmaster 1 3600 900 86400 60
@    IN NS  ns
ns   IN A   10.0.0.53
app  IN A   10.0.0.5
`}},
	}
	askByName(ctx, l, bind.Upstream())
	// Output:
	// /app 200
	// /other 502
	//     [error] other.internal could not be resolved (3: Host not found)
}

// askByName asks for applications that nginx calls by the names in the path, of which it asks a DNS server.
func askByName(ctx context.Context, l *lab.Lab, dns lab.Upstream) {
	sandbox, err := l.Open(ctx, lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    resolver 10.0.0.53;
    server { listen 80; location ~ ^/(?<app>.+) { proxy_pass http://$app.internal:8080; } }
}
`},
		Upstreams: []lab.Upstream{dns, {Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	askEach(ctx, sandbox, "/app", "/other")
}

// A real nscd beside nginx, which looks a name up when it starts. It asks a real dnsmasq.
func ExampleNSCD() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	dnsmasq := backend.Dnsmasq{Name: "dns", Listen: "10.0.0.53:53", Conf: `
listen-address=10.0.0.53
bind-interfaces
no-resolv
no-hosts
host-record=app.internal,10.0.0.5,300
`}
	nscd := backend.NSCD{
		Name:  "nscd",
		Conf:  "logfile /var/log/upstream/nscd.log\nenable-cache hosts yes\npersistent hosts no\nshared hosts no\n",
		Files: []lab.File{{Path: "/etc/resolv.conf", Data: "nameserver 10.0.0.53\n"}},
	}
	app := lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}
	sandbox, err := l.Open(ctx, lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    server { listen 80; location / { proxy_pass http://app.internal:8080; } }
}
`},
		Upstreams: []lab.Upstream{dnsmasq.Upstream(), nscd.Upstream(), app},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	x, err := sandbox.Do(ctx, lab.Request{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.Status)
	// Output:
	// 200
}
