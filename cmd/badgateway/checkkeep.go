package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/check/measure"
)

// keepOne breaks one upstream of the config and keeps it so, to be tried by hand.
func (f *checkFlags) keepOne(c *cobra.Command, o measure.Options) error {
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listening for your request on %s: %w (--listen 127.0.0.1:0 takes any free port)", f.listen, err)
	}
	defer l.Close()
	kept, err := measure.Keep(c.Context(), o, f.routes[0], f.faults[0])
	if err != nil {
		return checkError(err)
	}
	defer kept.Close()
	go carry(c.Context(), l, kept.Dial)
	out := c.OutOrStdout()
	fmt.Fprintf(out, "route:   %s\n", kept.Route.ID)
	fmt.Fprintf(out, "broken:  %s\n", kept.Fault.Claim)
	fmt.Fprintf(out, "try it:  %s\n", kept.Ask(reachable(l.Addr())))
	fmt.Fprintf(out, "\nIts clock runs as yours does, so a wait takes its time. Enter ends it.\n")
	return untilEnter(c.Context(), c.InOrStdin())
}

// reachable is an address as a program on this machine connects to it.
func reachable(at net.Addr) string {
	if a, ok := at.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return at.String()
}

// untilEnter waits for Enter, or for the end of the program where there is no keyboard.
func untilEnter(ctx context.Context, in io.Reader) error {
	enter := make(chan struct{})
	go func() {
		if bufio.NewScanner(in).Scan() {
			close(enter)
		}
	}()
	select {
	case <-enter:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// carry takes each connection to what dial connects to.
func carry(ctx context.Context, l net.Listener, dial func(context.Context) (net.Conn, error)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			inside, err := dial(ctx)
			if err != nil {
				fmt.Fprintln(stderr, "badgateway:", err)
				return
			}
			defer inside.Close()
			go func() {
				io.Copy(inside, conn)
				if half, ok := inside.(interface{ CloseWrite() error }); ok {
					half.CloseWrite()
				}
			}()
			io.Copy(conn, inside)
		}()
	}
}
