package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestClosePoints(t *testing.T) {
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
func TestCloseNeverResets(t *testing.T) {
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
	g := NewWithT(t)
	s := fcgiWith(t, Close{At: AtHeader, After: 7})
	got, how := exchangeAll(t, s, fcgiRequest(true, ""))
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(Equal("Status:"))
	g.Expect(end).To(BeEmpty())
	g.Expect(how).To(Equal(fin))
}
