//go:build linux

package agent

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// chanListener is a listener that is given its connections.
type chanListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newChanListener() *chanListener {
	return &chanListener{conns: make(chan net.Conn, 64), done: make(chan struct{})}
}

func (f *chanListener) push(c net.Conn) {
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
func (f *chanListener) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close ends the listener; what was not yet accepted is closed.
func (f *chanListener) Close() error {
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
func (f *chanListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// activityTracker are the lab's own ends of connections. When the owner of each waits for what it brings, and it brings nothing,
// nothing will happen until time passes.
type activityTracker struct {
	mu        sync.Mutex
	conns     map[*countedConn]bool
	sends     map[syscall.Conn]bool // where somebody sends who has no end that is counted
	listeners []syscall.Conn
	more      int // what is under way besides
}

func (b *activityTracker) count(c net.Conn) net.Conn {
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
func (b *activityTracker) watch(s syscall.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(b.listeners, s)
}

// A trackedListener is a listener of which nobody is unaware: a connection has an owner from before it is taken.
type trackedListener struct {
	net.Listener
	busy *activityTracker
	file *os.File // the same socket, of which can be asked whether somebody knocks
}

type socketListenerConn interface {
	net.Listener
	syscall.Conn
	File() (*os.File, error)
}

func (b *activityTracker) listener(l socketListenerConn) (*trackedListener, error) {
	f, err := l.File()
	if err != nil {
		return nil, err
	}
	b.watch(l)
	return &trackedListener{l, b, f}, nil
}

// Accept waits for the next connection, and counts it.
func (d *trackedListener) Accept() (net.Conn, error) {
	raw, err := d.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	done := func() {}
	err = raw.Read(func(fd uintptr) bool {
		knocks, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		if knocks == 0 && err != unix.EINTR {
			return false
		}
		done = d.busy.under()
		return true
	})
	defer func() { done() }()
	if err != nil {
		return nil, err
	}
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return d.busy.count(conn), nil
}

// Close ends the listener at once, although a program that is just being started may hold a copy of it.
func (d *trackedListener) Close() error {
	if raw, err := d.Listener.(syscall.Conn).SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	}
	return errors.Join(d.Listener.Close(), d.file.Close())
}

// under counts something as under way until it is done.
func (b *activityTracker) under() (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.more++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.more--
	}
}

// sending counts something as being sent through a socket until it is done.
func (b *activityTracker) sending(s syscall.Conn) (done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sends == nil {
		b.sends = map[syscall.Conn]bool{}
	}
	b.sends[s] = true
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.sends, s)
	}
}

// state is what is under way without a socket, the sockets whose owners do something else than read, and those at which
// the others wait for what they bring.
func (b *activityTracker) state() (more int, working, waiting []syscall.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	more, waiting = b.more, append(waiting, b.listeners...)
	for s := range b.sends {
		working = append(working, s)
	}
	for c := range b.conns {
		switch {
		case c.in > 0:
			waiting = append(waiting, c)
		case c.shut():
			delete(b.conns, c) // closed beneath
		case !c.idle:
			working = append(working, c)
		}
	}
	return more, working, waiting
}

type countedConn struct {
	net.Conn
	busy *activityTracker
	in   int  // reads under way
	idle bool // its owner does nothing with it any more
	// whenTaken returns once the other end has read all and waits for more; nil where nobody can tell.
	whenTaken func()
}

// AwaitRead waits until the other end has read what was sent, and waits for more.
func (c *countedConn) AwaitRead() {
	if c.whenTaken != nil {
		c.whenTaken()
	}
}

// shut reports whether the socket is closed.
func (c *countedConn) shut() bool {
	raw, err := c.SyscallConn()
	return err != nil || raw.Control(func(uintptr) {}) != nil
}

// MarkIdle counts its owner as waiting, although he reads nothing.
func (c *countedConn) MarkIdle() {
	c.busy.mu.Lock()
	defer c.busy.mu.Unlock()
	c.idle = true
}

// Read counts its owner as waiting until something has come, and as busy before it is taken: were it taken first, a machine
// with other things to do might let nobody know of it for a while.
func (c *countedConn) Read(b []byte) (int, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	c.enter(1)
	waiting := true
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, perr := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if perr == unix.EAGAIN || perr == unix.EINTR {
			return false
		}
		if perr != nil {
			failed = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", perr)} // told once
		}
		c.enter(-1)
		waiting = false
		return true
	})
	if waiting {
		c.enter(-1)
	}
	if err = errors.Join(err, failed); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *countedConn) enter(d int) {
	c.busy.mu.Lock()
	defer c.busy.mu.Unlock()
	c.in += d
}

// Close counts its owner as through with it, once the other end is told, for which closeNow may have to wait.
func (c *countedConn) Close() error {
	defer c.busy.under()()
	c.busy.mu.Lock()
	delete(c.busy.conns, c)
	c.busy.mu.Unlock()
	return closeNow(c.Conn)
}

// closeNow closes a socket so that the other end is told by the time it returns: a program that is just being started has copies of all
// sockets until it runs, and keeps them open.
func closeNow(c io.Closer) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return c.Close()
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
