//go:build linux

package agent

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// caller is a thread whose calls of connect are seen, in place of a gateway's.
type caller struct {
	*attempts
	t *testing.T
}

func newCaller(t *testing.T) *caller {
	t.Helper()
	c := &sandbox{id: "c1", tid: os.Getpid()}
	if diagnosticsWork() {
		d, err := newDiagnostics()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.close)
		c.diag = d
	}
	var running sync.WaitGroup
	own, err := startThread(t.Context(), &running, func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil { // where the test has no rights
			return err
		}
		c.attempts = newAttempts(c)
		c.attempts.watch()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c.own = own
	if c.attempts.why != "" {
		t.Fatal(c.attempts.why)
	}
	t.Cleanup(c.attempts.close)
	return &caller{c.attempts, t}
}

// call connects a new socket, and returns it with what the kernel said.
func (c *caller) call(family, kind int, to unix.Sockaddr) (fd int, err error) {
	c.t.Helper()
	if derr := c.cell.inside(c.t.Context(), func() error {
		fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, to)
		}
		return nil
	}); derr != nil {
		c.t.Fatal(derr)
	}
	return fd, err
}

// connect is a call over TCP that succeeds.
func (c *caller) connect(to *net.TCPAddr) (fd int) {
	c.t.Helper()
	fd, err := c.call(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
	if err != nil {
		c.t.Fatal(err)
	}
	return fd
}

func (c *caller) close(fd int) {
	if err := unix.Close(fd); err != nil {
		c.t.Error(err)
	}
}

// client asks, and waits for his answer until done is closed.
func (c *caller) client() (a *askAttempts, done chan struct{}) {
	done = make(chan struct{})
	return c.begin(c.t.Context(), done), done
}

func listening(t *testing.T, network, at string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestAttempts_EveryConnectIsSeenWhateverBecomesOfIt(t *testing.T) {
	g, c := NewWithT(t), newCaller(t)
	l := listening(t, "tcp4", "127.0.0.1:0")
	there := l.Addr().(*net.TCPAddr)
	gone := listening(t, "tcp4", "127.0.0.1:0")
	nobody := gone.Addr().(*net.TCPAddr)
	gone.Close()
	path := filepath.Join(t.TempDir(), "none.sock")

	c.close(c.connect(there)) // nobody's request
	a, _ := c.client()
	c.close(c.connect(there))
	fd, err := c.call(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Port: nobody.Port, Addr: [4]byte{127, 0, 0, 1}})
	g.Expect(err).To(MatchError(unix.ECONNREFUSED))
	c.close(fd)
	fd, err = c.call(unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: path})
	g.Expect(err).To(MatchError(unix.ENOENT))
	c.close(fd)
	got := c.end(a)
	g.Expect(got.Unknown).To(BeEmpty())
	g.Expect(got.All).To(Equal([]agentapi.Attempt{{Addr: there.String()}, {Addr: nobody.String()}, {Addr: "unix:" + path}}))
	g.Expect(got.Connects).To(Equal(map[string]int{there.String(): 2, nobody.String(): 1, "unix:" + path: 1}))
}

func TestAttempts_WhatIsNoAttemptIsLeftOut(t *testing.T) {
	g, c := NewWithT(t), newCaller(t)
	a, _ := c.client()
	packet := filepath.Join(t.TempDir(), "log")
	for _, call := range []struct {
		family, kind int
		to           unix.Sockaddr
	}{
		{unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}},
		{unix.AF_UNIX, unix.SOCK_DGRAM, &unix.SockaddrUnix{Name: packet}},
		{unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: "/var/run/nscd/socket"}},
		{unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Port: 53, Addr: [4]byte{127, 0, 0, 1}}},
	} {
		fd, _ := c.call(call.family, call.kind, call.to) // whether anybody is there is not the question
		c.close(fd)
	}
	l := listening(t, "tcp4", "127.0.0.1:0").Addr().(*net.TCPAddr)
	fd := c.connect(l)
	if err := c.cell.inside(t.Context(), func() error { // as programs do that ask whether it is connected
		return unix.Connect(fd, &unix.SockaddrInet4{Port: l.Port, Addr: [4]byte{127, 0, 0, 1}})
	}); err != unix.EISCONN {
		t.Errorf("connecting again: %v", err)
	}
	c.close(fd)
	g.Expect(c.end(a).All).To(Equal([]agentapi.Attempt{{Addr: l.String()}}))
}

func TestAttempts_AKeptConnectionCountsWhereItIsUsed(t *testing.T) {
	g, c := NewWithT(t), newCaller(t)
	if c.cell.diag == nil {
		t.Skip("this kernel has no sock_diag")
	}
	l := listening(t, "tcp4", "127.0.0.1:0")
	at := l.Addr().(*net.TCPAddr)
	write := func(fd int) {
		if _, err := unix.Write(fd, []byte("GET")); err != nil {
			t.Fatal(err)
		}
	}
	first, second := c.connect(at), c.connect(at)
	write(first)

	a, _ := c.client()
	g.Expect(c.end(a)).To(HaveField("All", BeEmpty()), "nobody uses them")

	a, _ = c.client()
	write(second)
	third := c.connect(at)
	used, made := agentapi.Attempt{Addr: at.String(), Kept: true}, agentapi.Attempt{Addr: at.String()}
	got := c.end(a)
	g.Expect(got.Unknown).To(BeEmpty())
	g.Expect(got.All).To(Equal([]agentapi.Attempt{used, made}))

	// The other end resets what it does not read, so that nothing of the connection stays with the kernel.
	a, _ = c.client()
	write(first)
	for range 3 {
		conn, err := l.Accept()
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(conn.(*net.TCPConn).SetLinger(0)).To(Succeed())
		conn.Close()
	}
	for _, fd := range []int{first, second, third} {
		c.close(fd)
	}
	got = c.end(a)
	g.Expect(got.Unknown).To(BeEmpty())
	g.Expect(got.All).To(Equal([]agentapi.Attempt{used}), "of three that ended, one was used")
}

func TestAttempts_OverKeptUnixSocketsAreUnknown(t *testing.T) {
	g, c := NewWithT(t), newCaller(t)
	path := filepath.Join(t.TempDir(), "app.sock")
	listening(t, "unix", path)
	a, _ := c.client()
	fd, err := c.call(unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: path})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(c.end(a)).To(And(HaveField("All", HaveLen(1)), HaveField("Unknown", "")))
	a, _ = c.client()
	g.Expect(c.end(a).Unknown).To(ContainSubstring("unix socket"))
	c.close(fd)
	a, _ = c.client()
	g.Expect(c.end(a).Unknown).To(BeEmpty())
}

func TestAttempts_OfSeveralVisitorsAreToldApartOrUnknown(t *testing.T) {
	mixed := ContainSubstring("other visitors")
	for name, c := range map[string]struct {
		before, after func(c *caller, others int, at *net.TCPAddr) // the gateway has read the request and sleeps
		unknown       OmegaMatcher
		all           int
	}{
		"the other still waits": {func(c *caller, _ int, at *net.TCPAddr) { c.connect(at) }, func(c *caller, _ int, at *net.TCPAddr) { c.connect(at) }, BeEmpty(), 2},
		"the other was let down before": {func(c *caller, others int, at *net.TCPAddr) {
			c.connect(at)
			c.close(others)
		}, func(*caller, int, *net.TCPAddr) {}, mixed, 1},
		"the other was let down, and nobody called since": {func(c *caller, _ int, at *net.TCPAddr) { c.connect(at) },
			func(c *caller, others int, _ *net.TCPAddr) { c.close(others) }, BeEmpty(), 1},
		"the other was let down, and somebody called since": {func(c *caller, _ int, at *net.TCPAddr) { c.connect(at) },
			func(c *caller, others int, at *net.TCPAddr) {
				c.close(others)
				c.connect(at)
			}, mixed, 2},
		"a third one came": {func(c *caller, _ int, at *net.TCPAddr) { c.connect(at) }, func(c *caller, _ int, at *net.TCPAddr) {
			c.client()
			c.connect(at)
		}, mixed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			g, call := NewWithT(t), newCaller(t)
			at := listening(t, "tcp4", "127.0.0.1:0").Addr().(*net.TCPAddr)
			call.client()
			other := call.connect(at)
			a, _ := call.client()
			c.before(call, other, at)
			call.waits(a)
			c.after(call, other, at)
			got := call.end(a)
			g.Expect(got.Unknown).To(c.unknown)
			g.Expect(got.All).To(HaveLen(c.all))
		})
	}
}

func TestAttempts_WhoHasHisAnswerLeadsToNothingMore(t *testing.T) {
	g, c := NewWithT(t), newCaller(t)
	_, answered := c.client()
	close(answered)
	at := listening(t, "tcp4", "127.0.0.1:0").Addr().(*net.TCPAddr)
	a, _ := c.client()
	c.close(c.connect(at))
	g.Expect(c.end(a)).To(And(HaveField("All", HaveLen(1)), HaveField("Unknown", "")))
}

func TestSocketAddress(t *testing.T) {
	six := make([]byte, 28)
	six[0], six[2], six[3], six[23] = unix.AF_INET6, 0x1f, 0x90, 1
	mapped := append([]byte{}, six...)
	copy(mapped[18:], []byte{0xff, 0xff, 10, 0, 0, 5})
	for want, b := range map[string][]byte{
		"10.0.0.5:8080":      {unix.AF_INET, 0, 0x1f, 0x90, 10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0},
		"[::1]:8080":         six,
		"10.0.0.5:8080 ":     mapped,
		"unix:/run/app.sock": append([]byte{unix.AF_UNIX, 0}, "/run/app.sock\x00rest"...),
		"unix:@app":          append([]byte{unix.AF_UNIX, 0, 0}, "app"...),
		"":                   {unix.AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		if got := socketAddress(b); got != want && got+" " != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for n := range 8 {
		if got := socketAddress([]byte{unix.AF_INET, 0, 0, 80, 1, 2, 3, 4}[:n]); got != "" {
			t.Errorf("%d bytes are the address %q", n, got)
		}
	}
}

// A connection that none of the other clients' requests has can be used again without a call that would be seen.
func TestAttempts_AFreeConnectionBesideOthersIsUnknown(t *testing.T) {
	t.Parallel()
	for kept, known := range map[int]bool{0: true, 1: true, 2: false} {
		a := newAttempts(&sandbox{})
		got := a.end(&askAttempts{others: 1, unmixed: true, before: make([]*upstreamConn, kept)})
		if (got.Unknown == "") != known {
			t.Errorf("%d connections kept, one of them another visitor's: unknown %q", kept, got.Unknown)
		}
	}
}
