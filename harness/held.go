package harness

import (
	"context"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/wire"
)

// prepareHeld notes what to count from, before the visitor asks.
func (c *Cell) prepareHeld(ctx context.Context, held string) (int, error) {
	switch {
	case held == "":
		return 0, nil
	case strings.HasPrefix(held, "/"):
		return 0, c.call(ctx, "Watch", wire.NameRef{Cell: c.id, Name: held}, nil)
	}
	name, what, _ := strings.Cut(held, ":")
	if u, err := c.Upstream(name); err != nil || u.Real != nil {
		return 0, err
	}
	all, err := c.Records(ctx, name)
	return count(all, what == "connection"), err
}

// awaitHeld waits until the request is where it has to be, and the gateway has nothing left to do but wait.
func (c *Cell) awaitHeld(ctx context.Context, held string, had int) error {
	if held == "" {
		return nil
	}
	var err error
	if strings.HasPrefix(held, "/") {
		err = c.call(ctx, "Opened", wire.NameRef{Cell: c.id, Name: held}, nil)
	} else {
		err = c.upstreamHas(ctx, held, had)
	}
	if err != nil {
		return fmt.Errorf("waiting until %s has the request: %w", held, err)
	}
	c.Note("upstream", "%s has the request", held)
	return c.call(ctx, "Idle", wire.NameRef{Cell: c.id, Name: gatewayName}, nil)
}

// upstreamHas waits until an upstream has the request. A fake tells so itself; of a real one the kernel tells that it has
// read all that was sent to it, or that its queue has it, and a real one beside the gateway has to be through with it.
func (c *Cell) upstreamHas(ctx context.Context, held string, had int) error {
	name, what, _ := strings.Cut(held, ":")
	u, err := c.Upstream(name)
	if err != nil {
		return err
	}
	if u.Fake != nil {
		return c.reached(ctx, held, had)
	}
	spec := wire.TakenSpec{Cell: c.id, Gateway: gatewayName, At: u.Real.Listen, Unread: what == "connection"}
	if err := c.call(ctx, "Taken", spec, nil); err != nil {
		return err
	}
	if u.Real.Image != "" || what == "connection" {
		return nil
	}
	return c.call(ctx, "Idle", wire.NameRef{Cell: c.id, Name: name}, nil)
}
