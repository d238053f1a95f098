package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestFastCGIEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		b        FastCGIEnd
		out, end string
	}{
		"no output":      {FastCGIEnd{NoOutput: true}, "", "\x00\x00\x00\x00\x00\x00\x00\x00"},
		"app status":     {FastCGIEnd{AppStatus: 258}, okCGI, "\x00\x00\x01\x02\x00\x00\x00\x00"},
		"cant multiplex": {FastCGIEnd{ProtocolStatus: StatusCantMultiplex}, "", "\x00\x00\x00\x00\x01\x00\x00\x00"},
		"overloaded":     {FastCGIEnd{ProtocolStatus: StatusOverloaded}, "", "\x00\x00\x00\x00\x02\x00\x00\x00"},
		"unknown role":   {FastCGIEnd{ProtocolStatus: StatusUnknownRole}, "", "\x00\x00\x00\x00\x03\x00\x00\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, _ := exchangeAll(t, fcgiWith(t, c.b), fcgiRequest(false, ""))
			out, _, end := fcgiStreams(got)
			g.Expect(out).To(Equal(c.out))
			g.Expect(end).To(Equal(c.end))
		})
	}
}
