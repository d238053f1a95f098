package lab

import (
	"context"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// What a Held may ask for beside a request that was read.
const (
	heldConnection = "connection" // it is connected, whether it reads or not
	heldAnswer     = "answer"     // it has answered as far as it does
)

// MarkHeld notes what to count from, before the visitor asks.
func (c *Sandbox) MarkHeld(ctx context.Context, held string) (int, error) {
	switch {
	case held == "":
		return 0, nil
	case strings.HasPrefix(held, "/"):
		return 0, c.call(ctx, "Watch", agentapi.NameRef{Cell: c.id, Name: held}, nil)
	}
	name, what, _ := strings.Cut(held, ":")
	if u, err := c.now(name); err != nil || u.Real != nil {
		return 0, err
	}
	all, err := c.Records(ctx, name)
	return count(all, what), err
}

// AwaitHeld waits until the request is where it has to be, and the gateway has nothing left to do but wait.
func (c *Sandbox) AwaitHeld(ctx context.Context, held string, had int) error {
	if held == "" {
		return nil
	}
	var err error
	if strings.HasPrefix(held, "/") {
		if err = c.call(ctx, "Opened", agentapi.NameRef{Cell: c.id, Name: held}, nil); err == nil {
			err = c.call(ctx, "Idle", agentapi.NameRef{Cell: c.id, Name: gatewayName}, nil)
		}
	} else {
		err = c.upstreamHas(ctx, held, had)
	}
	if err != nil {
		return fmt.Errorf("waiting until %s has the request: %w", held, err)
	}
	c.Note("upstream", "%s has the request", held)
	return nil
}

// upstreamHas waits until an upstream has the request. A fake tells so itself; of a real one the kernel tells that it has
// read all that was sent to it, or that its queue has it, and a real one beside the gateway has to be through with it.
func (c *Sandbox) upstreamHas(ctx context.Context, held string, had int) error {
	name, what, _ := strings.Cut(held, ":")
	u, err := c.now(name)
	if err != nil {
		return err
	}
	spec := agentapi.TakenSpec{Cell: c.id, Gateway: gatewayName, At: u.listen(), Unread: what == heldConnection}
	if u.Fake != nil {
		err = c.reached(ctx, name, what, had)
	} else {
		err = c.call(ctx, "Taken", spec, nil)
		if err == nil && u.Real.Image == "" && what != heldConnection {
			err = c.idle(ctx, u)
		}
	}
	if err != nil {
		return err
	}
	return c.call(ctx, "Settled", spec, nil)
}

// idle waits until a real upstream has nothing left to do.
func (c *Sandbox) idle(ctx context.Context, u Upstream) error {
	s, err := c.stationOf(ctx, u)
	if err != nil {
		return err
	}
	return s.client.Call(ctx, "Idle", agentapi.NameRef{Cell: c.id, Name: u.Name}, &agentapi.None{})
}

// now is an upstream as it is now.
func (c *Sandbox) now(name string) (Upstream, error) {
	c.mu.Lock()
	u, playing := c.playing[name]
	c.mu.Unlock()
	if playing {
		return u, nil
	}
	return c.Upstream(name)
}

// reached waits until a fake upstream that plays now has got further than before.
func (c *Sandbox) reached(ctx context.Context, name, what string, before int) error {
	spec := agentapi.ReachedSpec{Cell: c.id, Name: name}
	switch what {
	case heldConnection:
		spec.Connections = before + 1
	case heldAnswer:
		spec.Answers = before + 1
	default:
		spec.Requests = before + 1
	}
	return c.call(ctx, "Reached", spec, nil)
}

// count is how far a fake upstream has got so far.
func count(all []fakeupstream.ConnectionRecord, what string) int {
	switch what {
	case heldConnection:
		return len(all)
	case heldAnswer:
		return fakeupstream.Answered(all)
	}
	n := 0
	for _, c := range all {
		n += len(c.Requests)
	}
	return n
}
