package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestBigHeader(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, _ := exchangeAll(t, httpWith(t, BigHeader{Size: 5, Count: 2, Answer: Well{Close: true, Body: "b"}}), getRoot)
	g.Expect(got).To(Equal("HTTP/1.1 200 OK\r\nX-Big-1: xxxxx\r\nX-Big-2: xxxxx\r\n" +
		"Content-Type: text/plain\r\nContent-Length: 1\r\nConnection: close\r\n\r\nb"))
	got, _ = exchangeAll(t, httpWith(t, BigHeader{Answer: Well{Close: true}}), getRoot)
	g.Expect(got).To(ContainSubstring("X-Big-1: " + filler(65536) + "\r\n"))
}

func TestBigHeaderFastCGI(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	got, _ := exchangeAll(t, fcgiWith(t, BigHeader{Size: 100_000}), fcgiRequest(false, ""))
	out, _, end := fcgiStreams(got)
	g.Expect(out).To(Equal("Status: 200 OK\r\nX-Big-1: " + filler(100_000) + "\r\nContent-Type: text/plain\r\n\r\nok\n"))
	g.Expect(end).To(HaveLen(8))
}
