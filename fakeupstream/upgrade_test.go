package fakeupstream

import (
	"testing"

	. "github.com/onsi/gomega"
)

// The key and its answer are those of RFC 6455, 1.3.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	c := dial(t, httpWith(t, Upgrade{}))
	send(t, c, "GET /chat HTTP/1.1\r\nHost: test\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	g.Expect(read(t, c, len(want))).To(Equal(want))
}

func TestUpgrade_OfAnotherRequest(t *testing.T) {
	t.Parallel()
	for _, request := range []string{
		getRoot,
		"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.0\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
	} {
		g := NewWithT(t)
		c := dial(t, httpWith(t, Upgrade{}))
		send(t, c, request)
		want := "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
		g.Expect(read(t, c, len(want))).To(Equal(want), request)
	}
}
