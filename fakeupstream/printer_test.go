package fakeupstream

import (
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"
)

// unread is an output that nobody reads until the test says so.
type unread struct {
	screen
	read chan struct{}
}

func (u *unread) Write(b []byte) (int, error) {
	<-u.read
	return u.screen.Write(b)
}

func TestPrinter_NeverBlocks(t *testing.T) {
	t.Parallel()
	g, out := NewWithT(t), &unread{read: make(chan struct{})}
	p := newPrinter(out)
	s, err := New(Spec{Listen: "127.0.0.1:0"}, Options{Observe: p.event})
	g.Expect(err).NotTo(HaveOccurred())
	defer s.Close()
	for range 5 { // each of them is told, and nobody reads it
		got, _ := exchangeAll(t, s, "GET / HTTP/1.0\r\n\r\n")
		g.Expect(got).To(HavePrefix("HTTP/1.1 200"))
	}
	for i := range queued + 100 {
		p.print(strconv.Itoa(i) + "\n")
	}
	close(out.read)
	g.Eventually(func() int { return len(p.lines) }, testTimeout).Should(BeZero())
	p.print("the last\n")
	p.close()
	g.Expect(out.String()).To(MatchRegexp(`(?s)listening on.* GET / -> .*\n\d+ lines are not here: nobody read them in time\nthe last\n$`))
}

func TestPrinter_KeepsTheOrder(t *testing.T) {
	t.Parallel()
	g, out := NewWithT(t), &screen{}
	p := newPrinter(out)
	var want strings.Builder
	for i := range 1000 {
		want.WriteString(strconv.Itoa(i) + "\n")
		p.print(strconv.Itoa(i) + "\n")
	}
	p.close()
	g.Expect(out.String()).To(Equal(want.String()))
	p.print("too late") // which is no reason to fall over
}

// It ends all the same when nobody reads what it tells.
func TestMain_EndsWhenNobodyReadsItsOutput(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	defer r.Close()
	p := newPrinter(w)
	p.print(strings.Repeat("x", 1<<20)) // more than a pipe holds
	var once sync.WaitGroup
	once.Go(p.close)
	once.Wait()
	w.Close()
	_, _ = io.Copy(io.Discard, r)
}
