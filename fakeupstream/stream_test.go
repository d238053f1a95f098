package fakeupstream

import (
	"context"
	"testing"

	. "github.com/onsi/gomega"
)

func TestStream(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := start(t, Spec{Protocol: Stream, Script: Script{{Well{}, Well{Body: "again"}, Reset{At: AtBody, Answer: Well{Body: "abcd"}}}}})
	c := dial(t, s)
	send(t, c, "\x00hello")
	g.Expect(read(t, c, 3)).To(Equal("ok\n"))
	send(t, c, "PING\r\n")
	g.Expect(read(t, c, 5)).To(Equal("again"))
	send(t, c, "x")
	got, how := readAll(t, c)
	g.Expect(got + how).To(Equal("ab" + rst))
	r := s.Records()[0]
	g.Expect(r.Requests).To(HaveLen(3))
	g.Expect(r.Requests[0].Body.Start).To(Equal("\x00hello"))
	g.Expect(r.Requests[0].Keep).To(BeFalse())
}

func TestStream_SaysNothingFirst(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{Stream, Any} {
		s := start(t, Spec{Protocol: protocol})
		c := dial(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
		defer cancel()
		NewWithT(t).Expect(s.WaitConnections(ctx, 1)).To(Succeed())
		staysOpen(t, s, c)
	}
}

func TestStreamFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		b    Behaviour
		sent string
	}{
		"close":  {Close{}, ""},
		"header": {Close{At: AtHeader}, ""},
		"end":    {Close{At: AtEnd}, "ok\n"},
		"status": {Well{Status: 503, Headers: []string{"A: b"}, Chunked: true, Close: true}, "ok\n"},
		"short":  {ShortBody{}, "ok"},
		"long":   {LongBody{End: EndClose}, "ok\nx"},
		"bad":    {BadHeader{Fault: HeaderNUL}, ""},
		"big":    {BigHeader{}, ""},
		"early":  {EarlyAnswer{}, "ok\n"},
		"stderr": {FastCGIStderr{Only: true}, ""},
		"tongue": {WrongProtocol{Speak: SpeakSSH}, "SSH-2.0-OpenSSH_9.9\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, how := exchangeAll(t, start(t, Spec{Protocol: Any, Script: Always(c.b)}), "?what")
			NewWithT(t).Expect(got + how).To(Equal(c.sent + fin))
		})
	}
}
