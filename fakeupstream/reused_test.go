package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestCloseReused(t *testing.T) {
	t.Parallel()
	for end, want := range map[Ending]string{"": fin, EndReset: rst} {
		g := NewWithT(t)
		s := httpWith(t, CloseReused{Requests: 2, End: end})
		c := dial(t, s)
		for range 2 {
			send(t, c, getRoot)
			g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
		}
		send(t, c, getRoot)
		got, how := readAll(t, c)
		g.Expect(got).To(BeEmpty())
		g.Expect(how).To(Equal(want))
		waitRequests(t, s, 3)
	}
}
