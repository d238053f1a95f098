//go:build linux

package agent

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// isGone holds that nothing is left of a sandbox.
func isGone(t *testing.T, l *lab, c *sandbox) {
	t.Helper()
	if _, err := os.Stat(c.dir); !c.attached && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder: %v", err)
	}
	if _, err := l.agent.sandbox(c.id); !errors.Is(err, agentapi.ErrNoSandbox) {
		t.Errorf("the agent has it: %v", err)
	}
	for name, p := range c.procs {
		select {
		case <-p.ended:
		default:
			t.Errorf("its process %s has not ended", name)
		}
	}
	if c.tid != 0 {
		hasEnded := func() (bool, error) { return unix.Tgkill(os.Getpid(), c.tid, 0) == unix.ESRCH, nil } // soon
		if err := poll(t.Context(), 10*time.Second, hasEnded); err != nil {
			t.Errorf("its thread: %v", err)
		}
	}
	if c.netns != nil && c.netns.Close() == nil {
		t.Error("its network is held open")
	}
}

func TestCell_HasItsOwnPlaceAndLeavesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	place := t.TempDir()
	spec := agentapi.SandboxSpec{
		Addresses: hosts, Folders: []agentapi.Folder{{Path: place}}, Logs: []string{"/log"},
		Files: []agentapi.File{{Path: place + "/a/file", Data: "text"}, {Path: "/etc/hostname", Data: "the sandbox's own\n"}},
		Fakes: []agentapi.FakeSpec{{Name: "app", Spec: fakeupstream.Spec{Listen: "10.0.0.5:8080", Protocol: fakeupstream.HTTP}}},
	}
	one, other := l.open(spec), l.open(spec) // the same addresses in each
	l.runs(one, "gateway", []string{"sh", "-c", "sleep 1000 & cat /etc/hostname " + place + "/a/file; wait"})
	p, err := one.process("gateway")
	if err != nil {
		t.Fatal(err)
	}
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) { return p.printed() == "the sandbox's own\ntext", nil }); err != nil {
		t.Errorf("it sees %q", p.printed())
	}
	if _, err := os.Stat(place + "/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is in the sandbox's folder is seen outside: %v", err)
	}
	var listens bool
	if l.do(one.id, "Listens", agentapi.NameRef{Name: "10.0.0.5:8080"}, &listens); !listens {
		t.Error("its upstream does not listen")
	}
	l.do(one.id, "Close", agentapi.None{}, nil)
	isGone(t, l, one)
	// Its child may still have to be reaped.
	if err := poll(t.Context(), 10*time.Second, func() (bool, error) { return unix.Kill(-p.pid, 0) == unix.ESRCH, nil }); err != nil {
		t.Errorf("its processes: %v", err)
	}
	if l.do(other.id, "Listens", agentapi.NameRef{Name: "10.0.0.5:8080"}, &listens); !listens {
		t.Error("the upstream of the other sandbox went with it")
	}
	l.do(one.id, "Close", agentapi.None{}, nil) // it is closed already
	if err := l.Call(t.Context(), one.id, "News", agentapi.None{}, &map[string]string{}); !errors.Is(err, agentapi.ErrNoSandbox) {
		t.Errorf("a call in a closed sandbox ends with %v", err)
	}
}

func TestCell_OfAnotherContainerSharesItsNetworkAndFolder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	place := t.TempDir()
	host := l.open(agentapi.SandboxSpec{Addresses: hosts, Folders: []agentapi.Folder{{Path: place}}})
	spec := agentapi.SandboxSpec{ID: host.id, Folders: []agentapi.Folder{{Path: place}}, Still: true, Join: host.netnsPath()}
	beside := newLab(t) // as an agent of its own, it has a sandbox of the same name
	beside.do("", "Open", spec, &agentapi.SandboxOpened{})
	ref := agentapi.ChangeRef{}
	l.do(host.id, "Change", agentapi.FileSpec{File: agentapi.File{Path: place + "/file", Data: "text"}}, &ref.Change)
	var read agentapi.FileText
	if beside.do(host.id, "Read", agentapi.NameRef{Name: place + "/file"}, &read); read.Text != "text" {
		t.Errorf("it reads %+v", read)
	}
	beside.plays(host, "app", "10.0.0.5:8080")
	var listens bool
	if l.do(host.id, "Listens", agentapi.NameRef{Name: "10.0.0.5:8080"}, &listens); !listens {
		t.Error("what listens there is not seen here")
	}
	beside.do(host.id, "Close", agentapi.None{}, nil)
	if l.do(host.id, "Read", agentapi.NameRef{Name: place + "/file"}, &read); read.Text != "text" {
		t.Errorf("after the other is closed it reads %+v", read)
	}
	l.do(host.id, "UndoChange", ref, nil)
	read = agentapi.FileText{}
	if l.do(host.id, "Read", agentapi.NameRef{Name: place + "/file"}, &read); !read.Missing {
		t.Errorf("after the change is taken back it reads %+v", read)
	}
}

// What can't be opened leaves nothing, and its name can be had again.
func TestOpenCell_ThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := l.open(agentapi.SandboxSpec{}).id + "x"
	for name, spec := range map[string]agentapi.SandboxSpec{
		"an address that is none":        {Addresses: []string{"example.com"}},
		"a sandbox without a network":    {Join: "/proc/self/ns/net", CatchAll: &agentapi.CatchAllSpec{}},
		"a network that is not there":    {Join: "/proc/self/ns/none"},
		"a user that is not there":       {CatchAll: &agentapi.CatchAllSpec{User: "nobody-at-all"}},
		"a socket that can't be made":    {CatchAll: &agentapi.CatchAllSpec{Sockets: []string{"/etc/passwd/socket"}}},
		"a file that can't be made":      {Files: []agentapi.File{{Path: "/etc", Data: "text"}}},
		"a sandbox's file that can't be": {CatchAll: &agentapi.CatchAllSpec{}, Files: []agentapi.File{{Path: "/etc", Data: "text"}}},
		"an upstream that can't listen":  {Fakes: []agentapi.FakeSpec{{Name: "app", Spec: fakeupstream.Spec{Listen: "10.0.0.9:1", Protocol: fakeupstream.HTTP}}}},
		"a folder that is a file":        {Folders: []agentapi.Folder{{Path: "/etc/passwd"}}},
	} {
		t.Run(name, func(t *testing.T) {
			spec.ID = id
			err := l.Call(t.Context(), "", "Open", spec, &agentapi.SandboxOpened{})
			if err == nil || errors.Is(err, agentapi.ErrNoSandbox) || strings.Contains(err.Error(), "a bug") {
				t.Errorf("it ends with %v", err)
			}
			if wrong := strings.Contains(name, "user"); errors.Is(err, agentapi.ErrNoUser) != wrong {
				t.Errorf("that there is no such user: %v", err)
			}
			isGone(t, l, newSandbox(l.agent.root, spec))
		})
	}
	l.do("", "Open", agentapi.SandboxSpec{ID: id}, &agentapi.SandboxOpened{})
	if err := l.Call(t.Context(), "", "Open", agentapi.SandboxSpec{ID: id}, &agentapi.SandboxOpened{}); err == nil {
		t.Error("two sandboxes have one name")
	}
	l.do(id, "News", agentapi.None{}, &map[string]string{})
}

func TestOpenCell_EndsWithItsCaller(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, world := range []*agentapi.CatchAllSpec{nil, {}} {
		spec := agentapi.SandboxSpec{ID: l.open(agentapi.SandboxSpec{}).id + "x", CatchAll: world, Files: []agentapi.File{{Path: "/etc/hosts", Data: "none\n"}}}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errOver)
		if _, err := l.agent.openSandbox(ctx, spec); !errors.Is(err, errOver) {
			t.Errorf("it ends with %v", err)
		}
		isGone(t, l, newSandbox(l.agent.root, spec))
	}
}

// Closing ends whatever is under way in the sandbox, and waits for it.
func TestCloseCell_EndsTheCallsUnderWay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for range 10 {
		c, w := l.worldOf(works, false)
		l.do(c.id, "Follow", agentapi.FollowSpec{Path: "/log"}, nil)
		var callers sync.WaitGroup
		var underWay sync.WaitGroup
		for _, wait := range []func(context.Context) error{
			func(ctx context.Context) error { return w.setBehaviourAndWait(ctx, agentapi.BehaviourSpec{}) },
			func(ctx context.Context) error { return c.awaitIdle(ctx, agentapi.NameRef{Name: gatewayProcess}) },
			func(ctx context.Context) error { _, err := w.exec(ctx, agentapi.ExecSpec{Argv: sleeps}); return err },
			func(ctx context.Context) error { _, err := w.exec(ctx, agentapi.ExecSpec{Argv: works}); return err },
			func(ctx context.Context) error { return c.move(ctx, agentapi.MoveSpec{Offset: time.Hour}) },
			func(ctx context.Context) error {
				_, err := c.start(ctx, agentapi.ProcSpec{Name: "late", Argv: sleeps, Ready: []string{gatewayAt}})
				return err
			},
		} {
			underWay.Add(1)
			callers.Go(func() {
				if err := c.do(t.Context(), func(ctx context.Context) error { underWay.Done(); return wait(ctx) }); !errors.Is(err, agentapi.ErrNoSandbox) && err != nil {
					t.Errorf("it ends with %v", err)
				}
			})
		}
		underWay.Wait()
		l.do(c.id, "Close", agentapi.None{}, nil)
		isGone(t, l, c)
		callers.Wait()
	}
}

// A sandbox is closed to its end, whether anybody waits for that or not; and whoever asks for it again waits for the same.
func TestCloseCell_GoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c, _ := l.worldOf(sleeps, false)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errOver)
	if _, err := l.agent.closeSandbox(ctx, c.id, agentapi.None{}); err != nil && !errors.Is(err, errOver) {
		t.Errorf("it ends with %v", err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := l.Call(t.Context(), c.id, "Close", agentapi.None{}, &agentapi.None{}); err != nil {
				t.Errorf("closing it again ends with %v", err)
			}
		})
	}
	all.Wait()
	isGone(t, l, c)
}

// Callers who come and leave at any moment leave a sandbox that works, and that can be closed.
func TestCell_IsWholeAfterCallsThatWereHalfDone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c, w := l.worldOf(sleeps, false)
	l.answers(c, func(conn net.Conn) { conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) })
	ask := agentapi.ProbeSpec{
		From: visitorAt, To: gatewayAt, Limit: time.Hour, Raw: []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"),
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+n*n)*20*time.Microsecond)
				for _, err := range []error{
					l.Call(ctx, c.id, "SetBehaviour", agentapi.BehaviourSpec{Upstreams: []agentapi.UpstreamBehaviour{{At: "10.0.0.5:80", Down: "off"}}}, &agentapi.None{}),
					l.Call(ctx, c.id, "Probe", ask, &agentapi.ProbeAnswer{}),
					l.Call(ctx, c.id, "Exec", agentapi.ExecSpec{Argv: []string{"true"}}, &agentapi.Executed{}),
					l.Call(ctx, c.id, "Pass", agentapi.MoveSpec{Offset: time.Second}, &agentapi.None{}),
				} {
					if err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
					}
				}
				cancel()
			}
		})
	}
	all.Wait()
	var a agentapi.ProbeAnswer
	if l.do(c.id, "Probe", ask, &a); a.Status != 200 || a.Body != "ok" {
		t.Errorf("a visitor gets %+v", a)
	}
	var ran agentapi.Executed
	if l.do(c.id, "Exec", agentapi.ExecSpec{Argv: []string{"echo", "ran"}}, &ran); ran.Output != "ran" {
		t.Errorf("a program ends with %+v", ran)
	}
	if how := w.down("10.0.0.5:80"); how != "off" {
		t.Errorf("the upstream is %q", how)
	}
	l.do(c.id, "Close", agentapi.None{}, nil)
	isGone(t, l, c)
}
