package lab

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/internal/fakelab"
)

func TestOpen_StartsUpstreamsAndThenTheGateway(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	const conf = "error_log /var/log/nginx/mine.log;"
	more := File{Path: "/etc/nginx/more.conf", Data: "x"}
	c, err := s.Open(t.Context(), Setup{
		Clock: true, Upstreams: []Upstream{realApp, fakeApp}, Logs: []string{"/tmp/more.log"},
		Gateway: Gateway{Driver: nginx.Driver, Config: conf, Files: []File{more}, Hosts: map[string]string{"app.test": "10.0.0.9"}},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names(s.agent.Calls())).To(Equal([]string{"Open", "Start"}))
	g.Expect(names(s.beside.Calls())).To(Equal([]string{"Hello", "Open", "Start"}))

	spec := fakelab.Args[agentapi.SandboxSpec](s.agent, "Open")[0]
	g.Expect(spec.ID).To(Equal(c.id))
	g.Expect(spec.Fakes).To(Equal([]agentapi.FakeSpec{{Name: "app", Spec: *fakeApp.Fake}}))
	g.Expect(spec.Files).To(Equal([]File{{Path: "/etc/hosts", Data: "127.0.0.1 localhost\n::1 localhost\n10.0.0.9 app.test\n"}, more, {Path: nginx.Driver.Conf, Data: conf}}))
	g.Expect(spec.Gateway).To(BeNil(), "the backend comes first")
	g.Expect(spec.Logs).To(Equal([]string{
		"/var/log/nginx/error.log", "/badgateway-output/gateway", "/var/log/nginx/mine.log", "/tmp/more.log",
		"/var/log/nginx/access.log", "/var/log/upstream/php.log",
	}))
	g.Expect(spec.Addresses).To(ConsistOf("192.0.2.80", "198.51.100.1/24", "10.0.0.5", "10.0.0.6", "10.0.0.9"))
	joined := fakelab.Args[agentapi.SandboxSpec](s.beside, "Open")[0]
	g.Expect(joined.Join).To(Equal("/proc/1/ns/net"), "the backend is in the gateway's network")
	g.Expect(joined.Still).To(BeFalse(), "the clock of a backend of its own image goes on")

	gateway := fakelab.Args[agentapi.ProcSpec](s.agent, "Start")[0]
	g.Expect(gateway.Ready).To(Equal([]string{FrontDoor}))
	g.Expect(gateway.Clock).To(BeTrue())
	g.Expect(texts(c.Transcript())).To(Equal([]string{
		"upstream php: listens on 10.0.0.6:9000", "upstream app: listens on 10.0.0.5:8080", "gateway: nginx/1.22.1 started",
	}))
	config, err := c.Config(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(config).To(Equal(conf))
	g.Expect(s.agent.Calls("Read")).To(BeEmpty())

	s.agent.Forget()
	s.beside.Forget()
	g.Expect(c.Close()).To(Succeed())
	g.Expect(s.agent.Calls()).To(HaveExactElements(HaveField("Name", "Close")))
	g.Expect(s.beside.Calls()).To(HaveExactElements(HaveField("Sandbox", c.id)), "and where its backend ran")
}

// What was opened before something failed is closed, and its error does not hide the first.
func TestOpen_IsUndoneAfterAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("no such program")
	setup := Setup{Gateway: Gateway{Driver: nginx.Driver}, Upstreams: []Upstream{fakeApp}}
	t.Run("of the gateway", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		s := staged(t, Options{})
		fakelab.Answer[agentapi.SandboxSpec](s.agent, "Open", agentapi.SandboxOpened{Gateway: agentapi.ProcStarted{Exited: true, Output: "bad config"}})
		fakelab.Fail[agentapi.None](s.agent, "Close", errors.New("busy"))
		_, err := s.Open(t.Context(), setup)
		g.Expect(is[*ConfigError](err)).To(BeTrue(), "%v", err)
		var unopened *OpenError
		g.Expect(errors.As(err, &unopened)).To(BeTrue(), "%v", err)
		g.Expect(texts(unopened.Transcript)).To(Equal([]string{"upstream app: listens on 10.0.0.5:8080", "gateway: does not start, and prints: bad config"}))
		g.Expect(err).To(MatchError(And(ContainSubstring("bad config"), ContainSubstring("busy"))))
		g.Expect(names(s.agent.Calls())).To(Equal([]string{"Open", "Close"}), "it is started with the sandbox")
	})
	t.Run("of the gateway after a backend", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		s := staged(t, Options{})
		fakelab.Fail[agentapi.ProcSpec](s.agent, "Start", broken)
		setup := setup
		setup.Upstreams = []Upstream{realApp}
		_, err := s.Open(t.Context(), setup)
		g.Expect(err).To(MatchError("no such program"))
		var unopened *OpenError
		g.Expect(errors.As(err, &unopened)).To(BeTrue(), "%v", err)
		g.Expect(texts(unopened.Transcript)).To(Equal([]string{"upstream php: listens on 10.0.0.6:9000", "gateway: does not start: no such program"}))
		g.Expect(names(s.agent.Calls())).To(Equal([]string{"Open", "Start", "Close"}))
		g.Expect(names(s.beside.Calls())).To(Equal([]string{"Hello", "Open", "Start", "Close"}))
	})
	t.Run("of a backend", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		s := staged(t, Options{})
		fakelab.Answer[agentapi.ProcSpec](s.beside, "Start", agentapi.ProcStarted{Exited: true, Output: "unknown option"})
		setup := setup
		setup.Upstreams = []Upstream{fakeApp, realApp}
		_, err := s.Open(t.Context(), setup)
		const says = "php-fpm8.2 ended at its start: unknown option; nothing is in its log /var/log/upstream/php.log"
		g.Expect(err).To(MatchError("starting the upstream php: " + says))
		var unopened *OpenError
		g.Expect(errors.As(err, &unopened)).To(BeTrue(), "%v", err)
		g.Expect(texts(unopened.Transcript)).To(Equal([]string{"upstream app: listens on 10.0.0.5:8080", "upstream php: does not start: " + says}))
		g.Expect(names(s.agent.Calls())).To(Equal([]string{"Open", "Read", "Close"}), "no gateway is started")
		g.Expect(names(s.beside.Calls())).To(Equal([]string{"Hello", "Open", "Start", "Close"}))
	})
	t.Run("of the sandbox", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		s := staged(t, Options{})
		fakelab.Fail[agentapi.SandboxSpec](s.agent, "Open", broken)
		_, err := s.Open(t.Context(), setup)
		g.Expect(err).To(MatchError("no such program"))
		g.Expect(names(s.agent.Calls())).To(Equal([]string{"Open"}), "there is none to close")
	})
	t.Run("of the setup", func(t *testing.T) {
		t.Parallel()
		g := NewWithT(t)
		s := staged(t, Options{})
		_, err := s.Open(t.Context(), Setup{})
		g.Expect(err).To(MatchError(ContainSubstring("has no program")))
		g.Expect(s.agent.Calls()).To(BeEmpty())
	})
}

// The agent may have opened it before it knew that nobody waits.
func TestOpen_OfACallerWhoLeavesIsClosed(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	fakelab.On(s.agent, "Open", func(ctx context.Context, _ string, spec agentapi.SandboxSpec) (agentapi.SandboxOpened, error) {
		cancel()
		<-ctx.Done()
		return agentapi.SandboxOpened{}, nil
	})
	_, err := s.Open(ctx, Setup{Gateway: Gateway{Driver: nginx.Driver}})
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(s.agent.Calls("Close")).To(HaveExactElements(HaveField("Sandbox", fakelab.Args[agentapi.SandboxSpec](s.agent, "Open")[0].ID)))
}

func TestOpen_AProgramThatTheImageLacksIsALack(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	for range 2 {
		_, err := s.Open(t.Context(), Setup{Gateway: Gateway{Driver: apache.Driver}})
		var lack *LackError
		g.Expect(errors.As(err, &lack)).To(BeTrue(), "%v", err)
		g.Expect(lack.Need).To(Equal("apache"))
		g.Expect(lack.Remedy).To(ContainSubstring(apache.Driver.Image))
	}
	g.Expect(s.agent.Calls("Run")).To(HaveLen(len(apache.Driver.Programs)), "it is looked for once")
	g.Expect(s.agent.Calls("Open")).To(BeEmpty())
}

func TestOpen_ACatchAllHasNoGatewayYet(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.catchAll(t)
	g.Expect(fakelab.Args[agentapi.SandboxSpec](s.agent, "Open")[0].CatchAll).To(Equal(&CatchAll{User: "web"}))
	g.Expect(s.agent.Calls("Start", "StartCommand")).To(BeEmpty())
	g.Expect(c.Clocked()).To(BeTrue())

	s.agent.Forget()
	g.Expect(c.StopGateway(t.Context())).To(Succeed())
	g.Expect(s.agent.Calls()).To(BeEmpty(), "none runs")
	g.Expect(c.StartCommand(t.Context(), "nginx", "-g", "daemon off;")).To(Succeed())
	g.Expect(c.StopGateway(t.Context())).To(Succeed())
	g.Expect(c.StopGateway(t.Context())).To(Succeed())
	g.Expect(names(s.agent.Calls())).To(Equal([]string{"StartCommand", "Signal"}))

	const words = `nginx: [emerg] unknown directive "proxxy" in /etc/nginx/nginx.conf:3`
	fakelab.Answer[agentapi.ProcSpec](s.agent, "StartCommand", agentapi.ProcStarted{Exited: true, Output: words})
	var refused *ConfigError
	g.Expect(errors.As(c.StartCommand(t.Context(), "openresty"), &refused)).To(BeTrue())
	g.Expect(refused.Program).To(Equal("openresty"))
	g.Expect(refused.Lines).To(HaveExactElements(HaveField("Raw", words)))
	s.agent.Forget()
	g.Expect(c.StopGateway(t.Context())).To(Succeed())
	g.Expect(s.agent.Calls()).To(BeEmpty(), "one that was refused does not run")
}

// catchAll opens a sandbox in which everything answers.
func (s *stage) catchAll(t *testing.T) *Sandbox {
	t.Helper()
	c, err := s.Open(t.Context(), Setup{CatchAll: &CatchAll{User: "web"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Each of these is one call, whose answer is handed on.
func TestCatchAll_HandsOnWhatTheAgentSays(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.catchAll(t)
	ctx, a := t.Context(), s.agent
	a.Forget()

	g.Expect(c.Put(ctx, File{Path: "/a"}, File{Path: "/b"})).To(Succeed())
	g.Expect(fakelab.Args[agentapi.PutSpec](a, "Put")[0].Files).To(HaveLen(2))
	fakelab.Answer[agentapi.ExecSpec](a, "Exec", Executed{Code: 3, Output: "no"})
	ran, err := c.Exec(ctx, "nginx", "-t")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(ran).To(Equal(Executed{Code: 3, Output: "no"}))
	g.Expect(fakelab.Args[agentapi.ExecSpec](a, "Exec")[0]).To(Equal(agentapi.ExecSpec{Argv: []string{"nginx", "-t"}, Limit: agentapi.ExecLimit}))
	fakelab.Answer[agentapi.LookSpec](a, "Look", []string{"/b"})
	found, err := c.There(ctx, "/a", "/b")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(found).To(Equal([]string{"/b"}))
	fakelab.Answer[agentapi.NameRef](a, "Names", []string{"x.conf"})
	inside, err := c.Names(ctx, "/etc")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(inside).To(Equal([]string{"x.conf"}))
	fakelab.Answer[agentapi.None](a, "Written", []File{{Path: "/c", Link: "/d"}})
	written, err := c.Written(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(written).To(Equal([]File{{Path: "/c", Link: "/d"}}))
	fakelab.Answer[agentapi.NameRef](a, "ReadTree", agentapi.Tree{"/etc/a": "1"})
	tree, err := c.ReadTree(ctx, "/etc")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(tree).To(Equal(map[string]string{"/etc/a": "1"}))
	g.Expect(c.Wipe(ctx, "/cache")).To(Succeed())
	g.Expect(fakelab.Args[agentapi.WipeSpec](a, "Wipe")).To(Equal([]agentapi.WipeSpec{{Folders: []string{"/cache"}}}))
	behave := []UpstreamBehaviour{{At: "198.18.0.1:80", Down: "off"}}
	g.Expect(c.SetBehaviour(ctx, behave, []NameBehaviour{{Name: "a", Gone: true}})).To(Succeed())
	g.Expect(fakelab.Args[agentapi.BehaviourSpec](a, "SetBehaviour")[0].Upstreams).To(Equal(behave))
	fakelab.Answer[agentapi.None](a, "DrainEvents", agentapi.Events{Loop: true})
	events, err := c.DrainEvents(ctx)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(events.Loop).To(BeTrue())

	for range 2 {
		_, err = c.Probe(ctx, ProbeSpec{})
		g.Expect(err).NotTo(HaveOccurred())
	}
	_, err = c.Probe(ctx, ProbeSpec{From: "10.1.2.3"})
	g.Expect(err).NotTo(HaveOccurred())
	var froms []string
	for _, spec := range fakelab.Args[ProbeSpec](a, "Probe") {
		froms = append(froms, spec.From)
	}
	g.Expect(froms).To(Equal([]string{"198.51.100.1", "198.51.100.2", "10.1.2.3"}))
}

func TestProbe_KnowsWhyTheLabEndedIt(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.catchAll(t)
	fakelab.Fail[ProbeSpec](s.agent, "Probe", agentapi.ErrMultiplied)
	_, err := c.Probe(t.Context(), ProbeSpec{})
	g.Expect(Overrun(err)).To(Equal(ErrMultiplied))
	g.Expect(Overrun(errors.New("other"))).To(Succeed())
}

// The clock is moved in each container of the sandbox, by how far it is ahead in all; the gateway's last.
func TestWait_MovesTheClockOfAllContainers(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Clock: true, Upstreams: []Upstream{realApp}})
	last := ""
	note := func(who string, a *fakelab.Agent) {
		fakelab.On(a, "Move", func(context.Context, string, agentapi.MoveSpec) (agentapi.None, error) {
			last = who
			return agentapi.None{}, nil
		})
	}
	note("gateway", s.agent)
	note("backend", s.beside)
	g.Expect(c.Wait(t.Context(), time.Minute)).To(Succeed())
	g.Expect(c.Advance(t.Context(), time.Second)).To(Succeed())
	g.Expect(c.Wait(t.Context(), time.Second)).To(Succeed())
	want := []agentapi.MoveSpec{{Offset: 60 * time.Second}, {Offset: 61 * time.Second, Runs: true}, {Offset: 62 * time.Second, Runs: true}}
	g.Expect(fakelab.Args[agentapi.MoveSpec](s.agent, "Move")).To(Equal(want))
	g.Expect(fakelab.Args[agentapi.MoveSpec](s.beside, "Move")).To(Equal(want))
	g.Expect(last).To(Equal("gateway"))
	g.Expect(texts(c.Transcript())).To(ContainElements("clock: moved to +60.0 s", "clock: moved to +62.0 s"))

	fakelab.Fail[agentapi.MoveSpec](s.beside, "Move", errors.New("stuck"))
	s.agent.Forget()
	g.Expect(c.Wait(t.Context(), time.Second)).To(MatchError("stuck"))
	g.Expect(s.agent.Calls()).To(BeEmpty())
}

// The agent keeps that clock itself, so it is told by how much, and not how far.
func TestWait_PassesTheTimeOfACatchAll(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.catchAll(t)
	for range 2 {
		g.Expect(c.Wait(t.Context(), time.Minute)).To(Succeed())
	}
	g.Expect(c.Run(t.Context())).To(Succeed())
	g.Expect(fakelab.Args[agentapi.MoveSpec](s.agent, "Pass")).To(Equal([]agentapi.MoveSpec{
		{Offset: time.Minute}, {Offset: time.Minute}, {Runs: true},
	}))
	g.Expect(s.agent.Calls("Move")).To(BeEmpty())
}

// Without a clock that is moved time passes by itself.
func TestWait_InRealTime(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{}) // nobody asked for a clock
	g.Expect(c.Clocked()).To(BeFalse())
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	g.Expect(c.Wait(ctx, time.Hour)).To(MatchError(enough))
	g.Expect(c.Wait(t.Context(), 0)).To(Succeed())
	g.Expect(c.Run(t.Context())).To(Succeed(), "it goes on anyway")
	g.Expect(s.agent.Calls()).To(BeEmpty())
}

func TestResting_IsWhenAllContainersRest(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Upstreams: []Upstream{realApp}})
	for _, one := range []struct{ gateway, backend, rests bool }{{true, true, true}, {true, false, false}, {false, true, false}} {
		fakelab.Answer[agentapi.None](s.agent, "Resting", one.gateway)
		fakelab.Answer[agentapi.None](s.beside, "Resting", one.backend)
		rests, err := c.Resting(t.Context())
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(rests).To(Equal(one.rests))
	}
	fakelab.Fail[agentapi.None](s.beside, "Resting", errors.New("gone"))
	_, err := c.Resting(t.Context())
	g.Expect(err).To(MatchError("gone"))
}

// A container with a share of the processors waits for them as it is meant to.
func TestStarved_IsTheLongestOfThoseThatMayRun(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	shared, limited := realApp, realApp
	b := *realApp.Real
	b.CPUs = 0.5
	limited.Name, limited.Real = "limited", &b
	c := s.open(t, Setup{Upstreams: []Upstream{shared}})
	fakelab.Answer[agentapi.None](s.agent, "Starved", time.Second)
	fakelab.Answer[agentapi.None](s.beside, "Starved", time.Minute)
	g.Expect(c.Starved()).To(Equal(time.Minute))
	fakelab.Fail[agentapi.None](s.beside, "Starved", errors.New("unknown"))
	g.Expect(c.Starved()).To(Equal(time.Second), "what is not known does not count")

	fakelab.Answer[agentapi.None](s.beside, "Starved", time.Minute)
	c = s.open(t, Setup{Upstreams: []Upstream{limited}})
	g.Expect(c.Starved()).To(Equal(time.Second))
}

func TestSandbox_WhatItIsAsked(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	fakelab.Answer[agentapi.NameRef](a, "Listens", false)
	listens, err := c.Listens(t.Context(), FrontDoor)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(listens).To(BeFalse())
	fakelab.Answer[agentapi.NameRef](a, "Records", []fakeupstream.ConnectionRecord{{RequestCount: 2}})
	records, err := c.Records(t.Context(), "app")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(records).To(HaveExactElements(HaveField("RequestCount", 2)))
	fakelab.Answer[agentapi.NameRef](a, "Read", agentapi.FileText{Missing: true})
	text, missing, err := c.ReadFile(t.Context(), "/nowhere")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(text).To(BeEmpty())
	g.Expect(missing).To(BeTrue())
	fakelab.Answer[agentapi.LoadSpec](a, "Load", agentapi.BaselineTook{Took: time.Second})
	took, err := c.Load(t.Context(), FrontDoor, 100, 4)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(took).To(Equal(time.Second))
	g.Expect(fakelab.Args[agentapi.LoadSpec](a, "Load")).To(Equal([]agentapi.LoadSpec{{To: FrontDoor, Requests: 100, Connections: 4}}))
	_, err = c.Tunnel(t.Context(), "10.0.0.5:1")
	g.Expect(err).To(MatchError(syscall.ECONNREFUSED))
	g.Expect(err).To(MatchError(ContainSubstring("10.0.0.5:1")))
}

// A transcript that was taken does not grow.
func TestTranscript_IsACopy(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := (&Lab{}).newSandbox(Setup{}, &Program{})
	c.Note("lab", "one %d", 1)
	before := c.Transcript()
	c.Note("lab", "two")
	g.Expect(texts(before)).To(Equal([]string{"lab: one 1"}))
	g.Expect(texts(c.Transcript())).To(Equal([]string{"lab: one 1", "lab: two"}))
	g.Expect(c.Transcript()[1].At).To(BeNumerically(">=", before[0].At))
}

// After the lab has ended every call says so, and there is nothing left to close.
func TestSandbox_OfALabThatIsGone(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{Clock: true, Upstreams: []Upstream{fakeApp}})
	g.Expect(s.Gone()).NotTo(BeClosed())
	g.Expect(s.Close()).To(Succeed())
	g.Expect(s.Gone()).To(BeClosed())
	_, asked := ask(t, c, Request{})
	_, waited := within(t, c, WaitWindow{After: time.Second})
	_, wrote := c.WriteFile(t.Context(), File{Path: "/a"})
	for name, err := range map[string]error{"Do": asked, "Do within": waited, "WriteFile": wrote, "Wait": c.Wait(t.Context(), time.Second)} {
		g.Expect(err).To(MatchError(ErrGone), name)
	}
	_, err := s.Open(t.Context(), Setup{Gateway: Gateway{Driver: nginx.Driver}})
	g.Expect(err).To(MatchError(ErrGone))
	g.Expect(c.Close()).To(Succeed())
	g.Expect(c.Starved()).To(BeZero())
}

func TestSandbox_CallsKnowTheirDeadline(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c, a := moved(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	fakelab.On(a, "Idle", func(ctx context.Context, _ string, _ agentapi.NameRef) (agentapi.None, error) {
		if _, known := ctx.Deadline(); !known {
			t.Error("the agent does not know until when it has time")
		}
		return agentapi.None{}, context.DeadlineExceeded
	})
	w, err := c.Watch(ctx, Opened("/var/www/index.php"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.Wait(ctx)).To(MatchError(context.DeadlineExceeded))
}

// HAProxy waits longer wherever it got no processor in time, whoever had it.
func TestLacksProcessor_CountsWhatAnythingOnTheMachineWaitedFor(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := staged(t, Options{})
	c := s.open(t, Setup{})
	fakelab.Answer[agentapi.None](s.agent, "Pressed", time.Minute)
	lacked := c.lacksProcessor(t.Context())
	fakelab.Answer[agentapi.None](s.agent, "Pressed", time.Minute+3*time.Second)
	fakelab.Answer[agentapi.None](s.agent, "Starved", time.Second)
	g.Expect(lacked()).To(Equal(3 * time.Second))
	fakelab.Answer[agentapi.None](s.agent, "Starved", 5*time.Second)
	g.Expect(lacked()).To(Equal(5 * time.Second))
	fakelab.Fail[agentapi.None](s.agent, "Pressed", errors.New("unknown"))
	g.Expect(lacked()).To(Equal(5*time.Second), "what is not known does not count")
}
