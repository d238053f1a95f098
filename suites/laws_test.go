package suites

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/faults"
	. "github.com/badgateway/badgateway/harness/match"
)

func errorAs[T error](err error, target *T) bool { return errors.As(err, target) }

// change is a fault made of a function.
type change func(context.Context, *harness.Cell) error

func (f change) Do(ctx context.Context, c *harness.Cell) error { return f(ctx, c) }
func (f change) Undo(context.Context, *harness.Cell) error     { return nil }
func (f change) String() string                                { return "a fault of this spec's own" }

// shell runs a script of bash within a cell.
func shell(script string) harness.Change {
	return change(func(ctx context.Context, c *harness.Cell) error {
		err := c.StartUpstream(ctx, harness.Upstream{Name: "shell", Real: &harness.Backend{
			Argv: []string{"bash", "-c", script + " && echo did it"}, Listen: "127.0.0.1:1",
		}})
		if err == nil || !strings.HasSuffix(err.Error(), "ended at its start: did it") {
			return fmt.Errorf("the script failed: %w", err)
		}
		return nil
	})
}

var _ = Describe("the lab's laws", func() {
	var proxy = gatewayOf(proxyTo("http://10.0.0.5:8080", "", ""))
	app := func(behaviours ...fakeupstream.Behaviour) harness.Upstream {
		return fakeAt("app", "10.0.0.5:8080", behaviours...)
	}
	dead := []harness.Change{faults.Stop{Upstream: "app"}}
	refused := harness.Expectation{Status: 502, Tries: 1, Log: []harness.LogLine{
		{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"},
	}}
	resets := []harness.Change{faults.Behave{Upstream: "app", Script: fakeupstream.Always(fakeupstream.Reset{})}}
	reset := harness.Expectation{Status: 502, Tries: 1, Log: []harness.LogLine{
		{Level: "error", Text: "recv() failed", Errno: 104, Phase: "reading response header from upstream"},
	}}
	run := func(ctx SpecContext, expect harness.Expectation, t harness.Twin) harness.Evidence {
		t.Kind = harness.Fake
		if t.Upstreams == nil {
			t.Upstreams = []harness.Upstream{app()}
		}
		return harness.Run(ctx, lab, harness.Scenario{ID: "law", Gateway: proxy, Expect: expect}, t)
	}

	It("keeps cells apart that use the same addresses at the same time", func(ctx SpecContext) {
		const cells = 6
		var opened [cells]*harness.Cell
		for i := range opened {
			opened[i] = open(ctx, harness.Setup{
				Gateway: proxy, Upstreams: []harness.Upstream{app(fakeupstream.Well{Body: fmt.Sprintf("cell %d\n", i)})},
			})
		}
		// Every other one is broken, while all are asked.
		for i := 0; i < cells; i += 2 {
			Expect(faults.Drop{To: "10.0.0.7:1"}.Do(ctx, opened[i])).To(Succeed())
			Expect(dead[0].Do(ctx, opened[i])).To(Succeed())
		}
		var got [cells]harness.Exchange
		var failed [cells]error
		var wg sync.WaitGroup
		for i, c := range opened {
			wg.Go(func() {
				for range 10 {
					if got[i], failed[i] = c.Ask(ctx, harness.Request{Path: fmt.Sprintf("/cell-%d", i)}); failed[i] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		for i, c := range opened {
			Expect(failed[i]).NotTo(HaveOccurred())
			log, _, err := c.ReadFile(ctx, harness.Nginx.ErrorLog)
			Expect(err).NotTo(HaveOccurred())
			for j := range opened {
				if j != i {
					Expect(log).NotTo(ContainSubstring(fmt.Sprintf("/cell-%d", j)))
				}
			}
			if i%2 == 0 {
				Expect(got[i]).To(And(HaveStatus(502), HaveTried(1), HaveLogLine("connect() failed", Errno(111))))
				Expect(strings.Count(log, fmt.Sprintf(`"GET /cell-%d HTTP/1.1"`, i))).To(Equal(10))
				continue
			}
			Expect(got[i]).To(And(HaveStatus(200), HaveTried(1), HaveOnlyLogLines()))
			Expect(got[i].Body).To(Equal(fmt.Sprintf("cell %d\n", i)))
			Expect(log).To(BeEmpty())
			records, err := c.Records(ctx, "app")
			Expect(err).NotTo(HaveOccurred())
			Expect(records).To(HaveLen(10), "those of its own gateway")
		}
	})

	It("lets nothing out: no address outside is reached, and none resolved", func(ctx SpecContext) {
		c := open(ctx, harness.Setup{Gateway: gatewayOf(proxyTo("http://1.1.1.1", "", ""))})
		x := ask(ctx, c, harness.Request{})
		Expect(x).To(And(HaveStatus(502), HaveTriedPeers("1.1.1.1:80"), HaveWaited(0)))
		Expect(x).To(HaveOnlyLogLines(harness.LogLine{
			Level: "error", Text: "connect() to 1.1.1.1:80 failed", Errno: 101, Phase: "connecting to upstream",
		}))
		_, err := lab.Open(ctx, harness.Setup{Gateway: gatewayOf(proxyTo("http://example.com", "", ""))})
		Expect(err).To(MatchError(ContainSubstring(`host not found in upstream "example.com"`)))
	})

	It("blames the lab and not the scenario where it was ill before the fault", func(ctx SpecContext) {
		e := run(ctx, refused, harness.Twin{Upstreams: []harness.Upstream{app(fakeupstream.Well{Status: 500})}, Break: dead})
		Expect(e.Verdict).To(Equal(harness.Error))
		Expect(e.Error).To(Equal("the lab is not healthy before the fault: status is 500, not 200"))
		Expect(e.Differences).To(BeEmpty())
		Expect(e.Broken.Request).To(BeEmpty(), "nothing was broken")
	})

	It("blames the lab where a fault could not be made", func(ctx SpecContext) {
		e := run(ctx, refused, harness.Twin{Break: []harness.Change{faults.Stop{Upstream: "nobody"}}})
		Expect(e.Verdict).To(Equal(harness.Error))
		Expect(e.Error).To(HavePrefix("making the fault: "))
	})

	It("fails a scenario whose remedy does not help", func(ctx SpecContext) {
		e := run(ctx, refused, harness.Twin{Break: dead, Remedy: []harness.Change{faults.Restart{}}})
		Expect(e.Verdict).To(Equal(harness.Failed))
		Expect(e.Differences).To(ContainElement(harness.Difference{What: "after the remedy: status", Want: "200", Got: "502"}))
	})

	Describe("an alert that nobody expected fails a scenario", func() {
		It("of a request", func(ctx SpecContext) {
			t := harness.Twin{Break: []harness.Change{faults.Reject{To: "10.0.0.5:8080", With: "icmp-proto-unreachable"}}}
			e := run(ctx, harness.Expectation{Status: 502, Tries: 1}, t)
			Expect(e.Verdict).To(Equal(harness.Failed))
			Expect(e.Differences).To(ConsistOf(And(
				HaveField("What", "log"), HaveField("Want", "no further line"), HaveField("Got", HavePrefix("[alert] connect() failed (92: ")),
			)))
			Expect(e).NotTo(HaveNoAlerts())
		})
		It("of the gateway itself", func(ctx SpecContext) {
			kill := shell(`master=$(cat /run/nginx.pid) && kill -9 $(cat /proc/$master/task/$master/children)`)
			Expect(run(ctx, refused, harness.Twin{Break: dead})).To(HavePassed())
			e := run(ctx, refused, harness.Twin{Break: []harness.Change{dead[0], kill}, Remedy: []harness.Change{faults.Start{Upstream: "app"}}})
			Expect(e.Verdict).To(Equal(harness.Failed), e.Error)
			Expect(e.Differences).To(ConsistOf(And(
				HaveField("What", "log"), HaveField("Want", "no further line"), HaveField("Got", MatchRegexp(`^\[alert\] worker process \d+ exited on signal 9`)),
			)))
		})
	})

	Describe("an upstream connection that nobody expected fails a scenario", func() {
		calls := func(got string) types.GomegaMatcher {
			return ConsistOf(And(HaveField("What", "upstream calls"), HaveField("Got", got)))
		}
		connect := shell("exec 3<>/dev/tcp/10.0.0.5/8080")
		It("not where there is none", func(ctx SpecContext) {
			Expect(run(ctx, reset, harness.Twin{Break: resets})).To(HavePassed())
		})
		It("of another client, before the fault's upstream is gone", func(ctx SpecContext) {
			e := run(ctx, refused, harness.Twin{Break: []harness.Change{connect, dead[0]}, Remedy: []harness.Change{faults.Start{Upstream: "app"}}})
			Expect(e.Verdict).To(Equal(harness.Failed), e.Error)
			Expect(e.Differences).To(calls("3 connections and 2 requests"))
			Expect(e.Differences[0].Want).To(Equal("2 at 10.0.0.5:8080, as the gateway's log tells"))
		})
		It("of another client, under the fault", func(ctx SpecContext) {
			e := run(ctx, reset, harness.Twin{Break: append(resets, connect)})
			Expect(e.Verdict).To(Equal(harness.Failed), e.Error)
			Expect(e.Differences).To(calls("4 connections and 3 requests"))
		})
		It("of the gateway, where its log is silent about it", func(ctx SpecContext) {
			mirrored := proxyTo("http://10.0.0.5:8080", "", "mirror /mirror;")
			mirrored = strings.Replace(mirrored, "location / {", "location = /mirror { internal; proxy_pass http://10.0.0.5:8080; }\n        location / {", 1)
			e := run(ctx, reset, harness.Twin{Break: append([]harness.Change{faults.Config{Conf: mirrored}}, resets...)})
			Expect(e.Verdict).To(Equal(harness.Failed), e.Error)
			Expect(e.Differences).To(ContainElement(And(
				HaveField("What", "upstream calls"), HaveField("Got", "4 connections and 4 requests"),
			)))
		})
	})
})
