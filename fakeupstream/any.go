package fakeupstream

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
)

// recognize finds out what is spoken on a connection of an upstream that speaks Any: once, before its first request.
func (x *Exchange) recognize() error {
	for proxied := false; x.open; {
		what, err := x.firstBytes()
		if err != nil {
			return err
		}
		switch {
		case (what == foundProxy1 || what == foundProxy2) && !proxied && x.tls == nil:
			proxied = true
			read := x.readProxy1
			if what == foundProxy2 {
				read = x.readProxy2
			}
			if err := read(); err != nil {
				return err
			}
		case what == foundTLS && x.tls == nil:
			if err := x.beginTLS(); err != nil {
				return err
			}
		default:
			if what == foundTLS || what == foundProxy1 || what == foundProxy2 { // a second time
				what = Stream
			}
			x.speaks(what)
		}
	}
	return nil
}

// firstBytes waits until the first bytes show what they are. When no more come, they are a Stream.
func (x *Exchange) firstBytes() (string, error) {
	for n := 1; ; {
		if _, err := x.br.Peek(n); err != nil {
			if x.br.Buffered() > 0 && errors.Is(err, io.EOF) {
				return Stream, nil
			}
			return "", err
		}
		b, _ := x.br.Peek(x.br.Buffered())
		if what := sniff(b); what != "" {
			return what, nil
		}
		n = len(b) + 1
	}
}

// speaks settles what is spoken.
func (x *Exchange) speaks(protocol string) {
	x.open, x.lang = false, speak(protocol)
	x.recorder.mu.Lock()
	x.rec.Protocol = protocol
	x.recorder.mu.Unlock()
}

// beginTLS does the handshake, or the fault, with a client that has begun one.
func (x *Exchange) beginTLS() error {
	if x.offer.fault == TLSPlain { // a plain HTTP server takes it for a bad request
		x.speaks(HTTP)
		x.started()
		x.takeBuffered()
		return unreadable("TLS, and this upstream speaks plain text")
	}
	x.tls = x.offer
	if x.tls.config != nil {
		x.under = x.br
		x.conn = tls.Server(&readFirst{x.wire, x.under}, x.tls.config)
		x.br = readers.Get().(*bufio.Reader)
		x.br.Reset(x.conn)
	}
	return x.handshake()
}

// readFirst is a wire of which some was read already.
type readFirst struct {
	*wire
	r *bufio.Reader
}

func (c *readFirst) Read(p []byte) (int, error) { return c.r.Read(p) }
