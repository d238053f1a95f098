//go:build linux

package agent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/http2"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// ask is one request of the client under way.
type ask struct {
	spec   agentapi.AskSpec
	conn   *clientConn // nil where none came about
	begun  time.Time
	reused bool // the client had kept the connection
	answer agentapi.Answer
	keeps  bool  // the connection can take another request; for after done
	failed error // what came can't be read; for after done
	done   chan struct{}
	tries  *askAttempts
}

const bodyKept = 4 << 10

// headLimit is how much the heads of one answer may take, the interim ones included.
const headLimit = 1 << 20

var errLongHead = fmt.Errorf("the head of the gateway's answer is longer than %d KiB", headLimit>>10)

// readHead reads the head of an answer, past interim ones (100, 103). The body that follows may be of any length, and in is what
// comes after that.
func readHead(conn io.Reader, ofHead bool) (resp *http.Response, in *bufio.Reader, err error) {
	limit := &io.LimitedReader{R: conn, N: headLimit}
	in = bufio.NewReader(limit)
	req := &http.Request{Method: http.MethodGet}
	if ofHead {
		req.Method = http.MethodHead
	}
	resp, err = http.ReadResponse(in, req)
	for err == nil && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
		resp, err = http.ReadResponse(in, req)
	}
	if err != nil && limit.N <= 0 {
		err = errLongHead
	}
	limit.N = math.MaxInt64
	return resp, in, err
}

// ask asks as the client, and returns when the answer is complete and logged. When ctx ends the client leaves.
func (c *sandbox) ask(ctx context.Context, spec agentapi.AskSpec) (agentapi.Answer, error) {
	a, err := c.startAsk(ctx, spec)
	if err != nil {
		return agentapi.Answer{}, err
	}
	answer, err := c.finish(ctx, a)
	if err != nil {
		a.leave()
	}
	return answer, err
}

// beginAsk asks as the client, and returns once the gateway has read the request and waits. The client stays when ctx ends,
// unless it was not so far by then.
func (c *sandbox) beginAsk(ctx context.Context, spec agentapi.AskSpec) error {
	a, err := c.startAsk(ctx, spec)
	if err != nil {
		return err
	}
	if err := c.held(ctx, a); err != nil {
		a.leave()
		return err
	}
	c.attempts.waits(a.tries)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asks[spec.Name] = a
	return nil
}

// endAsk waits for the answer.
func (c *sandbox) endAsk(ctx context.Context, ref agentapi.NameRef) (agentapi.Answer, error) {
	a, err := c.begun(ref.Name)
	if err != nil {
		return agentapi.Answer{}, err
	}
	return c.finish(ctx, a)
}

// leaveAsk has the client close his connection, as a browser does whose user goes elsewhere, and waits until the gateway is through with
// the request. An answer that he had before is his.
func (c *sandbox) leaveAsk(ctx context.Context, ref agentapi.NameRef) (agentapi.Answer, error) {
	a, err := c.begun(ref.Name)
	if err != nil {
		return agentapi.Answer{}, err
	}
	left := false
	select {
	case <-a.done:
	default:
		left = true
		a.leave()
	}
	answer, err := c.finish(ctx, a)
	if left && answer.Status == 0 {
		answer.NoAnswer = agentapi.Left
	}
	return answer, err
}

// pending reports whether the answer has not ended yet.
func (c *sandbox) pending(_ context.Context, ref agentapi.NameRef) (bool, error) {
	a, err := c.begun(ref.Name)
	if err != nil {
		return false, err
	}
	return c.underWay(a)
}

// begun is a request that was begun, and whose answer nobody has had yet.
func (c *sandbox) begun(name string) (*ask, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.asks[name]
	if a == nil {
		return nil, fmt.Errorf("sandbox %s has no request %q under way", c.id, name)
	}
	return a, nil
}

// startAsk sends the client's request and listens for the answer. A refused connection is an answer too.
func (c *sandbox) startAsk(ctx context.Context, spec agentapi.AskSpec) (*ask, error) {
	a := &ask{spec: spec, done: make(chan struct{}), begun: time.Now()}
	var err error
	a.conn, a.reused, err = c.connect(ctx, spec)
	unanswered := func(how string) (*ask, error) {
		a.answer = agentapi.Answer{NoAnswer: how, Real: time.Since(a.begun)}
		close(a.done)
		a.tries = c.attempts.begin(ctx, a.done)
		return a, nil
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return unanswered("refused")
	}
	if err != nil {
		return nil, fmt.Errorf("connecting as the visitor to %s: %w", spec.To, err)
	}
	if spec.TLS && !a.reused {
		if err := a.conn.startTLS(ctx, spec); err != nil {
			a.leave()
			switch {
			case ctx.Err() != nil:
				return nil, context.Cause(ctx)
			case errors.Is(err, errNoHTTP2):
				return nil, fmt.Errorf("asking %s: %w", spec.To, err)
			}
			return unanswered(howItEnded(err))
		}
	}
	a.tries = c.attempts.begin(ctx, a.done)
	defer context.AfterFunc(ctx, a.leave)()
	if spec.HTTP2 {
		sent := make(chan struct{})
		go a.overHTTP2(sync.OnceFunc(func() { close(sent) }))
		<-sent
		return a, nil
	}
	go a.listen()
	// The gateway may answer and close before it has read all of a body; what it said still counts.
	_, _ = a.conn.over.Write(append(spec.Raw, wholeBody(spec)...))
	return a, nil
}

// leave ends the client's connection, if he has one.
func (a *ask) leave() {
	if a.conn != nil {
		_ = closeNow(a.conn)
	}
}

// listen reads the answer to its end.
func (a *ask) listen() {
	defer close(a.done)
	_ = a.conn.SetReadDeadline(a.begun.Add(a.spec.Limit))
	resp, in, err := readHead(a.conn.over, a.spec.Head)
	a.take(resp, err)
	if a.keeps {
		return
	}
	defer a.conn.Close()
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols {
		// The gateway writes its access log before it closes the connection: its end is the sign that the line is there.
		_, _ = io.Copy(io.Discard, in)
	}
}

// overHTTP2 sends the request and reads the answer to its end. It calls sent when the request is sent, or can't be.
func (a *ask) overHTTP2(sent func()) {
	defer close(a.done)
	defer sent()
	ctx, cancel := context.WithDeadline(context.Background(), a.begun.Add(a.spec.Limit))
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent() }})
	scheme := "http"
	if a.spec.TLS {
		scheme = "https"
	}
	req, err := http2Request(ctx, scheme, a.spec.Raw, wholeBody(a.spec))
	if err != nil {
		a.failed = err
		a.conn.Close()
		return
	}
	if a.conn.http2 == nil {
		a.conn.http2 = http2Over(a.conn.over)
	}
	a.take(a.conn.http2.RoundTrip(req))
	if !a.keeps {
		a.conn.Close()
	}
}

// take reads the answer, and sees whether the connection can take another request.
func (a *ask) take(resp *http.Response, err error) {
	if errors.Is(err, errLongHead) {
		a.failed = err
		return
	}
	if err != nil {
		a.answer = agentapi.Answer{NoAnswer: howItEnded(err), Real: time.Since(a.begun)}
		return
	}
	a.answer = readAnswer(resp)
	a.answer.Real = time.Since(a.begun)
	a.keeps = a.spec.Keep != "" && !resp.Close && !a.answer.Cut && resp.StatusCode != http.StatusSwitchingProtocols
}

// readAnswer reads an answer to its end, and keeps the beginning of its body. One that switches protocols has no end that could be
// waited for.
func readAnswer(resp *http.Response) agentapi.Answer {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return agentapi.Answer{Status: resp.StatusCode, Header: resp.Header}
	}
	var kept bytes.Buffer
	n, err := io.Copy(&kept, io.LimitReader(resp.Body, bodyKept))
	if err == nil {
		var rest int64
		rest, err = io.Copy(io.Discard, resp.Body)
		n += rest
	}
	return agentapi.Answer{Status: resp.StatusCode, Header: resp.Header, Body: kept.String(), BodyBytes: n, Cut: err != nil}
}

func howItEnded(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.As(err, &http2.StreamError{}):
		return "reset"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "silent"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	default:
		return "garbled"
	}
}

// underWay reports whether the answer has not ended yet. The client asks the gateway to close, so it has ended once the
// gateway's end of the connection is no longer open, whether the client has read it by then or not.
func (c *sandbox) underWay(a *ask) (bool, error) {
	select {
	case <-a.done:
		return false, nil
	default:
	}
	s, there, err := c.gatewaysEnd(a.conn)
	if err != nil {
		return false, err
	}
	return there && s.state == tcpEstablished, nil
}

// gatewaysEnd finds the gateway's end of the client's connection.
func (c *sandbox) gatewaysEnd(conn *clientConn) (socket, bool, error) {
	s, found, err := c.tcp(conn.RemoteAddr().(*net.TCPAddr).AddrPort(), conn.LocalAddr().(*net.TCPAddr).AddrPort())
	return s, found && s.state != tcpListen, err
}

// held waits until the gateway has read the whole request and has nothing left to do for it but wait.
func (c *sandbox) held(ctx context.Context, a *ask) error {
	gateway, err := c.process(a.spec.Gateway)
	if err != nil {
		return err
	}
	err = poll(ctx, 10*time.Second, func() (bool, error) {
		select {
		case <-a.done:
			return true, nil
		default:
		}
		s, there, err := c.gatewaysEnd(a.conn)
		if err != nil {
			return false, err
		}
		if !there || s.inode == 0 || s.unread > 0 {
			return false, nil // not yet accepted, or not yet read
		}
		return gateway.idle()
	})
	if err != nil {
		return fmt.Errorf("waiting until the gateway has read the request: %w", err)
	}
	return nil
}

// through reports whether a process has ended, or has nothing to do.
func (c *sandbox) through(name string) (bool, error) {
	p, err := c.process(name)
	if err != nil {
		return false, err
	}
	select {
	case <-p.ended:
		return true, nil
	default:
		return p.idle()
	}
}

// idle reports whether the process and all its children sleep, with all their threads.
func (p *process) idle() (bool, error) {
	for _, pid := range append(p.proc.children(p.pid), p.pid) {
		if !p.proc.allAsleep(pid) {
			return false, nil
		}
	}
	return true, nil
}

// logged reports whether the gateway has logged what it has answered on a connection that stays open: none of its threads works.
func (c *sandbox) logged(gateway string) (bool, error) {
	p, err := c.process(gateway)
	if err != nil {
		return false, err
	}
	for _, pid := range append(p.proc.children(p.pid), p.pid) {
		if s, err := p.proc.scheduleOfAll(pid); err == nil && !s.asleep {
			return false, nil
		}
	}
	return true, nil
}

// finish waits for the answer, and until the gateway is through with the request, so that its logs are complete.
func (c *sandbox) finish(ctx context.Context, a *ask) (agentapi.Answer, error) {
	select {
	case <-a.done:
	case <-ctx.Done():
		return agentapi.Answer{}, context.Cause(ctx)
	}
	if a.keeps {
		if err := poll(ctx, 5*time.Second, func() (bool, error) { return c.logged(a.spec.Gateway) }); err != nil && !errors.Is(err, errLimit) {
			return agentapi.Answer{}, err
		}
		c.keep(a.spec, a.conn)
	} else if a.conn != nil {
		if err := poll(ctx, 5*time.Second, func() (bool, error) {
			if s, there, err := c.gatewaysEnd(a.conn); err != nil || there && s.inode != 0 {
				return false, err
			}
			// A connection that both ends have closed may be gone from the list before the gateway has logged it.
			return c.through(a.spec.Gateway)
		}); err != nil && !errors.Is(err, errLimit) {
			return agentapi.Answer{}, err
		}
	}
	c.mu.Lock()
	delete(c.asks, a.spec.Name)
	c.mu.Unlock()
	logs, err := c.news()
	if err != nil {
		return agentapi.Answer{}, err
	}
	a.answer.Reused, a.answer.Logs, a.answer.Attempts = a.reused, logs, c.attempts.end(a.tries)
	return a.answer, a.failed
}
