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
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	. "github.com/badgateway/badgateway/harness/match"
	"github.com/badgateway/badgateway/harness/scenario"
)

func errorAs[T error](err error, target *T) bool { return errors.As(err, target) }

// step is a fault made of a function, with nothing to undo.
type step func(context.Context, fault.Target) error

func (f step) Inject(ctx context.Context, t fault.Target) (fault.Undo, error) { return nil, f(ctx, t) }
func (f step) String() string                                                 { return "a fault of this spec's own" }

// shell runs a script of bash within a sandbox.
func shell(script string) fault.Fault {
	return step(func(ctx context.Context, t fault.Target) error {
		err := t.StartUpstream(ctx, lab.Upstream{Name: "shell", Real: &lab.Backend{
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
	app := func(behaviours ...fakeupstream.Behaviour) lab.Upstream {
		return fakeAt("app", "10.0.0.5:8080", behaviours...)
	}
	dead := []fault.Fault{fault.Stop{Upstream: "app"}}
	refused := scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
		{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"},
	}}
	resets := []fault.Fault{fault.SetBehaviour{Upstream: "app", Script: fakeupstream.Always(fakeupstream.Reset{})}}
	reset := scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
		{Level: "error", Text: "recv() failed", Errno: 104, Phase: "reading response header from upstream"},
	}}
	run := func(ctx SpecContext, expect scenario.Expectation, t scenario.Variant) scenario.Evidence {
		t.Kind = scenario.Fake
		if t.Upstreams == nil {
			t.Upstreams = []lab.Upstream{app()}
		}
		return scenario.Run(ctx, shared, scenario.Scenario{ID: "law", Gateway: proxy, Expect: expect}, t)
	}

	It("keeps sandboxes apart that use the same addresses at the same time", func(ctx SpecContext) {
		const cells = 6
		var opened [cells]*lab.Sandbox
		for i := range opened {
			opened[i] = open(ctx, lab.Setup{
				Gateway: proxy, Upstreams: []lab.Upstream{app(fakeupstream.Well{Body: fmt.Sprintf("sandbox %d\n", i)})},
			})
		}
		// Every other one is broken, while all are asked.
		for i := 0; i < cells; i += 2 {
			var broken fault.Stack
			Expect(broken.Inject(ctx, opened[i], fault.Drop{To: "10.0.0.7:1"})).To(Succeed())
			Expect(broken.Inject(ctx, opened[i], dead[0])).To(Succeed())
		}
		var got [cells]lab.Exchange
		var failed [cells]error
		var wg sync.WaitGroup
		for i, c := range opened {
			wg.Go(func() {
				for range 10 {
					if got[i], failed[i] = c.Do(ctx, lab.Request{Path: fmt.Sprintf("/sandbox-%d", i)}); failed[i] != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		for i, c := range opened {
			Expect(failed[i]).NotTo(HaveOccurred())
			log, _, err := c.ReadFile(ctx, nginx.Driver.ErrorLog)
			Expect(err).NotTo(HaveOccurred())
			for j := range opened {
				if j != i {
					Expect(log).NotTo(ContainSubstring(fmt.Sprintf("/sandbox-%d", j)))
				}
			}
			if i%2 == 0 {
				Expect(got[i]).To(And(HaveStatus(502), HaveTried(1), HaveLogLine("connect() failed", Errno(111))))
				Expect(strings.Count(log, fmt.Sprintf(`"GET /sandbox-%d HTTP/1.1"`, i))).To(Equal(10))
				continue
			}
			Expect(got[i]).To(And(HaveStatus(200), HaveTried(1), HaveOnlyLogLines()))
			Expect(got[i].Body).To(Equal(fmt.Sprintf("sandbox %d\n", i)))
			Expect(log).To(BeEmpty())
			records, err := c.Records(ctx, "app")
			Expect(err).NotTo(HaveOccurred())
			Expect(records).To(HaveLen(10), "those of its own gateway")
		}
	})

	It("brings back a file of the image that a fault covered", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{Gateway: proxy, Upstreams: []lab.Upstream{app()}})
		check := func(script string) {
			GinkgoHelper()
			var s fault.Stack
			Expect(s.Inject(ctx, c, shell(script))).To(Succeed())
		}
		var s fault.Stack
		Expect(s.Inject(ctx, c, fault.Deploy{Path: "/etc/os-release", Text: "mine"})).To(Succeed())
		check("grep -q mine /etc/os-release")
		Expect(s.Inject(ctx, c, fault.Deploy{Path: "/etc/os-release", Text: "another"})).To(Succeed())
		check("grep -q another /etc/os-release")
		Expect(s.Undo(ctx)).To(Succeed())
		check("grep -q ^ID= /etc/os-release")
	})

	It("lets nothing out: no address outside is reached, and none resolved", func(ctx SpecContext) {
		c := open(ctx, lab.Setup{Gateway: gatewayOf(proxyTo("http://1.1.1.1", "", ""))})
		x := ask(ctx, c, lab.Request{})
		Expect(x).To(And(HaveStatus(502), HaveTriedPeers("1.1.1.1:80"), HaveWaited(0)))
		Expect(x).To(HaveOnlyLogLines(scenario.LogLine{
			Level: "error", Text: "connect() to 1.1.1.1:80 failed", Errno: 101, Phase: "connecting to upstream",
		}))
		_, err := shared.Open(ctx, lab.Setup{Gateway: gatewayOf(proxyTo("http://example.com", "", ""))})
		Expect(err).To(MatchError(ContainSubstring(`host not found in upstream "example.com"`)))
	})

	It("blames the lab and not the scenario where it was ill before the fault", func(ctx SpecContext) {
		e := run(ctx, refused, scenario.Variant{Upstreams: []lab.Upstream{app(fakeupstream.Well{Status: 500})}, Inject: dead})
		Expect(e.Verdict).To(Equal(scenario.Error))
		Expect(e.Error).To(Equal("the lab is not healthy before the fault: status is 500, not 200"))
		Expect(e.Differences).To(BeEmpty())
		Expect(e.Broken.Request).To(BeEmpty(), "nothing was broken")
	})

	It("blames the lab where a fault could not be made", func(ctx SpecContext) {
		e := run(ctx, refused, scenario.Variant{Inject: []fault.Fault{fault.Stop{Upstream: "nobody"}}})
		Expect(e.Verdict).To(Equal(scenario.Error))
		Expect(e.Error).To(HavePrefix("making the fault: "))
	})

	It("fails a scenario whose remedy does not help", func(ctx SpecContext) {
		e := run(ctx, refused, scenario.Variant{Inject: dead, Remedy: []fault.Fault{fault.Restart{}}})
		Expect(e.Verdict).To(Equal(scenario.Failed))
		Expect(e.Differences).To(ContainElement(scenario.Difference{What: "after the remedy: status", Want: "200", Got: "502"}))
	})

	Describe("an alert that nobody expected fails a scenario", func() {
		It("of a request", func(ctx SpecContext) {
			t := scenario.Variant{Inject: []fault.Fault{fault.Reject{To: "10.0.0.5:8080", With: "icmp-proto-unreachable"}}}
			e := run(ctx, scenario.Expectation{Status: 502, Tries: 1}, t)
			Expect(e.Verdict).To(Equal(scenario.Failed))
			Expect(e.Differences).To(ConsistOf(And(
				HaveField("What", "log"), HaveField("Want", "no further line"), HaveField("Got", HavePrefix("[alert] connect() failed (92: ")),
			)))
			Expect(e).NotTo(HaveNoAlerts())
		})
		It("of the gateway itself", func(ctx SpecContext) {
			kill := shell(`master=$(cat /run/nginx.pid) && kill -9 $(cat /proc/$master/task/$master/children)`)
			Expect(run(ctx, refused, scenario.Variant{Inject: dead})).To(HavePassed())
			e := run(ctx, refused, scenario.Variant{Inject: []fault.Fault{dead[0], kill}, Remedy: []fault.Fault{fault.Start{Upstream: "app"}}})
			Expect(e.Verdict).To(Equal(scenario.Failed), e.Error)
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
			Expect(run(ctx, reset, scenario.Variant{Inject: resets})).To(HavePassed())
		})
		It("of another client, before the fault's upstream is gone", func(ctx SpecContext) {
			e := run(ctx, refused, scenario.Variant{Inject: []fault.Fault{connect, dead[0]}, Remedy: []fault.Fault{fault.Start{Upstream: "app"}}})
			Expect(e.Verdict).To(Equal(scenario.Failed), e.Error)
			Expect(e.Differences).To(calls("3 connections"))
			Expect(e.Differences[0].Want).To(Equal("2 connections at 10.0.0.5:8080, as many as the gateway made"))
		})
		It("of another client, under the fault", func(ctx SpecContext) {
			e := run(ctx, reset, scenario.Variant{Inject: append(resets, connect)})
			Expect(e.Verdict).To(Equal(scenario.Failed), e.Error)
			Expect(e.Differences).To(calls("4 connections"))
		})
		It("of the gateway, though its logs are silent about it", func(ctx SpecContext) {
			mirrored := proxyTo("http://10.0.0.5:8080", "", "mirror /mirror;")
			mirrored = strings.Replace(mirrored, "location / {", "location = /mirror { internal; proxy_pass http://10.0.0.5:8080; }\n        location / {", 1)
			e := run(ctx, reset, scenario.Variant{Inject: append([]fault.Fault{fault.Config{Conf: mirrored}}, resets...)})
			Expect(e.Verdict).To(Equal(scenario.Failed), e.Error)
			Expect(e.Differences).To(ContainElement(And(HaveField("What", "tries"), HaveField("Got", "2 (10.0.0.5:8080, 10.0.0.5:8080)"))))
		})
	})
})
