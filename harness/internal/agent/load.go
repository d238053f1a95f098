//go:build linux

package agent

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// load sends so many requests to an address of the sandbox, over so many kept connections, and tells how long that took.
func (c *sandbox) load(ctx context.Context, spec agentapi.LoadSpec) (took agentapi.BaselineTook, err error) {
	errs := make(chan error, spec.Connections)
	begun := time.Now()
	var wg sync.WaitGroup
	for range spec.Connections {
		wg.Go(func() { errs <- c.loadOne(ctx, spec.To, spec.Requests/spec.Connections) })
	}
	wg.Wait()
	took.Took = time.Since(begun)
	for range spec.Connections {
		if err := <-errs; err != nil {
			return took, err
		}
	}
	return took, context.Cause(ctx)
}

func (c *sandbox) loadOne(ctx context.Context, to string, requests int) error {
	var conn net.Conn
	if err := c.online(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", to)
		return err
	}); err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	in := bufio.NewReader(conn)
	ask := []byte("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
	for range requests {
		if _, err := conn.Write(ask); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d under load", resp.StatusCode)
		}
	}
	return nil
}
