package backend_test

import (
	"context"
	"fmt"
	"log"
	"testing"

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

	for _, path := range []string{"/index.php", "/dies.php"} {
		x, err := sandbox.Do(ctx, lab.Request{Path: path})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(path, x.Status)
		for _, l := range x.Log {
			fmt.Println("   ", l)
		}
	}
	// Output:
	// /index.php 200
	// /dies.php 502
	//     [error] recv() failed (104: Connection reset by peer) while reading response header from upstream
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

	for _, path := range []string{"/", "/dies"} {
		x, err := sandbox.Do(ctx, lab.Request{Path: path})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(path, x.Status)
		for _, l := range x.Log {
			fmt.Println("   ", l)
		}
	}
	// Output:
	// / 200
	// /dies 502
	//     [error] upstream prematurely closed connection while reading response header from upstream
}
