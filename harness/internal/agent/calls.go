//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Agent holds the sandboxes of one container.
type Agent struct {
	root      string // where the sandboxes' folders lie
	hello     agentapi.Hello
	mu        sync.Mutex
	sandboxes map[string]*sandbox
}

// server answers the calls. Each does one thing and returns when it is done. What it waits for ends with its context.
func (a *Agent) server() *agentapi.Server {
	return &agentapi.Server{Dial: a.dial, Calls: map[string]agentapi.Handler{
		"Hello":    agentapi.Handle(a.sayHello),
		"Run":      agentapi.Handle(run),
		"ClockOf":  agentapi.Handle(clockOf),
		"Baseline": agentapi.Handle(baseline),
		"Open":     agentapi.Handle(a.openSandbox),
		"Close":    agentapi.HandleIn(a.closeSandbox),

		"Start":       inSandbox(a, (*sandbox).start),
		"Signal":      inSandbox(a, none((*sandbox).signal)),
		"StartFake":   inSandbox(a, none((*sandbox).startFake)),
		"StopFake":    inSandbox(a, (*sandbox).stopFake),
		"Records":     inSandbox(a, (*sandbox).records),
		"Connections": inSandbox(a, (*sandbox).connections),
		"Ask":         inSandbox(a, (*sandbox).ask),
		"LookUp":      inSandbox(a, (*sandbox).lookUp),
		"StartAsk":    inSandbox(a, none((*sandbox).beginAsk)),
		"Pending":     inSandbox(a, (*sandbox).pending),
		"EndAsk":      inSandbox(a, (*sandbox).endAsk),
		"LeaveAsk":    inSandbox(a, (*sandbox).leaveAsk),
		"Move":        inSandbox(a, none((*sandbox).move)),
		"Resting":     inSandbox(a, (*sandbox).resting),
		"Listens":     inSandbox(a, (*sandbox).listens),
		"BreakNet":    inSandbox(a, none((*sandbox).breakNet)),
		"RestoreNet":  inSandbox(a, none((*sandbox).restoreNet)),
		"Change":      inSandbox(a, (*sandbox).changeFile),
		"UndoChange":  inSandbox(a, none((*sandbox).undoChange)),
		"Disk":        inSandbox(a, none((*sandbox).disk)),
		"Read":        inSandbox(a, (*sandbox).readText),
		"News":        inSandbox(a, (*sandbox).logNews),
		"Watch":       inSandbox(a, none((*sandbox).watch)),
		"Opened":      inSandbox(a, none((*sandbox).opened)),
		"Follow":      inSandbox(a, none((*sandbox).follow)),
		"Reached":     inSandbox(a, none((*sandbox).reached)),
		"Taken":       inSandbox(a, none((*sandbox).taken)),
		"Settled":     inSandbox(a, none((*sandbox).settled)),
		"RunCommand":  inSandbox(a, (*sandbox).runCommand),
		"Idle":        inSandbox(a, none((*sandbox).awaitIdle)),
		"Starved":     inSandbox(a, (*sandbox).starved),
		"Pressed":     inSandbox(a, (*sandbox).pressed),
		"Load":        inSandbox(a, (*sandbox).load),

		"SetBehaviour": inCatchAll(a, none((*catchAll).setBehaviourAndWait)),
		"Probe":        inCatchAll(a, (*catchAll).probe),
		"DrainEvents":  inCatchAll(a, (*catchAll).drainEvents),
		"Put":          inCatchAll(a, none((*catchAll).put)),
		"ReadTree":     inCatchAll(a, (*catchAll).readTree),
		"Look":         inCatchAll(a, (*catchAll).lookFor),
		"Names":        inCatchAll(a, (*catchAll).namesIn),
		"Written":      inCatchAll(a, (*catchAll).written),
		"Wipe":         inCatchAll(a, none((*catchAll).wipe)),
		"Exec":         inCatchAll(a, (*catchAll).exec),
		"StartCommand": inCatchAll(a, (*catchAll).start),
		"Pass":         inCatchAll(a, none((*catchAll).pass)),
	}}
}

// inSandbox makes a call of what is done in a sandbox.
func inSandbox[A, R any](a *Agent, do func(*sandbox, context.Context, A) (R, error)) agentapi.Handler {
	return agentapi.HandleIn(func(ctx context.Context, id string, args A) (result R, err error) {
		c, err := a.sandbox(id)
		if err != nil {
			return result, err
		}
		err = c.do(ctx, func(ctx context.Context) (err error) {
			result, err = do(c, ctx, args)
			return err
		})
		return result, err
	})
}

// inCatchAll makes a call of what is done in a catch-all sandbox.
func inCatchAll[A, R any](a *Agent, do func(*catchAll, context.Context, A) (R, error)) agentapi.Handler {
	return inSandbox(a, func(c *sandbox, ctx context.Context, args A) (result R, err error) {
		if c.catchAll == nil {
			return result, fmt.Errorf("not every address answers in sandbox %s", c.id)
		}
		return do(c.catchAll, ctx, args)
	})
}

// none is for what has no result.
func none[T, A any](do func(T, context.Context, A) error) func(T, context.Context, A) (agentapi.None, error) {
	return func(t T, ctx context.Context, args A) (agentapi.None, error) {
		return agentapi.None{}, do(t, ctx, args)
	}
}

func (a *Agent) sandbox(id string) (*sandbox, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.sandboxes[id]
	if c == nil {
		return nil, agentapi.Errorf(agentapi.ErrNoSandbox, "there is no sandbox %q", id)
	}
	return c, nil
}

// sayHello says what the container is like.
func (a *Agent) sayHello(context.Context, agentapi.None) (agentapi.Hello, error) { return a.hello, nil }

// openSandbox makes a sandbox. It can be closed from the beginning, which ends the making of it.
func (a *Agent) openSandbox(ctx context.Context, spec agentapi.SandboxSpec) (opened agentapi.SandboxOpened, err error) {
	c := newSandbox(a.root, spec)
	a.mu.Lock()
	if a.sandboxes[c.id] != nil {
		a.mu.Unlock()
		return opened, fmt.Errorf("there is a sandbox %q already", c.id)
	}
	a.sandboxes[c.id] = c
	a.mu.Unlock()
	if err := c.do(ctx, func(ctx context.Context) (err error) {
		if err = c.open(ctx, spec); err == nil && spec.Gateway != nil {
			opened.Gateway, err = c.start(ctx, *spec.Gateway)
		}
		return err
	}); err != nil {
		return opened, errors.Join(err, a.remove(c))
	}
	opened.Netns = c.netnsPath()
	return opened, nil
}

// closeSandbox ends all that runs in a sandbox and removes it. That goes on to its end, whether the caller waits for it or not.
func (a *Agent) closeSandbox(ctx context.Context, id string, _ agentapi.None) (none agentapi.None, err error) {
	c, err := a.sandbox(id)
	if err != nil {
		return none, nil
	}
	closed := make(chan error, 1)
	go func() { closed <- a.remove(c) }()
	select {
	case err = <-closed:
		return none, err
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

func (a *Agent) remove(c *sandbox) error {
	err := c.close()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sandboxes[c.id] == c {
		delete(a.sandboxes, c.id)
	}
	return err
}

// dial opens a connection to an address in a sandbox, for who is outside of it.
func (a *Agent) dial(ctx context.Context, id, to string) (conn net.Conn, err error) {
	c, err := a.sandbox(id)
	if err != nil {
		return nil, err
	}
	err = c.do(ctx, func(ctx context.Context) error {
		return c.online(func() (err error) {
			conn, err = ours.DialContext(ctx, "tcp", to)
			return err
		})
	})
	return conn, err
}

// run runs a command in the container, outside of any sandbox, and gives what it printed.
func run(ctx context.Context, argv []string) (agentapi.Output, error) {
	text, err := children.run(ctx, argv...)
	return agentapi.Output{Text: text}, err
}

// records is what a fake upstream was asked.
func (c *sandbox) records(_ context.Context, ref agentapi.NameRef) ([]fakeupstream.ConnectionRecord, error) {
	f, err := c.fake(ref.Name)
	if err != nil {
		return nil, err
	}
	return f.Records(), nil
}

// connections is how many each fake upstream has accepted.
func (c *sandbox) connections(context.Context, agentapi.None) (map[string]int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]int, len(c.fakes))
	for name, f := range c.fakes {
		all[name], _ = f.Counts()
	}
	return all, nil
}

// move moves the clock of the sandbox.
func (c *sandbox) move(ctx context.Context, spec agentapi.MoveSpec) error {
	c.runs = c.runs || spec.Runs
	return c.moveClock(ctx, spec.Offset)
}

// listens reports whether something listens at an address of the sandbox.
func (c *sandbox) listens(_ context.Context, ref agentapi.NameRef) (bool, error) {
	missing, err := c.notListening([]string{ref.Name})
	return missing == "", err
}

// readText reads a file of the sandbox.
func (c *sandbox) readText(_ context.Context, ref agentapi.NameRef) (agentapi.FileText, error) {
	text, err := c.readFile(ref.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return agentapi.FileText{Missing: true}, nil
	}
	return agentapi.FileText{Text: string(text)}, err
}

// logNews is what was added to each log file of the sandbox since the last answer or the last news.
func (c *sandbox) logNews(context.Context, agentapi.None) (map[string]string, error) { return c.news() }

// follow makes the news of a log file come with each answer.
func (c *sandbox) follow(_ context.Context, spec agentapi.FollowSpec) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.logs[spec.Path]; !known {
		c.logs[spec.Path] = 0
	}
	return nil
}

// awaitIdle waits until a process and all its children sleep.
func (c *sandbox) awaitIdle(ctx context.Context, ref agentapi.NameRef) error {
	p, err := c.process(ref.Name)
	if err != nil {
		return err
	}
	if err := poll(ctx, 10*time.Second, p.idle); err != nil {
		return fmt.Errorf("waiting until %s has nothing to do: %w", ref.Name, err)
	}
	return nil
}

// kernelRelease is what uname -r prints.
func kernelRelease() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
