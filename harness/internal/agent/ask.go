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
	"net/netip"
	"strings"
	"syscall"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// ask is one request of the client under way.
type ask struct {
	spec   agentapi.AskSpec
	conn   *net.TCPConn
	begun  time.Time
	answer agentapi.Answer
	failed error // what came can't be read; for after done
	done   chan struct{}
	tries  *askAttempts
}

const bodyKept = 4 << 10

// headLimit is how much the heads of one answer may take, the interim ones included.
const headLimit = 1 << 20

var errLongHead = fmt.Errorf("the head of the gateway's answer is longer than %d KiB", headLimit>>10)

// readHead reads the head of an answer; interim ones (100, 103) are passed over if asked for. The body that follows may be of
// any length, and in is what comes after that.
func readHead(conn io.Reader, ofHead, pastInterim bool) (resp *http.Response, in *bufio.Reader, err error) {
	limit := &io.LimitedReader{R: conn, N: headLimit}
	in = bufio.NewReader(limit)
	req := &http.Request{Method: http.MethodGet}
	if ofHead {
		req.Method = http.MethodHead
	}
	resp, err = http.ReadResponse(in, req)
	for pastInterim && err == nil && resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
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
	defer a.leave()
	return c.finish(ctx, a)
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
	from, err := netip.ParseAddr(spec.From)
	if err != nil {
		return nil, fmt.Errorf("the visitor's address: %w", err)
	}
	d := net.Dialer{Timeout: spec.Limit, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	err = c.online(func() error {
		conn, err := d.DialContext(ctx, "tcp", spec.To)
		if err == nil {
			a.conn = conn.(*net.TCPConn)
		}
		return err
	})
	if errors.Is(err, syscall.ECONNREFUSED) {
		a.answer = agentapi.Answer{NoAnswer: "refused", Real: time.Since(a.begun)}
		close(a.done)
		a.tries = c.attempts.begin(ctx, a.done)
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("connecting as the visitor to %s: %w", spec.To, err)
	}
	a.tries = c.attempts.begin(ctx, a.done)
	go a.listen()
	defer context.AfterFunc(ctx, a.leave)()
	// The gateway may answer and close before it has read all of a body; what it said still counts.
	_, _ = a.conn.Write(append(spec.Raw, strings.Repeat(spec.Body, max(spec.Times, 1))...))
	return a, nil
}

// leave ends the client's connection, if he has one.
func (a *ask) leave() {
	if a.conn != nil {
		a.conn.Close()
	}
}

// listen reads the answer to its end.
func (a *ask) listen() {
	defer close(a.done)
	defer a.conn.Close()
	_ = a.conn.SetReadDeadline(a.begun.Add(a.spec.Limit))
	resp, in, err := readHead(a.conn, a.spec.Head, false)
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
	// The gateway writes its access log before it closes the connection: its end is the sign that the line is there.
	_, _ = io.Copy(io.Discard, in)
}

// readAnswer reads an answer to its end, and keeps the beginning of its body.
func readAnswer(resp *http.Response) agentapi.Answer {
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
	case errors.Is(err, syscall.ECONNRESET):
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
	s, there, err := c.gatewaysEnd(a)
	if err != nil {
		return false, err
	}
	return there && s.state == tcpEstablished, nil
}

// gatewaysEnd finds the gateway's end of the client's connection.
func (c *sandbox) gatewaysEnd(a *ask) (socket, bool, error) {
	s, found, err := c.tcp(a.conn.RemoteAddr().(*net.TCPAddr).AddrPort(), a.conn.LocalAddr().(*net.TCPAddr).AddrPort())
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
		s, there, err := c.gatewaysEnd(a)
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

// idle reports whether the process and all its children sleep.
func (p *process) idle() (bool, error) {
	for _, pid := range append(childrenOf(p.pid), p.pid) {
		if !asleep(pid) {
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
	if a.conn != nil {
		if err := poll(ctx, 5*time.Second, func() (bool, error) {
			if s, there, err := c.gatewaysEnd(a); err != nil || there && s.inode != 0 {
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
	a.answer.Logs, a.answer.Attempts = logs, c.attempts.end(a.tries)
	return a.answer, a.failed
}
