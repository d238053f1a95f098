package fakeupstream

import (
	"net"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestDelayPoints(t *testing.T) {
	t.Parallel()
	head := okHTTP[:len(okHTTP)-3]
	for at, before := range map[Point]string{"": "", AtAccept: "", AtRequest: "", AtHeader: "", AtBody: head} {
		t.Run(string(at), func(t *testing.T) {
			g := NewWithT(t)
			clock := newFakeClock()
			s := start(t, Spec{Script: Always(Delay{At: at, For: 5 * time.Second})}, Options{Clock: clock})
			c := dial(t, s)
			send(t, c, getRoot)
			g.Expect(clock.waiting(t)).To(Equal(5 * time.Second))
			clock.advance(5*time.Second - 1)
			g.Expect(read(t, c, len(before))).To(Equal(before))
			g.Expect(nothingSent(s, len(before))).To(BeTrue())
			clock.advance(1)
			g.Expect(read(t, c, len(okHTTP)-len(before))).To(Equal(okHTTP[len(before):]))
		})
	}
}

// nothingSent tells that the upstream has sent no more than n bytes.
func nothingSent(s *Server, n int) bool { return s.Records()[0].BytesOut == int64(n) }

func TestDelayThenReset(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	clock := newFakeClock()
	s := start(t, Spec{Script: Always(Delay{At: AtRequest, For: time.Minute, Then: Reset{}})}, Options{Clock: clock})
	c := dial(t, s)
	send(t, c, getRoot)
	clock.waiting(t)
	clock.advance(time.Minute)
	got, how := readAll(t, c)
	g.Expect(got).To(BeEmpty())
	g.Expect(how).To(Equal(rst))
}

func TestDelayInFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	clock := newFakeClock()
	s := start(t, Spec{Protocol: FastCGI, Script: Always(Delay{For: time.Second})}, Options{Clock: clock})
	c := dial(t, s)
	send(t, c, fcgiRequest(false, ""))
	clock.waiting(t)
	clock.advance(time.Second)
	got, _ := readAll(t, c)
	out, _, _ := fcgiStreams(got)
	g.Expect(out).To(Equal(okCGI))
}

// Close does not wait for the clock.
func TestDelay_DoesNotHoldUpServerClose(t *testing.T) {
	t.Parallel()
	clock := newFakeClock()
	s := start(t, Spec{Script: Always(Delay{For: time.Hour})}, Options{Clock: clock})
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send(t, c, getRoot)
	clock.waiting(t)
	s.Close()
	if by := s.Records()[0].ClosedBy; by != ByShutdown {
		t.Fatal(by)
	}
}
