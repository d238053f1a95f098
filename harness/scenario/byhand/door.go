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

// door is where a client outside of the lab asks. It is shut while the gateway listens to nobody, so that he is refused as
// he would be there.
type door struct {
	place   Place
	address string // as the client connects to it
	at      string // as it is listened at

	mu     sync.Mutex
	l      net.Listener // nil while it is shut
	closed bool

	waiting atomic.Int64  // clients that have asked and have not got the whole answer
	moved   atomic.Int64  // bytes, either way
	asked   chan struct{} // gets one when a client asks
}

func newDoor(l net.Listener, p Place) *door {
	d := &door{place: p, at: l.Addr().String(), address: l.Addr().String(), l: l, asked: make(chan struct{}, 1)}
	if a, ok := l.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		d.address = fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	go d.serve(l)
	return d
}

// update opens or shuts the door, as the gateway's own is.
func (d *door) update(ctx context.Context) error {
	listens, err := d.place.Listens(ctx)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed || listens == (d.l != nil):
		return nil
	case !listens:
		d.l.Close()
		d.l = nil
		return nil
	}
	if d.l, err = net.Listen("tcp", d.at); err != nil {
		return fmt.Errorf("listening for your client again: %w", err)
	}
	go d.serve(d.l)
	return nil
}

func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.l != nil {
		d.l.Close()
	}
}

func (d *door) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go d.carry(conn)
	}
}

// carry takes a client's connection to the gateway. One that the gateway does not take is reset, and the next ones are refused.
func (d *door) carry(conn net.Conn) {
	defer conn.Close()
	inside, err := d.place.Dial(context.Background())
	if err != nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = d.update(context.Background()) // where the lab is gone, the end of the logs tells
		return
	}
	defer inside.Close()
	v := newVisit(d)
	defer v.end()
	go func() {
		_, _ = io.Copy(io.MultiWriter(asking{v}, inside), conn)
		if half, ok := inside.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	_, _ = io.Copy(io.MultiWriter(conn, answering{v}), inside)
}

const (
	// stillFor is how long nothing may have come or gone before the clock is moved on, and step how far it is.
	stillFor = 20 * time.Millisecond
	step     = time.Second
)

// hurry moves the clock on while a client waits and nothing else happens. It goes in steps, as nobody knows what is due when.
func (d *door) hurry(ctx context.Context) {
	for {
		select {
		case <-d.asked:
		case <-ctx.Done():
			return
		}
		for d.waiting.Load() > 0 && ctx.Err() == nil {
			before := d.moved.Load()
			select {
			case <-time.After(stillFor):
			case <-ctx.Done():
				return
			}
			for d.waiting.Load() > 0 && d.moved.Load() == before {
				if ok, err := d.place.Pass(ctx, step); err != nil || !ok {
					break
				}
			}
		}
	}
}
