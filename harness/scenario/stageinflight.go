package scenario

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
)

// Dial is a client's connection to the gateway. Where the fault is injected while a request is in flight, it meets the request
// that comes over this connection. It is undone when the connection is closed, so that the next client meets the same.
func (s *Stage) Dial(ctx context.Context) (net.Conn, error) {
	s.awaitLastClient(ctx)
	s.mu.Lock()
	if !s.armed || s.injected {
		defer s.mu.Unlock()
		return s.tunnel(ctx)
	}
	watch, err := s.r.sandbox.Watch(ctx, s.condition())
	var conn net.Conn
	if err == nil {
		conn, err = s.tunnel(ctx)
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	ctx, ended := context.WithCancel(ctx)
	last := make(chan struct{})
	s.lastClient = last
	go func() {
		defer s.mu.Unlock()
		s.injectInFlight(ctx, watch)
	}()
	return &notifyingConn{Conn: conn, closed: sync.OnceFunc(func() {
		ended()
		s.prepareNext()
		close(last)
	})}, nil
}

// tunnel is a connection to where the client connects to.
func (s *Stage) tunnel(ctx context.Context) (net.Conn, error) {
	at, err := s.frontDoor(ctx)
	if err != nil {
		return nil, err
	}
	return s.r.sandbox.Tunnel(ctx, at)
}

// nextClientWait is how long a client that comes while the fault meets another's request is kept from asking. For one that comes
// after that other the fault is undone by then; one that comes at the same time meets what is broken already.
const nextClientWait = 3 * time.Second

// awaitLastClient waits until the client before has gone.
func (s *Stage) awaitLastClient(ctx context.Context) {
	s.mu.Lock()
	live := s.lastClient
	s.mu.Unlock()
	if live == nil {
		return
	}
	select {
	case <-live:
	case <-time.After(nextClientWait):
	case <-ctx.Done():
	}
}

// inFlight are the faults that are injected while a request is in flight.
func (s *Stage) inFlight() []fault.Fault { return withoutWaits(s.r.variant.InjectInFlight) }

// condition is how far the request has to come before.
func (s *Stage) condition() lab.Condition {
	if len(s.r.variant.WaitFor) == 0 {
		return lab.Condition{}
	}
	return s.r.variant.WaitFor[0]
}

// injectInFlight waits until the request is in flight, or its client gone, and injects the faults.
func (s *Stage) injectInFlight(ctx context.Context, watch *lab.Watch) {
	for watch.Wait(ctx) != nil {
		// Nothing has been asked yet, which is all that the error can mean here.
		if ctx.Err() != nil {
			return
		}
	}
	s.injected = true
	for _, f := range s.inFlight() {
		if err := s.r.injected.Inject(context.WithoutCancel(ctx), s.r.sandbox, f); err != nil {
			s.fail(fmt.Errorf("making the fault while the request is under way: %w", err))
			return
		}
	}
}

// prepareNext undoes the fault that met a request, when its client has gone.
func (s *Stage) prepareNext() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.injected {
		return
	}
	if err := s.reset(context.Background()); err != nil {
		s.fail(fmt.Errorf("preparing the fault for the next visitor: %w", err))
	}
}

// reset makes all as it was before the fault met a request.
func (s *Stage) reset(ctx context.Context) error {
	s.injected = false
	if err := s.r.injected.Undo(ctx); err != nil {
		return err
	}
	if s.remedied {
		return nil
	}
	return s.r.inject(ctx, withoutWaits(s.r.variant.Inject))
}

func (s *Stage) fail(err error) {
	select {
	case s.failed <- err:
	default: // one is enough to end the lab
	}
}

// notifyingConn reports when it is closed.
type notifyingConn struct {
	net.Conn
	closed func()
}

func (c *notifyingConn) Close() error {
	err := c.Conn.Close()
	c.closed()
	return err
}

// CloseWrite ends what the client sends.
func (c *notifyingConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
