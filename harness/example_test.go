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
	lab, err := harness.Start(ctx, harness.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer lab.Close()

	cell, err := lab.Open(ctx, harness.Setup{Gateway: gateway, Upstreams: []harness.Upstream{app}})
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
	lab, err := harness.Start(ctx, harness.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer lab.Close()

	silent := app
	silent.Fake = &fakeupstream.Spec{Listen: app.Fake.Listen, Script: fakeupstream.Always(fakeupstream.Silent{})}
	cell, err := lab.Open(ctx, harness.Setup{Gateway: gateway, Upstreams: []harness.Upstream{silent}, Clock: true})
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

// A scenario of one's own: its fault, and just what follows.
func ExampleRun() {
	ctx := context.Background()
	lab, err := harness.Start(ctx, harness.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer lab.Close()

	scenario := harness.Scenario{
		ID: "app-resets", Claim: "The application resets the connection: 502 at once.",
		Gateway: gateway, Fault: "the application resets every connection", Remedy: "mend the application",
		Expect: harness.Expectation{
			Status: 502, Tries: 1,
			Log: []harness.LogLine{{
				Level: "error", Text: "recv() failed", Errno: 104, Phase: "reading response header from upstream",
			}},
		},
	}
	resets := fakeupstream.Always(fakeupstream.Reset{})
	evidence := harness.Run(ctx, lab, scenario, harness.Twin{
		Kind: harness.Fake, Upstreams: []harness.Upstream{app},
		Break: []harness.Change{faults.Behave{Upstream: "app", Script: resets}},
	})
	fmt.Println(evidence.Verdict, evidence.Differences)
}

// What came is compared with what was expected in one place, which needs no lab.
func ExampleJudge() {
	want := harness.Expectation{Status: 504, After: time.Minute}
	got := harness.Exchange{Status: 502, Waited: 3 * time.Second}
	for _, d := range harness.Judge(want, got) {
		fmt.Printf("%s: expected %s, came %s\n", d.What, d.Want, d.Got)
	}
	// Output:
	// status: expected 504, came 502
	// waited: expected 60 s, came 3 s
}

// A line of the log that was expected tells what keeps another from being it.
func ExampleLogLine_String() {
	fmt.Println(harness.LogLine{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"})
	// Output: [error] connect() failed (111) while connecting to upstream
}
