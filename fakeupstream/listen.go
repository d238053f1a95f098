package fakeupstream

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// open listens and puts the listener in the state that the script asks for.
func (s *Server) open() error {
	ln, err := s.listen()
	if err != nil {
		return err
	}
	s.listener, s.addr = ln, ln.Addr()
	if s.addr == nil { // a listener of the caller's that has none
		s.addr = askedFor{s.network, s.address}
	}
	if s.network == "tcp" {
		s.address = s.addr.String()
	}
	text := "listening on " + s.spec.Listen
	if tcp, ok := s.addr.(*net.TCPAddr); ok {
		text = "listening on " + tcp.String()
	}
	if b := s.spec.Script.listener(); b != nil {
		if s.undo, err = b.arrange(s); err != nil {
			if s.listener != nil {
				_ = closeNow(s.listener)
			}
			return err
		}
		s.event(Event{Kind: EventListening, Text: b.String()})
		return nil
	}
	s.event(Event{Kind: EventListening, Text: text})
	s.wg.Add(1)
	go s.accept(ln)
	return nil
}

// listen opens the listener. A socket file that nobody listens on any more is in the way
// of a bind, so it is removed first; one that is in use is not.
func (s *Server) listen() (net.Listener, error) {
	if s.network == "unix" {
		if info, err := os.Lstat(s.address); err == nil {
			if info.Mode()&os.ModeSocket == 0 {
				return nil, fmt.Errorf("listen: %s exists and is no socket; remove it or use another path", s.address)
			}
			if c, err := s.opts.Dial("unix", s.address); err == nil {
				_ = closeNow(c)
				return nil, fmt.Errorf("listen: another process listens on %s; stop it or use another path", s.address)
			}
			_ = os.Remove(s.address) // if it stays, listening says so
		}
	}
	ln, err := s.opts.Listen(s.network, s.address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if s.protocol == DNS && s.network == "tcp" && s.opts.ListenPacket != nil {
		if ln, err = withDatagrams(ln, s.opts.ListenPacket); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	if s.network == "unix" {
		mode, _ := s.spec.mode()
		if err := os.Chmod(s.address, os.FileMode(mode)); err != nil {
			// A listener of the caller's may hand over connections that come from elsewhere, with no file.
			if !errors.Is(err, fs.ErrNotExist) || !s.brought {
				_ = closeNow(ln)
				return nil, fmt.Errorf("mode: %w", err)
			}
		}
	}
	return ln, nil
}

// askedFor is the address that was asked for.
type askedFor struct{ network, address string }

func (a askedFor) Network() string { return a.network }
func (a askedFor) String() string  { return a.address }

// accept serves connections until the listener is closed.
func (s *Server) accept(ln net.Listener) {
	defer s.wg.Done()
	for {
		c, err := ln.Accept()
		if err != nil {
			select {
			case <-s.done:
				return
			default:
			}
			s.event(Event{Kind: EventProblem, Text: "accept: " + err.Error()})
			if t, ok := err.(interface{ Temporary() bool }); !ok || !t.Temporary() {
				return
			}
			// Out of file descriptors, most likely. The lab's clock may stand still, so
			// this short rest goes by the machine's.
			select {
			case <-s.done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			continue
		}
		s.begin(c)
	}
}

// begin gives a connection its number and its part of the script.
func (s *Server) begin(c net.Conn) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		_ = closeNow(c)
		return
	}
	s.accepted++
	x := newExchange(s, c, s.accepted, s.script[min(s.accepted, len(s.script))-1])
	s.live[x] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.wg.Done()
		x.serve()
		s.mu.Lock()
		delete(s.live, x)
		s.mu.Unlock()
	}()
}
