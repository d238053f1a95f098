package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestBadHeader(t *testing.T) {
	t.Parallel()
	const rest = "Content-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
	const well = "HTTP/1.1 200 OK\r\n"
	for fault, want := range map[HeaderFault]string{
		HeaderStatusLine:   "this is not a status line\r\n" + rest,
		HeaderVersion:      "HTTP/9.9 200 OK\r\n" + rest,
		HeaderStatusText:   "HTTP/1.1 abc OK\r\n" + rest,
		HeaderStatusShort:  "HTTP/1.1 20 OK\r\n" + rest,
		HeaderNoColon:      well + "X-Bad without a colon\r\n" + rest,
		HeaderEmptyName:    well + ": value\r\n" + rest,
		HeaderSpaceInName:  well + "X Bad: value\r\n" + rest,
		HeaderSpaceColon:   well + "X-Bad : value\r\n" + rest,
		HeaderNUL:          well + "X-Bad: a\x00b\r\n" + rest,
		HeaderControl:      well + "X-Bad: a\x01b\r\n" + rest,
		HeaderBareCR:       well + "X-Bad: a\rb\r\n" + rest,
		HeaderNameNotASCII: well + "X-B\xe4d: value\r\n" + rest,
		HeaderFold:         well + "X-Bad: first\r\n second\r\n" + rest,
	} {
		t.Run(string(fault), func(t *testing.T) {
			got, how := exchangeAll(t, httpWith(t, BadHeader{Fault: fault, Answer: Well{Close: true}}), getRoot)
			NewWithT(t).Expect(got).To(Equal(want))
			NewWithT(t).Expect(how).To(Equal(fin))
		})
	}
}

func TestBadHeaderFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, _ := exchangeAll(t, fcgiWith(t, BadHeader{Fault: HeaderStatusText}), fcgiRequest(false, ""))
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(Equal("Status: abc OK\r\nContent-Type: text/plain\r\n\r\nok\n"))
	g.Expect(end).To(HaveLen(8))
}
