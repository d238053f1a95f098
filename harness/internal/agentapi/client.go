package agentapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"time"

	"github.com/hashicorp/yamux"
)

// ErrGone says that the lab ended while it was being used: its engine stopped, or its container was removed.
var ErrGone = errors.New("the lab is gone: its container or the container engine has ended")

// Call makes one of the agent's calls by its name and waits for its answer. When ctx ends first, the answer is dropped.
func (c *Client) Call(ctx context.Context, name string, args, reply any) error {
	call := c.calls.Go("Agent."+name, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		if errors.Is(call.Error, rpc.ErrShutdown) || errors.Is(call.Error, io.ErrUnexpectedEOF) || errors.Is(call.Error, io.EOF) {
			return ErrGone
		}
		return call.Error
	case <-c.session.CloseChan():
		return ErrGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Client is the driving end of a session.
type Client struct {
	session *yamux.Session
	calls   *rpc.Client
}

// Dial begins a session over a connection to an agent.
func Dial(conn io.ReadWriteCloser) (*Client, error) {
	session, err := yamux.Client(newGather(conn), mux())
	if err != nil {
		return nil, fmt.Errorf("beginning the session with the lab: %w", err)
	}
	stream, err := open(session, StreamCalls)
	if err != nil {
		return nil, err
	}
	return &Client{session: session, calls: jsonrpc.NewClient(stream)}, nil
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

// Tunnel opens a TCP connection to an address in a cell. Where that is not taken, the error says why.
func (c *Client) Tunnel(cell, address string) (net.Conn, error) {
	stream, err := open(c.session, StreamTunnel)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(stream, "%s %s\n", cell, address); err != nil {
		stream.Close()
		return nil, fmt.Errorf("reaching the lab: %w", err)
	}
	why, err := readLine(stream)
	switch {
	case err != nil:
		stream.Close()
		return nil, fmt.Errorf("reaching the lab: %w", err)
	case why != "":
		stream.Close()
		return nil, errors.New(why)
	}
	return tunnelled{stream}, nil
}

// tunnelled is a connection in a tunnel. What it sends can be ended alone: yamux's Close is just that.
type tunnelled struct{ net.Conn }

// CloseWrite ends what is sent, and no more.
func (t tunnelled) CloseWrite() error { return t.Close() }

// readLine reads a line and nothing of what follows it.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[0])
	}
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
func (c *Client) Close() error { return c.session.Close() }

// Serve answers a session on a connection: the agent's end.
func Serve(conn io.ReadWriteCloser) (*yamux.Session, error) {
	return yamux.Server(newGather(conn), mux())
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
