package fakeupstream

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

func TestResetPoints(t *testing.T) {
	t.Parallel()
	half := func(s string) string { return s[:len(s)/2] }
	head := okHTTP[:len(okHTTP)-3]
	for at, sent := range map[Point]string{
		"":          "",
		AtRequest:   "",
		AtHeader:    half(head),
		AtHeaderEnd: head,
		AtBody:      head + "o",
		AtEnd:       okHTTP,
	} {
		t.Run(string(at), func(t *testing.T) {
			g := NewWithT(t)
			s := httpWith(t, Reset{At: at})
			got, how := exchangeAll(t, s, getRoot)
			g.Expect(got).To(Equal(sent))
			g.Expect(how).To(Equal(rst))
			g.Expect(closedRecord(t, s).ClosedBy).To(Equal(ByUpstream))
		})
	}
}

// The reset may come so soon that connect fails with it.
func TestReset_AtAcceptReadsNothing(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Reset{At: AtAccept})
	c, err := net.Dial("tcp", s.Addr().String())
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	g.Expect(err).To(MatchError(syscall.ECONNRESET))
	r := closedRecord(t, s)
	g.Expect(r.Did).To(Equal("reset at accept"))
	g.Expect(r.Requests).To(BeEmpty())
	g.Expect(r.BytesIn).To(BeZero())
}

func TestReset_AfterBytes(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Reset{At: AtHeader, After: 9})
	got, how := exchangeAll(t, s, getRoot)
	g.Expect(got).To(Equal("HTTP/1.1 "))
	g.Expect(how).To(Equal(rst))
}

func TestResetFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := fcgiWith(t, Reset{At: AtBody, Answer: Well{Body: "hello world!"}})
	got, how := exchangeAll(t, s, fcgiRequest(true, ""))
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(Equal("Status: 200 OK\r\nContent-Type: text/plain\r\n\r\nhello "))
	g.Expect(end).To(BeEmpty())
	g.Expect(how).To(Equal(rst))
}

func TestResetUnix(t *testing.T) {
	t.Parallel()
	if !unixReset {
		t.Skip("unix sockets cannot be reset here")
	}
	for at, sent := range map[Point]string{AtAccept: "", AtRequest: "", AtHeaderEnd: okHTTP[:len(okHTTP)-3], AtEnd: okHTTP} {
		t.Run(string(at), func(t *testing.T) {
			g := NewWithT(t)
			s := start(t, Spec{Listen: "unix:" + filepath.Join(t.TempDir(), "s"), Script: Always(Reset{At: at})})
			got, how := exchangeAll(t, s, getRoot)
			g.Expect(got).To(Equal(sent))
			g.Expect(how).To(Equal(rst))
		})
	}
}

// What is held back in the kernel must not be lost: requests in several pieces are read in
// full, and a client's end is noticed.
func TestReset_UnixLeavesOneByteUnread(t *testing.T) {
	t.Parallel()
	if !unixReset {
		t.Skip("unix sockets cannot be reset here")
	}
	g := NewWithT(t)
	s := start(t, Spec{Listen: "unix:" + filepath.Join(t.TempDir(), "s"), Script: Script{{Well{}, Well{}, Reset{}}}})
	c := dial(t, s)
	for _, piece := range []string{"P", "OST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", "c", "de"} {
		send(t, c, piece)
	}
	g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
	send(t, c, getRoot)
	g.Expect(read(t, c, len(okHTTP))).To(Equal(okHTTP))
	g.Expect(s.Records()[0].Requests[0].Body.Start).To(Equal("abcde"))
	c.Close()
	g.Expect(closedRecord(t, s).ClosedBy).To(Equal(ByClient))
}
