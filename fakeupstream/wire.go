package fakeupstream

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

// wire is an accepted connection that counts what passes and that can be reset.
type wire struct {
	net.Conn
	in, out atomic.Int64
	held    holder // set on a unix socket that may have to be reset
}

func (w *wire) Read(p []byte) (n int, err error) {
	if w.held != nil {
		n, err = w.held.read(p)
	} else {
		n, err = w.Conn.Read(p)
	}
	w.in.Add(int64(n))
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	// Counted first, so that whoever has read the bytes also finds them counted.
	w.out.Add(int64(len(p)))
	n, err := w.Conn.Write(p)
	w.out.Add(int64(n - len(p)))
	return n, err
}

// reset closes so that the client gets a reset. On TCP that is SO_LINGER with no time,
// which turns close into RST. A unix socket has no such thing, but closing it while bytes
// from the peer are unread does the same to the peer: see holder.
func (w *wire) reset() error {
	s := socket(w.Conn)
	if l, ok := s.(interface{ SetLinger(int) error }); ok {
		_ = l.SetLinger(0)
	} else if w.held != nil {
		w.held.await()
	} else if raw := rawConn(s); raw != nil {
		_ = raw.Control(lingerNot)
	}
	return w.Conn.Close()
}

// socket is the connection that is under others which tell of it by NetConn, as those of crypto/tls do. What is under one
// that does not is not looked for.
func socket(c net.Conn) net.Conn {
	for {
		over, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		under := over.NetConn()
		if under == nil {
			return c
		}
		c = under
	}
}

// isUnix reports whether c is a unix socket, whatever the address says that it is to be taken for.
func isUnix(c net.Conn) bool {
	s := socket(c)
	if _, ok := s.(*net.UnixConn); ok {
		return true
	}
	_, tcp := s.(*net.TCPConn)
	a := s.LocalAddr()
	return !tcp && a != nil && a.Network() == "unix"
}

// rawConn gives the file descriptor of c, or nil if c has none.
func rawConn(c any) syscall.RawConn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// closeNow closes a socket, and means it. A process that this program is just starting holds copies of all descriptors
// for a moment, and while it does a mere close neither stops a listener nor tells a peer; shutdown does both.
func closeNow(c io.Closer) error {
	var under any = c
	if conn, ok := c.(net.Conn); ok {
		under = socket(conn)
	}
	if raw := rawConn(under); raw != nil {
		_ = raw.Control(shutDown)
	}
	return c.Close()
}

// fin tells the client that nothing more will come.
func (w *wire) fin() error {
	for _, c := range []net.Conn{w.Conn, socket(w.Conn)} {
		if h, ok := c.(interface{ CloseWrite() error }); ok {
			return h.CloseWrite()
		}
	}
	return w.Conn.Close()
}

// drain throws away what the client sends until it closes too. Closing a socket that has
// unread bytes would send RST and not FIN.
func (w *wire) drain() { _, _ = io.Copy(io.Discard, struct{ io.Reader }{w}) }

// holder reads from a socket and always leaves the last byte of what it got in the
// kernel's queue, so that a close at any moment meets unread bytes.
type holder interface {
	read(p []byte) (int, error)
	// await returns once there is an unread byte, or none will come.
	await()
}

var errNoUnixReset = errors.New("a unix socket can be reset on Linux only; use close here")
