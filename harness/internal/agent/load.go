//go:build linux

package agent

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// Load sends so many requests to an address of a cell, over so many kept connections, and tells how long that took.
func (s *Calls) Load(spec agentapi.LoadSpec, out *agentapi.YardstickTook) error {
	return s.in(spec.Cell, func(c *cell) (err error) {
		errs := make(chan error, spec.Connections)
		begun := time.Now()
		var wg sync.WaitGroup
		for range spec.Connections {
			wg.Go(func() { errs <- c.load(spec.To, spec.Requests/spec.Connections) })
		}
		wg.Wait()
		out.Took = time.Since(begun)
		for range spec.Connections {
			if err := <-errs; err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *cell) load(to string, requests int) error {
	var conn net.Conn
	if err := c.online(func() (err error) {
		conn, err = net.Dial("tcp", to)
		return err
	}); err != nil {
		return err
	}
	defer conn.Close()
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
