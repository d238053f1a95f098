package scenario_test

import (
	"context"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/example"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

func TestMain(m *testing.M) { example.Main(m, "^ExampleRun$") }

// proxy is a gateway with a config of its own.
var proxy = lab.Gateway{
	Driver: nginx.Driver,
	Config: `
events {}
http {
    server { listen 80; location / { proxy_pass http://10.0.0.5:8080; } }
}
`,
}

var backend = lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:8080"}}

// A scenario of one's own: its fault, and just what follows.
func ExampleRun() {
	ctx := context.Background()
	l, err := lab.Start(ctx, lab.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()

	resets := scenario.Scenario{
		ID: "app-resets", Claim: "The application resets the connection: 502 at once.",
		Gateway: proxy, Fault: "the application resets every connection", Remedy: "mend the application",
		Expect: scenario.Expectation{
			Status: 502, Tries: 1,
			Log: []scenario.LogLine{{
				Level: "error", Text: "recv() failed", Errno: 104, Phase: "reading response header from upstream",
			}},
		},
	}
	evidence := scenario.Run(ctx, l, resets, scenario.Variant{
		Kind: scenario.Fake, Upstreams: []lab.Upstream{backend},
		Inject: []fault.Fault{fault.SetBehaviour{Upstream: "app", Script: fakeupstream.Always(fakeupstream.Reset{})}},
	})
	fmt.Println(evidence.Verdict, evidence.Broken.Status)
	// Output: passed 502
}

// What came is compared with what was expected in one place, which needs no lab.
func ExampleJudge() {
	want := scenario.Expectation{Status: 504, After: time.Minute}
	got := lab.Exchange{Status: 502, Waited: 3 * time.Second}
	for _, d := range scenario.Judge(want, got) {
		fmt.Printf("%s: expected %s, came %s\n", d.What, d.Want, d.Got)
	}
	// Output:
	// status: expected 504, came 502
	// waited: expected 60 s, came 3 s
}

// A line of the log that was expected says what keeps another from being it.
func ExampleLogLine_String() {
	fmt.Println(scenario.LogLine{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"})
	// Output: [error] connect() failed (111) while connecting to upstream
}
