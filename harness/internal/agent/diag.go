//go:build linux

package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// sockDiagByFamily is the one message of the kernel's sock_diag(7).
const sockDiagByFamily = 20

// diagnostics asks the kernel for single sockets of a network namespace. The list in /proc/net/tcp says the same, but the
// kernel walks the hash table of the whole machine for it, which takes longer than all else in a scenario.
type diagnostics struct {
	fd  int
	mu  sync.Mutex // held from a question to the end of its answer
	buf []byte
}

// newDiagnostics is for the network namespace of the calling thread.
func newDiagnostics() (*diagnostics, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("opening sock_diag: %w", err)
	}
	return &diagnostics{fd: fd, buf: make([]byte, diagBuffer)}, nil
}

// ask sends a request, and gives each answer to it. The kernel has answered by the time that the request is sent, or as far
// as fits; a socket of the netlink library, which waits for answers as for a network's, takes three times as long.
func (d *diagnostics) ask(flags uint16, request []byte, each func(answer []byte)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	message := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(request))
	binary.NativeEndian.PutUint32(message, uint32(cap(message)))
	binary.NativeEndian.PutUint16(message[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(message[6:], unix.NLM_F_REQUEST|flags)
	if err := unix.Sendto(d.fd, append(message, request...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for {
		n, _, err := unix.Recvfrom(d.fd, d.buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		answers, err := syscall.ParseNetlinkMessage(d.buf[:n])
		if err != nil {
			return err
		}
		for _, a := range answers {
			switch a.Header.Type {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				if errno := int32(binary.NativeEndian.Uint32(a.Data)); errno != 0 {
					return unix.Errno(-errno)
				}
				return nil
			}
			each(a.Data)
		}
		if flags&unix.NLM_F_DUMP == 0 {
			return nil
		}
	}
}

// diagBuffer takes all that the kernel sends at once: it fills two pages, or less than four where those are larger.
const diagBuffer = 32 << 10

// find looks up the socket with these two ends. Where there is none, the one that listens at the local end is found.
func (d *diagnostics) find(local, remote netip.AddrPort) (s socket, found bool, err error) {
	err = d.ask(0, diagRequest(local, remote), func(answer []byte) {
		if len(answer) >= diagAnswerBytes {
			s, found = diagAnswer(answer), true
		}
	})
	if errors.Is(err, unix.ENOENT) {
		return socket{}, false, nil
	}
	if err != nil {
		return socket{}, false, fmt.Errorf("asking the kernel for the socket %v: %w", local, err)
	}
	return s, found, nil
}

// diagRequest is struct inet_diag_req_v2 of linux/inet_diag.h.
func diagRequest(local, remote netip.AddrPort) []byte {
	b := make([]byte, 56)
	b[0], b[1] = unix.AF_INET6, unix.IPPROTO_TCP
	if local.Addr().Is4() {
		b[0] = unix.AF_INET
	}
	binary.NativeEndian.PutUint32(b[4:], ^uint32(0)) // every state
	binary.BigEndian.PutUint16(b[8:], local.Port())
	binary.BigEndian.PutUint16(b[10:], remote.Port())
	copy(b[12:28], local.Addr().AsSlice())
	copy(b[28:44], remote.Addr().AsSlice())
	for i := 48; i < 56; i++ {
		b[i] = 0xff // no cookie
	}
	return b
}

// diagAnswerBytes is the size of struct inet_diag_msg.
const diagAnswerBytes = 72

func diagAnswer(b []byte) socket {
	bytes := 16
	if b[0] == unix.AF_INET {
		bytes = 4
	}
	at := func(port, addr int) netip.AddrPort {
		a, _ := netip.AddrFromSlice(b[addr : addr+bytes])
		return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(b[port:]))
	}
	return socket{
		local: at(4, 8), remote: at(6, 24), state: int(b[1]),
		unread: int(binary.NativeEndian.Uint32(b[56:])),
		inode:  uint64(binary.NativeEndian.Uint32(b[68:])),
	}
}

func (d *diagnostics) close() { unix.Close(d.fd) }

// sentBytes is how much a program has sent over a connection: new bytes, whether they have arrived or not.
type sentBytes struct {
	cookie [8]byte // the kernel's own name of the socket, as long as there is one
	inode  uint32  // 0 once the program has closed it
	sent   uint64
}

// sent counts all connections.
func (d *diagnostics) sent() (all []sentBytes, err error) {
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		request := make([]byte, 56)
		request[0], request[1], request[2] = family, unix.IPPROTO_TCP, 1<<(inetDiagInfo-1)
		binary.NativeEndian.PutUint32(request[4:], ^uint32(1<<tcpListen))
		err := d.ask(unix.NLM_F_DUMP, request, func(answer []byte) {
			if s, ok := sentIn(answer); ok {
				all = append(all, s)
			}
		})
		if errors.Is(err, unix.ENOENT) {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("asking the kernel for the connections: %w", err)
		}
	}
	return all, nil
}

// inetDiagInfo is the attribute INET_DIAG_INFO, a struct tcp_info, with two of its fields.
const (
	inetDiagInfo     = 2
	tcpiBytesSent    = 200
	tcpiBytesRetrans = 208
)

// sentIn reads struct inet_diag_msg and the attributes after it. A connection of which only the end is left has none.
func sentIn(b []byte) (s sentBytes, ok bool) {
	if len(b) < diagAnswerBytes {
		return s, false
	}
	attributes, err := netlink.NewAttributeDecoder(b[diagAnswerBytes:])
	if err != nil {
		return s, false
	}
	for attributes.Next() {
		if info := attributes.Bytes(); attributes.Type() == inetDiagInfo && len(info) >= tcpiBytesRetrans+8 {
			copy(s.cookie[:], b[44:52])
			s.inode = binary.NativeEndian.Uint32(b[68:])
			s.sent = binary.NativeEndian.Uint64(info[tcpiBytesSent:]) - binary.NativeEndian.Uint64(info[tcpiBytesRetrans:])
			return s, true
		}
	}
	return s, false
}

// destroyedSockets tells of TCP connections when the kernel is through with them.
type destroyedSockets struct {
	conn *netlink.Conn
	gone map[[8]byte]uint64 // what was sent over them
}

// newDestroyedSockets is for the network namespace of the calling thread.
func newDestroyedSockets() (*destroyedSockets, error) {
	conn, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	if err != nil {
		return nil, fmt.Errorf("opening sock_diag: %w", err)
	}
	for _, group := range []uint32{1, 3} { // SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY
		if err := conn.JoinGroup(group); err != nil {
			conn.Close()
			return nil, fmt.Errorf("asking sock_diag for the ends of connections: %w", err)
		}
	}
	return &destroyedSockets{conn, map[[8]byte]uint64{}}, nil
}

// sent is how much was sent over a connection that has ended. The kernel tells of it in its own time, if soon.
func (d *destroyedSockets) sent(cookie [8]byte) (uint64, error) {
	if err := d.conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return 0, err
	}
	for {
		if sent, there := d.gone[cookie]; there {
			delete(d.gone, cookie)
			return sent, nil
		}
		news, err := d.conn.Receive()
		if err != nil {
			return 0, err
		}
		for _, n := range news {
			if s, ok := sentIn(n.Data); ok {
				d.gone[s.cookie] = s.sent
			}
		}
	}
}

func (d *destroyedSockets) close() { d.conn.Close() }

// canDiagnose is what diagnosticsWork found when the agent started.
var canDiagnose bool

// diagnosticsWork reports whether this kernel answers sock_diag: some are built without.
func diagnosticsWork() bool {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false
	}
	defer l.Close()
	d, err := newDiagnostics()
	if err != nil {
		return false
	}
	defer d.close()
	nobody := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	s, found, err := d.find(l.Addr().(*net.TCPAddr).AddrPort(), nobody)
	return err == nil && found && s.state == tcpListen
}

// tcp finds one socket of the sandbox by its two ends, or else the one that listens at the local end.
func (c *sandbox) tcp(local, remote netip.AddrPort) (socket, bool, error) {
	if c.diag != nil {
		return c.diag.find(local, remote)
	}
	all, err := c.sockets()
	if err != nil {
		return socket{}, false, err
	}
	var listener socket
	for _, s := range all {
		switch {
		case s.local == local && s.remote == remote:
			return s, true, nil
		case s.state == tcpListen && s.local.Port() == local.Port() &&
			(s.local.Addr() == local.Addr() || s.local.Addr().IsUnspecified()):
			listener = s
		}
	}
	return listener, listener.state == tcpListen, nil
}
