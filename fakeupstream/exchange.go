package fakeupstream

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errDone ends a connection on purpose; errUnreadable ends it for what the client sent.
var errDone = errors.New("done")

type errUnreadable struct{ why string }

func (e errUnreadable) Error() string { return e.why }

func unreadable(format string, a ...any) error { return errUnreadable{fmt.Sprintf(format, a...)} }

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 8<<10) }}

// Exchange is a request and its answer, as a [Behaviour] serves them, and the connection that they go over. Its methods are
// for the goroutine that Serve is called in, and until Serve returns.
type Exchange struct {
	s      *Server
	wire   *wire
	conn   net.Conn // wire, or TLS over it
	secure bool     // the TLS handshake, if there is one to do, is done
	tls    *tlsSide
	offer  *tlsSide      // what a client gets that begins TLS by itself, with Any
	lang   dialect       // what is spoken
	open   bool          // the first bytes have yet to show what is spoken, with Any
	under  *bufio.Reader // of the plain text below TLS that the client began by itself
	steps  []step
	rules  *rules        // nil when there are none
	gone   chan struct{} // closed by kill
	once   sync.Once
	shut   atomic.Bool // killed
	ended  bool        // the behaviour had ended the connection by itself, whatever came after
	early  bool        // what the step does before it reads a request is on record
	br     *bufio.Reader

	recorder *recorder
	rec      ConnectionRecord // under recorder.mu
	kept     bool             // rec is in the recorder
	count    atomic.Int64     // requests begun

	step *step
	req  request
	rr   int     // where the current request is in rec.Requests, or -1
	sum  bodySum // of its body
	out  output
}

func newExchange(s *Server, c net.Conn, number int, steps []step) *Exchange {
	x := &Exchange{
		s: s, wire: &wire{Conn: c}, tls: s.tls, steps: steps, step: &steps[0], rules: s.rules,
		gone: make(chan struct{}), recorder: s.seen, rr: -1, lang: speak(s.protocol),
	}
	if s.protocol == Any {
		x.tls, x.offer, x.open = nil, s.tls, true
	}
	if unixReset && isUnix(c) && (resets(steps) || s.rules != nil && resets(s.rules.steps)) {
		x.wire.held = newHolder(socket(c))
	}
	x.conn = x.wire
	if x.tls != nil && x.tls.config != nil {
		x.conn = tls.Server(x.wire, x.tls.config)
	}
	x.rec = ConnectionRecord{Number: number, Opened: s.opts.Clock.Now()}
	if s.protocol != Any {
		x.rec.Protocol = s.protocol
	}
	if a := c.RemoteAddr(); a != nil && a.Network() != "unix" {
		x.rec.Remote = a.String()
	}
	x.recorder.mu.Lock()
	if len(x.recorder.open) < keepConnections {
		x.recorder.open = append(x.recorder.open, x)
		x.kept = true
	}
	x.recorder.mu.Unlock()
	x.recorder.connections.Add(1)
	x.recorder.wake()
	return x
}

// resets reports whether any of the steps may have to reset the connection.
func resets(steps []step) bool {
	for _, st := range steps {
		if mayReset(st.b) {
			return true
		}
	}
	return false
}

// kill ends the connection from outside, for Close and Reset of the Server.
func (x *Exchange) kill() {
	x.once.Do(func() {
		x.shut.Store(true)
		close(x.gone)
		_ = closeNow(x.wire.Conn)
	})
}

// serve serves the steps until the connection is over.
func (x *Exchange) serve() {
	x.event(EventOpened, "opened")
	x.br = readers.Get().(*bufio.Reader)
	x.br.Reset(x.conn)
	err := x.run()
	x.finish(err)
	x.br.Reset(nil)
	readers.Put(x.br)
	x.br = nil
	if x.under != nil {
		x.under.Reset(nil)
		readers.Put(x.under)
		x.under = nil
	}
	// The recorder holds on to the exchange for its record: what else it read is not kept.
	x.forget()
	x.lang = nil
}

func (x *Exchange) run() error {
	for j := 0; ; j++ {
		x.step = &x.steps[min(j, len(x.steps)-1)]
		x.rr, x.early = -1, false
		x.sum = bodySum{}
		x.req.reset()
		x.out.reset()
		err := x.step.serve(x)
		if errors.Is(err, errRuled) {
			x.out.reset()
			err = x.step.serve(x)
		}
		if err != nil {
			return err
		}
		x.answered()
		switch {
		case x.req.headDone && !x.req.bodyDone: // the rest of it would be taken for the next request
			return x.close()
		case !x.req.headDone && j >= len(x.steps)-1: // it would be served again, and without end
			return x.stall()
		}
	}
}

// finish closes the connection if that is still to be done, and tells how it ended.
func (x *Exchange) finish(err error) {
	by, problem := ByClient, ""
	var bad errUnreadable
	var network net.Error
	switch {
	case x.shut.Load() && !x.ended:
		by = ByShutdown
	case errors.Is(err, errDone):
		by = ByUpstream
	case errors.As(err, &bad):
		by, problem = ByUpstream, bad.why
		x.unreadable(bad)
	case errors.Is(err, io.EOF):
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		problem = err.Error()
	default: // a behaviour's own
		by, problem = ByUpstream, err.Error()
		_ = x.close()
	}
	if problem != "" {
		x.problem(problem)
	}
	now := x.s.opts.Clock.Now()
	x.recorder.mu.Lock()
	x.rec.Closed, x.rec.ClosedBy = now, by
	x.recorder.mu.Unlock()
	x.wire.Conn.Close() // whoever sees that finds it on record
	x.event(EventClosed, "closed by "+by)
}

// unreadable answers what could not be read as real servers do, and puts it on record.
func (x *Exchange) unreadable(bad errUnreadable) {
	x.record(func(r *RequestRecord) { r.Problem, r.Raw = bad.why, x.req.firstBytes() })
	if b := x.lang.badRequest(x); b != nil {
		_, _ = x.conn.Write(b) // the client may be gone
	}
	_ = x.close()
}

// problem puts on record what went wrong.
func (x *Exchange) problem(text string) {
	x.recorder.mu.Lock()
	x.rec.Problem = text
	x.recorder.mu.Unlock()
	x.event(EventProblem, text)
}

// record changes the record of the current request, if there is one.
func (x *Exchange) record(change func(r *RequestRecord)) {
	if x.rr < 0 {
		return
	}
	x.recorder.mu.Lock()
	change(&x.rec.Requests[x.rr])
	x.recorder.mu.Unlock()
}

// started counts a request of which the first byte is there, and opens its record.
func (x *Exchange) started() {
	n := x.count.Add(1)
	if !x.kept {
		return
	}
	l := x.recorder
	l.mu.Lock()
	if l.kept < keepRequests {
		l.kept++
		x.rec.Requests = append(x.rec.Requests, RequestRecord{
			Number: int(n), Started: x.s.opts.Clock.Now(), Did: x.step.text,
		})
		x.rr = len(x.rec.Requests) - 1
	}
	l.mu.Unlock()
}

// answered notes that all that was to be sent has been written.
func (x *Exchange) answered() {
	if x.rr >= 0 {
		x.record(func(r *RequestRecord) {
			if r.Answered.IsZero() {
				r.Answered = x.s.opts.Clock.Now()
			}
		})
	}
}

// event tells the observer about this connection.
func (x *Exchange) event(kind, text string) {
	if x.s.opts.Observe == nil {
		return
	}
	x.s.event(Event{Kind: kind, Connection: x.rec.Number, Request: int(x.count.Load()), Remote: x.rec.Remote, Text: text})
}

// recordEarly puts a behaviour on record that acts before any request is read.
func (x *Exchange) recordEarly() {
	x.recorder.mu.Lock()
	x.rec.Did = x.step.text
	x.recorder.mu.Unlock()
	x.event(EventRequest, "nothing read -> "+x.step.text)
}

// markIdle lets whoever handed the connection over know that nothing more will be done with it: see Options.Listen.
func (x *Exchange) markIdle() {
	if c, ok := x.wire.Conn.(interface{ MarkIdle() }); ok {
		c.MarkIdle()
	}
}

// awaitRead waits until the client has read what was sent, and waits for more, where that can be known (see Options.Listen): an end
// that comes in the same moment as what is before it is another one to some clients, and which of both they meet is chance.
func (x *Exchange) awaitRead() {
	if c, ok := x.wire.Conn.(interface{ AwaitRead() }); ok {
		c.AwaitRead()
	}
}

// pause waits by the Server's clock.
func (x *Exchange) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-x.s.opts.Clock.After(d):
		return nil
	case <-x.gone:
		return errDone
	}
}

// end ends the connection in the way that was asked for.
func (x *Exchange) end(e Ending) error {
	x.answered()
	switch e {
	case EndKeep:
		if keeps(x.lang.protocol()) {
			return nil
		}
	case EndReset:
		return x.reset()
	case EndStall:
		return x.stall()
	}
	return x.close()
}

// reset sends RST.
func (x *Exchange) reset() error {
	x.ended = !x.shut.Load()
	_ = x.wire.reset()
	return errDone
}

// close sends FIN and waits for the client to close.
func (x *Exchange) close() error {
	if t, ok := x.conn.(*tls.Conn); ok && x.secure && !x.tls.noCloseNotify {
		_ = t.CloseWrite()
	}
	_ = x.wire.fin()
	x.forget()
	x.wire.drain()
	return errDone
}

// stall keeps the connection open and silent until the client has had enough.
func (x *Exchange) stall() error {
	x.forget()
	return x.lang.stall(x)
}

// forget lets go of what was read, before a wait for the client that may last: it may have sent much, on many connections.
func (x *Exchange) forget() { x.req, x.out, x.sum = request{}, output{}, bodySum{} }

// discard throws away what comes until the client closes.
func (x *Exchange) discard() error {
	if _, err := io.Copy(io.Discard, x.br); err != nil {
		return err
	}
	return io.EOF
}
