package fakeupstream

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// resp is a command as a client of Redis sends it.
func resp(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

func TestRedis(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: Redis, Script: Script{{Well{}, Well{}, Well{Status: 404}, Well{Status: 500}, Well{NoBody: true, Close: true}}}})
	c := dial(t, s)
	for _, e := range []struct{ command, answer string }{
		{resp("get", "key"), "$3\r\nok\n\r\n"},
		{resp("SET", "key", "a value\r\nof two lines"), "+OK\r\n"},
		{resp("GET", "key"), "$-1\r\n"},
		{resp("GET", "key"), "-ERR 500 Internal Server Error\r\n"},
	} {
		send(t, c, e.command)
		g.Expect(read(t, c, len(e.answer))).To(Equal(e.answer))
	}
	send(t, c, resp("GET", "key"))
	got, how := readAll(t, c)
	g.Expect(got).To(Equal("$0\r\n\r\n"))
	g.Expect(how).To(Equal(fin))
	r := s.Records()[0]
	g.Expect(r.Protocol).To(Equal(Redis))
	g.Expect(r.Requests[1].Method + " " + r.Requests[1].URI).To(Equal("SET key"))
	g.Expect(r.Requests[1].Keep).To(BeTrue())
}

func TestRedisFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		b    Behaviour
		sent string
	}{
		"header":      {Close{At: AtHeader, After: 2}, "$3"},
		"body":        {Close{At: AtBody}, "$3\r\no"},
		"nothing cut": {Close{At: AtBody, Answer: Well{Status: 404}}, "$-1\r\n"},
		"short":       {ShortBody{Missing: 2}, "$5\r\nok\n\r\n"},
		"bad":         {BadHeader{Fault: HeaderStatusLine}, "this is not a status line\r\nok\n\r\n"},
		"silent":      {Silent{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c2 := dial(t, start(t, Spec{Protocol: Redis, Script: Script{{c.b, Close{}}}}))
			send(t, c2, resp("GET", "key"))
			NewWithT(t).Expect(read(t, c2, len(c.sent))).To(Equal(c.sent))
		})
	}
}

func TestRedis_RefusesOtherProtocols(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"get key\r\n", "*0\r\n", "*-1\r\n", "*9999\r\n", "*x\r\n", "\r\n", "*1\r\n$99999999\r\n", "*1\r\n+GET\r\n", "*1\r\n$3\r\nGETXX", "*" + filler(9000),
	} {
		g := NewWithT(t)
		s := start(t, Spec{Protocol: Redis})
		got, how := exchangeAll(t, s, command)
		g.Expect(got).To(Equal("-ERR Protocol error\r\n"), command)
		g.Expect(how).To(Equal(fin))
		g.Expect(s.Records()[0].Requests[0].Problem).NotTo(BeEmpty())
	}
	got, how := exchangeAll(t, start(t, Spec{Protocol: Redis}), resp("QUIT"))
	NewWithT(t).Expect(got + how).To(Equal(fin))
}
