package lab

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

// ask and within are how a client asks.
func ask(t *testing.T, c *Sandbox, r Request) (Exchange, error) { return c.Do(t.Context(), r) }
func within(t *testing.T, c *Sandbox, w WaitWindow) (Exchange, error) {
	return c.Do(t.Context(), Request{}, Within(w))
}

// offsets are how far a sandbox's clock was ahead after each of its moves.
func offsets(a *fakelab.Agent) (all []time.Duration) {
	for _, m := range fakelab.Args[agentapi.MoveSpec](a, "Move") {
		all = append(all, m.Offset)
	}
	return all
}

// Of all that was logged meanwhile an exchange has what is of its own client, or of the gateway itself.
func TestDo_ReadsTheLogsOfItsOwnClient(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	real := realApp
	woken := *real.Real
	woken.Woken = func(line string) bool { return line == "NOTICE: woken" }
	real.Real = &woken
	c := s.open(t, Setup{Clock: true, Upstreams: []Upstream{fakeApp, real}})
	const (
		own     = `2026/01/02 03:04:05 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 198.51.100.1, server: , request: "GET /a HTTP/1.1", upstream: "http://10.0.0.5:8080/a", host: "example.com"`
		other   = `2026/01/02 03:04:05 [error] 7#7: *2 connect() failed (111: Connection refused) while connecting to upstream, client: 198.51.100.9, server: , request: "GET / HTTP/1.1", upstream: "http://10.0.0.5:8080/", host: "example.com"`
		info    = `2026/01/02 03:04:05 [info] 7#7: *1 client closed connection, client: 198.51.100.1`
		gateway = `2026/01/02 03:04:05 [alert] 1#1: worker process 7 exited on signal 9`
		woke    = `2026/01/02 03:04:05 [notice] 7#7: signal 29 (SIGIO) received`
	)
	fakelab.Answer[agentapi.AskSpec](s.agent, "Ask", agentapi.Answer{
		Status: 502, Header: map[string][]string{"Server": {"nginx"}}, Body: "bad", BodyBytes: 3, Cut: true, Real: time.Second,
		Logs: map[string]string{
			"/var/log/nginx/error.log":      own + "\n" + other + "\n" + info + "\n" + gateway + "\n" + woke + "\n",
			"/var/log/nginx/access.log":     "198.51.100.11 - not his\n198.51.100.1 - \"GET /a\" 502\n",
			"/var/log/upstream/php.log":     "NOTICE: fpm is running\nNOTICE: woken\n",
			"/badgateway-output/gateway":    "",
			"/var/log/upstream/another.log": "",
		},
		Attempts: agentapi.Attempts{
			All: []agentapi.Attempt{{Addr: "10.0.0.5:8080", Kept: true}, {Addr: "10.0.0.5:8080"}}, Unknown: "somebody else asked",
			Connects: map[string]int{"10.0.0.5:8080": 3},
		},
	})
	e, err := ask(t, c, Request{Path: "/a"})
	g.Expect(err).NotTo(HaveOccurred())
	var raw []string
	for _, l := range e.Log {
		raw = append(raw, l.Raw)
	}
	g.Expect(raw).To(Equal([]string{own, gateway}))
	e.Log = nil
	g.Expect(e).To(Equal(Exchange{
		Visitor: "198.51.100.1", Request: "GET /a", Status: 502, Header: map[string][]string{"Server": {"nginx"}},
		Body: "bad", BodyBytes: 3, Cut: true, Waited: time.Second, Real: time.Second,
		Tries:        []Try{{Addr: "10.0.0.5:8080", Kept: true}, {Addr: "10.0.0.5:8080"}},
		TriesUnknown: "somebody else asked", Access: `198.51.100.1 - "GET /a" 502`, UpstreamLog: []string{"NOTICE: fpm is running"},
	}))
	g.Expect(c.calls.connected("10.0.0.5:8080")).To(Equal(1), "two of the three calls failed, whoever they were for")
	g.Expect(texts(c.Transcript())).To(ContainElements(
		"visitor: asks GET /a", "visitor: gets 502 (3 bytes)", "gateway log: "+other, "upstream log: NOTICE: fpm is running"))
	g.Expect(texts(c.Transcript())).NotTo(ContainElement(ContainSubstring("SIGIO")))
	fakelab.Answer[agentapi.None](s.agent, "News", map[string]string{"/var/log/upstream/php.log": "a\nb\nNOTICE: woken\n", "/var/log/nginx/error.log": own})
	lines, err := c.UpstreamLogs(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lines).To(Equal([]string{"a", "b"}))
}

func TestDo_NoAnswerIsNoError(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	fakelab.Answer[agentapi.AskSpec](a, "Ask", agentapi.Answer{NoAnswer: "reset"})
	e, err := ask(t, c, Request{Method: "HEAD"})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Status).To(BeZero())
	g.Expect(e.NoAnswer).To(Equal("reset"))
	g.Expect(texts(c.Transcript())).To(ContainElement("visitor: gets no answer: reset"))
	spec := fakelab.Args[agentapi.AskSpec](a, "Ask")[0]
	g.Expect(spec.Head).To(BeTrue())
	g.Expect(spec.To).To(Equal("192.0.2.80:80"))
}

// The clock is half a second before the limit when the client must still wait, and half a second after the last moment then.
func TestWithin_LooksBeforeAndAfterTheLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		until time.Duration
		last  time.Duration
	}{
		{"no later moment", 0, 60500 * time.Millisecond},
		{"the same moment", time.Minute, 60500 * time.Millisecond},
		{"a later moment", 75 * time.Second, 75500 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			sandbox, a := moved(t)
			g.Expect(sandbox.Advance(t.Context(), time.Hour)).To(Succeed())
			a.Forget()
			fakelab.Answer[agentapi.NameRef](a, "EndAsk", agentapi.Answer{Status: 504, Real: 3 * time.Second})
			e, err := within(t, sandbox, WaitWindow{After: time.Minute, Until: c.until})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(names(a.Calls())).To(Equal([]string{"StartAsk", "Pending", "Move", "Pending", "Move", "EndAsk"}))
			moves := offsets(a)
			g.Expect(e.NotBefore).To(Equal(moves[0] - time.Hour))
			g.Expect(e.NotBefore).To(BeNumerically("<=", 59500*time.Millisecond), "what has passed on the machine is taken off")
			g.Expect(moves[1]-time.Hour).To(Equal(c.last), "the gateway's clock stands still between two moves")
			g.Expect(e.Waited).To(Equal(c.last + 3*time.Second))
			g.Expect(e.Status).To(Equal(504))
			g.Expect(sandbox.TooLate()).To(BeEmpty())
			asked := fakelab.Args[agentapi.AskSpec](a, "StartAsk")[0]
			for _, ref := range slices.Concat(fakelab.Args[agentapi.NameRef](a, "Pending"), fakelab.Args[agentapi.NameRef](a, "EndAsk")) {
				g.Expect(ref.Name).To(Equal(asked.Name))
			}
		})
	}
}

func TestWithin_AnAnswerThatComesTooEarlyProvesNoWait(t *testing.T) {
	t.Parallel()
	for name, looks := range map[string][]bool{"at once": {false}, "before the look": {true, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			c, a := moved(t)
			pending(a, looks...)
			e, err := within(t, c, WaitWindow{After: time.Minute})
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(e.NotBefore).To(BeZero())
			g.Expect(offsets(a)).To(HaveLen(len(looks)-1), "nothing is waited for any more")
			g.Expect(names(a.Calls("EndAsk"))).To(HaveLen(1))
		})
	}
}

func TestWithin_AClientWhoLeavesHasWaitedUntilThen(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	e, err := within(t, c, WaitWindow{After: 3 * time.Second, Leaves: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(a.Calls())).To(Equal([]string{"StartAsk", "Pending", "Move", "Pending", "Move", "LeaveAsk"}))
	g.Expect(e.NoAnswer).To(Equal("left"))
	g.Expect(e.NotBefore).To(BeNumerically("<=", 2500*time.Millisecond))
	g.Expect(e.Waited).To(Equal(3500 * time.Millisecond))

	c, a = moved(t)
	_, err = within(t, c, WaitWindow{WaitFor: []Condition{RequestAt("app")}, Leaves: true})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(a.Calls())).To(Equal([]string{"Records", "StartAsk", "Reached", "Settled", "LeaveAsk"}))
}

// pending has the client wait, or not, at each look.
func pending(a *fakelab.Agent, looks ...bool) {
	n := 0
	fakelab.On(a, "Pending", func(context.Context, string, agentapi.NameRef) (bool, error) {
		n++
		return looks[n-1], nil
	})
}

// A look that comes when the answer is due proves nothing of an answer that is there.
func TestWithin_ALookThatComesTooLateSaysSo(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	pending(a, true, false)
	late := WaitWindow{After: time.Minute, InFlight: func(ctx context.Context) error { return c.Advance(ctx, time.Minute) }}
	e, err := within(t, c, late)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.NotBefore).To(BeZero())
	g.Expect(c.TooLate()).To(MatchRegexp(`due after 59\.5s came after 60\.\d s`))
}

// A clock that has gone further than it was to be moved stays where it is.
func TestWithin_NeverMovesAClockBack(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	e, err := within(t, c, WaitWindow{After: time.Minute, InFlight: func(ctx context.Context) error { return c.Advance(ctx, time.Hour) }})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.Waited).To(Equal(time.Hour))
	g.Expect(slices.IsSorted(offsets(a))).To(BeTrue(), "%v", offsets(a))
	a.Forget()
	g.Expect(c.Wait(t.Context(), -time.Minute)).To(Succeed())
	g.Expect(offsets(a)).To(Equal([]time.Duration{time.Hour}))
}

// In real time no clock is moved: the answer comes by itself, and has the whole window to come.
func TestWithin_InRealTime(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{RealTime: true})
	c := s.open(t, Setup{Clock: true, Upstreams: []Upstream{fakeApp}})
	fakelab.Answer[agentapi.NameRef](s.agent, "EndAsk", agentapi.Answer{Status: 504, Real: time.Second})
	window := WaitWindow{After: LookMargin, Until: time.Minute} // the look is due at once
	e, err := within(t, c, window)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(s.agent.Calls("Move")).To(BeEmpty())
	g.Expect(e.NotBefore).To(BeNumerically(">", 0))
	g.Expect(e.Waited).To(Equal(time.Second))
	g.Expect(fakelab.Args[agentapi.AskSpec](s.agent, "StartAsk")[0].Limit).To(Equal(90 * time.Second))

	pending(s.agent, true, false)
	e, err = within(t, c, window)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(e.NotBefore).To(BeZero())
	g.Expect(c.TooLate()).To(BeEmpty(), "a real answer comes when it comes")
}

// Of several conditions each has the request for its share of the time before the next is waited for.
func TestWithin_ConditionsHoldOneAfterTheOther(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Clock: true, Upstreams: []Upstream{fakeApp, {Name: "b", Fake: &fakeupstream.Spec{Listen: "10.0.0.7:80"}}}})
	a, inFlight := s.agent, ""
	e, err := within(t, c, WaitWindow{
		After: time.Minute, WaitFor: []Condition{RequestAt("app"), RequestAt("b")},
		InFlight: func(context.Context) error { inFlight = names(a.Calls())[len(a.Calls())-1]; return nil },
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(a.Calls())).To(Equal([]string{
		"Records", "Records", "StartAsk", "Reached", "Settled", "Move", "Reached", "Settled", "Pending", "Move", "Pending", "Move", "EndAsk",
	}))
	g.Expect(inFlight).To(Equal("Settled"), "after the first condition")
	g.Expect(offsets(a)[0]).To(Equal(30 * time.Second))
	g.Expect(e.Waited).To(Equal(60500 * time.Millisecond))
}

func TestWithin_WhatFailsOnTheWayIsTheError(t *testing.T) {
	t.Parallel()
	why := errors.New("not today")
	for name, call := range map[string]func(*fakelab.Agent){
		"Records":  func(a *fakelab.Agent) { fakelab.Fail[agentapi.NameRef](a, "Records", why) },
		"StartAsk": func(a *fakelab.Agent) { fakelab.Fail[agentapi.AskSpec](a, "StartAsk", why) },
		"Reached":  func(a *fakelab.Agent) { fakelab.Fail[agentapi.ReachedSpec](a, "Reached", why) },
		"Pending":  func(a *fakelab.Agent) { fakelab.Fail[agentapi.NameRef](a, "Pending", why) },
		"Move":     func(a *fakelab.Agent) { fakelab.Fail[agentapi.MoveSpec](a, "Move", why) },
		"EndAsk":   func(a *fakelab.Agent) { fakelab.Fail[agentapi.NameRef](a, "EndAsk", why) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			c, a := moved(t)
			call(a)
			_, err := within(t, c, WaitWindow{After: time.Minute, WaitFor: []Condition{RequestAt("app")}})
			g.Expect(err).To(MatchError(ContainSubstring("not today")))
			g.Expect(names(a.Calls())).To(HaveExactElements(append(slices.Repeat([]any{Not(BeEmpty())}, len(a.Calls())-1), Equal(name))...),
				"nothing is done after it")
			_, err = ask(t, c, Request{})
			g.Expect(err).NotTo(HaveOccurred(), "the sandbox is free again")
		})
	}
	g := NewWithT(t)
	c, a := moved(t)
	_, err := within(t, c, WaitWindow{After: time.Minute, InFlight: func(context.Context) error { return why }})
	g.Expect(err).To(MatchError(why))
	g.Expect(a.Calls("EndAsk")).To(BeEmpty())
}

// Whoever asks while another exchange is under way is told so at once, and others can be started beside it.
func TestDo_OneExchangeOfManyAtATime(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	fakelab.On(a, "Ask", func(context.Context, string, agentapi.AskSpec) (agentapi.Answer, error) {
		close(asked)
		<-answer
		return agentapi.Answer{Status: 200}, nil
	})
	first := make(chan error, 1)
	go func() {
		_, err := c.Do(context.Background(), Request{})
		first <- err
	}()
	<-asked
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := ask(t, c, Request{}); !errors.Is(err, ErrBusy) {
				t.Errorf("a second exchange: %v", err)
			}
			if err := c.StartBackground(t.Context(), Request{}, Condition{}); err != nil {
				t.Errorf("a client beside it: %v", err)
			}
		})
	}
	all.Wait()
	close(answer)
	g.Expect(<-first).To(Succeed())
	froms := map[string]bool{}
	for _, spec := range slices.Concat(fakelab.Args[agentapi.AskSpec](a, "Ask"), fakelab.Args[agentapi.AskSpec](a, "StartAsk")) {
		froms[spec.From] = true
	}
	g.Expect(froms).To(HaveLen(9), "each client has an address of its own")
}

func TestDo_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	fakelab.On(a, "Ask", func(ctx context.Context, _ string, _ agentapi.AskSpec) (agentapi.Answer, error) {
		cancel(enough)
		<-ctx.Done()
		return agentapi.Answer{}, context.Cause(ctx)
	})
	_, err := c.Do(ctx, Request{})
	g.Expect(err).To(MatchError(enough))
}

func TestStartBackground_WaitsForItsCondition(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	g.Expect(c.StartBackground(t.Context(), Request{Path: "/slow"}, ConnectionAt("app"))).To(Succeed())
	g.Expect(names(a.Calls())).To(Equal([]string{"Records", "StartAsk", "Reached", "Settled"}))
	g.Expect(fakelab.Args[agentapi.AskSpec](a, "StartAsk")[0].Limit).To(Equal(longest))

	g.Expect(c.StartBackground(t.Context(), Request{}, RequestAt("nobody"))).To(MatchError(ContainSubstring(`no upstream "nobody"`)))
	g.Expect(a.Calls("StartAsk")).To(HaveLen(1), "nobody asked for the second")
	fakelab.Fail[agentapi.AskSpec](a, "StartAsk", errors.New("refused"))
	g.Expect(c.StartBackground(t.Context(), Request{}, Condition{})).To(MatchError("refused"))
}

// Connections of the fakes are held against what the gateway called, as long as that is known to be all.
func TestUpstreamCalls_CountFakesThatPlayAndThoseThatDidBefore(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	calls, err := c.UpstreamCalls(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(BeEmpty(), "nobody told yet whom the gateway called")

	fakelab.Answer[agentapi.AskSpec](a, "Ask", agentapi.Answer{Status: 200, Attempts: agentapi.Attempts{Connects: map[string]int{"10.0.0.5:8080": 3}}})
	_, err = ask(t, c, Request{})
	g.Expect(err).NotTo(HaveOccurred())
	fakelab.Answer[agentapi.NameRef](a, "StopFake", make([]fakeupstream.ConnectionRecord, 2))
	g.Expect(c.StartUpstream(t.Context(), fakeApp)).To(Succeed(), "under its name, in its place")
	fakelab.Answer[agentapi.None](a, "Connections", map[string]int{"app": 1, "gone": 5})
	calls, err = c.UpstreamCalls(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(Equal([]UpstreamCalls{{At: "10.0.0.5:8080", Made: 3, Connections: 3}}))

	fakelab.Fail[agentapi.None](a, "Connections", errors.New("no records"))
	_, err = c.UpstreamCalls(t.Context())
	g.Expect(err).To(MatchError("no records"))
	g.Expect(c.StartBackground(t.Context(), Request{}, Condition{})).To(Succeed())
	calls, err = c.UpstreamCalls(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(BeEmpty(), "the gateway may call for the one under way")
}

// A real upstream may have called a fake too.
func TestUpstreamCalls_AreUnknownBesideARealUpstream(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Upstreams: []Upstream{fakeApp, realApp}})
	fakelab.Answer[agentapi.AskSpec](s.agent, "Ask", agentapi.Answer{Attempts: agentapi.Attempts{Connects: map[string]int{}}})
	_, err := ask(t, c, Request{})
	g.Expect(err).NotTo(HaveOccurred())
	calls, err := c.UpstreamCalls(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(BeEmpty())
}

// A DNS server is asked by datagrams, which are no connections that the gateway makes.
func TestUpstreamCalls_LeaveOutDNS(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	names := Upstream{Name: "dns", Fake: &fakeupstream.Spec{Listen: "10.0.0.53:53", Protocol: fakeupstream.DNS}}
	c := s.open(t, Setup{Upstreams: []Upstream{fakeApp, names}})
	fakelab.Answer[agentapi.AskSpec](s.agent, "Ask", agentapi.Answer{Attempts: agentapi.Attempts{Connects: map[string]int{"10.0.0.5:8080": 1}}})
	_, err := ask(t, c, Request{})
	g.Expect(err).NotTo(HaveOccurred())
	fakelab.Answer[agentapi.None](s.agent, "Connections", map[string]int{"app": 1, "dns": 2})
	calls, err := c.UpstreamCalls(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(calls).To(Equal([]UpstreamCalls{{At: "10.0.0.5:8080", Made: 1, Connections: 1}}))
}
