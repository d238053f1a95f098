package agentapi

import (
	"io"
	"sync"
)

// gather puts writes that come close together into one. Yamux writes a header and then what it heads; on the way
// through a container engine each write costs four processes a turn.
type gather struct {
	io.ReadWriteCloser
	mu      sync.Mutex
	more    *sync.Cond
	pending []byte
	spare   []byte
	err     error // of the connection
	closed  bool
}

func newGather(conn io.ReadWriteCloser) *gather {
	g := &gather{ReadWriteCloser: conn}
	g.more = sync.NewCond(&g.mu)
	go g.drain()
	return g
}

// Write takes the bytes, and never waits: yamux's windows bound how many there are. An error of the connection comes with a later
// call.
func (g *gather) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0, io.ErrClosedPipe
	}
	if g.err != nil {
		return 0, g.err
	}
	g.pending = append(g.pending, b...)
	g.more.Signal()
	return len(b), nil
}

func (g *gather) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		for len(g.pending) == 0 && !g.closed {
			g.more.Wait()
		}
		if g.closed {
			return
		}
		out := g.pending
		g.pending = g.spare[:0]
		g.mu.Unlock()
		_, err := g.ReadWriteCloser.Write(out)
		g.mu.Lock()
		g.spare = out
		if err != nil {
			g.err = err
			return
		}
	}
}

// Close closes the connection; what is still to be written is lost, as the other end has no use for it.
func (g *gather) Close() error {
	g.mu.Lock()
	g.closed = true
	g.more.Signal()
	g.mu.Unlock()
	return g.ReadWriteCloser.Close()
}
