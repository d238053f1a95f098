package byhand

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A forwarder is where a client outside of the lab asks. It is closed while the gateway listens to nobody, so that he is refused as
// he would be there.
type forwarder struct {
	target        Target
	address       string // as the client connects to it
	listenAddress string // as it is listened at

	mu       sync.Mutex
	listener net.Listener // nil while it is closed
	closed   bool

	waiting     atomic.Int64  // clients that have asked and have not got the whole answer
	transferred atomic.Int64  // bytes, either way
	requested   chan struct{} // gets one when a client asks
}

func newForwarder(l net.Listener, p Target) *forwarder {
	f := &forwarder{target: p, listenAddress: l.Addr().String(), address: l.Addr().String(), listener: l, requested: make(chan struct{}, 1)}
	if a, ok := l.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		f.address = fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	go f.serve(l)
	return f
}

// update listens or does not, as the gateway does.
func (f *forwarder) update(ctx context.Context) error {
	listens, err := f.target.Listens(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed || listens == (f.listener != nil):
		return nil
	case !listens:
		f.listener.Close()
		f.listener = nil
		return nil
	}
	if f.listener, err = net.Listen("tcp", f.listenAddress); err != nil {
		return fmt.Errorf("listening for your client again: %w", err)
	}
	go f.serve(f.listener)
	return nil
}

func (f *forwarder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.listener != nil {
		f.listener.Close()
	}
}

func (f *forwarder) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go f.forward(conn)
	}
}

// forward takes a client's connection to the gateway. One that the gateway does not take is reset, and the next ones are refused.
func (f *forwarder) forward(conn net.Conn) {
	defer conn.Close()
	inside, err := f.target.Dial(context.Background())
	if err != nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = f.update(context.Background()) // where the lab is gone, the end of the logs says it
		return
	}
	defer inside.Close()
	v := newClientConn(f)
	defer v.end()
	go func() {
		_, _ = io.Copy(io.MultiWriter(requestWriter{v}, inside), conn)
		if half, ok := inside.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	_, _ = io.Copy(io.MultiWriter(conn, responseWriter{v}), inside)
}

const (
	// idleFor is how long nothing may have come or gone before the clock is moved on, and step how far it is. The gateway's minute
	// takes more than a second so: a program behind it that waits half a second by the machine's clock has its answer before.
	idleFor = 20 * time.Millisecond
	step    = time.Second
)

// advanceClock moves the clock on while a client waits and nothing else happens. It goes in steps, as nobody knows what is due when.
func (f *forwarder) advanceClock(ctx context.Context) {
	for {
		select {
		case <-f.requested:
		case <-ctx.Done():
			return
		}
		for f.waiting.Load() > 0 && ctx.Err() == nil {
			before := f.transferred.Load()
			select {
			case <-time.After(idleFor):
			case <-ctx.Done():
				return
			}
			if f.waiting.Load() > 0 && f.transferred.Load() == before {
				_, _ = f.target.Pass(ctx, step) // where it is not yet to be, or can't, it is tried again
			}
		}
	}
}
