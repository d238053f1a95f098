package fakeupstream

import (
	"fmt"
	"net"
	"os"
)

// Refuse refuses connections. On TCP nothing is bound to the address, so that the client
// gets ECONNREFUSED at once; with port 0 a free port is found first. It is a state of the
// whole listener and therefore the only behaviour of its Script.
type Refuse struct {
	// Socket is what a unix socket leaves: SocketStale (the default) is a file that no one
	// listens on (ECONNREFUSED), SocketMissing is no file at all (ENOENT).
	Socket Leftover `json:"socket,omitempty"`
}

// Leftover is what is there of a unix socket that refuses.
type Leftover string

// The leftovers.
const (
	SocketStale   Leftover = "stale"
	SocketMissing Leftover = "missing"
)

func (b Refuse) String() string {
	if b.Socket == "" {
		return "refuse connections"
	}
	return "refuse connections, socket " + string(b.Socket)
}

func (b Refuse) Check(on Endpoint) error {
	if b.Socket != "" && on.Network != "unix" {
		return fmt.Errorf("socket: only a unix socket is stale or missing; remove it, or listen on \"unix:/path\"")
	}
	return oneOf("socket", b.Socket, SocketStale, SocketMissing)
}

func (b Refuse) Serve(*Exchange) error { return errDone }

// arrange closes the listener again, which proves that the address could be listened on.
func (b Refuse) arrange(s *Server) (func() error, error) {
	stale := s.network == "unix" && b.Socket != SocketMissing
	if stale {
		u, ok := s.listener.(interface{ SetUnlinkOnClose(bool) })
		if !ok {
			return nil, fmt.Errorf("refuse: the listener (%T) cannot leave a stale socket; Options.Listen has to give a *net.UnixListener", s.listener)
		}
		u.SetUnlinkOnClose(false)
	}
	if err := closeNow(s.listener); err != nil {
		return nil, err
	}
	s.listener = net.Listener(nil)
	return func() error {
		if stale {
			return os.Remove(s.address)
		}
		return nil
	}, nil
}
