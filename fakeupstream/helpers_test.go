package fakeupstream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// testTimeout is the most that a test waits for something that is bound to come. It is not
// reached unless the test fails.
const testTimeout = 20 * time.Second

const getRoot = "GET / HTTP/1.1\r\nHost: test\r\n\r\n"

// fakeClock stands still until it is told to go on. Each call of After is announced on
// asked, so that a test knows when something waits.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	waits []fakeWait
	asked chan time.Duration
}

type fakeWait struct {
	at time.Time
	c  chan time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), asked: make(chan time.Duration, 1000)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waits = append(c.waits, fakeWait{c.now.Add(d), ch})
	c.asked <- d
	return ch
}

// advance moves the time and rings for those whose time has come.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	var rest []fakeWait
	for _, w := range c.waits {
		if w.at.After(c.now) {
			rest = append(rest, w)
		} else {
			w.c <- c.now
		}
	}
	c.waits = rest
}

// waiting returns how long the next waiter wants to wait.
func (c *fakeClock) waiting(t testing.TB) time.Duration {
	t.Helper()
	select {
	case d := <-c.asked:
		return d
	case <-time.After(testTimeout):
		t.Fatal("nothing waits by the clock")
		return 0
	}
}

// start runs an upstream for the length of the test.
func start(t testing.TB, spec Spec, opts ...Options) *Server {
	t.Helper()
	if spec.Listen == "" {
		spec.Listen = "127.0.0.1:0"
	}
	opts = append(opts, Options{})
	s, err := New(spec, opts[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// httpWith and fcgiWith run an upstream in which every connection meets these behaviours.
func httpWith(t testing.TB, b ...Behaviour) *Server {
	return start(t, Spec{Script: Script{b}})
}

func fcgiWith(t testing.TB, b ...Behaviour) *Server {
	return start(t, Spec{Protocol: FastCGI, Script: Script{b}})
}

// dial connects to an upstream; nothing on the connection waits longer than testTimeout.
func dial(t testing.TB, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(testTimeout))
	t.Cleanup(func() { c.Close() })
	return c
}

// How a stream ended.
const (
	fin = "FIN"
	rst = "RST"
)

// readAll reads to the end of the stream, and tells what came and how it ended.
func readAll(t testing.TB, c net.Conn) (string, string) {
	t.Helper()
	b, err := io.ReadAll(c)
	return string(b), ended(t, err)
}

func ended(t testing.TB, err error) string {
	t.Helper()
	switch {
	case err == nil, err == io.EOF:
		return fin
	case errors.Is(err, syscall.ECONNRESET):
		return rst
	}
	t.Fatalf("the stream ended with %v", err)
	return ""
}

// read reads exactly n bytes.
func read(t testing.TB, c net.Conn, n int) string {
	t.Helper()
	b := make([]byte, n)
	if k, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("got %d of %d bytes (%q): %v", k, n, b[:k], err)
	}
	return string(b)
}

// send writes, and fails the test if that does not work.
func send(t testing.TB, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// exchangeAll sends a request on a new connection and reads to the end.
func exchangeAll(t testing.TB, s *Server, request string) (string, string) {
	t.Helper()
	c := dial(t, s)
	send(t, c, request)
	return readAll(t, c)
}

// staysOpen tells that nothing more comes and the connection stays open: when the upstream
// is closed, that is what ends it, and not a byte comes before.
func staysOpen(t testing.TB, s *Server, c net.Conn) {
	t.Helper()
	s.Close()
	if b, err := io.ReadAll(c); len(b) > 0 {
		t.Fatalf("the connection is not silent: %q, %v", b, err)
	}
	if by := s.Records()[0].ClosedBy; by != ByShutdown {
		t.Fatalf("the connection was closed by %s and not by the shutdown", by)
	}
}

// closedRecord waits until the record of the first connection tells that it is over.
func closedRecord(t testing.TB, s *Server) ConnectionRecord {
	t.Helper()
	NewWithT(t).Eventually(func() string {
		r := s.Records()
		if len(r) == 0 {
			return ""
		}
		return r[0].ClosedBy
	}, testTimeout, time.Millisecond).ShouldNot(BeEmpty())
	return s.Records()[0]
}

func waitRequests(t testing.TB, s *Server, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	if err := s.WaitRequests(ctx, n); err != nil {
		t.Fatal(err)
	}
}

// fcgiRequest is a FastCGI request with id 1 as a gateway sends it.
func fcgiRequest(keep bool, body string, params ...string) string {
	flags := byte(0)
	if keep {
		flags = fcgiKeepConn
	}
	b := appendRecord(nil, fcgiBegin, 1, []byte{0, fcgiResponder, flags, 0, 0, 0, 0, 0})
	p := appendParam(nil, "REQUEST_METHOD", "GET")
	p = appendParam(p, "REQUEST_URI", "/index.php")
	p = appendParam(p, "SERVER_PROTOCOL", "HTTP/1.1")
	for i := 0; i+1 < len(params); i += 2 {
		p = appendParam(p, params[i], params[i+1])
	}
	b = appendStream(b, fcgiParams, 1, p)
	b = appendRecord(b, fcgiParams, 1, nil)
	b = appendStream(b, fcgiStdin, 1, []byte(body))
	return string(appendRecord(b, fcgiStdin, 1, nil))
}

// fcgiStreams takes an answer apart: the content of each stream, and the END_REQUEST body.
func fcgiStreams(answer string) (stdout, stderr, end string) {
	var out, errs, fin bytes.Buffer
	eachRecord([]byte(answer), func(r []byte) {
		content := r[8 : 8+int(r[4])<<8+int(r[5])]
		switch r[1] {
		case fcgiStdout:
			out.Write(content)
		case fcgiStderr:
			errs.Write(content)
		case fcgiEnd:
			fin.Write(content)
		}
	})
	return out.String(), errs.String(), fin.String()
}

const (
	okHTTP = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
	okCGI  = "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nok\n"
)
