package byhand

import (
	"bufio"
	"io"
	"net/http"
	"sync"
)

// clientConn is one connection of a client, and knows whether he waits: he has asked, and has not got the whole answer. Where the
// answer can't be read, as it is no HTTP or encrypted, he waits for the end of the connection.
type clientConn struct {
	forwarder *forwarder
	responses *io.PipeWriter

	mu      sync.Mutex
	waiting bool
	ended   bool
}

func newClientConn(f *forwarder) *clientConn {
	r, w := io.Pipe()
	v := &clientConn{forwarder: f, responses: w}
	go v.read(r)
	return v
}

// read follows the answers.
func (v *clientConn) read(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		answer, err := http.ReadResponse(in, nil)
		if err == nil && answer.StatusCode < 200 {
			continue // another one follows
		}
		if err == nil {
			_, err = io.Copy(io.Discard, answer.Body)
		}
		if err != nil {
			_, _ = io.Copy(io.Discard, in)
			return
		}
		v.setWaiting(false)
	}
}

func (v *clientConn) setWaiting(waits bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ended || v.waiting == waits {
		return
	}
	v.waiting = waits
	if !waits {
		v.forwarder.waiting.Add(-1)
		return
	}
	v.forwarder.waiting.Add(1)
	select {
	case v.forwarder.requested <- struct{}{}:
	default:
	}
}

func (v *clientConn) end() {
	v.setWaiting(false)
	v.mu.Lock()
	v.ended = true
	v.mu.Unlock()
	v.responses.Close()
}

// asking sees what the client sends, and answering what he gets.
type (
	requestWriter  struct{ *clientConn }
	responseWriter struct{ *clientConn }
)

func (a requestWriter) Write(b []byte) (int, error) {
	a.forwarder.transferred.Add(int64(len(b)))
	a.setWaiting(true)
	return len(b), nil
}

func (a responseWriter) Write(b []byte) (int, error) {
	a.forwarder.transferred.Add(int64(len(b)))
	return a.responses.Write(b)
}
