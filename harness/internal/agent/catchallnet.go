//go:build linux

package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// ourMark is on the sockets of the lab itself: the clients', and those of what passes a connection on.
const ourMark = 0x6267

// ours dials as the lab, whose connections go where they say.
var ours = net.Dialer{Control: markOurs}

func markOurs(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, ourMark) }); cerr != nil {
		return cerr
	}
	return err
}

// Where a catch-all sandbox's redirected packets arrive, on the loopback.
const (
	portAll    = 64801 // every TCP connection of the gateway's
	portNames  = 64802 // UDP to port 53
	portOthers = 64803 // all other UDP
)

// catchAllNet makes the kernel own every address, and brings whatever the gateway sends to one place each.
type catchAllNet struct {
	w      *catchAll
	close  func()
	down4  downSets
	down6  downSets
	isDown bool // something is down
	// wasDown is true where something was since the calls of what is down were last read.
	wasDown bool
}

func newWorldNet(w *catchAll) (*catchAllNet, error) {
	n := &catchAllNet{w: w, down4: downSets{family: nftables.TableFamilyIPv4}, down6: downSets{family: nftables.TableFamilyIPv6}}
	if err := ownEverything(); err != nil {
		return nil, err
	}
	var closers []interface{ Close() error }
	n.close = func() {
		for _, c := range closers {
			_ = c.Close()
		}
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(portAll)))
		if err != nil && host == "::1" {
			break // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("listening for the gateway's calls: %w", err)
		}
		d, err := w.busy.listener(l.(*net.TCPListener))
		if err != nil {
			return nil, fmt.Errorf("listening for the gateway's calls: %w", err)
		}
		closers = append(closers, d)
		go n.accept(d)
		for port, serve := range map[int]func(*net.UDPConn){portNames: n.names, portOthers: n.datagrams} {
			p, err := net.ListenPacket("udp", net.JoinHostPort(host, fmt.Sprint(port)))
			if err != nil {
				return nil, fmt.Errorf("listening for the gateway's datagrams: %w", err)
			}
			closers = append(closers, p)
			w.busy.watch(p.(*net.UDPConn))
			go serve(p.(*net.UDPConn))
		}
	}
	if err := redirect(nftables.TableFamilyIPv4); err != nil {
		return nil, fmt.Errorf("redirecting the gateway's calls: %w", err)
	}
	if len(closers) > 3 {
		if err := redirect(nftables.TableFamilyIPv6); err != nil {
			return nil, fmt.Errorf("redirecting the gateway's calls over IPv6: %w", err)
		}
	}
	return n, nil
}

// ownEverything makes every address there is the loopback's own.
func ownEverything() error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	for _, all := range []string{"0.0.0.0/0", "::/0"} {
		_, dst, _ := net.ParseCIDR(all)
		r := &netlink.Route{Dst: dst, LinkIndex: lo.Attrs().Index, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST}
		if dst.IP.To4() == nil {
			r.Scope = netlink.SCOPE_UNIVERSE
		}
		if err := h.RouteAdd(r); err != nil && dst.IP.To4() != nil {
			return fmt.Errorf("owning every address: %w", err)
		}
	}
	// Without an IPv6 address besides ::1 the C library takes the machine for one without IPv6 (AI_ADDRCONFIG), and gives
	// 127.0.0.1 twice for localhost: nginx then refuses "listen localhost:80" as a duplicate.
	if own, err := netlink.ParseAddr("2001:db8::1/128"); err == nil {
		own.Flags = unix.IFA_F_NODAD
		_ = h.AddrAdd(lo, own) // a kernel without IPv6 has none
	}
	return nil
}

// redirect brings what the gateway sends to the ports above.
func redirect(family nftables.TableFamily) error {
	nft, err := nftables.New()
	if err != nil {
		return err
	}
	table := nft.AddTable(&nftables.Table{Family: family, Name: "badgateway-sandbox"})
	chain := nft.AddChain(&nftables.Chain{
		Name: "output", Table: table, Type: nftables.ChainTypeNAT,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
	})
	add := func(e ...expr.Any) {
		nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(notOurs(), e...)})
	}
	to := func(port uint16) []expr.Any {
		return []expr.Any{
			&expr.Immediate{Register: 1, Data: binaryutil.BigEndian.PutUint16(port)},
			&expr.Redir{RegisterProtoMin: 1},
		}
	}
	protocol := func(p byte) []expr.Any {
		return []expr.Any{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{p}},
		}
	}
	dns := []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(53)},
	}
	add(append(protocol(unix.IPPROTO_TCP), to(portAll)...)...)
	add(append(append(protocol(unix.IPPROTO_UDP), dns...), to(portNames)...)...)
	add(append(protocol(unix.IPPROTO_UDP), to(portOthers)...)...)
	return nft.Flush()
}

// notOurs matches packets that the lab did not send itself.
func notOurs() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyMARK, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(ourMark)},
	}
}

// accept takes the gateway's connections, whatever address they called.
func (n *catchAllNet) accept(d *trackedListener) {
	for {
		conn, err := d.Accept()
		if err != nil {
			return
		}
		at, err := calledAddress(conn.(*countedConn).Conn.(*net.TCPConn))
		if err != nil {
			conn.Close()
			continue
		}
		// What the gateway wrote may be for itself.
		if self, err := n.w.cell.gatewayListensAt(at); err == nil && self {
			n.w.toItself(conn, at)
			continue
		}
		n.w.accepted(conn, at.String())
	}
}

// calledAddress is what the other end of a redirected connection called.
func calledAddress(conn *net.TCPConn) (at netip.AddrPort, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return at, err
	}
	const originalDst = 80 // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of the kernel's netfilter headers
	cerr := raw.Control(func(fd uintptr) {
		if conn.LocalAddr().(*net.TCPAddr).IP.To4() == nil {
			var info *unix.IPv6MTUInfo
			if info, err = unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, originalDst); err == nil {
				var port [2]byte
				binary.NativeEndian.PutUint16(port[:], info.Addr.Port)
				at = netip.AddrPortFrom(netip.AddrFrom16(info.Addr.Addr), binary.BigEndian.Uint16(port[:]))
			}
			return
		}
		// The kernel writes a struct sockaddr_in, which has the size of this one.
		var m *unix.IPv6Mreq
		if m, err = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, originalDst); err == nil {
			b := m.Multiaddr
			at = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:4]))
		}
	})
	return at, errors.Join(cerr, err)
}

func (n *catchAllNet) names(conn *net.UDPConn) {
	n.each(conn, n.w.names.serve(conn, func(datagram []byte, from net.Addr) { n.echo(conn, portNames, datagram, from) }))
}

func (n *catchAllNet) datagrams(conn *net.UDPConn) {
	n.each(conn, func(datagram []byte, from net.Addr) { n.echo(conn, portOthers, datagram, from) })
}

// each does something with every datagram, and counts as under way from before it is taken.
func (n *catchAllNet) each(conn *net.UDPConn, do func(datagram []byte, from net.Addr)) {
	buf := make([]byte, 64<<10)
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	for {
		done := func() {}
		err := raw.Read(func(fd uintptr) bool {
			var one [1]byte
			if _, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); err == unix.EAGAIN || err == unix.EINTR {
				return false
			}
			done = n.w.busy.under()
			return true
		})
		if err == nil {
			var size int
			var from net.Addr
			if size, from, err = conn.ReadFrom(buf); err == nil {
				do(buf[:size], from)
			}
		}
		done()
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// Bounds on the datagrams of one request that are told of: how many, and how much of what goes to syslog.
const (
	maxDatagrams = 1000
	maxDatagram  = 2 << 10
)

// echo answers a datagram with itself: whoever sends one wants to see that one comes back. What goes to syslog is kept.
func (n *catchAllNet) echo(conn net.PacketConn, arrived uint16, datagram []byte, from net.Addr) {
	at, err := n.calledDatagram(from, arrived)
	if err != nil {
		return
	}
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if strings.HasSuffix(at, ":514") {
		if len(n.w.syslog) < maxDatagrams {
			n.w.syslog = append(n.w.syslog, string(datagram[:min(len(datagram), maxDatagram)]))
		}
		return
	}
	if len(n.w.aside) < maxDatagrams {
		n.w.aside = append(n.w.aside, agentapi.UpstreamCall{At: at, Name: n.w.names.of(at), UDP: true})
	}
	if n.w.down(at) == "" {
		_, _ = conn.WriteTo(datagram, from)
	}
}

// calledDatagram is where a redirected datagram was sent to: connection tracking has it.
func (n *catchAllNet) calledDatagram(from net.Addr, arrived uint16) (string, error) {
	source := from.(*net.UDPAddr).AddrPort()
	h, err := netlink.NewHandleAt(netns.NsHandle(n.w.cell.netns.Fd()), unix.NETLINK_NETFILTER)
	if err != nil {
		return "", err
	}
	defer h.Close()
	family := netlink.InetFamily(unix.AF_INET)
	if source.Addr().Unmap().Is6() {
		family = unix.AF_INET6
	}
	flows, err := h.ConntrackTableList(netlink.ConntrackTable, family)
	if err != nil {
		return "", err
	}
	for _, f := range flows {
		if f.Forward.Protocol == unix.IPPROTO_UDP && f.Forward.SrcPort == source.Port() && f.Reverse.SrcPort == arrived {
			to, _ := netip.AddrFromSlice(f.Forward.DstIP)
			return netip.AddrPortFrom(to.Unmap(), f.Forward.DstPort).String(), nil
		}
	}
	return "", errors.New("connection tracking does not know the datagram")
}
