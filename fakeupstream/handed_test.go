package fakeupstream

import (
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

// chanListener is a listener that hands over connections which were accepted elsewhere.
type chanListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newChanListener() *chanListener {
	return &chanListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (h *chanListener) listen(string, string) (net.Listener, error) { return h, nil }
func (h *chanListener) Addr() net.Addr                              { return nil }
func (h *chanListener) Close() error                                { h.once.Do(func() { close(h.done) }); return nil }

func (h *chanListener) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// overNetConn wraps a connection as crypto/tls does, and overSocket one that gives its socket alone.
type (
	overNetConn struct {
		net.Conn
		remote net.Addr
	}
	overSocket struct{ net.Conn }
)

func (c overNetConn) NetConn() net.Conn    { return c.Conn }
func (c overNetConn) RemoteAddr() net.Addr { return c.remote }

func (c overSocket) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(syscall.Conn).SyscallConn()
}

// pair is the two ends of a connection.
func pair(t *testing.T, network, address string) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial(network, l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client, server
}

func TestServer_ServesConnectionsOfAnotherListener(t *testing.T) {
	t.Parallel()
	seemed := &net.TCPAddr{IP: net.IPv4(198, 18, 0, 9), Port: 4321}
	deep := func(c net.Conn) net.Conn { return overNetConn{overNetConn{c, nil}, seemed} }
	for name, c := range map[string]struct {
		network string
		wrap    func(net.Conn) net.Conn
		remote  bool // there is an address of TCP
	}{
		"tcp":              {"tcp", func(c net.Conn) net.Conn { return c }, true},
		"tcp wrapped":      {"tcp", deep, true},
		"tcp with socket":  {"tcp", func(c net.Conn) net.Conn { return overSocket{c} }, true},
		"unix":             {"unix", func(c net.Conn) net.Conn { return c }, false},
		"unix wrapped":     {"unix", deep, true},
		"unix with socket": {"unix", func(c net.Conn) net.Conn { return overSocket{c} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			h := newChanListener()
			s := start(t, Spec{Listen: "198.18.0.5:80", Protocol: Any, Script: Script{{Reset{At: AtBody}}, {Well{Close: true}}, {Close{}}, {Reset{}}}}, Options{Listen: h.listen})
			g.Expect(s.Addr().String()).To(Equal("198.18.0.5:80"))
			for i, want := range []string{okHTTP[:len(okHTTP)-2] + rst, "", fin, rst} {
				address := "127.0.0.1:0"
				if c.network == "unix" {
					address = filepath.Join(t.TempDir(), "s")
				}
				client, server := pair(t, c.network, address)
				h.conns <- c.wrap(server)
				send(t, client, getRoot)
				got, how := readAll(t, client)
				if i == 1 {
					g.Expect(got + how).To(HaveSuffix("ok\n" + fin))
					continue
				}
				g.Expect(got+how).To(Equal(want), "connection %d", i+1)
			}
			g.Expect(s.Records()[0].Remote != "").To(Equal(c.remote))
			g.Expect(s.Close()).To(Succeed())
		})
	}
}

// A unix socket of which the caller takes care needs no file.
func TestServer_ListenerWithoutASocketFile(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	h := newChanListener()
	s, err := New(Spec{Listen: "unix:" + filepath.Join(t.TempDir(), "none")}, Options{Listen: h.listen})
	g.Expect(err).NotTo(HaveOccurred())
	mine, theirs := net.Pipe()
	h.conns <- theirs
	go mine.Write([]byte(getRoot))
	g.Expect(read(t, mine, len(okHTTP))).To(Equal(okHTTP))
	g.Expect(s.Close()).To(Succeed())
}
