package fakeupstream

import (
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestDrip(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	clock := newFakeClock()
	s := start(t, Spec{Script: Always(Drip{Bytes: 30, Every: time.Second})}, Options{Clock: clock})
	c := dial(t, s)
	send(t, c, getRoot)
	for rest := okHTTP; rest != ""; {
		n := min(30, len(rest))
		g.Expect(read(t, c, n)).To(Equal(rest[:n]))
		if rest = rest[n:]; rest != "" {
			g.Expect(clock.waiting(t)).To(Equal(time.Second))
			g.Expect(nothingSent(s, len(okHTTP)-len(rest))).To(BeTrue())
			clock.advance(time.Second)
		}
	}
}

func TestDripFromBody(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	clock := newFakeClock()
	s := start(t, Spec{Script: Always(Drip{Every: time.Second, From: AtBody})}, Options{Clock: clock})
	c := dial(t, s)
	send(t, c, getRoot)
	g.Expect(read(t, c, len(okHTTP)-2)).To(Equal(okHTTP[:len(okHTTP)-2]))
	for range 2 {
		clock.waiting(t)
		clock.advance(time.Second)
		read(t, c, 1)
	}
}
