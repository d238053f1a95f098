package live

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
)

// listeners are who listens on this machine; known is false where that can't be told.
type listeners struct {
	tcp       []listener
	unix      map[string]queue
	knownTCP  bool
	knownUnix bool
	by        string // the program or file that says so
}

type listener struct {
	address netip.AddrPort // the unspecified address for all
	both    bool           // of IPv6, it takes IPv4 too
	queue
}

// A queue is one of connections that wait to be accepted; most is 0 where it is not known.
type queue struct{ waiting, most int }

func (q queue) full() bool { return q.most > 0 && q.waiting >= q.most }

// takes reports whether a connection to an address gets there.
func (l listener) takes(a netip.AddrPort) bool {
	if l.address.Port() != a.Port() {
		return false
	}
	own, called := l.address.Addr().Unmap(), a.Addr().Unmap()
	return own == called || own.IsUnspecified() && (own.Is4() == called.Is4() || l.both)
}

// listeners asks ss, or reads what it reads where it is not there.
func (m Machine) listeners(ctx context.Context, f *Findings) *listeners {
	l := &listeners{unix: map[string]queue{}, by: "ss"}
	tcp, err := m.Run(ctx, "ss", "-Hltn")
	if err == nil && tcp.Code == 0 {
		l.knownTCP = true
		for line := range strings.Lines(tcp.Stdout) {
			l.tcpLine(strings.Fields(line))
		}
	}
	unix, err := m.Run(ctx, "ss", "-Hlxn")
	if err == nil && unix.Code == 0 {
		l.knownUnix = true
		for line := range strings.Lines(unix.Stdout) {
			l.unixLine(strings.Fields(line))
		}
	}
	if !l.knownTCP || !l.knownUnix {
		l.by = "/proc/net"
		l.fromProc(m.Files)
	}
	switch {
	case !l.knownTCP && !l.knownUnix:
		f.Unread = append(f.Unread, "ss: it does not run here, and /proc/net can't be read: who listens is not known")
	default:
		f.looked("%s (TCP: %d listen, unix: %d)", l.by, len(l.tcp), len(l.unix))
	}
	return l
}

// tcpLine reads "LISTEN 0 4096 127.0.0.1:37917 0.0.0.0:*".
func (l *listeners) tcpLine(fields []string) {
	if len(fields) < 4 || fields[0] != "LISTEN" {
		return
	}
	host, port := fields[3], ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host, port = host[:i], host[i+1:]
	}
	host, _, _ = strings.Cut(strings.Trim(host, "[]"), "%")
	one := listener{queue: queueOf(fields[1], fields[2])}
	if one.both = host == "*"; one.both {
		host = "::"
	}
	a, err := netip.ParseAddr(host)
	n, badPort := strconv.ParseUint(port, 10, 16)
	if err != nil || badPort != nil {
		return
	}
	one.address = netip.AddrPortFrom(a, uint16(n))
	l.tcp = append(l.tcp, one)
}

// unixLine reads "u_str LISTEN 0 4096 /run/docker.sock 2702 * 0".
func (l *listeners) unixLine(fields []string) {
	if len(fields) >= 5 && fields[1] == "LISTEN" {
		l.unix[fields[4]] = queueOf(fields[2], fields[3])
	}
}

func queueOf(waiting, most string) queue {
	w, _ := strconv.Atoi(waiting)
	m, _ := strconv.Atoi(most)
	return queue{w, m}
}

// fromProc reads /proc/net, which does not say how long the queues may be.
func (l *listeners) fromProc(root fs.FS) {
	told := l.knownTCP // by ss
	for _, name := range [...]string{"proc/net/tcp", "proc/net/tcp6"} {
		text, err := fs.ReadFile(root, name)
		if err != nil || told {
			continue
		}
		l.knownTCP = true
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 5 || fields[3] != "0A" {
				continue
			}
			if a, err := kernelAddress(fields[1]); err == nil {
				l.tcp = append(l.tcp, listener{address: a, both: a.Addr().Is6()})
			}
		}
	}
	if text, err := fs.ReadFile(root, "proc/net/unix"); err == nil && !l.knownUnix {
		l.knownUnix = true
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 8 && fields[3] == "00010000" {
				l.unix[fields[7]] = queue{}
			}
		}
	}
}

// kernelAddress reads an address as /proc/net/tcp has it: words of four bytes in the machine's order, and the port ("0100007F:1F90").
func kernelAddress(s string) (netip.AddrPort, error) {
	text, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(text)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for i := 0; i+4 <= len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address", s)
	}
	return netip.AddrPortFrom(a, uint16(n)), nil
}
