package harness_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/faults"
	"github.com/badgateway/badgateway/harness/wire"
)

// conf is a config as it might be in production. Its access log tells the harness what was tried.
const conf = `
error_log /var/log/nginx/error.log warn;
events {}
http {
    log_format upstream escape=json '{"client":"$remote_addr","upstream_addr":"$upstream_addr",'
        '"upstream_status":"$upstream_status","upstream_response_time":"$upstream_response_time"}';
    access_log /var/log/nginx/upstream.log upstream;
    server {
        listen 80;
        location / { proxy_pass http://10.0.0.5:8080; }
    }
}
`

var gateway = harness.Gateway{
	Program: harness.Nginx,
	Files:   []wire.File{{Path: "/etc/nginx/nginx.conf", Data: conf}},
}

// app is the application behind it, a fake one.
var app = harness.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}

// A gateway of one's own, asked while its application is well, and after it died.
func ExampleLab_Open() {
	ctx := context.Background()
	l, err := harness.Start(ctx, harness.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	cell, err := l.Open(ctx, harness.Setup{Gateway: gateway, Upstreams: []harness.Upstream{app}})
	if err != nil {
		log.Fatal(err)
	}
	defer cell.Close()

	for _, fault := range []harness.Change{nil, faults.Stop{Upstream: "app"}} {
		if fault != nil {
			if err := fault.Do(ctx, cell); err != nil {
				log.Fatal(err)
			}
		}
		answer, err := cell.Ask(ctx, harness.Request{Path: "/"})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(answer.Status, answer.Tries, answer.Log)
	}
}

// A wait of a minute, proven within milliseconds.
func ExampleCell_AskSlowly() {
	ctx := context.Background()
	l, err := harness.Start(ctx, harness.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	silent := app
	silent.Fake = &fakeupstream.Spec{Listen: app.Fake.Listen, Script: fakeupstream.Always(fakeupstream.Silent{})}
	cell, err := l.Open(ctx, harness.Setup{Gateway: gateway, Upstreams: []harness.Upstream{silent}, Clock: true})
	if err != nil {
		log.Fatal(err)
	}
	defer cell.Close()

	answer, err := cell.AskSlowly(ctx, harness.Request{}, harness.Patience{After: time.Minute, Held: "app"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, "after", answer.NotBefore, "to", answer.Waited)
}
