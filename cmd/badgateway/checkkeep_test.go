package main

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// listening is a listener that ends with the test.
func listening(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// What a visitor sends gets to the gateway, its answer gets back, and the end of either is passed on.
func TestCarry(t *testing.T) {
	gateway, local := listening(t), listening(t)
	go func() {
		conn, err := gateway.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		request, _ := io.ReadAll(conn)
		io.WriteString(conn, "got "+string(request))
	}()
	go carry(t.Context(), local, func(context.Context) (net.Conn, error) { return net.Dial("tcp", gateway.Addr().String()) })
	conn, err := net.Dial("tcp", reachable(local.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "a request")
	conn.(*net.TCPConn).CloseWrite()
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "got a request" {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestUntilEnter(t *testing.T) {
	if err := untilEnter(t.Context(), strings.NewReader("\n")); err != nil {
		t.Error(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := untilEnter(ctx, strings.NewReader("")); err == nil { // no keyboard: only the end of the program ends it
		t.Error("it ended by itself")
	}
}
