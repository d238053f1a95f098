package fault

import (
	"context"
	"fmt"
	"time"

	"github.com/badgateway/badgateway/harness/lab"
)

// Wait lets time pass, by the cell's clock where that can be moved.
type Wait struct{ For time.Duration }

// Do waits.
func (f Wait) Do(ctx context.Context, c *lab.Sandbox) error { return c.Wait(ctx, f.For) }

// Undo does nothing: time does not go back.
func (f Wait) Undo(context.Context, *lab.Sandbox) error { return nil }

// Passes is how much time passes, so that the cell's clock has to be one that can be moved.
func (f Wait) Passes() time.Duration { return f.For }

// Waits is how long it takes where no clock is moved.
func (f Wait) Waits() time.Duration { return f.For }

func (f Wait) String() string { return fmt.Sprintf("%v pass", f.For) }

// Visit is another visitor's request, whose answer has to have a status.
type OtherRequest struct {
	Request lab.Request
	Status  int
}

// Do asks.
func (f OtherRequest) Do(ctx context.Context, c *lab.Sandbox) error {
	e, err := c.Ask(ctx, f.Request)
	if err != nil {
		return err
	}
	if e.Status != f.Status {
		return fmt.Errorf("another visitor got %d (%s), not %d", e.Status, e.NoAnswer, f.Status)
	}
	return nil
}

// Undo does nothing.
func (f OtherRequest) Undo(context.Context, *lab.Sandbox) error { return nil }

func (f OtherRequest) String() string { return fmt.Sprintf("another visitor gets %d", f.Status) }

// Restart restarts the gateway with the config it has.
type Restart struct{}

// Do restarts it. A gateway that does not start gives a lab.ConfigError.
func (f Restart) Do(ctx context.Context, c *lab.Sandbox) error { return c.RestartGateway(ctx) }

// Undo restarts it as well, so that it is well once what kept it down is undone.
func (f Restart) Undo(ctx context.Context, c *lab.Sandbox) error { return c.RestartGateway(ctx) }

func (f Restart) String() string { return "the gateway is restarted" }
