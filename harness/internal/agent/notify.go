//go:build linux

package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A connectListener is told of every connect(2) of the programs that a thread starts, before the kernel carries it out; see
// seccomp_unotify(2). What becomes of the call is left to the kernel, so that it does with the program's own rights what it
// would do anyway.
type connectListener struct{ file *os.File }

// connectCall is a connect(2) that waits to be let go on.
type connectCall struct {
	thread int // as this program's process namespace numbers it
	fd     int
	addr   string // "10.0.0.5:8080", "[::1]:80" or "unix:/run/app.sock", as logs have it; empty for what is no such address
}

// listenForConnects sets the filter for the calling thread, and for all that it starts. The thread must not call connect itself
// while nobody serves the listener.
func listenForConnects() (*connectListener, error) {
	arch, known := auditArch[runtime.GOARCH]
	if !known {
		return nil, fmt.Errorf("the calls of a program on %s are not known here", runtime.GOARCH)
	}
	raw, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arch, SkipTrue: 3},
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CONNECT, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	})
	if err != nil {
		return nil, fmt.Errorf("assembling the filter of connect: %w", err)
	}
	// A signal does not break off a call that is being looked at. Linux before 5.19 has no such wait.
	fd, err := setFilter(raw, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if errors.Is(err, unix.EINVAL) {
		fd, err = setFilter(raw, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	}
	if err != nil {
		return nil, fmt.Errorf("setting the filter of connect: %w", err)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil { // so that the runtime waits for it
		unix.Close(fd)
		return nil, err
	}
	return &connectListener{os.NewFile(uintptr(fd), "connects")}, nil
}

// seccompNotification and seccompResponse are struct seccomp_notif and struct seccomp_notif_resp of linux/seccomp.h.
type seccompNotification struct {
	id     uint64
	pid    uint32
	flags  uint32
	number int32
	arch   uint32
	at     uint64
	args   [6]uint64
}

type seccompResponse struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// serve hands over each call until the listener is closed. The function that it calls is given what lets the call go on, which
// reports whether it did: a program that was killed meanwhile, or interrupted, makes none.
func (l *connectListener) serve(each func(c connectCall, goOn func() bool)) {
	conn, err := l.file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Read(func(fd uintptr) (done bool) {
		for l.waiting(fd) {
			var n seccompNotification
			if ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)) != nil {
				continue // it was taken back
			}
			c := connectCall{thread: int(n.pid), fd: int(int32(n.args[0])), addr: addressIn(int(n.pid), n.args[1], n.args[2])}
			each(c, func() bool {
				r := seccompResponse{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
				return ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)) == nil
			})
		}
		return false
	})
}

// waiting reports whether a call waits to be looked at.
func (l *connectListener) waiting(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(p, 0)
		if !errors.Is(err, unix.EINTR) {
			return n > 0 && p[0].Revents&unix.POLLIN != 0
		}
	}
}

func (l *connectListener) close() { l.file.Close() }

func ioctl(fd uintptr, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// addressIn reads a socket address out of a program's memory.
func addressIn(thread int, at, size uint64) string {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/mem", thread), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	b := make([]byte, min(size, unix.SizeofSockaddrUnix))
	n, err := unix.Pread(fd, b, int64(at))
	if err != nil {
		return ""
	}
	return socketAddress(b[:n])
}

// socketAddress is a struct sockaddr as logs write it; empty for one of another family.
func socketAddress(b []byte) string {
	if len(b) < 2 {
		return ""
	}
	switch family := binary.NativeEndian.Uint16(b); {
	case family == unix.AF_INET && len(b) >= 8:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:])).String()
	case family == unix.AF_INET6 && len(b) >= 24:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[8:24])).Unmap(), binary.BigEndian.Uint16(b[2:])).String()
	case family == unix.AF_UNIX && len(b) > 2 && b[2] == 0:
		return "unix:@" + string(b[3:])
	case family == unix.AF_UNIX && len(b) > 2:
		path, _, _ := strings.Cut(string(b[2:]), "\x00")
		return "unix:" + path
	}
	return ""
}
