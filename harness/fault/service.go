package fault

import (
	"context"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/lab"
)

// Stop ends an upstream: at once, as a crash does, or by the signal that its service manager sends.
type Stop struct {
	Upstream string
	// Signal is what a real one gets and ends by in its own way (15 is SIGTERM); 0 kills it and its children.
	Signal int
}

// Do ends the upstream.
func (f Stop) Do(ctx context.Context, c *lab.Sandbox) error {
	return c.StopUpstream(ctx, f.Upstream, f.Signal)
}

// Undo starts it again.
func (f Stop) Undo(ctx context.Context, c *lab.Sandbox) error {
	u, err := c.Upstream(f.Upstream)
	if err != nil {
		return err
	}
	return c.StartUpstream(ctx, u)
}

func (f Stop) String() string { return fmt.Sprintf("%s is stopped", f.Upstream) }

// Start starts an upstream that was stopped.
type Start struct{ Upstream string }

// Do starts the upstream as the cell was set up with it.
func (f Start) Do(ctx context.Context, c *lab.Sandbox) error {
	return Stop{Upstream: f.Upstream}.Undo(ctx, c)
}

// Undo ends it again.
func (f Start) Undo(ctx context.Context, c *lab.Sandbox) error {
	return Stop{Upstream: f.Upstream}.Do(ctx, c)
}

func (f Start) String() string { return fmt.Sprintf("%s is started", f.Upstream) }

// Become puts another upstream in the place of one: another version, another port, another config.
type Replace struct{ Upstream lab.Upstream }

// Do ends the upstream of that name, and starts the new one.
func (f Replace) Do(ctx context.Context, c *lab.Sandbox) error {
	return c.StartUpstream(ctx, f.Upstream)
}

// Undo brings back the one that the cell was set up with.
func (f Replace) Undo(ctx context.Context, c *lab.Sandbox) error {
	u, err := c.Upstream(f.Upstream.Name)
	if err != nil {
		return err
	}
	return c.StartUpstream(ctx, u)
}

func (f Replace) String() string { return fmt.Sprintf("%s is another", f.Upstream.Name) }

// FailToStart restarts an upstream in a form in which it does not start.
type FailToStart struct {
	Upstream lab.Upstream
	// Says is what it has to print when it gives up.
	Says string
}

// Do ends the upstream of that name, and tries to start the new one.
func (f FailToStart) Do(ctx context.Context, c *lab.Sandbox) error {
	err := c.StartUpstream(ctx, f.Upstream)
	switch {
	case err == nil:
		return fmt.Errorf("%s starts, though it should not", f.Upstream.Name)
	case !strings.Contains(err.Error(), f.Says):
		return fmt.Errorf("it did not say %q: %w", f.Says, err)
	}
	c.Note("upstream "+f.Upstream.Name, "does not start: %s", f.Says)
	return nil
}

// Undo starts the one that the cell was set up with.
func (f FailToStart) Undo(ctx context.Context, c *lab.Sandbox) error {
	return Replace{Upstream: f.Upstream}.Undo(ctx, c)
}

func (f FailToStart) String() string { return f.Upstream.Name + " does not start" }

// Behave makes a fake upstream follow another script.
type SetBehaviour struct {
	Upstream string
	Script   fakeupstream.Script
}

// Do closes the fake with all its connections, and starts it with the script.
func (f SetBehaviour) Do(ctx context.Context, c *lab.Sandbox) error {
	u, err := c.Upstream(f.Upstream)
	if err != nil {
		return err
	}
	if u.Fake == nil {
		return fmt.Errorf("the upstream %s is real, and follows no script", f.Upstream)
	}
	spec := *u.Fake
	spec.Script = f.Script
	u.Fake = &spec
	return c.StartUpstream(ctx, u)
}

// Undo brings back the script that the cell was set up with.
func (f SetBehaviour) Undo(ctx context.Context, c *lab.Sandbox) error {
	u, err := c.Upstream(f.Upstream)
	if err != nil {
		return err
	}
	return c.StartUpstream(ctx, u)
}

func (f SetBehaviour) String() string { return fmt.Sprintf("%s follows another script", f.Upstream) }

// Signal sends a signal to a real upstream, or to its children (PHP-FPM's workers).
type Signal struct {
	Upstream string
	Number   int // as Linux numbers them: 9 is SIGKILL, 11 is SIGSEGV
	Children bool
}

// Do sends the signal.
func (f Signal) Do(ctx context.Context, c *lab.Sandbox) error {
	return c.SignalUpstream(ctx, f.Upstream, f.Number, f.Children)
}

// Undo does nothing: a master starts its workers anew by itself.
func (f Signal) Undo(context.Context, *lab.Sandbox) error { return nil }

func (f Signal) String() string { return fmt.Sprintf("signal %d goes to %s", f.Number, f.Upstream) }

// Config gives the gateway another main config and restarts it.
type Config struct{ Conf string }

// Do puts the config in place. A config with which the gateway does not start gives a lab.ConfigError.
func (f Config) Do(ctx context.Context, c *lab.Sandbox) error { return c.SetConfig(ctx, f.Conf) }

// Undo brings back the config that the cell was set up with.
func (f Config) Undo(ctx context.Context, c *lab.Sandbox) error { return c.ResetConfig(ctx) }

func (f Config) String() string { return "the gateway gets another config" }

// Freeze makes a real upstream hang: its processes stand still (SIGSTOP) while its kernel still accepts connections.
type Freeze struct{ Upstream string }

// Do stops the children, which do the work.
func (f Freeze) Do(ctx context.Context, c *lab.Sandbox) error {
	return c.SignalUpstream(ctx, f.Upstream, 19, true)
}

// Undo lets them go on.
func (f Freeze) Undo(ctx context.Context, c *lab.Sandbox) error {
	return c.SignalUpstream(ctx, f.Upstream, 18, true)
}

func (f Freeze) String() string { return fmt.Sprintf("%s hangs", f.Upstream) }
