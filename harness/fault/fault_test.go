package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

var errBroken = errors.New("it is broken")

// moved is app at another port, and scripted is it with a script.
var (
	moved    = lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:81"}}
	scripted = lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:80", Script: fakeupstream.Always(fakeupstream.Reset{})}}
	resets   = SetBehaviour{Upstream: "app", Script: fakeupstream.Always(fakeupstream.Reset{})}
)

// undoable are faults whose undo brings all back, what each does, and the call that makes it.
var undoable = []struct {
	fault Fault
	call  string
	does  func(t *fakeTarget) bool
}{
	{Drop{To: "10.0.0.5:80", Answers: true}, "network", breaks(lab.NetworkFault{Kind: lab.NetworkDrop, To: "10.0.0.5:80", Answers: true})},
	{Reject{To: "10.0.0.5:80", With: "tcp-reset"}, "network", breaks(lab.NetworkFault{Kind: lab.NetworkReject, To: "10.0.0.5:80", With: "tcp-reset"})},
	{Route{Host: "10.0.0.5", Type: "blackhole"}, "network", breaks(lab.NetworkFault{Kind: lab.NetworkRoute, To: "10.0.0.5", With: "blackhole"})},
	{NoRoute{Host: "10.0.0.5"}, "network", breaks(lab.NetworkFault{Kind: lab.NetworkNoRoute, To: "10.0.0.5"})},
	{HostOff{Host: "10.0.0.5"}, "network", breaks(lab.NetworkFault{Kind: lab.NetworkHostOff, To: "10.0.0.5"})},
	{Deploy{Path: "/var/www/index.php", Text: "new"}, "write", func(t *fakeTarget) bool { return t.files["/var/www/index.php"].Data == "new" }},
	{Deploy{Path: "/var/www/none.php", Text: "new"}, "write", func(t *fakeTarget) bool { return t.files["/var/www/none.php"].Data == "new" }},
	{Chmod{Path: "/var/www/index.php", Mode: 0}, "write", func(t *fakeTarget) bool { return t.files["/var/www/index.php"].Mode == 0 }},
	{ClientHosts{Addresses: map[string]string{"a": "192.0.2.81"}}, "client hosts", func(t *fakeTarget) bool { return t.clientHosts["a"] != "" }},
	{ClientDNS{Server: "203.0.113.53:53"}, "client DNS", func(t *fakeTarget) bool { return t.clientDNS != "" }},
	{Hosts{Addresses: map[string]string{}}, "hosts", func(t *fakeTarget) bool { return len(t.hosts) == 0 }},
	{DiskFull{Path: "/tmp", Bytes: 9}, "disk", func(t *fakeTarget) bool { return t.disks["/tmp"] == 9 }},
	{DiskFull{Upstream: "real", Path: "/srv", Bytes: 9}, "disk", func(t *fakeTarget) bool { return t.disks["real/srv"] == 9 }},
	{CPUQuota{Upstream: "real", CPUs: 0.02}, "cpus", func(t *fakeTarget) bool { return t.cpus["real"] == 0.02 }},
	{Config{Conf: "http {}"}, "set config http {}", func(t *fakeTarget) bool { return t.conf == "http {}" }},
	{Freeze{Upstream: "real"}, "signal real 19 true", func(t *fakeTarget) bool { return t.frozen["real"] }},
	{Stop{Upstream: "app"}, "stop app by 0", stopped},
	{Stop{Upstream: "app", Signal: 15}, "stop app by 15", stopped},
	{End{Upstream: "app"}, "end of app", stopped},
	{Replace{Upstream: moved}, "start app at 10.0.0.5:81", func(t *fakeTarget) bool { return t.running["app"].Fake == moved.Fake }},
	{SetBehaviour{Upstream: "ruled"}, "start ruled at 10.0.0.7:80", func(t *fakeTarget) bool { return t.running["ruled"].Fake.Rules == nil }},
	{resets, "start app at 10.0.0.5:80", func(t *fakeTarget) bool { return len(t.running["app"].Fake.Script) == 1 }},
}

func breaks(f lab.NetworkFault) func(*fakeTarget) bool {
	return func(t *fakeTarget) bool { return t.network[f] && len(t.network) == 1 }
}

func stopped(t *fakeTarget) bool { _, runs := t.running["app"]; return !runs }

func TestInject_UndoBringsBackWhatWas(t *testing.T) {
	t.Parallel()
	for _, c := range undoable {
		t.Run(fmt.Sprintf("%T", c.fault), func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			target := newFakeTarget()
			before := target.state()
			undo, err := c.fault.Inject(t.Context(), target)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(c.does(target)).To(BeTrue(), target.state())
			g.Expect(undo(t.Context())).To(Succeed())
			g.Expect(target.state()).To(Equal(before))

			calls := len(target.calls)
			g.Expect(undo(t.Context())).To(Succeed())
			g.Expect(target.calls).To(HaveLen(calls), "a second undo does nothing")
		})
	}
}

func TestInject_FailureLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range undoable {
		t.Run(fmt.Sprintf("%T", c.fault), func(t *testing.T) {
			t.Parallel()
			if _, ok := c.fault.(SetBehaviour); ok {
				return // it comes back by the call that fails here; see TestInject_RollbackThatFailsIsTold
			}
			g := NewWithT(t)
			target := newFakeTarget()
			before := target.state()
			target.fails[c.call] = errBroken
			undo, err := c.fault.Inject(t.Context(), target)
			g.Expect(err).To(MatchError(errBroken))
			g.Expect(undo).To(BeNil())
			g.Expect(target.state()).To(Equal(before))
		})
	}
}

func TestInject_RollbackThatFailsIsTold(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	gone := errors.New("it does not come back")
	target.fails["start app at 10.0.0.5:81"] = errBroken
	target.fails["start app at 10.0.0.5:80"] = gone
	_, err := Replace{Upstream: moved}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(errBroken))
	g.Expect(err).To(MatchError(gone))
	g.Expect(err).To(MatchError(ContainSubstring("taking back the half of it that was done")))
}

func TestInject_CancelledIsRolledBackAllTheSame(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := contextTarget{newFakeTarget()}
	target.fails["start app at 10.0.0.5:81"] = context.Canceled
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Replace{Upstream: moved}.Inject(ctx, target)
	g.Expect(err).To(MatchError(context.Canceled))
	g.Expect(target.running["app"].Fake).To(Equal(app.Fake))
}

// contextTarget starts nothing once the context has ended.
type contextTarget struct{ *fakeTarget }

func (t contextTarget) StartUpstream(ctx context.Context, u lab.Upstream) error {
	return errors.Join(t.fakeTarget.StartUpstream(ctx, u), ctx.Err())
}

func TestUndo_ThatFailsCanBeCalledAgain(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	before := target.state()
	undo, err := Drop{To: "10.0.0.5:80"}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	target.fails["undo"] = errBroken
	g.Expect(undo(t.Context())).To(MatchError(errBroken))
	delete(target.fails, "undo")
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(target.state()).To(Equal(before))
}

func TestStart_UndoStopsWhatDidNotRun(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	var s Stack
	g.Expect(s.Inject(t.Context(), target, Stop{Upstream: "app"})).To(Succeed())
	undo, err := Start{Upstream: "app"}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(target.running).To(HaveKey("app"))
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(target.running).NotTo(HaveKey("app"))

	// It has ended by itself before: nothing is left to stop.
	undo, err = Start{Upstream: "app"}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	delete(target.running, "app")
	g.Expect(undo(t.Context())).To(Succeed())
}

func TestReplace_UndoBringsBackTheOneThatRanNotTheFirst(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	target.running["app"] = scripted
	undo, err := Replace{Upstream: moved}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(target.running["app"].Fake).To(Equal(scripted.Fake))
}

func TestProcessFaults_RefuseWhatTheTargetHasNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault Fault
		want  string
	}{
		{Stop{Upstream: "nobody"}, `the upstream "nobody" does not run`},
		{Start{Upstream: "nobody"}, `no upstream "nobody"`},
		{SetBehaviour{Upstream: "nobody"}, `no upstream "nobody"`},
		{SetBehaviour{Upstream: "real"}, "the upstream real is real, and follows no script"},
		{Chmod{Path: "/none"}, "no such file"},
	} {
		g := NewWithT(t)
		target := newFakeTarget()
		before := target.state()
		undo, err := c.fault.Inject(t.Context(), target)
		g.Expect(err).To(MatchError(c.want))
		g.Expect(undo).To(BeNil())
		g.Expect(target.state()).To(Equal(before))
	}
}

func TestSetBehaviour_LeavesTheSetupAlone(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	_, err := resets.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(app.Fake.Script).To(BeEmpty())
}

func TestFailToStart(t *testing.T) {
	t.Parallel()
	f := FailToStart{Upstream: moved, Says: "unknown entry"}
	const start = "start app at 10.0.0.5:81"
	t.Run("is down until it is undone", func(t *testing.T) {
		g := NewWithT(t)
		target := newFakeTarget()
		target.fails[start] = errors.New("ended at its start: unknown entry 'pm.max_childs'")
		undo, err := f.Inject(t.Context(), target)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(target.running).NotTo(HaveKey("app"))
		g.Expect(target.calls).To(ContainElement("upstream app does not start: unknown entry"))
		g.Expect(undo(t.Context())).To(Succeed())
		g.Expect(target.running["app"].Fake).To(Equal(app.Fake))
	})
	t.Run("gives up when it listens", func(t *testing.T) {
		g := NewWithT(t)
		target := newFakeTarget()
		target.says = "unknown entry 'pm.max_childs'"
		undo, err := f.Inject(t.Context(), target)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(target.running).NotTo(HaveKey("app"))
		g.Expect(undo(t.Context())).To(Succeed())
		g.Expect(target.running["app"].Fake).To(Equal(app.Fake))
	})
	t.Run("starts", func(t *testing.T) {
		g := NewWithT(t)
		target := newFakeTarget()
		target.fails["end of app"] = errBroken
		_, err := f.Inject(t.Context(), target)
		g.Expect(err).To(MatchError("app starts, though it should not: it is broken"))
		g.Expect(target.running["app"].Fake).To(Equal(app.Fake))
	})
	t.Run("fails for another reason", func(t *testing.T) {
		g := NewWithT(t)
		target := newFakeTarget()
		target.fails[start] = errBroken
		_, err := f.Inject(t.Context(), target)
		g.Expect(err).To(MatchError(`it did not say "unknown entry": it is broken`))
		g.Expect(err).To(MatchError(errBroken))
		g.Expect(target.running["app"].Fake).To(Equal(app.Fake))
	})
}

func TestConfig_ThatIsRefusedStaysAndCanBeUndone(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	refused := &lab.ConfigError{Program: "nginx", Output: "unknown directive"}
	target.fails["set config nonsense"] = fmt.Errorf("restarting: %w", refused)
	undo, err := Config{Conf: "nonsense"}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(refused))
	g.Expect(target.conf).To(Equal("nonsense"))
	g.Expect(undo(t.Context())).To(Succeed())
	g.Expect(target.conf).To(Equal("events {}"))

	target.fails["config"] = errBroken
	_, err = Config{Conf: "another"}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(errBroken))
	g.Expect(target.conf).To(Equal("events {}"), "a config that can't be brought back is not replaced")
}

func TestSteps_DoWhatTheySayAndHaveNoUndo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step  Fault
		calls []string
	}{
		{Wait{For: time.Minute}, []string{"wait"}},
		{Restart{}, []string{"restart"}},
		{Signal{Upstream: "real", Number: 11, Children: true}, []string{"signal real 11 true"}},
		{OtherRequest{Request: lab.Request{Path: "/a"}, Status: 200}, []string{"ask /a"}},
		{
			ConcurrentRequests{Clients: 2, Request: lab.Request{Path: "/a"}, WaitFor: lab.RequestAt("app")},
			[]string{"ask /a until app has the request", "ask /a until app has the request"},
		},
	} {
		g := NewWithT(t)
		target := newFakeTarget()
		undo, err := c.step.Inject(t.Context(), target)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(undo).To(BeNil())
		g.Expect(target.calls).To(Equal(c.calls))

		target = newFakeTarget()
		target.fails[c.calls[0]] = errBroken
		_, err = c.step.Inject(t.Context(), target)
		g.Expect(err).To(MatchError(errBroken), "%v", c.step)
	}
}

func TestWait_TakesAsLongAsItSays(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	w := Wait{For: time.Minute}
	_, err := w.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect([]time.Duration{target.waited, w.Passes(), w.Waits()}).To(HaveEach(time.Minute))
}

func TestOtherRequest_WithAnotherStatusIsAnError(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	target.status = 502
	_, err := OtherRequest{Status: 200}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError("another visitor got 502 (), not 200"))
}

func TestOtherRequest_WithAnotherPageIsAnError(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	target.body = "<h1>Hello world!</h1>"
	_, err := OtherRequest{Status: 200, Page: "Hello world!"}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	_, err = OtherRequest{Status: 200, Page: "Goodbye"}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(`another visitor got a page without "Goodbye": "<h1>Hello world!</h1>"`))
}

func TestAbandonedRequests_GetNoAnswer(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	target.status = 0
	f := AbandonedRequests{Clients: 2, Request: lab.Request{Path: "/a"}, WaitFor: lab.RequestAt("app")}
	undo, err := f.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(undo).To(BeNil())
	g.Expect(target.calls).To(Equal([]string{"ask /a", "ask /a"}))
	target.status = 200
	_, err = f.Inject(t.Context(), target)
	g.Expect(err).To(MatchError("another visitor got 200 before he could leave"))
	target.fails["ask /a"] = errBroken
	_, err = f.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(errBroken))
}

func TestCommand_PrintsWhatItHasTo(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	undo, err := Command{Upstream: "real", Line: "php /a.php", Prints: "ok"}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(undo).To(BeNil())
	g.Expect(target.calls).To(Equal([]string{"run [php /a.php] beside real"}))
	_, err = Command{Upstream: "real", Line: "php /a.php", Prints: "done"}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(`php /a.php prints "ok\n", not "done"`))
	target.fails["run [php /a.php] beside real"] = errBroken
	_, err = Command{Upstream: "real", Line: "php /a.php", Prints: "ok"}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(errBroken))
}

func TestVisit_ShowsWhatItHasTo(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	v := Visit{Browser: "real", URL: "http://a.example/", Shows: "ok", Private: true, Proxy: "10.0.0.7:3128"}
	undo, err := v.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(undo).To(BeNil())
	g.Expect(target.calls).To(ConsistOf(MatchRegexp(
		`^run \[chromium-headless-shell .* --incognito --proxy-server=10\.0\.0\.7:3128 --dump-dom http://a\.example/] beside real$`)))
	run := target.calls[0]
	v.Shows = "done"
	_, err = v.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(`the browser shows at http://a.example/ "ok", not "done"`))
	target.fails[run] = errBroken
	_, err = v.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(errBroken))
	v.Shows = "net::ERR_TIMED_OUT"
	_, err = v.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(`the browser shows at http://a.example/ "ok", not "net::ERR_TIMED_OUT"`), "there is a page")
}

func TestPageOf_IsThePageOrWhyThereIsNone(t *testing.T) {
	t.Parallel()
	const noise = "[1128/034406.4:ERROR:dbus/bus.cc:405] Failed to connect to the bus: No such file or directory\n"
	for printed, want := range map[string]string{
		noise + "<html><body>ok\n</body></html>\n" + noise:                              "<html><body>ok\n</body></html>",
		noise + "[1128/034408.5:ERROR:a.cc:403] Page load failed: net::ERR_TIMED_OUT\n": "net::ERR_TIMED_OUT",
		noise: "",
	} {
		if got := pageOf(printed); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAwait_WaitsForAProgramBesideAnUpstream(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	undo, err := Await{Upstream: "real", Line: "test -e /run/a"}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(undo).To(BeNil())
	g.Expect(target.calls).To(Equal([]string{"await [test -e /run/a] beside real"}))
	target.fails["await [test -e /run/a] beside real"] = errBroken
	_, err = Await{Upstream: "real", Line: "test -e /run/a"}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(errBroken))
}

func TestFlood_HasItsShares(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	target.status = 503
	undo, err := Flood{Requests: 3, Request: lab.Request{Path: "/a"}, Shares: map[int]int{503: 3}}.Inject(t.Context(), target)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(undo).To(BeNil())
	g.Expect(target.calls[:3]).To(HaveEach("ask /a"))
	_, err = Flood{Requests: 3, Shares: map[int]int{200: 1, 503: 2}}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError("of 3 requests 3 get 503, not 1 get 200, 2 get 503"))
	target.fails["ask "] = errBroken
	_, err = Flood{Requests: 3, Shares: map[int]int{503: 3}}.Inject(t.Context(), target)
	g.Expect(err).To(MatchError(errBroken))
}

func TestFaults_SayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]fmt.Stringer{
		"a firewall drops the packets to 10.0.0.5:80":                  Drop{To: "10.0.0.5:80"},
		"a firewall rejects the packets to 10.0.0.5:80 with tcp-reset": Reject{To: "10.0.0.5:80", With: "tcp-reset"},
		"the route to 10.0.0.5 is blackhole":                           Route{Host: "10.0.0.5", Type: "blackhole"},
		"no route leads to 10.0.0.5":                                   NoRoute{Host: "10.0.0.5"},
		"10.0.0.5 is switched off":                                     HostOff{Host: "10.0.0.5"},
		"/a is deployed":                                               Deploy{Path: "/a"},
		"/a has mode 0660":                                             Chmod{Path: "/a", Mode: 0o660},
		"the visitor has a hosts file of his own":                      ClientHosts{},
		"the visitor asks the DNS server 203.0.113.53:53":              ClientDNS{Server: "203.0.113.53:53"},
		"the names resolve otherwise":                                  Hosts{},
		"/tmp is full":                                                 DiskFull{Path: "/tmp"},
		"app is stopped":                                               Stop{Upstream: "app"},
		"app is started":                                               Start{Upstream: "app"},
		"app is another":                                               Replace{Upstream: app},
		"app does not start":                                           FailToStart{Upstream: app},
		"app ends by itself":                                           End{Upstream: "app"},
		"app follows another script":                                   resets,
		"signal 9 goes to app":                                         Signal{Upstream: "app", Number: 9},
		"app hangs":                                                    Freeze{Upstream: "app"},
		"app has 2 % of a processor":                                   CPUQuota{Upstream: "app", CPUs: 0.02},
		"the gateway gets another config":                              Config{},
		"the gateway is restarted":                                     Restart{},
		"1m0s pass":                                                    Wait{For: time.Minute},
		"another visitor gets 200":                                     OtherRequest{Status: 200},
		"2 other visitors ask and wait":                                ConcurrentRequests{Clients: 2},
		"2 other visitors ask and leave":                               AbandonedRequests{Clients: 2},
		"a browser in a private window that is set to use the proxy p shows ok at u": Visit{URL: "u", Shows: "ok", Private: true, Proxy: "p"},
		"php /a.php prints ok":               Command{Line: "php /a.php", Prints: "ok"},
		"test -e /run/a succeeds":            Await{Line: "test -e /run/a"},
		"of 3 requests 1 get 200, 2 get 503": Flood{Requests: 3, Shares: map[int]int{200: 1, 503: 2}},
	} {
		if got := f.String(); got != want {
			t.Errorf("%T: %q, want %q", f, got, want)
		}
	}
	g := NewWithT(t)
	g.Expect([]string{Drop{}.Needs(), Reject{}.Needs()}).To(HaveEach(lab.NeedFilters))
	g.Expect(HostOff{}.Scaled()).To(BeTrue())
}

func TestStack_UndoesTheLastOneFirst(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	before := target.state()
	var s Stack
	for _, f := range []Fault{
		Config{Conf: "one"}, Replace{Upstream: moved}, Wait{}, Freeze{Upstream: "real"}, Stop{Upstream: "app"}, Config{Conf: "two"},
		Deploy{Path: "/a", Text: "1"}, Deploy{Path: "/a", Text: "2"}, CPUQuota{Upstream: "real", CPUs: 0.5}, CPUQuota{Upstream: "real", CPUs: 0.1},
	} {
		g.Expect(s.Inject(t.Context(), target, f)).To(Succeed())
	}
	g.Expect(s.Undo(t.Context())).To(Succeed())
	g.Expect(target.state()).To(Equal(before))

	calls := len(target.calls)
	g.Expect(s.Undo(t.Context())).To(Succeed())
	g.Expect(target.calls).To(HaveLen(calls), "nothing is left to undo")
}

func TestStack_StopsAtAnUndoThatFailsAndGoesOnThere(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	before := target.state()
	var s Stack
	g.Expect(s.Inject(t.Context(), target, Config{Conf: "one"})).To(Succeed())
	g.Expect(s.Inject(t.Context(), target, Drop{To: "10.0.0.5:80"})).To(Succeed())
	g.Expect(s.Inject(t.Context(), target, Stop{Upstream: "app"})).To(Succeed())
	target.fails["undo"] = errBroken // of the drop
	g.Expect(s.Undo(t.Context())).To(MatchError(errBroken))
	g.Expect(target.running).To(HaveKey("app"))
	g.Expect(target.conf).To(Equal("one"), "it is below the one that failed")

	delete(target.fails, "undo")
	g.Expect(s.Undo(t.Context())).To(Succeed())
	g.Expect(target.state()).To(Equal(before))
}

func TestStack_KeepsARefusedConfigAndNoFailure(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	var s Stack
	target.fails["set config nonsense"] = &lab.ConfigError{}
	g.Expect(s.Inject(t.Context(), target, Config{Conf: "nonsense"})).NotTo(Succeed())
	g.Expect(s.Inject(t.Context(), target, Stop{Upstream: "nobody"})).NotTo(Succeed())
	g.Expect(s.Undo(t.Context())).To(Succeed())
	g.Expect(target.conf).To(Equal("events {}"))
}

func TestStack_ForgetLeavesTheFaults(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	target := newFakeTarget()
	var s Stack
	g.Expect(s.Inject(t.Context(), target, Config{Conf: "one"})).To(Succeed())
	s.Forget()
	g.Expect(s.Undo(t.Context())).To(Succeed())
	g.Expect(target.conf).To(Equal("one"))
}
