package lab

import (
	"context"
	"time"
)

// longest is how long a visitor stays whom nobody waits for; the cell's end sends him away.
const longest = 10 * time.Minute

// Begin asks as another visitor, and returns while he waits for his answer: once the gateway has read his request, and
// what held names has it too; see [Twin].
func (c *Sandbox) StartBackground(ctx context.Context, r Request, held string) error {
	had, err := c.MarkHeld(ctx, held)
	if err != nil {
		return err
	}
	c.calls.backgroundStarted()
	c.Note("visitor", "another one asks %s, and waits", r.line())
	if err := c.call(ctx, "StartAsk", c.askSpec(r, longest), nil); err != nil {
		return err
	}
	return c.AwaitHeld(ctx, held, had)
}
