package fakeupstream

import (
	"net"
	"testing"

	. "github.com/onsi/gomega"
)

func TestClosePoints(t *testing.T) {
	t.Parallel()
	head := okHTTP[:len(okHTTP)-3]
	for at, sent := range map[Point]string{
		"":          "",
		AtAccept:    "",
		AtRequest:   "",
		AtHeader:    head[:len(head)/2],
		AtHeaderEnd: head,
		AtBody:      head + "o",
		AtEnd:       okHTTP,
	} {
		t.Run(string(at), func(t *testing.T) {
			g := NewWithT(t)
			s := httpWith(t, Close{At: at})
			got, how := exchangeAll(t, s, getRoot)
			g.Expect(got).To(Equal(sent))
			g.Expect(how).To(Equal(fin))
		})
	}
}

// The end is a FIN even when the client goes on sending.
func TestClose_NeverResets(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Close{At: AtAccept})
	c := dial(t, s)
	for range 50 {
		send(t, c, filler(1<<16))
	}
	got, how := readAll(t, c)
	g.Expect(got).To(BeEmpty())
	g.Expect(how).To(Equal(fin))
	c.Close()
	r := closedRecord(t, s)
	g.Expect(r.ClosedBy).To(Equal(ByUpstream))
	g.Expect(r.BytesIn).To(BeEquivalentTo(50 << 16))
}

func TestCloseFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := fcgiWith(t, Close{At: AtHeader, After: 7})
	got, how := exchangeAll(t, s, fcgiRequest(true, ""))
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(Equal("Status:"))
	g.Expect(end).To(BeEmpty())
	g.Expect(how).To(Equal(fin))
}

// orderedConn notes in what order its owner does what.
type orderedConn struct {
	net.Conn
	did chan string
}

func (c orderedConn) Write(b []byte) (int, error) { c.did <- "write"; return c.Conn.Write(b) }
func (c orderedConn) AwaitRead()                  { c.did <- "read" }
func (c orderedConn) CloseWrite() error           { c.did <- "end"; return c.Conn.(*net.TCPConn).CloseWrite() }

// The end of a part of an answer comes when that is taken, where it can be known; after nothing there is nothing to wait for.
func TestClose_AwaitsReadBeforeFIN(t *testing.T) {
	t.Parallel()
	for at, want := range map[Point][]string{
		AtHeader: {"write", "read", "end"}, AtBody: {"write", "read", "end"}, AtRequest: {"end"}, AtAccept: {"end"},
	} {
		t.Run(string(at), func(t *testing.T) {
			g := NewWithT(t)
			h := newChanListener()
			start(t, Spec{Listen: "198.18.0.5:80", Script: Script{{Close{At: at}}}}, Options{Listen: h.listen})
			client, server := pair(t, "tcp", "127.0.0.1:0")
			did := make(chan string, 9)
			h.conns <- orderedConn{server, did}
			send(t, client, getRoot)
			readAll(t, client)
			var order []string
			for range want {
				order = append(order, <-did)
			}
			g.Expect(order).To(Equal(want))
			g.Expect(did).To(BeEmpty())
		})
	}
}
