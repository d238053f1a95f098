package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

const upload = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"

func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, EarlyAnswer{Answer: Well{NoBody: true}})
	c := dial(t, s)
	send(t, c, upload)
	got, how := readAll(t, c)
	g.Expect(got).To(Equal("HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	g.Expect(how).To(Equal(fin))
	send(t, c, filler(100_000)) // is still taken
	_, n := s.Counts()
	g.Expect(n).To(BeZero(), "the request was not read in full")
	g.Expect(s.Records()[0].Requests[0].Method).To(Equal("POST"))
}

func TestEarlyAnswer_AfterPartOfTheBody(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, EarlyAnswer{After: 5, End: EndReset, Answer: Well{Status: 500}})
	c := dial(t, s)
	send(t, c, "POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n1234")
	g.Eventually(func() int64 { return firstRecord(s).BytesIn }, testTimeout).Should(BeNumerically(">", 0))
	g.Expect(firstRecord(s).BytesOut).To(BeZero())
	send(t, c, "5")
	got, how := readAll(t, c)
	g.Expect(got).To(HavePrefix("HTTP/1.1 500 "))
	g.Expect(how).To(Equal(rst))
	g.Expect(s.Records()[0].Requests[0].Body.Start).To(Equal("12345"))
}

func TestEarlyAnswerFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	full := fcgiRequest(true, filler(1000))
	got, how := exchangeAll(t, fcgiWith(t, EarlyAnswer{}), full[:len(full)-1008])
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(HavePrefix("Status: 413 "))
	g.Expect(end).To(HaveLen(8))
	g.Expect(how).To(Equal(fin))
}

func firstRecord(s *Server) ConnectionRecord {
	if r := s.Records(); len(r) > 0 {
		return r[0]
	}
	return ConnectionRecord{}
}
