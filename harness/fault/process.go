package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

// Signals as Linux numbers them, which is not as every system does that this package is built for.
const (
	sigcont = 18
	sigstop = 19
)

// exchange changes which upstream runs under a name, if any. The undo brings back the one that did; where none did, it stops
// the one that does.
func exchange(ctx context.Context, t Target, name string, change func() error) (Undo, error) {
	former, ran := t.Running(name)
	undo := once(func(ctx context.Context) error {
		if ran {
			return t.StartUpstream(ctx, former)
		}
		if _, runs := t.Running(name); !runs {
			return nil
		}
		return t.StopUpstream(ctx, name, 0)
	})
	if err := change(); err != nil {
		return nil, rolledBack(ctx, undo, err)
	}
	return undo, nil
}

// Stop ends an upstream: at once, as a crash does, or by the signal that its service manager sends.
type Stop struct {
	Upstream string
	// Signal is what a real one gets and ends by in its own way (15 is SIGTERM); 0 kills it and its children.
	Signal int
}

// Inject ends the upstream.
func (f Stop) Inject(ctx context.Context, t Target) (Undo, error) {
	return exchange(ctx, t, f.Upstream, func() error { return t.StopUpstream(ctx, f.Upstream, f.Signal) })
}

func (f Stop) String() string { return fmt.Sprintf("%s is stopped", f.Upstream) }

// Start starts an upstream that was stopped.
type Start struct{ Upstream string }

// Inject starts the upstream as the target was set up with it.
func (f Start) Inject(ctx context.Context, t Target) (Undo, error) {
	u, err := t.Upstream(f.Upstream)
	if err != nil {
		return nil, err
	}
	return exchange(ctx, t, f.Upstream, func() error { return t.StartUpstream(ctx, u) })
}

func (f Start) String() string { return fmt.Sprintf("%s is started", f.Upstream) }

// Replace puts another upstream in the place of one: another version, another port, another config.
type Replace struct{ Upstream lab.Upstream }

// Inject ends the upstream of that name, and starts the new one.
func (f Replace) Inject(ctx context.Context, t Target) (Undo, error) {
	return exchange(ctx, t, f.Upstream.Name, func() error { return t.StartUpstream(ctx, f.Upstream) })
}

func (f Replace) String() string { return fmt.Sprintf("%s is another", f.Upstream.Name) }

// FailToStart restarts an upstream in a form in which it does not start, or gives up when it has begun to listen.
type FailToStart struct {
	Upstream lab.Upstream
	// Says is what it has to print, or to log, when it gives up.
	Says string
}

// Inject ends the upstream of that name, and tries to start the new one.
func (f FailToStart) Inject(ctx context.Context, t Target) (Undo, error) {
	name := f.Upstream.Name
	return exchange(ctx, t, name, func() error {
		why := t.StartUpstream(ctx, f.Upstream)
		if why == nil {
			said, err := t.AwaitEnd(ctx, name)
			if err != nil {
				return fmt.Errorf("%s starts, though it should not: %w", name, err)
			}
			why = errors.New(said)
		}
		if !strings.Contains(why.Error(), f.Says) {
			return fmt.Errorf("it did not say %q: %w", f.Says, why)
		}
		t.Note("upstream "+name, "does not start: %s", f.Says)
		return nil
	})
}

func (f FailToStart) String() string { return f.Upstream.Name + " does not start" }

// End waits until a real upstream ends by itself, of what befell it before.
type End struct {
	Upstream string
	// Says is what it has to log as it ends; empty for nothing.
	Says string
}

// Inject waits. The undo starts the upstream as it ran.
func (f End) Inject(ctx context.Context, t Target) (Undo, error) {
	return exchange(ctx, t, f.Upstream, func() error {
		said, err := t.AwaitEnd(ctx, f.Upstream)
		if err == nil && !strings.Contains(said, f.Says) {
			err = fmt.Errorf("%s did not say %q as it ended: %s", f.Upstream, f.Says, said)
		}
		return err
	})
}

func (f End) String() string { return fmt.Sprintf("%s ends by itself", f.Upstream) }

// SetBehaviour makes a fake upstream follow another script, and other rules.
type SetBehaviour struct {
	Upstream string
	Script   fakeupstream.Script
	// Rules take the place of those that the fake has, too: without any it has none, and all requests meet the script.
	Rules []fakeupstream.Rule
}

// Inject closes the fake with all its connections, and starts it with the script and the rules.
func (f SetBehaviour) Inject(ctx context.Context, t Target) (Undo, error) {
	u, err := t.Upstream(f.Upstream)
	if err != nil {
		return nil, err
	}
	if u.Fake == nil {
		return nil, fmt.Errorf("the upstream %s is real, and follows no script", f.Upstream)
	}
	spec := *u.Fake
	spec.Script, spec.Rules = f.Script, f.Rules
	u.Fake = &spec
	return exchange(ctx, t, f.Upstream, func() error { return t.StartUpstream(ctx, u) })
}

func (f SetBehaviour) String() string { return fmt.Sprintf("%s follows another script", f.Upstream) }

// Signal sends a signal to a real upstream, or to its children (PHP-FPM's workers).
type Signal struct {
	Upstream string
	Number   int // as Linux numbers them: 9 is SIGKILL, 11 is SIGSEGV
	Children bool
}

// Inject sends the signal. There is nothing to undo: a master starts its workers anew by itself.
func (f Signal) Inject(ctx context.Context, t Target) (Undo, error) {
	return nil, t.SignalUpstream(ctx, f.Upstream, f.Number, f.Children)
}

func (f Signal) String() string { return fmt.Sprintf("signal %d goes to %s", f.Number, f.Upstream) }

// Freeze makes a real upstream hang: its processes stand still (SIGSTOP) while its kernel still accepts connections.
type Freeze struct{ Upstream string }

// Inject stops the children, which do the work. The undo lets them go on.
func (f Freeze) Inject(ctx context.Context, t Target) (Undo, error) {
	if err := t.SignalUpstream(ctx, f.Upstream, sigstop, true); err != nil {
		return nil, err
	}
	return once(func(ctx context.Context) error { return t.SignalUpstream(ctx, f.Upstream, sigcont, true) }), nil
}

func (f Freeze) String() string { return fmt.Sprintf("%s hangs", f.Upstream) }

// CPUQuota cuts the share of processors that a real upstream's container has, as a hosting tariff does.
type CPUQuota struct {
	Upstream string
	CPUs     float64 // of one processor: 0.02 is two milliseconds in each tenth of a second
}

// Inject sets the quota.
func (f CPUQuota) Inject(ctx context.Context, t Target) (Undo, error) {
	return made(t.LimitCPUs(ctx, f.Upstream, f.CPUs))
}

func (f CPUQuota) String() string {
	return fmt.Sprintf("%s has %.0f %% of a processor", f.Upstream, 100*f.CPUs)
}
