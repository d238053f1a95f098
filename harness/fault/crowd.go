package fault

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness/lab"
)

// Crowd is visitors who come one after the other, and all wait for their answers.
type ConcurrentRequests struct {
	Visitors int
	Request  lab.Request
	// Held names what has each one's request before the next one comes; see scenario.Variant.
	Held string
}

// Do lets them come.
func (f ConcurrentRequests) Do(ctx context.Context, c *lab.Sandbox) error {
	for range f.Visitors {
		if err := c.StartBackground(ctx, f.Request, f.Held); err != nil {
			return err
		}
	}
	return nil
}

// Undo does nothing: they wait until they are answered.
func (f ConcurrentRequests) Undo(context.Context, *lab.Sandbox) error { return nil }

func (f ConcurrentRequests) String() string {
	return fmt.Sprintf("%d other visitors ask and wait", f.Visitors)
}
