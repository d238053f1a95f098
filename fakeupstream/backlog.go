package fakeupstream

import (
	"fmt"
	"net"
)

// BacklogFull listens and never accepts, with its queue of waiting connections full: a TCP
// client's SYN gets no answer, so that it waits until its connect timeout; a client of a
// unix socket that does not block gets EAGAIN at once. The upstream fills the queue by
// itself through Options.Dial. It works on Linux only, and is a state of the whole
// listener and therefore the only behaviour of its Script.
type BacklogFull struct {
	// Backlog is the backlog given to listen(2); 0 is the smallest. The kernel queues one
	// connection more than that.
	Backlog int `json:"backlog,omitempty"`
}

func (b BacklogFull) String() string {
	return fmt.Sprintf("listen with a backlog of %d that is full", b.Backlog)
}

func (b BacklogFull) Check(on Endpoint) error {
	if b.Backlog > 128 {
		return fmt.Errorf("backlog: %d is more than needed; give 0 to 128", b.Backlog)
	}
	return notNegative("backlog", b.Backlog)
}

func (b BacklogFull) Serve(*Exchange) error { return errDone }

// arrange shrinks the queue and fills it.
func (b BacklogFull) arrange(s *Server) (func() error, error) {
	if err := setBacklog(s.listener, b.Backlog); err != nil {
		return nil, fmt.Errorf("backlog-full: %w", err)
	}
	var fill []net.Conn
	empty := func() {
		for _, c := range fill {
			c.Close()
		}
	}
	for range b.Backlog + 1 {
		c, err := s.opts.Dial(s.network, s.address)
		if err != nil {
			empty()
			return nil, fmt.Errorf("backlog-full: filling the queue: %w", err)
		}
		fill = append(fill, c)
	}
	return func() error {
		defer empty()
		if s.closed {
			return nil
		}
		// Those first in the queue are the upstream's own, and are nobody's requests.
		for range fill {
			c, err := s.listener.Accept()
			if err != nil {
				return err
			}
			c.Close()
		}
		return setBacklog(s.listener, usualBacklog)
	}, nil
}

// usualBacklog is what the queue gets back; the kernel lowers it to its own limit.
const usualBacklog = 4096
