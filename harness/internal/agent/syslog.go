//go:build linux

package agent

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// syslog is a sandbox's syslog daemon at one address: what programs send there becomes lines of a file.
type syslog struct {
	to  string // as the agent sees it
	raw syscall.RawConn

	mu  sync.Mutex // held while datagrams are taken, so that they are in the file in the order in which they came
	buf []byte
}

// listenSyslog plays a syslog daemon at all addresses at which the sandbox is to have one.
func (c *sandbox) listenSyslog(ctx context.Context, spec agentapi.SandboxSpec) error {
	for _, address := range spec.Syslog {
		conn, err := c.syslogSocket(ctx, address)
		if err != nil {
			return fmt.Errorf("listening for syslog at %s in sandbox %s: %w", address, c.id, err)
		}
		context.AfterFunc(c.life, func() { conn.Close() })
		raw, err := conn.(syscall.Conn).SyscallConn()
		if err != nil {
			return err
		}
		s := &syslog{to: c.path(spec.SyslogTo), raw: raw, buf: make([]byte, 64<<10)}
		c.syslogs = append(c.syslogs, s)
		c.running.Go(func() {
			// It waits for more as often as it is told that this was not the end; that is when the socket is closed.
			_ = raw.Read(func(fd uintptr) bool { s.take(fd); return false })
		})
	}
	return nil
}

// syslogSocket is the daemon's socket.
func (c *sandbox) syslogSocket(ctx context.Context, address string) (conn net.PacketConn, err error) {
	path, unixSocket := strings.CutPrefix(address, "unix:")
	if !unixSocket {
		err = c.online(func() error {
			conn, err = net.ListenPacket("udp", address)
			return err
		})
		return conn, err
	}
	at := c.path(path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return nil, err
	}
	if conn, err = net.ListenPacket("unixgram", at); err != nil {
		return nil, err
	}
	if err = os.Chmod(at, 0o666); err == nil && !c.holds(path) {
		err = c.inside(ctx, func() error { return bind(at, path) })
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// drain takes what has come so far: whoever sent it before this call has it in the file after it.
func (s *syslog) drain() { _ = s.raw.Control(s.take) }

// take writes all datagrams that are there into the file.
func (s *syslog) take(fd uintptr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []byte
	for {
		n, _, err := unix.Recvfrom(int(fd), s.buf, unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			break
		}
		line := bytes.TrimRight(s.buf[:n], "\r\n\x00")
		lines = append(append(lines, bytes.ReplaceAll(line, []byte("\n"), []byte(" "))...), '\n')
	}
	if len(lines) == 0 {
		return
	}
	f, err := os.OpenFile(s.to, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return // the sandbox is being removed
	}
	defer f.Close()
	_, _ = f.Write(lines)
}
