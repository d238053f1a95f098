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

// Dial is a visitor's connection to the gateway. Where the fault strikes while a request is under way, it strikes once the
// request that comes over this connection is. What it broke is put right when the connection is closed, so that the next
// visitor meets the same.
func (s *Stage) Dial(ctx context.Context) (net.Conn, error) {
	s.awaitLast(ctx)
	s.mu.Lock()
	if !s.armed || s.struck {
		defer s.mu.Unlock()
		return s.r.cell.Tunnel(ctx, lab.FrontDoor)
	}
	had, err := s.r.cell.MarkHeld(ctx, s.r.twin.WaitFor)
	var conn net.Conn
	if err == nil {
		conn, err = s.r.cell.Tunnel(ctx, lab.FrontDoor)
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	ctx, ended := context.WithCancel(ctx)
	last := make(chan struct{})
	s.live = last
	go func() {
		defer s.mu.Unlock()
		s.strike(ctx, had)
	}()
	return &struckConn{Conn: conn, ended: sync.OnceFunc(func() {
		ended()
		s.settle()
		close(last)
	})}, nil
}

// beside is how long a visitor who comes while another's request is struck is kept from asking. One who comes after him has
// all put right by then; one who comes beside him meets what is broken already.
const beside = 3 * time.Second

// awaitLast waits until the visitor before has gone.
func (s *Stage) awaitLast(ctx context.Context) {
	s.mu.Lock()
	live := s.live
	s.mu.Unlock()
	if live == nil {
		return
	}
	select {
	case <-live:
	case <-time.After(beside):
	case <-ctx.Done():
	}
}

// strikes are what is done while a request is under way.
func (s *Stage) strikes() []fault.Fault { return withoutWaits(s.r.twin.InjectInFlight) }

// strike waits until the request is under way, or its visitor gone, and strikes.
func (s *Stage) strike(ctx context.Context, had int) {
	for s.r.cell.AwaitHeld(ctx, s.r.twin.WaitFor, had) != nil {
		// Nothing has been asked yet, which is all that the error can mean here.
		if ctx.Err() != nil {
			return
		}
	}
	s.struck = true
	for _, c := range s.strikes() {
		if err := c.Do(context.WithoutCancel(ctx), s.r.cell); err != nil {
			s.fail(fmt.Errorf("making the fault while the request is under way: %w", err))
			return
		}
	}
}

// settle puts right what was struck, when its visitor has gone.
func (s *Stage) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.struck {
		return
	}
	if err := s.putRight(context.Background()); err != nil {
		s.fail(fmt.Errorf("preparing the fault for the next visitor: %w", err))
	}
}

// putRight makes all as it was before a request was struck.
func (s *Stage) putRight(ctx context.Context) error {
	s.struck = false
	var before []fault.Fault
	if !s.mended {
		before = withoutWaits(s.r.twin.Inject)
	}
	if err := s.r.undo(ctx, append(before, s.strikes()...)); err != nil {
		return err
	}
	return s.r.breakIt(ctx, before)
}

func (s *Stage) fail(err error) {
	select {
	case s.failed <- err:
	default: // one is enough to end the lab
	}
}

// struckConn tells when it is closed.
type struckConn struct {
	net.Conn
	ended func()
}

func (c *struckConn) Close() error {
	err := c.Conn.Close()
	c.ended()
	return err
}

// CloseWrite ends what the visitor sends.
func (c *struckConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
