package agentmain_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/agentmain"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/lab/labtest"
)

// TestMain makes the lab's program of this test: what is registered in it is known in the lab.
func TestMain(m *testing.M) {
	if code, own := agentmain.Main(os.Args[1:]); own {
		os.Exit(code)
	}
	m.Run()
}

// teapot is a behaviour that no other program has.
type teapot struct {
	Brews string `json:"brews,omitempty"`
}

func (b teapot) String() string { return "brews " + b.Brews }

func (teapot) Check(fakeupstream.Endpoint) error { return nil }

func (b teapot) Serve(x *fakeupstream.Exchange) error {
	if err := x.ReadRequest(); err != nil {
		return err
	}
	return x.Answer(fakeupstream.Well{Status: 418, Body: fmt.Sprintf("no coffee, %s", b.Brews)})
}

func init() {
	fakeupstream.Register(fakeupstream.Entry{Name: "teapot", Zero: teapot{}, Summary: "refuses to brew coffee"})
}

const conf = `events {}
http {
    server { listen 80; location / { proxy_pass http://10.0.0.5:8080; } }
}`

func TestABehaviourOfOnesOwnIsKnownInTheLab(t *testing.T) {
	sandbox := labtest.Open(t, labtest.Start(t), lab.Setup{
		Gateway: lab.Gateway{Driver: nginx.Driver, Config: conf},
		Upstreams: []lab.Upstream{{Name: "app", Fake: &fakeupstream.Spec{
			Listen: "10.0.0.5:8080", Script: fakeupstream.Always(teapot{Brews: "tea"}),
		}}},
	})
	x, err := sandbox.Do(t.Context(), lab.Request{})
	if err != nil || x.Status != 418 || x.Body != "no coffee, tea" {
		t.Errorf("%d %q: %v", x.Status, x.Body, err)
	}
	records, err := sandbox.Records(t.Context(), "app")
	if err != nil || len(records) != 1 || records[0].Requests[0].Did != "brews tea" {
		t.Errorf("%+v: %v", records, err)
	}
}
