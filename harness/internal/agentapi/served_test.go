package agentapi

import (
	"context"
	"net"
	"strings"
	"testing"
)

// served is a client of a server with these calls, over a connection of the kernel's.
func served(tb testing.TB, s *Server) *Client {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan struct{})
	go func() {
		conn, err := l.Accept()
		close(accepted)
		if err == nil {
			_ = s.Serve(conn)
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	<-accepted // a listener that is closed before resets it
	c, err := Dial(conn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// benchmarked makes calls as those that start a gateway.
func benchmarked(b *testing.B) (call func()) {
	c := served(b, &Server{Calls: map[string]Handler{
		"Start": Handle(func(_ context.Context, s ProcSpec) (ProcStarted, error) {
			return ProcStarted{PID: 7, Output: s.Name}, nil
		}),
	}})
	spec := ProcSpec{
		Name: "gateway", Argv: []string{"nginx", "-g", "daemon off;"}, Ready: []string{"192.0.2.80:80"},
		Files: []File{{Path: "/etc/nginx/nginx.conf", Data: strings.Repeat("x", 2000)}},
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(cancel)
	b.ReportAllocs()
	return func() {
		var out ProcStarted
		if err := c.Call(ctx, "", "Start", spec, &out); err != nil || out.PID != 7 {
			b.Fatal(out, err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	call := benchmarked(b)
	for b.Loop() {
		call()
	}
}

func BenchmarkCallsAtOnce(b *testing.B) {
	call := benchmarked(b)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			call()
		}
	})
}
