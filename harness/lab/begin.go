package lab

import (
	"context"
	"time"
)

// longest is how long a request that nobody waits for may take; the sandbox's end ends it too.
const longest = 10 * time.Minute

// StartBackground sends a request as another client, and returns while that waits for its answer: once the gateway has read
// the request, and the condition holds.
func (c *Sandbox) StartBackground(ctx context.Context, r Request, until Condition) error {
	watch, err := c.Watch(ctx, until)
	if err != nil {
		return err
	}
	c.calls.backgroundStarted()
	c.Note("visitor", "another one asks %s, and waits", r.line())
	if err := c.call(ctx, "StartAsk", c.askSpec(r, manner{}, longest), nil); err != nil {
		return err
	}
	return watch.Wait(ctx)
}
