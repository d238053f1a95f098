//go:build linux

package agent

import (
	"net"
	"sync"
	"syscall"
)

// feed is a listener that is given its connections.
type feed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFeed() *feed { return &feed{conns: make(chan net.Conn, 64), done: make(chan struct{})} }

func (f *feed) give(c net.Conn) {
	select {
	case <-f.done:
		c.Close()
		return
	default:
	}
	select {
	case f.conns <- c:
	case <-f.done:
		c.Close()
	}
}

// Accept waits for the next connection.
func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; what was not yet accepted is closed.
func (f *feed) Close() error {
	f.once.Do(func() {
		close(f.done)
		for {
			select {
			case c := <-f.conns:
				c.Close()
			default:
				return
			}
		}
	})
	return nil
}

// Addr is nominal: what the connections called is known to who gives them.
func (f *feed) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// busyConns are the lab's own ends of connections. When the owner of each waits for what it brings, and it brings nothing,
// nothing will happen until time passes.
type busyConns struct {
	mu    sync.Mutex
	conns map[*countedConn]bool
	doors []syscall.Conn
	more  int // what is under way besides
}

func (b *busyConns) count(c net.Conn) net.Conn {
	n := &countedConn{Conn: c, busy: b}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conns == nil {
		b.conns = map[*countedConn]bool{}
	}
	b.conns[n] = true
	return n
}

// watch adds a socket at which something is always waited for: a listener, or one for datagrams.
func (b *busyConns) watch(s syscall.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doors = append(b.doors, s)
}

// under counts something as under way until it is done.
func (b *busyConns) under() (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.more++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.more--
	}
}

// state tells how many owners do something else than wait, and the sockets at which the others do.
func (b *busyConns) state() (busy int, waiting []syscall.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	busy, waiting = b.more, append(waiting, b.doors...)
	for c := range b.conns {
		switch {
		case c.in > 0:
			waiting = append(waiting, c)
		case c.shut():
			delete(b.conns, c) // closed beneath
		case !c.idle:
			busy++
		}
	}
	return busy, waiting
}

type countedConn struct {
	net.Conn
	busy *busyConns
	in   int  // reads under way
	idle bool // its owner does nothing with it any more
}

// shut tells whether the socket is closed.
func (c *countedConn) shut() bool {
	raw, err := c.SyscallConn()
	return err != nil || raw.Control(func(uintptr) {}) != nil
}

// Park counts its owner as waiting, although he reads nothing.
func (c *countedConn) Park() {
	c.busy.mu.Lock()
	defer c.busy.mu.Unlock()
	c.idle = true
}

// Read counts its owner as waiting meanwhile.
func (c *countedConn) Read(b []byte) (int, error) {
	c.enter(1)
	n, err := c.Conn.Read(b)
	c.enter(-1)
	return n, err
}

func (c *countedConn) enter(d int) {
	c.busy.mu.Lock()
	defer c.busy.mu.Unlock()
	c.in += d
}

// Close counts its owner as through with it.
func (c *countedConn) Close() error {
	c.busy.mu.Lock()
	delete(c.busy.conns, c)
	c.busy.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite ends one direction.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// NetConn is the connection itself.
func (c *countedConn) NetConn() net.Conn { return c.Conn }

// SyscallConn is its socket.
func (c *countedConn) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(syscall.Conn).SyscallConn()
}
