package fault_test

import (
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/example"
	"github.com/badgateway/badgateway/harness/lab"
)

func TestMain(m *testing.M) { example.Main(m, "^Example") }

// A fault is injected, and what undoes it brings back what was there before.
func ExampleFault() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	sandbox, err := l.Open(ctx, lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: `
events {}
http {
    server { listen 80; location / { proxy_pass http://10.0.0.5:8080; } }
}
`},
		Upstreams: []lab.Upstream{{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sandbox.Close()

	ask := func(when string) {
		x, err := sandbox.Do(ctx, lab.Request{})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(when, x.Status)
		for _, l := range x.Log {
			fmt.Println("   ", l)
		}
	}
	ask("before:")
	for _, f := range []fault.Fault{
		fault.Stop{Upstream: "app"},
		fault.SetBehaviour{Upstream: "app", Script: fakeupstream.Always(fakeupstream.Reset{})},
	} {
		undo, err := f.Inject(ctx, sandbox)
		if err != nil {
			log.Fatal(err)
		}
		ask(fmt.Sprint(f, ":"))
		if err := undo(ctx); err != nil {
			log.Fatal(err)
		}
	}
	ask("after:")
	// Output:
	// before: 200
	// app is stopped: 502
	//     [error] connect() failed (111: Connection refused) while connecting to upstream
	// app follows another script: 502
	//     [error] recv() failed (104: Connection reset by peer) while reading response header from upstream
	// after: 200
}
