package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

// A client of HTTP/1.0 gets what would be chunked without chunks, and cannot tell a cut answer from a whole one.
func TestChunked_IsNotForHTTP10(t *testing.T) {
	t.Parallel()
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
	chunked := Well{Chunked: true, Body: "hello world!"}
	for name, c := range map[string]struct {
		b         Behaviour
		want, how string
	}{
		"well":           {chunked, head + "hello world!", fin},
		"close in body":  {Close{At: AtBody, Answer: chunked}, head + "hello ", fin},
		"reset in body":  {Reset{At: AtBody, Answer: chunked}, head + "hello ", rst},
		"close at end":   {Close{At: AtEnd, Answer: chunked}, head + "hello world!", fin},
		"header end":     {Close{At: AtHeaderEnd, Answer: chunked}, head, fin},
		"drip":           {Drip{Every: 1, Bytes: 20, Answer: chunked}, head + "hello world!", fin},
		"delayed":        {Delay{At: AtBody, For: 1, Then: chunked}, head + "hello world!", fin},
		"no body":        {Well{Chunked: true, NoBody: true}, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", fin},
		"never a body":   {Well{Chunked: true, Status: 204}, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", fin},
		"bad chunk":      {BadChunk{Fault: ChunkNoLast, Answer: Well{Body: "hello"}}, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n", fin},
		"contradiction":  {Contradiction{}, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nok\n\r\n0\r\n\r\n", fin},
		"stays a length": {Well{}, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n", fin},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			for _, protocol := range []string{HTTP, Any} {
				got, how := exchangeAll(t, start(t, Spec{Protocol: protocol, Script: Always(c.b)}), "GET / HTTP/1.0\r\n\r\n")
				g.Expect(got).To(Equal(c.want))
				g.Expect(how).To(Equal(c.how))
			}
		})
	}
}

// A client that would keep the connection does not get it kept: there is no other end to the body.
func TestChunked_EndsTheConnectionOfHTTP10(t *testing.T) {
	t.Parallel()
	got, how := exchangeAll(t, httpWith(t, Well{Chunked: true}), "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	NewWithT(t).Expect(got + how).To(Equal("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nok\n" + fin))
}

func TestChunked_StallForHTTP10(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Stall{Answer: Well{Chunked: true, Body: "hello world!"}})
	c := dial(t, s)
	send(t, c, "GET / HTTP/1.0\r\n\r\n")
	want := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello "
	g.Expect(read(t, c, len(want))).To(Equal(want))
	staysOpen(t, s, c)
}

func TestChunked_IsCutForHTTP11(t *testing.T) {
	t.Parallel()
	got, how := exchangeAll(t, httpWith(t, Close{At: AtBody, Answer: Well{Chunked: true, Body: "hello world!"}}), getRoot)
	NewWithT(t).Expect(got + how).To(Equal("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n" + fin))
}

// Nothing of a body follows the head of an answer to HEAD, wherever it is cut.
func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	got, _ := exchangeAll(t, httpWith(t, Close{At: AtBody}), "HEAD / HTTP/1.1\r\n\r\n")
	NewWithT(t).Expect(got).To(Equal(okHTTP[:len(okHTTP)-3]))
}

func TestRecord_Keep(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for request, keep := range map[string]bool{
		getRoot: true, "GET / HTTP/1.0\r\n\r\n": false, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n": false,
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n": true,
	} {
		s := httpWith(t, Well{Close: true})
		exchangeAll(t, s, request)
		g.Expect(s.Records()[0].Requests[0].Keep).To(Equal(keep), request)
		g.Expect(s.Records()[0].Protocol).To(Equal(HTTP))
	}
	for _, keep := range []bool{true, false} {
		s := fcgiWith(t, Well{Close: true})
		exchangeAll(t, s, fcgiRequest(keep, ""))
		g.Expect(s.Records()[0].Requests[0].Keep).To(Equal(keep))
	}
}
