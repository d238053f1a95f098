package fakeupstream

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

func TestBacklogFullTCP(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	for _, n := range []int{0, 1, 3} {
		s := httpWith(t, BacklogFull{Backlog: n})
		_, err := net.DialTimeout("tcp", s.Addr().String(), 50*time.Millisecond)
		late, ok := err.(net.Error)
		g.Expect(ok && late.Timeout()).To(BeTrue(), "the SYN gets no answer: %v", err)

		s.Reset()
		got, _ := exchangeAll(t, s, "GET / HTTP/1.0\r\n\r\n")
		g.Expect(got).To(HaveSuffix("ok\n"))
		g.Expect(s.Records()[0].Requests).To(HaveLen(1), "its own connections are not on record")
	}
}

func TestBacklogFullUnix(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	path := filepath.Join(t.TempDir(), "s")
	s := start(t, Spec{Listen: "unix:" + path, Script: Always(BacklogFull{})})
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	g.Expect(err).NotTo(HaveOccurred())
	defer syscall.Close(fd)
	g.Expect(syscall.Connect(fd, &syscall.SockaddrUnix{Name: path})).To(MatchError(syscall.EAGAIN))
	g.Expect(s.Close()).To(Succeed())
}
