package fakeupstream

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

func TestRefuseTCP(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	s := httpWith(t, Refuse{})
	_, err := net.Dial("tcp", s.Addr().String())
	g.Expect(err).To(MatchError(syscall.ECONNREFUSED))

	s.Reset()
	got, _ := exchangeAll(t, s, "GET / HTTP/1.0\r\n\r\n")
	g.Expect(got).To(HaveSuffix("ok\n"))
}

func TestRefuseUnix(t *testing.T) {
	t.Parallel()
	for leftover, want := range map[Leftover]error{"": syscall.ECONNREFUSED, SocketStale: syscall.ECONNREFUSED, SocketMissing: syscall.ENOENT} {
		t.Run(string(leftover), func(t *testing.T) {
			g := NewWithT(t)
			path := filepath.Join(t.TempDir(), "s")
			s := start(t, Spec{Listen: "unix:" + path, Script: Always(Refuse{Socket: leftover})})
			_, err := net.Dial("unix", path)
			g.Expect(err).To(MatchError(want))
			g.Expect(s.Close()).To(Succeed())
			_, err = os.Lstat(path)
			g.Expect(os.IsNotExist(err)).To(BeTrue(), "the socket file is gone after Close")

			again := start(t, Spec{Listen: "unix:" + path, Script: Always(Refuse{Socket: leftover})})
			again.Reset()
			got, _ := exchangeAll(t, again, "GET / HTTP/1.0\r\n\r\n")
			g.Expect(got).To(HaveSuffix("ok\n"))
		})
	}
}

func TestRefuse_IsTheOnlyBehaviour(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	_, err := New(Spec{Listen: "127.0.0.1:0", Script: FailFirst(1, Refuse{})}, Options{})
	g.Expect(err).To(MatchError(ContainSubstring("must be the only behaviour")))
}
