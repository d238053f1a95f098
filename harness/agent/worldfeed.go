//go:build linux

package agent

import (
	"net"
	"net/netip"
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
	more  int // what is under way besides
}

func (b *busyConns) count(c net.Conn) net.Conn {
	n := &countedConn{Conn: c, busy: b}
	if l, ok := c.LocalAddr().(*net.TCPAddr); ok {
		n.local, n.remote = plain(l.AddrPort()), plain(c.RemoteAddr().(*net.TCPAddr).AddrPort())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conns == nil {
		b.conns = map[*countedConn]bool{}
	}
	b.conns[n] = true
	return n
}

func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

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

// state tells how many owners do something else than wait, and of each connection whether its owner waits for what it brings.
func (b *busyConns) state() (busy int, waits map[ends]bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	busy, waits = b.more, make(map[ends]bool, len(b.conns))
	for c := range b.conns {
		waits[c.ends] = c.in > 0
		if c.in == 0 && !c.idle {
			busy++
		}
	}
	return busy, waits
}

// ends are the two addresses of a connection, seen from the lab's end; zero for a unix socket.
type ends struct{ local, remote netip.AddrPort }

type countedConn struct {
	net.Conn
	ends
	busy *busyConns
	in   int  // reads under way
	idle bool // its owner does nothing with it any more
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
