package lab_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
)

// conf is a config as it might be in production.
const conf = `
error_log /var/log/nginx/error.log warn;
events {}
http {
    server {
        listen 80;
        location / { proxy_pass http://10.0.0.5:8080; }
    }
}
`

var gateway = lab.Gateway{Driver: nginx.Driver, Config: conf}

// app is the application behind it, a fake one.
var app = lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}

// A gateway of one's own, asked while its application is well, and after it died.
func ExampleLab_Open() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	cell, err := l.Open(ctx, lab.Setup{Gateway: gateway, Upstreams: []lab.Upstream{app}})
	if err != nil {
		log.Fatal(err)
	}
	defer cell.Close()

	for _, fault := range []fault.Fault{nil, fault.Stop{Upstream: "app"}} {
		if fault != nil {
			if _, err := fault.Inject(ctx, cell); err != nil {
				log.Fatal(err)
			}
		}
		answer, err := cell.Do(ctx, lab.Request{Path: "/"})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.Status, answer.Tries, answer.Log)
	}
}

// A wait of a minute, proven within milliseconds.
func ExampleWithin() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	silent := app
	silent.Fake = &fakeupstream.Spec{Listen: app.Fake.Listen, Script: fakeupstream.Always(fakeupstream.Silent{})}
	cell, err := l.Open(ctx, lab.Setup{Gateway: gateway, Upstreams: []lab.Upstream{silent}, Clock: true})
	if err != nil {
		log.Fatal(err)
	}
	defer cell.Close()

	answer, err := cell.Do(ctx, lab.Request{}, lab.Within(lab.WaitWindow{
		After: time.Minute, WaitFor: []lab.Condition{lab.RequestAt("app")},
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, "after", answer.NotBefore, "to", answer.Waited)
}
