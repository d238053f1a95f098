package agentapi

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
)

func TestTunnel_CarriesAConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		asked, _ := io.ReadAll(conn) // its end comes alone
		conn.Write(append(asked, ", answered"...))
	}()
	var called string
	c := served(t, &Server{Dial: func(ctx context.Context, cell, address string) (net.Conn, error) {
		called = cell + " " + address
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}})
	conn, err := c.Tunnel(t.Context(), "c1", "192.0.2.80:80")
	if err != nil || called != "c1 192.0.2.80:80" {
		t.Fatalf("it leads to %q: %v", called, err)
	}
	if _, err := io.WriteString(conn, "asked"); err != nil {
		t.Fatal(err)
	}
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || string(got) != "asked, answered" {
		t.Errorf("%q came back: %v", got, err)
	}
}

func TestTunnel_ThatCannotBeOpenedSaysWhy(t *testing.T) {
	c := served(t, &Server{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}})
	if _, err := c.Tunnel(t.Context(), "c1", "192.0.2.80:80"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("it ends with %v", err)
	}
}

func TestTunnel_EndsWhileItIsOpened(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error)
	c := served(t, &Server{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		close(begun)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, context.Cause(ctx)
	}})
	ctx, cancel := context.WithCancelCause(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := c.Tunnel(ctx, "c1", "192.0.2.80:80")
		left <- err
	}()
	<-begun
	cancel(errEnough)
	if err := <-left; !errors.Is(err, errEnough) {
		t.Errorf("it ends with %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("in the agent it ends with %v", err)
	}
}
