package scenario

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
	"github.com/badgateway/badgateway/harness/lab"
)

func TestUntilProven_RepeatsStarvedRuns(t *testing.T) {
	for _, verdict := range []string{Passed, Failed, Error} {
		g := NewWithT(t)
		runs := 0
		e := untilProven(t.Context(), nil, func(again int) (Evidence, string) {
			g.Expect(again).To(Equal(runs))
			runs++
			if runs < 3 {
				return Evidence{Verdict: verdict}, "too busy"
			}
			return Evidence{Verdict: Failed}, ""
		})
		g.Expect(runs).To(Equal(3), verdict)
		g.Expect(e.Verdict).To(Equal(Failed))
		g.Expect(e.MeasuredAgain).To(Equal([]string{"too busy", "too busy"}))
	}
}

func TestUntilProven_StarvedEachTimeIsAnError(t *testing.T) {
	g := NewWithT(t)
	runs := 0
	e := untilProven(t.Context(), nil, func(int) (Evidence, string) {
		runs++
		return Evidence{Verdict: Failed, Differences: []Difference{{What: "status"}}}, "too busy"
	})
	g.Expect(runs).To(Equal(1 + maxReruns))
	g.Expect(e.Verdict).To(Equal(Error))
	g.Expect(e.Error).To(ContainSubstring("too busy"))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	runs = 0
	untilProven(ctx, nil, func(int) (Evidence, string) { runs++; return Evidence{}, "too busy" })
	g.Expect(runs).To(Equal(1), "one that is cut off is not begun again")
}

func TestInconclusiveReason(t *testing.T) {
	starved := func() time.Duration { return 2 * starvation }
	turns := func() time.Duration { return starvation / 2 }
	quick, slow := []lab.Exchange{{Real: time.Second, Waited: time.Second}}, []lab.Exchange{{}, {Real: 6 * time.Second, Waited: 6 * time.Second}}
	moved := []lab.Exchange{{Real: 6 * time.Second, Waited: 66 * time.Second, NotBefore: 59 * time.Second}}
	failed := errors.New("the time limit was reached")
	for _, c := range []struct {
		name    string
		late    string
		err     error
		seen    []lab.Exchange
		delayed func() time.Duration
		nothing string
	}{
		{"a quick one on a busy machine", "", nil, quick, starved, ""},
		{"a slow one on a busy machine", "", nil, slow, starved, "5.0 s for a processor"},
		{"a slow one beside a moved clock, on a busy machine", "", nil, moved, starved, "5.0 s for a processor"},
		{"a slow one on a quiet machine", "", nil, slow, turns, ""},
		{"an error on a busy machine", "", failed, quick, starved, "5.0 s for a processor"},
		{"an error on a quiet machine", "", failed, quick, turns, ""},
		{"a look that came late", "came late", nil, quick, turns, "came late"},
	} {
		got := inconclusiveReason(c.late, c.err, c.seen, c.delayed)
		if c.nothing == "" && got != "" || !strings.Contains(got, c.nothing) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestEstimate_SumsTheWaitsInRealTime(t *testing.T) {
	g := NewWithT(t)
	minute := Job{Scenario: Scenario{Expect: Expectation{After: 20 * time.Second}}, Variant: Variant{RemedyTakes: 40 * time.Second}}
	g.Expect(estimate([]Job{minute, minute, minute, minute}, 2, false)).To(BeNumerically("<", 5*time.Second))
	g.Expect(estimate([]Job{minute, minute, minute, minute}, 2, true)).To(BeNumerically("~", 2*time.Minute, 5*time.Second))
	g.Expect(estimate([]Job{minute, {}, {}}, 2, true)).To(BeNumerically("~", time.Minute, 5*time.Second), "no sooner than the longest")
}

// Of a lab that does not come up there is the config, and what happened until then.
func TestRun_KeepsTheTranscriptOfALabThatDoesNotComeUp(t *testing.T) {
	g := NewWithT(t)
	gateway, beside := fakelab.NewAgent(), fakelab.NewAgent()
	fakelab.Here(t).Has("test/scenario", gateway, beside, nil)
	fakelab.Answer[agentapi.ProcSpec](beside, "Start", agentapi.ProcStarted{Exited: true, Output: "reading app.ini"})
	fakelab.Answer[agentapi.NameRef](gateway, "Read", agentapi.FileText{Text: "bind(): Address already in use\n"})
	l, err := lab.Start(t.Context(), lab.Options{GatewayImage: "test/scenario"})
	g.Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	e := Run(t.Context(), l, Scenario{ID: "a", Gateway: lab.Gateway{Driver: nginx.Driver, Config: "events {}"}}, Variant{Kind: Real, Upstreams: []lab.Upstream{
		{Name: "app", Real: &lab.Backend{Image: "php", Argv: []string{"uwsgi"}, Listen: "10.0.0.5:9000", Log: "/var/log/upstream/app.log"}},
	}})
	const why = "uwsgi ended at its start: reading app.ini; its log /var/log/upstream/app.log ends:\nbind(): Address already in use"
	g.Expect(e.Verdict).To(Equal(Error))
	g.Expect(e.Error).To(Equal("the lab is not healthy before the fault: starting the upstream app: " + why))
	g.Expect(e.Config).To(Equal("events {}"))
	g.Expect(e.Transcript).To(HaveExactElements(And(HaveField("Actor", "upstream app"), HaveField("Text", "does not start: "+why))))
}

// The lab has a clock, and a run in which nothing waits leaves it alone.
func TestRun_SaysWhereNoClockWasNeeded(t *testing.T) {
	g := NewWithT(t)
	fakelab.Here(t).Has("test/no-clock", fakelab.NewAgent(), nil, nil)
	l, err := lab.Start(t.Context(), lab.Options{GatewayImage: "test/no-clock"})
	g.Expect(err).NotTo(HaveOccurred())
	defer l.Close()
	g.Expect(l.Clock().Kind).To(Equal(lab.ClockMoved))
	e := Run(t.Context(), l, Scenario{ID: "a", Gateway: lab.Gateway{Driver: nginx.Driver, Config: "events {}"}, Expect: Expectation{Status: 200}}, Variant{Kind: Fake})
	g.Expect(e.Verdict).To(Equal(Passed), e.Error)
	g.Expect(e.Clock).To(Equal(lab.ClockReal))
	g.Expect(e.ClockWhy).To(Equal(ClockNotNeeded))
}

func TestElsewhere(t *testing.T) {
	app := lab.Upstream{Name: "app", Real: &lab.Backend{Listen: "10.0.0.5:9000"}}
	second := lab.Upstream{Name: "second", Real: &lab.Backend{Listen: "unix:/run/app.sock"}}
	at := func(all ...string) (tries []lab.Try) {
		for _, a := range all {
			tries = append(tries, lab.Try{Addr: a})
		}
		return tries
	}
	for name, c := range map[string]struct {
		tries     []lab.Try
		upstreams []lab.Upstream
		want      string
	}{
		"the scenario's":   {at("10.0.0.5:9000"), []lab.Upstream{app}, ""},
		"one of them":      {at("10.9.9.9:80", "10.0.0.5:9000"), []lab.Upstream{app}, ""},
		"nobody":           {nil, []lab.Upstream{app}, ""},
		"another":          {at("127.0.0.1:9001"), []lab.Upstream{app}, "; the gateway's config calls 127.0.0.1:9001, and the scenario's upstream listens at 10.0.0.5:9000"},
		"another, of two":  {at("[::1]:80", "[::1]:80", "127.0.0.1:80"), []lab.Upstream{app, second}, "; the gateway's config calls [::1]:80 and 127.0.0.1:80, and the scenario's upstream listens at 10.0.0.5:9000 and unix:/run/app.sock"},
		"without upstream": {at("127.0.0.1:9001"), nil, ""},
	} {
		if got := elsewhere(c.tries, c.upstreams); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
