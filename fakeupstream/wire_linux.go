package fakeupstream

import (
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const unixReset = true

// shutDown stops a listener, or sends FIN. A connection with unread bytes is left to close, which sends RST, as the kernel
// does for a program that dies.
func shutDown(fd uintptr) {
	if unread, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ); err == nil && unread > 0 {
		return
	}
	_ = unix.Shutdown(int(fd), unix.SHUT_RDWR)
}

// lingerNot makes a close of a TCP socket send RST.
func lingerNot(fd uintptr) {
	_ = unix.SetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1, Linger: 0})
}

// holding is the holder of Linux: there, closing a unix socket with unread bytes gives the
// peer ECONNRESET.
type holding struct {
	c    net.Conn
	raw  syscall.RawConn
	left bool // the last byte handed out is still in the queue
}

func newHolder(c net.Conn) holder {
	raw := rawConn(c)
	if raw == nil {
		return nil
	}
	return &holding{c: c, raw: raw}
}

func (h *holding) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	skip := 0
	if h.left {
		skip = 1
	}
	buf := make([]byte, len(p)+skip)
	n, err := h.peek(buf, skip)
	if err != nil {
		return 0, err
	}
	if n <= skip {
		return 0, io.EOF
	}
	copy(p, buf[skip:n])
	// n bytes are queued for certain, so this cannot block or come up short.
	if _, err := io.ReadFull(h.c, buf[:n-1]); err != nil {
		return 0, err
	}
	h.left = true
	return n - skip, nil
}

// peek waits until more than skip bytes are queued, or the peer has closed.
func (h *holding) peek(buf []byte, skip int) (n int, err error) {
	waitErr := h.raw.Read(func(fd uintptr) bool {
		for {
			n, _, err = syscall.Recvfrom(int(fd), buf, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			if err == syscall.EINTR {
				continue
			}
			break
		}
		if err == syscall.EAGAIN {
			return false
		}
		if err == nil && n > 0 && n <= skip {
			// Only the held byte is there: wait for more, unless none can come.
			return peerGone(int(fd))
		}
		return true
	})
	if waitErr != nil {
		return 0, waitErr
	}
	if err != nil {
		return 0, os.NewSyscallError("recvfrom", err)
	}
	return n, nil
}

func (h *holding) await() {
	if !h.left {
		_, _ = h.peek(make([]byte, 1), 0)
	}
}

// peerGone reports whether the peer has shut its side.
func peerGone(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n > 0
}
