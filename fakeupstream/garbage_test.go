package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestGarbage(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for _, s := range []*Server{httpWith(t, Garbage{}), fcgiWith(t, Garbage{})} {
		request := getRoot
		if s.protocol == FastCGI {
			request = fcgiRequest(true, "")
		}
		got, how := exchangeAll(t, s, request)
		g.Expect(got).To(HaveLen(256))
		g.Expect(got).To(Equal(string(garbage(256))), "it is the same every time")
		g.Expect(got).NotTo(ContainSubstring("\n"))
		g.Expect(how).To(Equal(fin))
	}
}

func TestGarbageEndings(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	_, how := exchangeAll(t, httpWith(t, Garbage{Bytes: 10, End: EndReset}), getRoot)
	g.Expect(how).To(Equal(rst))

	s := httpWith(t, Garbage{Bytes: 10, End: EndStall})
	c := dial(t, s)
	send(t, c, getRoot)
	read(t, c, 10)
	staysOpen(t, s, c)

	c = dial(t, httpWith(t, Garbage{Bytes: 10, End: EndKeep}))
	for range 2 {
		send(t, c, getRoot)
		read(t, c, 10)
	}
}
