package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestInterim(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := dial(t, httpWith(t, Interim{Statuses: []int{100, 103}, Headers: []string{"Link: </a>"}}))
	send(t, c, getRoot)
	want := "HTTP/1.1 100 Continue\r\nLink: </a>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + okHTTP
	g.Expect(read(t, c, len(want))).To(Equal(want))
}
