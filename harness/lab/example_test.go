package lab_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/example"
	"github.com/badgateway/badgateway/harness/lab"
)

func TestMain(m *testing.M) { example.Main(m, "^Example") }

// proxy is nginx with a config as it might be in production.
var proxy = lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    server {
        listen 80;
        location / { proxy_pass http://10.0.0.5:8080; }
    }
}
`}

// app is the application behind it, a fake one that does this on each connection.
func app(does fakeupstream.Behaviour) lab.Upstream {
	return lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080", Script: fakeupstream.Always(does)}}
}

// A gateway of one's own is asked as it is in production: by its own config, with the addresses that it names.
func ExampleLab_Open() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	sandbox, err := l.Open(ctx, lab.Setup{Gateway: proxy, Upstreams: []lab.Upstream{app(fakeupstream.Reset{})}})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	x, err := sandbox.Do(ctx, lab.Request{Path: "/cart"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.Request, "->", x.Status)
	fmt.Println(x.Tries)
	fmt.Println(x.Log[0])
	// Output:
	// GET /cart -> 502
	// [{10.0.0.5:8080 false}]
	// [error] recv() failed (104: Connection reset by peer) while reading response header from upstream
}

// A client speaks as browsers do: TLS, HTTP/2, over a connection that it keeps.
func ExampleSandbox_Do() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	shop := lab.Gateway{Driver: nginx.Driver, Listen: "192.0.2.80:443", Config: `
events {}
http {
    server {
        listen 443 ssl http2;
        ssl_certificate shop.pem;
        ssl_certificate_key shop.key;
        return 200 "$server_protocol for $ssl_server_name, request $connection_requests of its connection";
    }
}
`}
	shop.Files = backend.Certificate{Name: "shop.test"}.Files("/etc/nginx/shop.pem", "/etc/nginx/shop.key")
	sandbox, err := l.Open(ctx, lab.Setup{Gateway: shop})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	client := lab.KeepAlive()
	for _, options := range [][]lab.Option{
		{lab.OverTLS("shop.test")},
		{lab.OverTLS("shop.test"), lab.OverHTTP2(), client},
		{lab.OverTLS("shop.test"), lab.OverHTTP2(), client},
	} {
		x, err := sandbox.Do(ctx, lab.Request{Path: "/"}, options...)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(x.Body)
	}
	// Output:
	// HTTP/1.1 for shop.test, request 1 of its connection
	// HTTP/2.0 for shop.test, request 1 of its connection
	// HTTP/2.0 for shop.test, request 2 of its connection
}

// A wait of a minute, proven within milliseconds.
func ExampleWithin() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	sandbox, err := l.Open(ctx, lab.Setup{Gateway: proxy, Upstreams: []lab.Upstream{app(fakeupstream.Silent{})}, Clock: true})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	x, err := sandbox.Do(ctx, lab.Request{}, lab.Within(lab.WaitWindow{
		After: time.Minute, WaitFor: []lab.Condition{lab.RequestAt("app")},
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.Status, "after", x.Waited.Round(time.Minute))
	// Output: 504 after 1m0s
}

// A fake goes by the request, whichever connection that comes on: here the second payment fails, and nothing else.
func ExampleUpstream() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	shop := app(fakeupstream.Well{})
	shop.Fake.Rules = []fakeupstream.Rule{{Method: "POST", Path: "/pay", Nth: 2, Then: fakeupstream.Well{Status: 503}}}
	sandbox, err := l.Open(ctx, lab.Setup{Gateway: proxy, Upstreams: []lab.Upstream{shop}})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	pay := lab.Request{Method: "POST", Path: "/pay", Body: "10"}
	for _, r := range []lab.Request{pay, pay, {Path: "/cart"}, pay} {
		x, err := sandbox.Do(ctx, r)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(x.Request, "->", x.Status)
	}
	// Output:
	// POST /pay -> 200
	// POST /pay -> 503
	// GET /cart -> 200
	// POST /pay -> 200
}
