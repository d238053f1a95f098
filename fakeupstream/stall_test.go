package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestStall(t *testing.T) {
	t.Parallel()
	head := okHTTP[:len(okHTTP)-3]
	chunked := "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nok\n\r\n"
	for name, c := range map[string]struct {
		b    Stall
		sent string
	}{
		"default": {Stall{}, head + "o"},
		"header":  {Stall{At: AtHeader, After: 4}, "HTTP"},
		"head":    {Stall{At: AtHeaderEnd}, head},
		"bytes":   {Stall{At: AtBody, After: 2}, head + "ok"},
		"end":     {Stall{At: AtEnd, Answer: Well{Chunked: true}}, chunked},
	} {
		t.Run(name, func(t *testing.T) {
			s := httpWith(t, c.b)
			conn := dial(t, s)
			send(t, conn, getRoot)
			NewWithT(t).Expect(read(t, conn, len(c.sent))).To(Equal(c.sent))
			staysOpen(t, s, conn)
		})
	}
}

func TestStallFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := fcgiWith(t, Stall{At: AtBody, Answer: Well{Body: "abcd"}})
	c := dial(t, s)
	send(t, c, fcgiRequest(true, ""))
	want := okCGI[:len(okCGI)-3]
	b := string(appendStream(appendStream(nil, fcgiStdout, 1, []byte(want)), fcgiStdout, 1, []byte("ab")))
	g.Expect(read(t, c, len(b))).To(Equal(b))
	staysOpen(t, s, c)
}
