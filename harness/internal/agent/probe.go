//go:build linux

package agent

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// probe is one request of a client to a catch-all sandbox's gateway.
type probe struct {
	w      *catchAll
	spec   agentapi.ProbeSpec
	conn   net.Conn
	begun  time.Time
	start  time.Duration // where the sandbox's clock stood
	answer agentapi.ProbeAnswer
	failed error // what came can't be read; for after done
	done   chan struct{}
	got    atomic.Int64  // bytes of the answer so far
	beside []*probe      // others who asked just before
	gone   chan struct{} // closed when the client leaves
}

// realLimit bounds a client's wait on the machine, whatever the sandbox's clock says.
const realLimit = 2 * time.Minute

// probe asks, and lets the sandbox's time pass until the answer is complete: from one moment at which something may end to the
// next, with a look before and after each.
func (w *catchAll) probe(ctx context.Context, spec agentapi.ProbeSpec) (agentapi.ProbeAnswer, error) {
	if spec.Behaviour != nil {
		if err := w.setBehaviourAndWait(ctx, *spec.Behaviour); err != nil {
			return agentapi.ProbeAnswer{}, err
		}
	}
	a := w.newProbe(spec)
	defer a.leaveBeside()
	if err := a.beginBeside(ctx); err != nil {
		return a.answer, err
	}
	if err := a.begin(ctx); err != nil {
		return a.answer, err
	}
	if err := a.advance(ctx); err != nil {
		a.leave()
		return a.answer, err
	}
	a.leaveBeside()
	// What goes on beside the answer (a mirror, a cache that is filled) is part of what came of it.
	if _, err := w.waitQuiescent(ctx, 5*time.Second, nil); err != nil && !errors.Is(err, errLimit) {
		return a.answer, err
	}
	logs, left, err := w.cell.boundedNews()
	if err != nil {
		return a.answer, err
	}
	if a.answer.Events, err = w.news(); err != nil {
		return a.answer, err
	}
	a.answer.Logs, a.answer.LogsLeft, a.answer.Killed = logs, left, agentapi.ErrorOf(w.cell.killed())
	return a.answer, a.failed
}

func (w *catchAll) newProbe(spec agentapi.ProbeSpec) *probe {
	return &probe{w: w, spec: spec, done: make(chan struct{}), gone: make(chan struct{}), begun: time.Now(), start: w.cell.clock.ahead()}
}

// beginBeside has the others ask, one after the other, and sees to it that the gateway has read what each asks.
func (a *probe) beginBeside(ctx context.Context) error {
	for _, spec := range a.spec.Beside {
		other := a.w.newProbe(spec)
		if err := other.begin(ctx); err != nil {
			return err
		}
		a.beside = append(a.beside, other)
		if _, err := a.w.waitQuiescent(ctx, restLimit, nil); err != nil {
			return err
		}
	}
	return nil
}

// leaveBeside notes what the others have got by now, and has those go who still wait.
func (a *probe) leaveBeside() {
	for _, other := range a.beside {
		status := 0
		select {
		case <-other.done:
			status = other.answer.Status
		default:
			other.leave()
		}
		a.answer.Beside = append(a.answer.Beside, status)
	}
	a.beside = nil
}

func (a *probe) begin(ctx context.Context) error {
	from, err := netip.ParseAddr(a.spec.From)
	if err != nil {
		return fmt.Errorf("the visitor's address: %w", err)
	}
	if a.spec.HTTP3 {
		return a.beginHTTP3(ctx, from)
	}
	err = a.w.cell.online(func() (err error) {
		d := net.Dialer{Timeout: realLimit, Control: markOurs}
		if a.spec.ReadsAfter > 0 {
			d.Control = narrow
		}
		network, to := "tcp", a.spec.To
		switch path, isUnix := strings.CutPrefix(to, "unix:"); {
		case isUnix:
			return a.w.cell.inside(ctx, func() (err error) {
				a.conn, err = d.DialContext(ctx, "unix", path)
				return err
			})
		case a.spec.UDP:
			network = "udp"
			d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		default:
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		}
		if strings.HasPrefix(to, "[") {
			d.LocalAddr = nil
		}
		a.conn, err = d.DialContext(ctx, network, to)
		return err
	})
	if errors.Is(err, syscall.ECONNREFUSED) {
		a.answer.NoAnswer, a.answer.Real = "refused", time.Since(a.begun)
		close(a.done)
		return nil
	}
	if err != nil {
		return fmt.Errorf("connecting as the visitor to %s: %w", a.spec.To, err)
	}
	_ = a.conn.SetDeadline(a.begun.Add(realLimit + a.realTime()))
	a.conn = a.w.busy.count(a.conn)
	go a.converse()
	return nil
}

// narrow has the kernel take little for a client who does not read.
func narrow(network, address string, c syscall.RawConn) error {
	if err := markOurs(network, address, c); err != nil {
		return err
	}
	var err error
	if cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<10) }); cerr != nil {
		return cerr
	}
	return err
}

// realTime is how long the client may wait on the machine's clock, where the sandbox's cannot be moved.
func (a *probe) realTime() time.Duration {
	if a.w.cell.clocked() {
		return 0
	}
	return a.spec.Limit
}

// converse sends the request and reads the answer to its end.
func (a *probe) converse() {
	defer func() {
		close(a.done) // before the connection is no longer waited for
		a.conn.Close()
	}()
	conn := a.conn
	if a.spec.Proxy {
		host, port, _ := net.SplitHostPort(a.spec.To)
		fmt.Fprintf(conn, "PROXY TCP4 %s %s 40000 %s\r\n", cmp.Or(a.spec.ProxyFrom, a.spec.From), host, port)
	}
	if a.spec.TLS {
		config := tlsOf(a.spec.ServerName, a.spec.ALPN, a.spec.TLSMax)
		if a.spec.Cert != "" {
			config.GetClientCertificate = a.certificate
		}
		t := tls.Client(conn, config)
		if err := t.Handshake(); err != nil {
			a.endOfTLS(err)
			return
		}
		conn = t
	}
	if a.spec.HTTP2 {
		resp, err := a.overHTTP2(conn)
		if err != nil {
			a.end(err)
			return
		}
		a.read(resp)
		return
	}
	conn = &watchedConn{conn, &a.got}
	if a.spec.First != nil && !a.first(conn) {
		return
	}
	// The gateway may answer and close before it has read all of a body; what it said still counts.
	sent := a.w.busy.sending(a.conn.(*countedConn))
	go func() {
		defer sent()
		_, _ = conn.Write(append(bytes.Clone(a.spec.Raw), a.wholeBody()...))
	}()
	if a.spec.Stream || a.spec.UDP {
		a.stream(conn)
		return
	}
	resp, in, err := readHead(conn, a.spec.Head)
	if err != nil {
		a.end(err)
		return
	}
	a.read(resp)
	if a.spec.Idles && resp.StatusCode == http.StatusSwitchingProtocols {
		_, _ = io.Copy(io.Discard, in)
		a.answer.Cut, a.answer.Real = true, time.Since(a.begun)
	}
}

// wholeBody is the body as it goes over the wire.
func (a *probe) wholeBody() string { return strings.Repeat(a.spec.Body, max(a.spec.BodyTimes, 1)) }

// first sends the request before, and reads its answer. It reports whether the connection can take another one.
func (a *probe) first(conn net.Conn) bool {
	if _, err := conn.Write(a.spec.First); err != nil {
		a.end(err)
		return false
	}
	resp, _, err := readHead(conn, false)
	if err != nil {
		a.end(err)
		return false
	}
	if answer := readAnswer(resp); answer.Cut || resp.Close {
		a.answer.NoAnswer = agentapi.NotKept
		return false
	}
	return true
}

// overHTTP2 sends the request over a connection that begins with HTTP/2, and gives the answer's head.
func (a *probe) overHTTP2(conn net.Conn) (*http.Response, error) {
	scheme := "http"
	if a.spec.TLS {
		scheme = "https"
	}
	sent := sync.OnceFunc(a.w.busy.under())
	defer sent()
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent() }})
	req, err := http2Request(ctx, scheme, a.spec.Raw, a.wholeBody())
	if err != nil {
		return nil, err
	}
	return http2Over(conn).RoundTrip(req)
}

// pausedBody is a body of which nothing is read for a while once its beginning was.
type pausedBody struct {
	io.ReadCloser
	begun bool
	pause func()
}

func (p *pausedBody) Read(b []byte) (int, error) {
	if p.begun && p.pause != nil {
		p.pause()
		p.pause = nil
	}
	n, err := p.ReadCloser.Read(b)
	p.begun = p.begun || n > 0
	return n, err
}

// read keeps the answer.
func (a *probe) read(resp *http.Response) {
	if d := a.spec.ReadsAfter; d > 0 {
		resp.Body = &pausedBody{ReadCloser: resp.Body, pause: func() {
			select {
			case <-a.w.cell.clock.After(d):
			case <-a.gone:
			}
		}}
	}
	a.answer.Answer = readAnswer(resp)
	a.answer.Real = time.Since(a.begun)
}

func (a *probe) certificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair([]byte(a.spec.Cert), []byte(a.spec.Key))
	return &cert, err
}

// endOfTLS is end for a handshake that failed. What the gateway says of that is no answer that could be read.
func (a *probe) endOfTLS(err error) {
	if a.end(err); a.answer.NoAnswer == "garbled" {
		a.answer.NoAnswer = agentapi.NoTLS
	}
}

func (a *probe) end(err error) {
	if errors.Is(err, errLongHead) {
		a.failed = err
		return
	}
	a.answer.NoAnswer, a.answer.Real = howItEnded(err), time.Since(a.begun)
}

// stream reads the first bytes that come, or the end.
func (a *probe) stream(conn net.Conn) {
	buf := make([]byte, bodyKept)
	n, err := conn.Read(buf)
	a.answer.Body, a.answer.BodyBytes = string(buf[:n]), int64(n)
	if n == 0 {
		a.end(err)
	}
	a.answer.Real = time.Since(a.begun)
}

// watchedConn counts what has come.
type watchedConn struct {
	net.Conn
	got *atomic.Int64
}

func (w *watchedConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.got.Add(int64(n))
	return n, err
}

// advance lets time pass until the client has his answer, or gives up.
func (a *probe) advance(ctx context.Context) error {
	if !a.w.cell.clocked() && !a.spec.Leaves {
		return a.advanceInRealTime(ctx)
	}
	answered := func() bool {
		select {
		case <-a.done:
			return true
		default:
			return false
		}
	}
	passed := func() time.Duration { return a.w.cell.clock.ahead() - a.start }
	bases, aim := []time.Duration{0}, checkpoint{}
	var happened activity
	had := int64(-1)
	for {
		q, err := a.w.waitQuiescent(ctx, restLimit, answered)
		if errors.Is(err, errLimit) {
			return fmt.Errorf("the gateway is still at work on the request after %v, and waits for nobody", restLimit)
		}
		if err != nil {
			return err
		}
		if answered() {
			a.answer.Waited = passed()
			if aim.after {
				a.answer.Waited = aim.of
			}
			return nil
		}
		a.answer.NotBefore = passed()
		if a.spec.Leaves {
			a.leave()
			a.answer.Answer = agentapi.Answer{NoAnswer: agentapi.Left}
			return nil
		}
		// Whatever has happened begins its own time.
		if got := a.got.Load(); q.calls != happened.calls || q.connects != happened.connects || got != had {
			had = got
			if at := aim.clamp(passed()); bases[len(bases)-1] != at {
				bases = append(bases, at)
			}
		}
		happened = q
		var ok bool
		if aim, ok = a.next(bases, passed()); !ok {
			a.answer.Endless, a.answer.Waited = true, passed()
			a.giveUp()
			return nil
		}
		if err := a.w.cell.moveClock(ctx, a.start+aim.at()); err != nil {
			return err
		}
	}
}

// lookBefore is how long before a moment at which something may end the sandbox takes a look, and lookAfter how long after.
const (
	lookBefore = 250 * time.Millisecond
	lookAfter  = 50 * time.Millisecond
)

// A checkpoint is one at which something may end, or when the sandbox looks before it.
type checkpoint struct {
	of    time.Duration
	after bool
}

// at is where the clock is moved to.
func (m checkpoint) at() time.Duration {
	if m.after {
		return m.of + lookAfter
	}
	return m.of - lookBefore
}

// clamp is the moment itself, where it has just gone by: what happened then happened at it.
func (m checkpoint) clamp(now time.Duration) time.Duration {
	if m.after {
		return m.of
	}
	return now
}

// next is the next moment to go to.
func (a *probe) next(bases []time.Duration, now time.Duration) (checkpoint, bool) {
	var due []checkpoint
	for _, b := range bases {
		for _, s := range a.spec.Steps {
			due = append(due, checkpoint{b + s, false}, checkpoint{b + s, true})
		}
	}
	due = append(due, checkpoint{a.spec.Limit, true})
	// An upstream that does something later does it before what comes after.
	if at, ok := a.w.cell.clock.next(); ok && at-a.start-lookAfter > now {
		due = append(due, checkpoint{at - a.start, true})
	}
	slices.SortFunc(due, func(x, y checkpoint) int { return cmp.Compare(x.at(), y.at()) })
	for _, m := range due {
		if m.at() > now && m.of <= a.spec.Limit {
			return m, true
		}
	}
	return checkpoint{}, false
}

func (a *probe) advanceInRealTime(ctx context.Context) error {
	select {
	case <-a.done:
		a.answer.Waited = time.Since(a.begun)
	case <-time.After(a.spec.Limit):
		a.answer.Endless, a.answer.Waited = true, a.spec.Limit
		a.giveUp()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// giveUp has the client leave who has waited for as long as he would. To whom no end of a silence is an answer, has had his.
func (a *probe) giveUp() {
	a.leave()
	if a.spec.Idles && a.answer.Status == http.StatusSwitchingProtocols {
		a.answer.NoAnswer, a.answer.Cut = "", false
		return
	}
	a.answer.Status, a.answer.NoAnswer = 0, "silent"
}

// leave ends the client's connection, if he has one, whatever has come by then.
func (a *probe) leave() {
	close(a.gone)
	if a.conn != nil {
		a.conn.Close()
	}
	<-a.done
}
