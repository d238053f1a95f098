//go:build linux

package agent

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// socketListener is an upstream's unix socket. Refusing, the file is there and nobody listens.
type socketListener struct {
	w    *catchAll
	path string
	mu   sync.Mutex
	l    *trackedListener // nil while it refuses
}

// openSocket makes a socket that the config names. It is for the sandbox's own thread, which has the sandbox's root.
func (w *catchAll) openSocket(path string) error {
	s := &socketListener{w: w, path: path}
	if err := s.open(); err != nil {
		return err
	}
	w.sockets[path] = s
	return nil
}

func (s *socketListener) open() error {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return fmt.Errorf("making a folder for the socket %s: %w", s.path, err)
	}
	_ = os.Remove(s.path) // if it stays, listening says so
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("listening on the socket %s: %w", s.path, err)
	}
	l.SetUnlinkOnClose(false)
	// Whatever user the gateway's workers have, they may connect.
	if err := os.Chmod(s.path, 0o777); err != nil {
		return err
	}
	d, err := s.w.busy.listener(l)
	if err != nil {
		return fmt.Errorf("listening on the socket %s: %w", s.path, err)
	}
	s.l = d
	go func() {
		for {
			conn, err := d.Accept()
			if err != nil {
				return
			}
			s.w.accepted(conn, "unix:"+s.path)
		}
	}()
	return nil
}

// set makes it refuse connections, or take them again.
func (s *socketListener) set(ctx context.Context, refuse bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case refuse && s.l != nil:
		err := s.l.Close()
		s.l = nil
		return err
	case !refuse && s.l == nil:
		return s.w.cell.inside(ctx, s.open)
	}
	return nil
}

func (s *socketListener) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.l != nil {
		_ = s.l.Close()
	}
}
