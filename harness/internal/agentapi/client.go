package agentapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// Client is the driving end of a session. It may be used from several goroutines at once.
type Client struct {
	session *yamux.Session

	mu   sync.Mutex
	idle []*line // those that carry no call
}

// A line is a stream that carries calls, one after the other. Whoever gives up a call closes its line, by which the agent
// knows.
type line struct {
	net.Conn
	in *json.Decoder
}

// Dial begins a session over a connection to an agent.
func Dial(conn io.ReadWriteCloser) (*Client, error) {
	session, err := yamux.Client(newGather(conn), mux())
	if err != nil {
		return nil, fmt.Errorf("beginning the session with the lab: %w", err)
	}
	return &Client{session: session}, nil
}

// Call makes one of the agent's calls by its name, in a sandbox or, where that is empty, in the container, and waits for its
// answer. The agent knows the deadline of ctx, and when
// ctx ends first, what it does for the call ends too; what it had done by then stays. An error that the agent answers is an
// *[Error].
func (c *Client) Call(ctx context.Context, sandbox, name string, args, reply any) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r := request{Call: name, Sandbox: sandbox}
	if deadline, ok := ctx.Deadline(); ok {
		r.Within = time.Until(deadline)
	}
	out, err := encode(r, args)
	if err != nil {
		return fmt.Errorf("asking the lab to %s: %w", name, err)
	}
	l, err := c.line()
	if err != nil {
		return ErrGone
	}
	stop := context.AfterFunc(ctx, l.abandon)
	err = l.exchange(out, reply)
	mayStay := stop()
	var answered *Error
	switch {
	case !mayStay && err != nil:
		return context.Cause(ctx)
	case !mayStay:
		return nil // it was done before the agent knew
	case err == nil || errors.As(err, &answered):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.idle = append(c.idle, l)
		return err
	}
	l.abandon()
	if c.session.IsClosed() || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrGone
	}
	return fmt.Errorf("reading the lab's answer to %s: %w", name, err)
}

// line is one that carries no call.
func (c *Client) line() (*line, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last := len(c.idle) - 1; last >= 0 {
		l := c.idle[last]
		c.idle = c.idle[:last]
		return l, nil
	}
	stream, err := open(c.session, StreamCalls)
	if err != nil {
		return nil, err
	}
	return &line{stream, json.NewDecoder(stream)}, nil
}

// exchange sends a call and reads its answer.
func (l *line) exchange(out []byte, reply any) error {
	if _, err := l.Write(out); err != nil {
		return err
	}
	var a answer
	if err := l.in.Decode(&a); err != nil {
		return err
	}
	if a.Error != nil {
		return a.Error
	}
	return l.in.Decode(reply)
}

// abandon gives up the call that is under way. Who waits for its answer does so no longer, whether the agent takes note or not.
func (l *line) abandon() {
	_ = l.SetDeadline(time.Unix(1, 0))
	l.Close()
}

// encode makes one write of what belongs together: on the way through a container engine each costs four processes a turn.
func encode(all ...any) ([]byte, error) {
	var out bytes.Buffer
	for _, v := range all {
		if err := json.NewEncoder(&out).Encode(v); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

func open(session *yamux.Session, kind byte) (net.Conn, error) {
	stream, err := session.OpenStream()
	if err != nil {
		return nil, fmt.Errorf("reaching the lab: %w", err)
	}
	if _, err := stream.Write([]byte{kind}); err != nil {
		return nil, fmt.Errorf("reaching the lab: %w", err)
	}
	return stream, nil
}

// Away is how long the way to the agent and back takes: the quickest of a few goes, as a busy machine makes some of them slow.
func (c *Client) Away() (quickest time.Duration) {
	for i := range 3 {
		took, err := c.session.Ping()
		if err != nil {
			return 0 // the session is gone, which its next call will say
		}
		if i == 0 || took < quickest {
			quickest = took
		}
	}
	return quickest
}

// Gone is closed when the session has ended, by whichever end.
func (c *Client) Gone() <-chan struct{} { return c.session.CloseChan() }

// Close ends the session, and with it the agent.
func (c *Client) Close() error {
	return errors.Join(c.keepCoverage(), c.session.Close())
}

// mux is how both ends set up yamux. Keep-alives are off: the end of the stream is the sign that the other is gone.
func mux() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false
	c.LogOutput = io.Discard
	c.StreamOpenTimeout = 0
	c.ConnectionWriteTimeout = time.Minute
	return c
}
