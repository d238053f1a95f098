package harness

import "context"

// A Change is one thing done to a running cell: something broken, or something mended. It is a value; its fields say all.
type Change interface {
	Do(ctx context.Context, c *Cell) error
	// Undo brings back what was before Do.
	Undo(ctx context.Context, c *Cell) error
}
