package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
	"github.com/badgateway/badgateway/harness/lab"
)

func TestCompareVariants(t *testing.T) {
	line := func(raw string) []gateway.LogRecord {
		l, err := nginx.ParseLog(raw)
		if err != nil {
			t.Fatal(err)
		}
		return []gateway.LogRecord{l}
	}
	const of = `2026/01/02 15:04:05 [error] %: *3 connect() failed (111: Connection refused) while connecting to upstream, client: 198.51.100.2, server: , request: "GET / HTTP/1.1", upstream: "http://10.0.0.5:8080/", host: "example.com"`
	refused, later := line(strings.Replace(of, "%", "7#7", 1)), line(strings.Replace(strings.Replace(of, "%", "9#9", 1), "15:04:05", "16:00:00", 1))
	unreachable := line(strings.Replace(strings.Replace(of, "%", "7#7", 1), "111: Connection refused", "113: No route to host", 1))
	for name, c := range map[string]struct {
		real, fake Evidence
		verdict    string // the fake's, then
	}{
		"the same, at another time": {Evidence{Verdict: Passed, Broken: lab.Exchange{Log: refused}}, Evidence{Verdict: Passed, Broken: lab.Exchange{Log: later}}, Passed},
		"another line":              {Evidence{Verdict: Passed, Broken: lab.Exchange{Log: refused}}, Evidence{Verdict: Passed, Broken: lab.Exchange{Log: unreachable}}, Failed},
		"a line more":               {Evidence{Verdict: Passed}, Evidence{Verdict: Passed, Broken: lab.Exchange{Log: refused}}, Failed},
		"a line less":               {Evidence{Verdict: Passed, Broken: lab.Exchange{Log: refused}}, Evidence{Verdict: Passed}, Failed},
		"the lab of the real failed": {Evidence{Verdict: Error}, Evidence{Verdict: Passed, Broken: lab.Exchange{Log: refused}},
			Passed},
		"the lab of the fake failed": {Evidence{Verdict: Passed, Broken: lab.Exchange{Log: refused}}, Evidence{Verdict: Error}, Error},
		"both failed alike":          {Evidence{Verdict: Failed, Broken: lab.Exchange{Log: refused}}, Evidence{Verdict: Failed, Broken: lab.Exchange{Log: refused}}, Failed},
	} {
		for _, order := range []string{"real first", "fake first"} {
			real, fake := c.real, c.fake
			real.Scenario, real.Variant, fake.Scenario, fake.Variant = "a", Real, "a", Fake
			all := []Evidence{real, fake, {Scenario: "b", Variant: Fake, Verdict: Passed, Broken: lab.Exchange{Log: unreachable}}}
			if order == "fake first" {
				all[0], all[1] = all[1], all[0]
			}
			compareVariants(all)
			for _, e := range all {
				want := c.verdict
				switch {
				case e.Scenario == "b":
					want = Passed // it has no real variant here
				case e.Variant == Real:
					want = c.real.Verdict
				}
				if e.Verdict != want {
					t.Errorf("%s, %s: %s (%s) is %q, want %q: %v", name, order, e.Scenario, e.Variant, e.Verdict, want, e.Differences)
				}
			}
		}
	}
}

func TestBatch_CancelledSaysWhy(t *testing.T) {
	why := errors.New("enough")
	ctx, stop := context.WithCancelCause(context.Background())
	stop(why)
	all, err := Batch{}.Run(ctx, make([]Job, 3))
	if !errors.Is(err, why) || len(all) != 0 {
		t.Errorf("got %v and %v", all, err)
	}
	if _, err := (Batch{}).Run(context.Background(), nil); err != nil {
		t.Errorf("nothing to do is done: %v", err)
	}
}

func TestBatch_WithoutLabsIsAnError(t *testing.T) {
	done := make(chan error, 1)
	go func() {
		_, err := Batch{}.Run(context.Background(), make([]Job, 1))
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("a job that nobody ran passed for one that was")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for a lab that never comes")
	}
}

func TestBatch_StarvedRunsComeAgainWhenTheOthersAreDone(t *testing.T) {
	fakelab.Here(t).Has("test/scenario", fakelab.NewAgent(), fakelab.NewAgent(), nil)
	l, err := lab.Start(t.Context(), lab.Options{GatewayImage: "test/scenario"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	jobs := []Job{{Scenario: Scenario{ID: "starved"}}, {Scenario: Scenario{ID: "a"}}, {Scenario: Scenario{ID: "b"}}}
	var order []string
	all, err := Batch{Labs: []*lab.Lab{l}, Parallel: 1}.run(t.Context(), jobs, func(_ context.Context, _ *lab.Lab, j Job, again int) (Evidence, string) {
		order = append(order, fmt.Sprintf("%s %d", j.Scenario.ID, again))
		if j.Scenario.ID == "starved" && len(order) < 4 {
			return Evidence{}, "no processor"
		}
		return Evidence{Scenario: j.Scenario.ID, Verdict: Passed}, ""
	})
	if got := strings.Join(order, ", "); err != nil || got != "starved 0, a 0, b 0, starved 0" {
		t.Errorf("they ran in the order %s, %v", got, err)
	}
	if len(all) != 3 || all[0].Scenario != "starved" || !slices.Equal(all[0].MeasuredAgain, []string{"no processor"}) || all[1].MeasuredAgain != nil {
		t.Errorf("the evidence is %+v", all)
	}
}

func TestBatch_LeanKeepsWhatDiffers(t *testing.T) {
	one := func(status int, verdict string) Evidence {
		return Evidence{Scenario: "a", Variant: Real, Verdict: verdict, Config: strings.Repeat("c", 1<<20),
			Broken: lab.Exchange{Status: status, Body: "b"}, Transcript: []lab.Event{{Text: "x"}, {Text: "y"}}}
	}
	first := map[string]*Evidence{}
	if e := lean(first, one(502, Passed)); len(e.Config) == 0 || len(e.Transcript) != 2 {
		t.Error("the first is kept whole")
	}
	if e := lean(first, one(502, Passed)); e.Config != "" || e.Broken.Body != "" || len(e.Transcript) != 1 || e.Broken.Status != 502 || e.Verdict != Passed {
		t.Errorf("of another like it is kept: %+v", e)
	}
	judged := one(502, Passed)
	judged.Expected.Page, judged.Expected.Access, judged.Broken.Access = "b", "499", "GET / 499"
	if e := lean(first, judged); e.Broken.Body != "b" || e.Broken.Access != "GET / 499" {
		t.Error("what is expected of a page and of the access log is kept, to be judged again")
	}
	if e := lean(first, one(504, Failed)); len(e.Config) == 0 || len(e.Transcript) != 2 {
		t.Error("one that differs is kept whole")
	}
	other := one(502, Passed)
	other.Variant = Fake
	if e := lean(first, other); len(e.Config) == 0 {
		t.Error("the first of the other variant is kept whole")
	}
}

// An image is made only when a job needs it, and a backend without one runs in the lab's first.
func TestImages(t *testing.T) {
	real := func(image string) lab.Upstream { return lab.Upstream{Real: &lab.Backend{Image: image}} }
	job := func(own string, upstreams ...lab.Upstream) Job {
		return Job{Scenario{Gateway: lab.Gateway{Driver: gateway.Driver{Own: own}}}, Variant{Upstreams: upstreams}}
	}
	got := Images([]Job{
		job("", real("php"), real("")), job("haproxy", real("node")), job("haproxy", lab.Upstream{Fake: &fakeupstream.Spec{}}),
	})
	if want := []string{"haproxy", "node", "php"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
