package fakeupstream

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestRecord_HTTPRequest(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Well{Close: true})
	body := filler(5000)
	exchangeAll(t, s, "POST /a?b=c HTTP/1.1\r\nHost: test\r\nX-Two: 1\r\nX-Two:  2 \r\nContent-Length: 5000\r\n\r\n"+body)
	r := s.Records()[0].Requests[0]
	g.Expect(r.Method + " " + r.URI + " " + r.Protocol).To(Equal("POST /a?b=c HTTP/1.1"))
	g.Expect(r.Headers).To(Equal([]Field{{"Host", "test"}, {"X-Two", "1"}, {"X-Two", "2"}, {"Content-Length", "5000"}}))
	g.Expect(r.Header("host")).To(Equal("test"))
	sum := sha256.Sum256([]byte(body))
	g.Expect(r.Body).To(Equal(BodyRecord{Length: 5000, SHA256: hex.EncodeToString(sum[:]), Start: body[:4096]}))
	g.Expect(r.Did).To(Equal("answer 200 and close"))
	g.Expect(r.Started).NotTo(BeZero())
	g.Expect(r.HeadRead).NotTo(BeZero())
	g.Expect(r.BodyRead).NotTo(BeZero())
	g.Expect(r.Answered).NotTo(BeZero())
}

func TestChunkedRequests(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Well{}, Well{Close: true})
	exchangeAll(t, s, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"+getRoot)
	r := s.Records()[0].Requests
	g.Expect(r).To(HaveLen(2))
	g.Expect(r[0].Body.Start).To(Equal("abcde"))
	g.Expect(r[1].Method).To(Equal("GET"))
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Well{Close: true})
	c := dial(t, s)
	send(t, c, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
	g.Expect(read(t, c, 25)).To(Equal("HTTP/1.1 100 Continue\r\n\r\n"))
	send(t, c, "x")
	got, _ := readAll(t, c)
	g.Expect(got).To(HaveSuffix("ok\n"))
}

func TestBigRequestHead(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Well{Close: true})
	exchangeAll(t, s, "GET /"+filler(30_000)+" HTTP/1.1\r\nX-Big: "+filler(100_000)+"\r\n\r\n")
	r := s.Records()[0].Requests[0]
	g.Expect(r.URI).To(HaveLen(30_001))
	g.Expect(r.Method).To(Equal("GET"))
	g.Expect(r.HeadCut).To(BeTrue())
	g.Expect(len(r.Header("x-big"))).To(And(BeNumerically("<", keepHead), BeNumerically(">", keepHead-100)))
}

// What is no HTTP is found out without waiting for more than there is.
func TestHTTP_RefusesOtherProtocols(t *testing.T) {
	t.Parallel()
	hello := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + filler(80)
	for name, request := range map[string]string{
		"tls":    hello,
		"line":   "hello there\n",
		"proxy":  "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
		"header": "GET / HTTP/1.1\r\nno colon\r\n",
		"length": "GET / HTTP/1.1\r\nContent-Length: x\r\n",
		"chunk":  "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := httpWith(t)
			got, how := exchangeAll(t, s, request)
			g.Expect(got).To(HavePrefix("HTTP/1.1 400 Bad Request\r\n"))
			g.Expect(how).To(Equal(fin))
			r := s.Records()[0].Requests[0]
			g.Expect(r.Problem).NotTo(BeEmpty())
			g.Expect(len(r.Raw)).To(BeNumerically("<=", 64))
			g.Expect(strings.HasPrefix(request, string(r.Raw))).To(BeTrue(), "raw is %q", r.Raw)
			g.Expect(r.Raw).NotTo(BeEmpty())
		})
	}
}

func TestRecord_ClientClosesWithinTheRequest(t *testing.T) {
	t.Parallel()
	for _, request := range []string{"GET / HT", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"} {
		g := NewWithT(t)
		s := httpWith(t)
		c := dial(t, s)
		send(t, c, request)
		c.Close()
		g.Expect(closedRecord(t, s).Problem).To(ContainSubstring("the client closed within"))
	}
}
