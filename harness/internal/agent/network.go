//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// setUpLoopback brings the sandbox's loopback up and gives it the addresses of all hosts that the scenario has.
// It is for the sandbox's own thread.
func (c *sandbox) setUpLoopback(addresses []string) error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("speaking netlink to the network of sandbox %s: %w", c.id, err)
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding the loopback of sandbox %s: %w", c.id, err)
	}
	if err := h.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing up the loopback of sandbox %s: %w", c.id, err)
	}
	for _, a := range addresses {
		if err := ownAddress(h, lo, a); err != nil {
			return err
		}
	}
	return nil
}

func (c *sandbox) netlink() (*netlink.Handle, error) {
	h, err := netlink.NewHandleAt(netns.NsHandle(c.netns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("speaking netlink to the network of sandbox %s: %w", c.id, err)
	}
	return h, nil
}

func ownAddress(h *netlink.Handle, lo netlink.Link, address string) error {
	read := hostAddr
	if strings.Contains(address, "/") {
		read = netlink.ParseAddr
	}
	addr, err := read(address)
	if err != nil {
		return err
	}
	if err := h.AddrAdd(lo, addr); err != nil {
		return fmt.Errorf("giving the address %s to the loopback: %w", address, err)
	}
	return nil
}

// hostAddr is the address as a host of its own: a /32 or a /128, usable at once.
func hostAddr(address string) (*netlink.Addr, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return nil, fmt.Errorf("the address of a host: %w", err)
	}
	bits := ip.BitLen()
	a := &netlink.Addr{IPNet: &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(bits, bits)}}
	if ip.Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a, nil
}

// breakNet breaks the sandbox's network in one place.
func (c *sandbox) breakNet(_ context.Context, spec agentapi.NetSpec) error {
	c.mu.Lock()
	already := c.undo[spec] != nil
	c.mu.Unlock()
	if already {
		return fmt.Errorf("the network of sandbox %s is broken in that way already (%s %s %s)", c.id, spec.Kind, spec.With, spec.To)
	}
	undo, err := c.breakage(spec)
	if err != nil {
		if undo != nil { // half of a break is another fault
			err = errors.Join(err, undo())
		}
		return fmt.Errorf("breaking the network of sandbox %s (%s %s %s): %w", c.id, spec.Kind, spec.With, spec.To, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.undo[spec] = undo
	return nil
}

// restoreNet undoes what breakNet did.
func (c *sandbox) restoreNet(_ context.Context, spec agentapi.NetSpec) error {
	c.mu.Lock()
	undo := c.undo[spec]
	delete(c.undo, spec)
	c.mu.Unlock()
	if undo == nil {
		return fmt.Errorf("the network of sandbox %s is not broken in that way (%s %s)", c.id, spec.Kind, spec.To)
	}
	if err := undo(); err != nil {
		return fmt.Errorf("mending the network of sandbox %s (%s %s): %w", c.id, spec.Kind, spec.To, err)
	}
	return nil
}

// breakage breaks it. With an error, undo takes back what was done before it; nil for nothing.
func (c *sandbox) breakage(spec agentapi.NetSpec) (undo func() error, err error) {
	switch spec.Kind {
	case "drop", "reject":
		return c.firewall(spec)
	case "route":
		return c.route(spec)
	case "away":
		return c.away(spec.To)
	case "off":
		return c.off(spec.To, spec.Real)
	default:
		return nil, fmt.Errorf("unknown kind %q (drop, reject, route, away, off)", spec.Kind)
	}
}

// firewall adds a rule to the packets that leave the gateway, or to the answers that leave the upstream.
func (c *sandbox) firewall(spec agentapi.NetSpec) (func() error, error) {
	match, err := packets(spec.To, spec.Answers)
	if err != nil {
		return nil, err
	}
	verdict := []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}}
	if spec.Kind == "reject" {
		reject, err := rejection(spec.With)
		if err != nil {
			return nil, err
		}
		verdict = []expr.Any{reject}
	}
	nft, err := nftables.New(nftables.WithNetNSFd(int(c.netns.Fd())))
	if err != nil {
		return nil, err
	}
	table := nft.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "badgateway-" + tableName(spec)})
	chain := nft.AddChain(&nftables.Chain{
		Name: "output", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityFilter,
	})
	nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(match, verdict...)})
	if err := nft.Flush(); err != nil {
		return nil, err
	}
	return func() error {
		nft.DelTable(table)
		return nft.Flush()
	}, nil
}

func tableName(s agentapi.NetSpec) string {
	return fmt.Sprintf("%s-%s-%v", s.Kind, s.To, s.Answers)
}

// packets matches TCP packets to an address and port, or from them. Both ends of a connection over the loopback have
// the same host, so the port decides; a rule without it would also catch the ICMP error that it makes itself.
func packets(to string, answers bool) ([]expr.Any, error) {
	at, err := netip.ParseAddrPort(to)
	if err != nil {
		return nil, fmt.Errorf("the address and port that a firewall rule is for: %w", err)
	}
	if !at.Addr().Is4() {
		return nil, fmt.Errorf("a firewall rule is for an IPv4 address, not %s", at)
	}
	hostOffset, portOffset := uint32(16), uint32(2) // destination, in the IPv4 and the TCP header
	if answers {
		hostOffset, portOffset = 12, 0
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: hostOffset, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: at.Addr().AsSlice()},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: portOffset, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(at.Port())},
	}, nil
}

// rejection is what a firewall answers, by the names of nft(8).
func rejection(with string) (*expr.Reject, error) {
	codes := map[string]uint8{ // RFC 792 and RFC 1812, codes of Destination Unreachable
		"icmp-net-unreachable": 0, "icmp-host-unreachable": 1, "icmp-proto-unreachable": 2, "icmp-port-unreachable": 3,
		"icmp-net-prohibited": 9, "icmp-host-prohibited": 10, "icmp-admin-prohibited": 13,
	}
	if with == "tcp-reset" {
		return &expr.Reject{Type: unix.NFT_REJECT_TCP_RST}, nil
	}
	code, known := codes[with]
	if !known {
		return nil, fmt.Errorf("unknown kind of reject %q", with)
	}
	return &expr.Reject{Type: unix.NFT_REJECT_ICMP_UNREACH, Code: code}, nil
}

// away takes an address from the loopback: the network has no way to that host.
func (c *sandbox) away(address string) (func() error, error) {
	h, err := c.netlink()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	addr, err := hostAddr(address)
	if err != nil {
		return nil, err
	}
	if err := h.AddrDel(lo, addr); err != nil {
		return nil, fmt.Errorf("taking the address %s away: %w", address, err)
	}
	return func() error {
		h, err := c.netlink()
		if err != nil {
			return err
		}
		defer h.Close()
		return ownAddress(h, lo, address)
	}, nil
}

// route sends the packets to a host nowhere.
func (c *sandbox) route(spec agentapi.NetSpec) (func() error, error) {
	kinds := map[string]int{"unreachable": unix.RTN_UNREACHABLE, "prohibit": unix.RTN_PROHIBIT, "blackhole": unix.RTN_BLACKHOLE}
	kind, known := kinds[spec.With]
	if !known {
		return nil, fmt.Errorf("unknown kind of route %q (unreachable, prohibit, blackhole)", spec.With)
	}
	back, err := c.away(spec.To)
	if err != nil {
		return nil, err
	}
	addr, err := hostAddr(spec.To)
	if err != nil {
		return back, err
	}
	nowhere := &netlink.Route{Dst: addr.IPNet, Type: kind}
	h, err := c.netlink()
	if err != nil {
		return back, err
	}
	defer h.Close()
	if err := h.RouteAdd(nowhere); err != nil {
		return back, fmt.Errorf("making the route to %s: %w", spec.To, err)
	}
	return func() error {
		h, err := c.netlink()
		if err != nil {
			return err
		}
		defer h.Close()
		if err := h.RouteDel(nowhere); err != nil {
			return err
		}
		return back()
	}, nil
}
