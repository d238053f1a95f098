//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startFake starts the fake with a socket to ask it at, and returns the reader of its output when it listens.
func startFake(t *testing.T) (c *exec.Cmd, socket string, out *bufio.Reader) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(stop)
	c = exec.CommandContext(ctx, os.Args[0], "fake", "--listen", "unix:"+socket, "--control", "127.0.0.1:0")
	c.Env = append(os.Environ(), "BADGATEWAY_COMMAND=1")
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	out = bufio.NewReader(pipe)
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatalf("it ended: %v", err)
		}
		if strings.HasPrefix(line, "control on") {
			return c, socket, out
		}
	}
}

func TestFake_EndsBySignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE} {
		t.Run(sig.String(), func(t *testing.T) {
			if signal.Ignored(sig) {
				t.Skip("whoever started the tests has it ignored, as nohup does, and a program keeps to that")
			}
			c, socket, out := startFake(t)
			c.Process.Signal(sig)
			_, _ = io.Copy(io.Discard, out)
			if err := c.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			if _, err := os.Stat(socket); err == nil {
				t.Error("its socket is left behind")
			}
		})
	}
}

func TestFake_ServesWithoutAReader(t *testing.T) {
	c, socket, _ := startFake(t)
	for i := range 2000 { // of which it prints more than a pipe holds
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprintf(conn, "GET /%d HTTP/1.0\r\n\r\n", i)
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") {
			t.Fatalf("request %d, with its output unread: %q, %v", i, answer, err)
		}
		conn.Close()
	}
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
