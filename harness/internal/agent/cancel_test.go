//go:build linux

package agent

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

const (
	gatewayAt = "192.0.2.80:80"
	visitorAt = "198.51.100.7"
)

var (
	hosts = []string{"192.0.2.80", "198.51.100.1/24", "10.0.0.5"}
	// sleeps and works are commands of processes that do nothing, and that never have nothing to do.
	sleeps = []string{"sleep", "1000"}
	works  = []string{"sh", "-c", "while :; do :; done"}
)

// runs starts a process in the sandbox.
func (l *lab) runs(c *sandbox, name string, argv []string) {
	l.t.Helper()
	var started agentapi.ProcStarted
	l.do(c.id, "Start", agentapi.ProcSpec{Name: name, Argv: argv}, &started)
	if started.Exited {
		l.t.Fatalf("%s ends at once: %s", name, started.Output)
	}
}

// plays starts a fake upstream in the sandbox.
func (l *lab) plays(c *sandbox, name, listen string, b ...fakeupstream.Behaviour) {
	l.t.Helper()
	spec := fakeupstream.Spec{Listen: listen, Protocol: fakeupstream.HTTP, Script: fakeupstream.Script{b}}
	l.do(c.id, "StartFake", agentapi.FakeSpec{Name: name, Spec: spec}, nil)
}

// endsWithItsCaller holds that a call ends because its context does, which is when the event has come.
func endsWithItsCaller(t *testing.T, event func() error, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- call(ctx) }()
	if event != nil {
		if err := event(); err != nil {
			t.Fatal(err)
		}
	}
	cancel(errOver)
	if err := <-ended; !errors.Is(err, errOver) && !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestWaitsEndWithTheirCaller(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts, Folders: []agentapi.Folder{{Path: "/run"}}})
	l.runs(c, "idle", sleeps)
	l.runs(c, "busy", works)
	l.plays(c, "app", "10.0.0.5:8080")
	l.do(c.id, "Watch", agentapi.NameRef{Name: "/run"}, nil)
	for name, call := range map[string]func(context.Context) error{
		"until a file is opened": func(ctx context.Context) error { return c.opened(ctx, agentapi.NameRef{Name: "/run"}) },
		"until it is connected to": func(ctx context.Context) error {
			return c.reached(ctx, agentapi.ReachedSpec{Name: "app", Connections: 1})
		},
		"until it is asked":      func(ctx context.Context) error { return c.reached(ctx, agentapi.ReachedSpec{Name: "app", Requests: 1}) },
		"until it has answered":  func(ctx context.Context) error { return c.reached(ctx, agentapi.ReachedSpec{Name: "app", Answers: 1}) },
		"until a process sleeps": func(ctx context.Context) error { return c.awaitIdle(ctx, agentapi.NameRef{Name: "busy"}) },
		"until an upstream has it": func(ctx context.Context) error {
			return c.taken(ctx, agentapi.TakenSpec{Gateway: "idle", At: "10.0.0.5:8080"})
		},
		"until a gateway has all":   func(ctx context.Context) error { return c.settled(ctx, agentapi.TakenSpec{Gateway: "busy"}) },
		"until a process has ended": func(ctx context.Context) error { return c.signal(ctx, agentapi.ProcRef{Name: "idle", Await: true}) },
		"for the sandbox's own thread": func(ctx context.Context) error {
			return c.inside(ctx, func() error { <-ctx.Done(); return context.Cause(ctx) })
		},
		"for a program to end":        func(ctx context.Context) error { _, err := run(ctx, sleeps); return err },
		"for answers under load":      func(ctx context.Context) error { return loadFor(ctx, c) },
		"for a connection to nowhere": func(ctx context.Context) error { return dialNowhere(ctx, l, c) },
	} {
		t.Run(name, func(t *testing.T) { endsWithItsCaller(t, nil, call) })
	}
}

// loadFor asks one who never answers.
func loadFor(ctx context.Context, c *sandbox) error {
	if _, err := c.fake("silent"); err != nil {
		if err := c.startFake(ctx, agentapi.FakeSpec{Name: "silent", Spec: fakeupstream.Spec{
			Listen: "10.0.0.5:81", Protocol: fakeupstream.HTTP, Script: fakeupstream.Always(fakeupstream.Silent{}),
		}}); err != nil {
			return err
		}
	}
	_, err := c.load(ctx, agentapi.LoadSpec{To: "10.0.0.5:81", Requests: 2, Connections: 2})
	return err
}

// dialNowhere opens a tunnel to one whose packets are lost.
func dialNowhere(ctx context.Context, l *lab, c *sandbox) error {
	if err := c.breakNet(ctx, agentapi.NetSpec{Kind: "drop", To: "10.0.0.5:82"}); err != nil {
		return err
	}
	_, err := l.agent.dial(ctx, c.id, "10.0.0.5:82")
	return err
}

func TestStart_ThatFailsLeavesNoProcess(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts})
	pid := 0
	endsWithItsCaller(t, func() error {
		return poll(t.Context(), 10*time.Second, func() (bool, error) {
			p, err := c.process("gateway")
			if err == nil {
				pid = p.pid
			}
			return err == nil, nil
		})
	}, func(ctx context.Context) error {
		_, err := c.start(ctx, agentapi.ProcSpec{Name: "gateway", Argv: sleeps, Ready: []string{gatewayAt}})
		return err
	})
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("process %d: %v", pid, err)
	}
	// One whose time is up is no different.
	spec := agentapi.ProcSpec{Name: "gateway", Argv: sleeps, Ready: []string{gatewayAt}, Limit: time.Millisecond}
	if _, err := c.start(t.Context(), spec); err == nil || err.Error() != "gateway did not listen on "+gatewayAt+" within 1ms; what listens in its sandbox: nothing; it printed: nothing" {
		t.Errorf("what does not listen: %v", err)
	}
	l.plays(c, "app", "10.0.0.5:9001", fakeupstream.Silent{})
	l.plays(c, "socket", "unix:/run/app.sock", fakeupstream.Silent{})
	if _, err := c.start(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "; what listens in its sandbox: 10.0.0.5:9001, unix:/run/app.sock; ") {
		t.Errorf("what listens elsewhere: %v", err)
	}
	l.runs(c, "gateway", sleeps)
}

// A client leaves when nobody waits for his answer any more; one that was begun stays until somebody does.
func TestAsk_EndsWithItsCaller(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts})
	l.plays(c, "nginx", gatewayAt, fakeupstream.Silent{})
	l.runs(c, "gateway", sleeps)
	spec := agentapi.AskSpec{
		Name: "v1", From: visitorAt, To: gatewayAt, Gateway: "gateway", Limit: time.Hour,
		Raw: []byte("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n"),
	}
	asked := func(n int) func() error {
		f, err := c.fake("nginx")
		if err != nil {
			t.Fatal(err)
		}
		return func() error { return f.WaitRequests(t.Context(), n) }
	}
	closed := func(n int) {
		t.Helper()
		f, _ := c.fake("nginx")
		if err := poll(t.Context(), 10*time.Second, func() (bool, error) {
			all := f.Records()
			return len(all) >= n && !all[n-1].Closed.IsZero(), nil
		}); err != nil {
			t.Errorf("visitor %d is still there: %v", n, err)
		}
	}
	endsWithItsCaller(t, asked(1), func(ctx context.Context) error { _, err := c.ask(ctx, spec); return err })
	closed(1)

	if err := c.beginAsk(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	v1 := agentapi.NameRef{Name: "v1"}
	endsWithItsCaller(t, nil, func(ctx context.Context) error { _, err := c.endAsk(ctx, v1); return err })
	if waits, err := c.pending(t.Context(), v1); err != nil || !waits {
		t.Errorf("whoever waits no longer for an answer has ended the request: %t, %v", waits, err)
	}
	if _, err := c.stopFake(t.Context(), agentapi.NameRef{Name: "nginx"}); err != nil {
		t.Fatal(err)
	}
	if a, err := c.endAsk(t.Context(), v1); err != nil || a.NoAnswer != "closed" && a.NoAnswer != "reset" {
		t.Errorf("in the end he gets %+v: %v", a, err)
	}

	// A gateway that is never through with the request.
	l.plays(c, "nginx", gatewayAt, fakeupstream.Silent{})
	l.runs(c, "busy", works)
	spec.Name, spec.Gateway = "v2", "busy"
	endsWithItsCaller(t, asked(1), func(ctx context.Context) error { return c.beginAsk(ctx, spec) })
	closed(1)
	if _, err := c.pending(t.Context(), agentapi.NameRef{Name: "v2"}); err == nil {
		t.Error("a visitor is there whose beginning nobody waited for")
	}
}

// What a moved clock is waited for ends, and the clock is moved.
func TestMove_EndsWithItsCaller(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{})
	var started agentapi.ProcStarted
	l.do(c.id, "Start", agentapi.ProcSpec{Name: "gateway", Argv: works, Clock: true, Wake: agentapi.WakeSignal{Signal: int(unix.SIGCONT)}}, &started)
	endsWithItsCaller(t, nil, func(ctx context.Context) error { return c.move(ctx, agentapi.MoveSpec{Offset: time.Hour}) })
	if ahead := c.clock.ahead(); ahead != time.Hour {
		t.Errorf("the clock is %v ahead", ahead)
	}
}

// worldOf is a catch-all sandbox with a process for its gateway.
func (l *lab) worldOf(argv []string, clock bool) (*sandbox, *catchAll) {
	l.t.Helper()
	c := l.open(agentapi.SandboxSpec{Addresses: hosts, CatchAll: &agentapi.CatchAllSpec{}})
	var started agentapi.ProcStarted
	l.do(c.id, "Start", agentapi.ProcSpec{Name: gatewayProcess, Argv: argv, Clock: clock}, &started)
	if started.Exited {
		l.t.Fatalf("the gateway ends at once: %s", started.Output)
	}
	return c, c.catchAll
}

func TestWorldsWaitsEndWithTheirCaller(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c, w := l.worldOf(works, false)
	for name, call := range map[string]func(context.Context) error{
		"until it is at rest": func(ctx context.Context) error {
			return w.setBehaviourAndWait(ctx, agentapi.BehaviourSpec{Upstreams: []agentapi.UpstreamBehaviour{{At: "10.0.0.5:80", Down: "refused"}}})
		},
		"for a program to end": func(ctx context.Context) error {
			_, err := w.exec(ctx, agentapi.ExecSpec{Argv: sleeps})
			return err
		},
		"for a folder to be read": func(ctx context.Context) error {
			<-ctx.Done()
			_, err := w.readTree(ctx, agentapi.NameRef{Name: "/usr"})
			return err
		},
		"for a folder to be emptied": func(ctx context.Context) error {
			<-ctx.Done()
			return w.wipe(ctx, agentapi.WipeSpec{Folders: []string{"/usr"}})
		},
	} {
		t.Run(name, func(t *testing.T) { endsWithItsCaller(t, nil, call) })
	}
	if how := w.down("10.0.0.5:80"); how != "refused" {
		t.Errorf("nobody waited for the gateway to notice, and the upstream is %q", how)
	}
	if _, err := os.Stat("/usr/bin"); err != nil {
		t.Error(err)
	}
	l.do(c.id, "Exec", agentapi.ExecSpec{Argv: []string{"true"}}, &agentapi.Executed{})
}

func TestStartWorld_ThatFailsLeavesNoGateway(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.open(agentapi.SandboxSpec{Addresses: hosts, CatchAll: &agentapi.CatchAllSpec{}})
	endsWithItsCaller(t, nil, func(ctx context.Context) error {
		_, err := c.catchAll.start(ctx, agentapi.ProcSpec{Argv: works})
		return err
	})
	if _, err := c.catchAll.start(t.Context(), agentapi.ProcSpec{Argv: works, Limit: time.Millisecond}); !errors.Is(err, agentapi.ErrNotUp) {
		t.Errorf("one that never comes up ends with %v", err)
	}
	if empty, err := c.jail.empty(); err != nil || !empty {
		t.Errorf("something runs on: %t, %v", empty, err)
	}
}

// answers makes the test the gateway: it takes connections in the sandbox.
func (l *lab) answers(c *sandbox, with func(net.Conn)) {
	l.t.Helper()
	var door net.Listener
	if err := c.online(func() (err error) { door, err = net.Listen("tcp", gatewayAt); return err }); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { door.Close() })
	go func() {
		for {
			conn, err := door.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					with(conn)
				}
			}()
		}
	}()
}

func TestAskWorld_EndsWithItsCaller(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, gateway := range map[string]struct {
		argv  []string
		clock bool
	}{
		"in real time":                          {sleeps, false},
		"in the sandbox's time, while it works": {works, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, w := l.worldOf(gateway.argv, gateway.clock)
			asked, left := make(chan struct{}), make(chan error, 1)
			l.answers(c, func(conn net.Conn) {
				close(asked)
				_, err := conn.Read(make([]byte, 1))
				left <- err
			})
			endsWithItsCaller(t, func() error { <-asked; return nil }, func(ctx context.Context) error {
				_, err := w.probe(ctx, agentapi.ProbeSpec{
					From: visitorAt, To: gatewayAt, Limit: time.Hour, Raw: []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
				})
				return err
			})
			if err := <-left; err == nil {
				t.Error("the visitor says more")
			}
		})
	}
}
