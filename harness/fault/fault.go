package fault

import (
	"context"

	"github.com/badgateway/badgateway/harness/lab"
)

// A Fault is one thing done to a running cell: something broken, or something mended. It is a value; its fields say all.
type Fault interface {
	Do(ctx context.Context, c *lab.Sandbox) error
	// Undo brings back what was before Do.
	Undo(ctx context.Context, c *lab.Sandbox) error
}
