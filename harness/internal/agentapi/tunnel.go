package agentapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"
)

// tunnelRequest begins a tunnel.
type tunnelRequest struct {
	Sandbox string `json:"sandbox"`
	Address string `json:"address"`
}

// Tunnel opens a TCP connection to an address in a sandbox. When ctx ends before it is open, it is not opened; afterwards ctx
// means nothing to it. The error of a connection that is not taken is an *[Error].
func (c *Client) Tunnel(ctx context.Context, sandbox, address string) (net.Conn, error) {
	stream, err := open(c.session, StreamTunnel)
	if err != nil {
		return nil, ErrGone
	}
	stop := context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Unix(1, 0)) })
	err = begin(stream, tunnelRequest{sandbox, address})
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		stream.Close()
		return nil, fmt.Errorf("reaching %s in the lab: %w", address, err)
	}
	return tunnelled{stream}, nil
}

func begin(stream net.Conn, r tunnelRequest) error {
	out, err := encode(r)
	if err != nil {
		return err
	}
	if _, err := stream.Write(out); err != nil {
		return err
	}
	line, err := readLine(stream)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		return err
	}
	if a.Error != nil {
		return a.Error
	}
	return nil
}

// readLine reads a line and nothing of what follows it.
func readLine(r io.Reader) (line []byte, err error) {
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, err
		}
		if b[0] == '\n' {
			return line, nil
		}
		line = append(line, b[0])
	}
}

// tunnelled is a connection in a tunnel. What it sends can be ended alone: yamux's Close is just that.
type tunnelled struct{ net.Conn }

// CloseWrite ends what is sent, and no more.
func (t tunnelled) CloseWrite() error { return t.Close() }

// tunnel is the agent's end of one.
func (s *Server) tunnel(ctx context.Context, stream net.Conn) {
	defer stream.Close()
	in := bufio.NewReader(stream)
	line, err := in.ReadBytes('\n')
	var r tunnelRequest
	if err != nil || json.Unmarshal(line, &r) != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		if _, err := in.Peek(1); err != nil {
			cancel(errLeft)
		}
	}()
	var a answer
	conn, err := s.Dial(ctx, r.Sandbox, r.Address)
	if err != nil {
		a.Error = ErrorOf(err)
	} else {
		defer conn.Close()
	}
	out, _ := encode(a) // a struct of strings
	if _, werr := stream.Write(out); err != nil || werr != nil {
		return
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		<-waited
		_, _ = io.Copy(conn, in)
		if half, ok := conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	_, _ = io.Copy(stream, conn)
	stream.Close()
	<-sent
}
