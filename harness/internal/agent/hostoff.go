//go:build linux

package agent

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// off puts a host behind a wire at whose other end nobody answers ARP, as if it had been switched off.
func (c *sandbox) off(address string, real bool) (undo func() error, err error) {
	back, err := c.away(address)
	if err != nil {
		return nil, err
	}
	h, err := c.netlink()
	if err != nil {
		return back, err
	}
	defer h.Close()
	// A name of its own for each, as others may have been mended since.
	n := strconv.FormatInt(c.wires.Add(1), 10)
	near, far := "wire"+n, "dead"+n
	wire := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: near}, PeerName: far}
	if err := h.LinkAdd(wire); err != nil {
		return back, fmt.Errorf("making the wire: %w", err)
	}
	undo = func() error {
		h, err := c.netlink()
		if err != nil {
			return err
		}
		defer h.Close()
		if err := h.LinkDel(wire); err != nil {
			return err
		}
		return back()
	}
	for _, name := range []string{far, near} {
		l, err := h.LinkByName(name)
		if err != nil {
			return undo, err
		}
		if err := h.LinkSetUp(l); err != nil {
			return undo, err
		}
		wire.Index = l.Attrs().Index // the near end's, at last
	}
	if !real {
		if err := c.askForNeighbours(wire.Index, arpEvery); err != nil {
			return undo, err
		}
	}
	addr, err := hostAddr(address)
	if err != nil {
		return undo, err
	}
	if err := h.RouteAdd(&netlink.Route{Dst: addr.IPNet, LinkIndex: wire.Index, Scope: unix.RT_SCOPE_LINK}); err != nil {
		return undo, fmt.Errorf("sending the packets for %s down the wire: %w", address, err)
	}
	return undo, nil
}

// arpEvery is how often the kernel asks for a neighbour that does not answer, three times in all. Its default is a
// second; the answer is the same, only sooner.
const arpEvery = 100 * time.Millisecond

// askForNeighbours sets how often the kernel asks on an interface (retrans_time_ms in arp(7)).
func (c *sandbox) askForNeighbours(link int, every time.Duration) error {
	// As in the kernel's include/uapi/linux/neighbour.h.
	const (
		tableName, tableParams    = 1, 6 // NDTA_NAME, NDTA_PARMS
		paramLink, paramRetransMS = 1, 5 // NDTPA_IFINDEX, NDTPA_RETRANS_TIME
	)
	params := nl.NewRtAttr(tableParams|unix.NLA_F_NESTED, nil)
	params.AddRtAttr(paramLink, nl.Uint32Attr(uint32(link)))
	params.AddRtAttr(paramRetransMS, nl.Uint64Attr(uint64(every.Milliseconds())))
	r := nl.NewNetlinkRequest(unix.RTM_SETNEIGHTBL, unix.NLM_F_ACK)
	r.AddData(header{unix.AF_INET, 0, 0, 0}) // struct ndtmsg
	r.AddData(nl.NewRtAttr(tableName, nl.ZeroTerminated("arp_cache")))
	r.AddData(params)
	return c.online(func() error {
		if _, err := r.Execute(unix.NETLINK_ROUTE, 0); err != nil {
			return fmt.Errorf("setting how often the kernel asks for a neighbour: %w", err)
		}
		return nil
	})
}

// seeksNeighbour reports whether the kernel still asks for a host that was switched off: it does so by the machine's clock.
func (c *sandbox) seeksNeighbour() (bool, error) {
	if c.wires.Load() == 0 {
		return false, nil
	}
	h, err := c.netlink()
	if err != nil {
		return false, err
	}
	defer h.Close()
	all, err := h.NeighList(0, unix.AF_INET)
	if err != nil {
		return false, fmt.Errorf("looking whom the kernel asks for in sandbox %s: %w", c.id, err)
	}
	return slices.ContainsFunc(all, func(n netlink.Neigh) bool { return n.State&unix.NUD_INCOMPLETE != 0 }), nil
}

// header is the fixed part of a netlink message.
type header []byte

// Len is its length.
func (h header) Len() int { return len(h) }

// Serialize is its bytes.
func (h header) Serialize() []byte { return h }
