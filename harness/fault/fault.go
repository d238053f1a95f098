package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/badgateway/badgateway/harness/lab"
)

// A Fault is one thing done to a running sandbox. It is a value; its fields say all.
type Fault interface {
	// Inject makes the fault. Undo brings back what the target was like before, whatever that was; it is nil where there is
	// nothing to bring back, and calling it again after it succeeded does nothing. Faults that are injected one after the
	// other are undone in the opposite order, as a [Stack] does.
	//
	// With an error nothing of the fault is left, and undo is nil. The exception is a [*lab.ConfigError]: a gateway that
	// does not start is a fault as well, so undo is there too.
	Inject(ctx context.Context, target Target) (undo Undo, err error)
}

// An Undo takes back what a fault did. One that fails may be called again.
type Undo = func(context.Context) error

// A Target is what faults are injected into: a [*lab.Sandbox], or in a unit test a fake.
type Target interface {
	// Upstream is an upstream as the target was set up with it.
	Upstream(name string) (lab.Upstream, error)
	// Running is the upstream that runs under a name, if one does.
	Running(name string) (u lab.Upstream, runs bool)
	// StartUpstream starts an upstream. It takes the place of the one that runs under its name.
	StartUpstream(ctx context.Context, u lab.Upstream) error
	// StopUpstream ends an upstream by a signal, or with 0 at once.
	StopUpstream(ctx context.Context, name string, signal int) error
	// AwaitEnd waits until a real upstream ends by itself, and returns the end of what it printed and logged.
	AwaitEnd(ctx context.Context, name string) (said string, err error)
	// SignalUpstream sends a signal to a real upstream, or to its children.
	SignalUpstream(ctx context.Context, name string, signal int, children bool) error
	// LimitCPUs changes the share of processors of a real upstream.
	LimitCPUs(ctx context.Context, name string, cpus float64) (Undo, error)

	// Config is the gateway's main config, and SetConfig restarts the gateway with another.
	Config(ctx context.Context) (string, error)
	SetConfig(ctx context.Context, conf string) error
	RestartGateway(ctx context.Context) error

	// WriteFile writes a file, and Chmod changes the mode of one.
	WriteFile(ctx context.Context, f lab.File) (Undo, error)
	Chmod(ctx context.Context, path string, mode uint32) (Undo, error)
	// SetHosts makes names resolve to addresses, and no others.
	SetHosts(ctx context.Context, hosts map[string]string) (Undo, error)
	// SetClientHosts gives the clients a hosts file.
	SetClientHosts(ctx context.Context, hosts map[string]string) (Undo, error)
	// SetClientDNS has the clients ask a DNS server.
	SetClientDNS(ctx context.Context, server string) (Undo, error)
	// LimitDisk makes a folder a file system of so many bytes: for the gateway, or on the machine of a real upstream.
	LimitDisk(ctx context.Context, upstream, path string, bytes int64) (Undo, error)
	// BreakNetwork breaks the network in one place.
	BreakNetwork(ctx context.Context, f lab.NetworkFault) (Undo, error)

	// Do sends a request and waits for its answer, StartBackground only until it is where the condition says.
	Do(ctx context.Context, r lab.Request, options ...lab.Option) (lab.Exchange, error)
	StartBackground(ctx context.Context, r lab.Request, until lab.Condition, options ...lab.Option) error
	// RunBeside runs a program where a real upstream runs, and returns what it prints; not to end with 0 is an error.
	RunBeside(ctx context.Context, upstream string, argv ...string) (string, error)
	// AwaitBeside runs one there again and again until it ends with 0.
	AwaitBeside(ctx context.Context, upstream string, argv ...string) error
	// Wait lets time pass.
	Wait(ctx context.Context, d time.Duration) error
	// Note adds a line to the transcript.
	Note(actor, format string, a ...any)
}

var _ Target = (*lab.Sandbox)(nil)

// once makes a call after the one that succeeded do nothing.
func once(undo Undo) Undo {
	if undo == nil {
		return nil
	}
	var mu sync.Mutex
	done := false
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if done {
			return nil
		}
		err := undo(ctx)
		done = err == nil
		return err
	}
}

// made is what Inject returns of a change that the target can undo by itself.
func made(undo Undo, err error) (Undo, error) {
	if err != nil {
		return nil, err
	}
	return once(undo), nil
}

// rollBackWithin bounds how long the rest of a fault that failed half-way is taken back.
const rollBackWithin = 20 * time.Second

// rolledBack takes back what was done before err, also when it was the end of ctx that kept the fault from being made.
func rolledBack(ctx context.Context, undo Undo, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollBackWithin)
	defer cancel()
	if failed := undo(ctx); failed != nil {
		return errors.Join(err, fmt.Errorf("taking back the half of it that was done: %w", failed))
	}
	return err
}

// A Stack injects faults and undoes them, the last one first. It is not for concurrent use.
type Stack struct {
	undos []Undo
}

// Inject makes a fault and keeps its undo.
func (s *Stack) Inject(ctx context.Context, target Target, f Fault) error {
	undo, err := f.Inject(ctx, target)
	if undo != nil {
		s.undos = append(s.undos, undo)
	}
	return err
}

// Undo undoes all faults. At the first undo that fails it stops, since those below it stand on what that one was to bring
// back; another call begins there.
func (s *Stack) Undo(ctx context.Context) error {
	for _, undo := range slices.Backward(s.undos) {
		if err := undo(ctx); err != nil {
			return err
		}
		s.undos = s.undos[:len(s.undos)-1]
	}
	return nil
}

// Forget leaves the faults as they are.
func (s *Stack) Forget() { s.undos = nil }
