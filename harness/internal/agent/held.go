//go:build linux

package agent

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// reached waits until a fake upstream has accepted so many connections, read so many requests, or answered so many as
// far as it does.
func (c *sandbox) reached(ctx context.Context, r agentapi.ReachedSpec) error {
	f, err := c.fake(r.Name)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if r.Connections > 0 {
		if err := f.WaitConnections(ctx, r.Connections); err != nil {
			return fmt.Errorf("waiting for connection %d at the fake upstream %s: %w", r.Connections, r.Name, err)
		}
	}
	if r.Requests > 0 {
		if err := f.WaitRequests(ctx, r.Requests); err != nil {
			return fmt.Errorf("waiting for request %d at the fake upstream %s: %w", r.Requests, r.Name, err)
		}
	}
	err = poll(ctx, 10*time.Second, func() (bool, error) { return r.Answers == 0 || fakeupstream.Answered(f.Records()) >= r.Answers, nil })
	if err != nil {
		return fmt.Errorf("waiting for answer %d of the fake upstream %s: %w", r.Answers, r.Name, err)
	}
	return nil
}

// taken waits until a real upstream has the gateway's request: a program has read it, or the kernel's queue has it.
func (c *sandbox) taken(ctx context.Context, spec agentapi.TakenSpec) error {
	gateway, err := c.process(spec.Gateway)
	if err != nil {
		return err
	}
	at, err := netip.ParseAddrPort(spec.At)
	if err != nil {
		return fmt.Errorf("the address of a real upstream: %w", err)
	}
	connected := false
	err = poll(ctx, 10*time.Second, func() (bool, error) {
		// Once the connection stands, a gateway that sleeps has sent what it has to send.
		if idle, err := gateway.idle(); err != nil || !idle {
			return false, err
		}
		before := connected
		all, err := c.sockets()
		if err != nil {
			return false, err
		}
		has := false
		for _, s := range all {
			switch {
			case s.state != tcpEstablished:
			case s.remote == at && s.unsent > 0 && !spec.Unread:
				return false, nil // still on its way
			case s.local == at:
				connected = true
				has = has || spec.Unread && s.unread > 0 || !spec.Unread && s.inode != 0 && s.unread == 0
			}
		}
		if has && before {
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for a request at %s: %w", spec.At, err)
	}
	return nil
}

// settled waits until the gateway has read all that was written at an address, and has nothing left to do but wait.
func (c *sandbox) settled(ctx context.Context, spec agentapi.TakenSpec) error {
	gateway, err := c.process(spec.Gateway)
	if err != nil {
		return err
	}
	at, _ := netip.ParseAddrPort(spec.At) // a unix socket has no port, and no bytes on their way
	err = poll(ctx, 10*time.Second, func() (bool, error) {
		if at.IsValid() {
			all, err := c.sockets()
			if err != nil {
				return false, err
			}
			for _, s := range all {
				if s.local == at && s.state == tcpEstablished && s.unsent > 0 || s.remote == at && s.unread > 0 {
					return false, nil
				}
			}
		}
		return gateway.idle()
	})
	if err != nil {
		return fmt.Errorf("waiting until the gateway has nothing to do: %w", err)
	}
	return nil
}
