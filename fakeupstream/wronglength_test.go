package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestShortBody(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, how := exchangeAll(t, httpWith(t, ShortBody{Missing: 10}), getRoot)
	g.Expect(got).To(Equal("HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nok\n"))
	g.Expect(how).To(Equal(fin))
	_, how = exchangeAll(t, httpWith(t, ShortBody{End: EndReset}), getRoot)
	g.Expect(how).To(Equal(rst))
}

func TestShortBodyFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, _ := exchangeAll(t, fcgiWith(t, ShortBody{}), fcgiRequest(true, ""))
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(Equal("Status: 200 OK\r\nContent-Length: 4\r\nContent-Type: text/plain\r\n\r\nok\n"))
	g.Expect(end).To(HaveLen(8))
}

func TestLongBody_KeepsTheConnection(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := dial(t, httpWith(t, LongBody{Extra: 4}))
	want := "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\n\r\nok\nxxxx"
	for range 2 {
		send(t, c, getRoot)
		g.Expect(read(t, c, len(want))).To(Equal(want))
	}
}
