package lab

import (
	"context"
	"errors"
	"time"
)

// longest is how long a request that nobody waits for may take; the sandbox's end ends it too.
const longest = 10 * time.Minute

// StartBackground sends a request as another client, and returns while that waits for its answer: once the gateway has read
// the request, and the condition holds. The options are those of [Sandbox.Do] but for [Within] and [KeepAlive], which are
// about an answer.
func (c *Sandbox) StartBackground(ctx context.Context, r Request, until Condition, options ...Option) error {
	m, err := mannerOf(options)
	if err == nil && (m.window != nil || m.client != "") {
		err = errors.New("nobody has the answer of a client in the background: leave out Within and KeepAlive")
	}
	if err != nil {
		return err
	}
	spec, err := c.askSpec(ctx, r, m, longest)
	if err != nil {
		return err
	}
	watch, err := c.Watch(ctx, until)
	if err != nil {
		return err
	}
	c.calls.backgroundStarted()
	c.Note("visitor", "another one asks %s, and waits", r.line())
	if err := c.call(ctx, "StartAsk", spec, nil); err != nil {
		return err
	}
	return watch.Wait(ctx)
}
