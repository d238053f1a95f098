package faults

import (
	"context"
	"fmt"

	"github.com/badgateway/badgateway/harness"
)

// Crowd is visitors who come one after the other, and all wait for their answers.
type Crowd struct {
	Visitors int
	Request  harness.Request
	// Held names what has each one's request before the next one comes; see harness.Twin.
	Held string
}

// Do lets them come.
func (f Crowd) Do(ctx context.Context, c *harness.Cell) error {
	for range f.Visitors {
		if err := c.Begin(ctx, f.Request, f.Held); err != nil {
			return err
		}
	}
	return nil
}

// Undo does nothing: they wait until they are answered.
func (f Crowd) Undo(context.Context, *harness.Cell) error { return nil }

func (f Crowd) String() string { return fmt.Sprintf("%d other visitors ask and wait", f.Visitors) }
