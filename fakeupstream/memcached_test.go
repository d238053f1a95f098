package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

const okMemcached = "VALUE key 0 3\r\nok\n\r\nEND\r\n"

func TestMemcached(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: Memcached, Script: Script{{Well{}, Well{}, Well{Status: 404}, Well{Status: 500}, Well{NoBody: true, Close: true}}}})
	c := dial(t, s)
	for _, e := range []struct{ command, answer string }{
		{"get key\r\n", okMemcached},
		{"gets key other\r\n", "VALUE key 0 3 1\r\nok\n\r\nEND\r\n"},
		{"get key\r\n", "END\r\n"},
		{"get key\n", "SERVER_ERROR 500 Internal Server Error\r\n"},
	} {
		send(t, c, e.command)
		g.Expect(read(t, c, len(e.answer))).To(Equal(e.answer))
	}
	send(t, c, "get key\r\n")
	got, how := readAll(t, c)
	g.Expect(got).To(Equal("VALUE key 0 0\r\n\r\nEND\r\n"))
	g.Expect(how).To(Equal(fin))
	r := s.Records()[0]
	g.Expect(r.Protocol).To(Equal(Memcached))
	g.Expect(r.Requests[1].Method + " " + r.Requests[1].URI).To(Equal("gets key other"))
	g.Expect(r.Requests[1].Keep).To(BeTrue())
}

func TestMemcachedFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		b    Behaviour
		sent string
	}{
		"header":      {Close{At: AtHeader, After: 5}, "VALUE"},
		"body":        {Close{At: AtBody}, "VALUE key 0 3\r\no"},
		"nothing cut": {Close{At: AtBody, Answer: Well{Status: 404}}, "END\r\n"},
		"short":       {ShortBody{Missing: 2}, "VALUE key 0 5\r\nok\n\r\nEND\r\n"},
		"long":        {LongBody{Extra: 2, End: EndClose}, "VALUE key 0 3\r\nok\nxx\r\nEND\r\n"},
		"bad":         {BadHeader{Fault: HeaderStatusLine}, "this is not a status line\r\nok\n\r\nEND\r\n"},
		"silent":      {FastCGIUnterminated{}, "VALUE key 0 3\r\nok\n"},
		"big":         {BigHeader{}, ""},
		"chunk":       {BadChunk{Fault: ChunkSize}, "VALUE key 0 3\r\no"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			c2 := dial(t, start(t, Spec{Protocol: Any, Script: Script{{c.b, Close{}}}}))
			send(t, c2, "get key\r\n")
			g.Expect(read(t, c2, len(c.sent))).To(Equal(c.sent))
			send(t, c2, "get key\r\n")
			rest, how := readAll(t, c2)
			g.Expect(rest).To(BeEmpty())
			g.Expect(how).To(Equal(fin))
		})
	}
}

func TestMemcached_RefusesOtherProtocols(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"set k 0 0 1\r\n", "get \r\n", "\r\n", "get " + filler(3000) + "\r\n", filler(9000)} {
		g := NewWithT(t)
		s := start(t, Spec{Protocol: Memcached})
		got, how := exchangeAll(t, s, command)
		g.Expect(got).To(Equal("ERROR\r\n"))
		g.Expect(how).To(Equal(fin))
		g.Expect(s.Records()[0].Requests[0].Problem).NotTo(BeEmpty())
	}
	got, how := exchangeAll(t, start(t, Spec{Protocol: Memcached}), "quit\r\n")
	NewWithT(t).Expect(got + how).To(Equal(fin))
}
