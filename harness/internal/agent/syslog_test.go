//go:build linux

package agent

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/onsi/gomega"
)

func TestSyslog_WhatWasSentIsInTheFile(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	dir := t.TempDir()
	conn, err := net.ListenPacket("unixgram", filepath.Join(dir, "log"))
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.(syscall.Conn).SyscallConn()
	g.Expect(err).NotTo(HaveOccurred())
	s := &syslog{to: filepath.Join(dir, "output"), raw: raw, buf: make([]byte, 1<<10)}

	s.drain()
	g.Expect(s.to).NotTo(BeAnExistingFile(), "nothing came")
	program, err := net.Dial("unixgram", filepath.Join(dir, "log"))
	g.Expect(err).NotTo(HaveOccurred())
	t.Cleanup(func() { program.Close() })
	for _, said := range []string{"<131>first\n", "<131>of two\nlines\x00", ""} {
		_, err := program.Write([]byte(said))
		g.Expect(err).NotTo(HaveOccurred())
	}
	s.drain()
	g.Expect(os.ReadFile(s.to)).To(BeEquivalentTo("<131>first\n<131>of two lines\n\n"))
}
