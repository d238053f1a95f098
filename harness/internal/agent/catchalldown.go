//go:build linux

package agent

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// downAtOnce is how many addresses one message to the kernel takes down: its attributes have 64 KiB, and its socket's buffer
// is not much larger.
const downAtOnce = 1000

// downSets are the addresses of one family that are down: two sets, each with the rule that reads it. They stay once they are
// there, so that thousands of addresses cost no more rules than one.
type downSets struct {
	family       nftables.TableFamily
	refused, off *nftables.Set
	called       *nftables.Set // the addresses that were called meanwhile, each with the port that it was called from
}

// takeDown makes the addresses of these conducts refuse or drop what is sent to them, and all others take it.
func (n *catchAllNet) takeDown(all []agentapi.UpstreamBehaviour) error {
	refused, off, err := downAddresses(all)
	if err != nil {
		return err
	}
	some := len(refused)+len(off) > 0
	if !some && !n.isDown {
		return nil
	}
	nft, err := nftables.New(nftables.WithNetNSFd(int(n.w.cell.netns.Fd())))
	if err != nil {
		return err
	}
	for _, sets := range []*downSets{&n.down4, &n.down6} {
		if err := sets.replace(nft, refused, off); err != nil {
			return fmt.Errorf("taking upstreams down: %w", err)
		}
	}
	n.isDown, n.wasDown = some, true
	return nil
}

// downAddresses are the addresses that refuse and those whose host is off. Of several conducts of one address the first counts.
func downAddresses(all []agentapi.UpstreamBehaviour) (refused, off []netip.AddrPort, err error) {
	seen := map[string]bool{}
	for _, c := range all {
		if seen[c.At] {
			continue
		}
		seen[c.At] = true
		if c.Down == "" || strings.HasPrefix(c.At, "unix:") {
			continue
		}
		at, err := netip.ParseAddrPort(c.At)
		if err != nil {
			return nil, nil, fmt.Errorf("the address that is to be down: %w", err)
		}
		if c.Down == "refused" {
			refused = append(refused, at)
		} else {
			off = append(off, at)
		}
	}
	return refused, off, nil
}

// replace makes these the only addresses of the family that are down.
func (s *downSets) replace(nft *nftables.Conn, refused, off []netip.AddrPort) error {
	refused, off = s.own(refused), s.own(off)
	if s.refused == nil {
		if len(refused)+len(off) == 0 {
			return nil
		}
		if err := s.make(nft); err != nil {
			return err
		}
	}
	nft.FlushSet(s.refused)
	nft.FlushSet(s.off)
	sent := 0
	for set, addresses := range map[*nftables.Set][]netip.AddrPort{s.refused: refused, s.off: off} {
		for some := range slices.Chunk(addresses, downAtOnce) {
			if err := nft.SetAddElements(set, elements(some)); err != nil {
				return err
			}
			if sent += len(some); sent < downAtOnce {
				continue
			}
			if err := nft.Flush(); err != nil {
				return err
			}
			sent = 0
		}
	}
	return nft.Flush()
}

// own are the addresses of the family.
func (s *downSets) own(all []netip.AddrPort) (own []netip.AddrPort) {
	for _, at := range all {
		if at.Addr().Is6() == (s.family == nftables.TableFamilyIPv6) {
			own = append(own, at)
		}
	}
	return own
}

// make makes the sets and their rules, before the redirection, so that the address is still the one that the gateway calls.
func (s *downSets) make(nft *nftables.Conn) error {
	table := nft.AddTable(&nftables.Table{Family: s.family, Name: "badgateway-down"})
	chain := nft.AddChain(&nftables.Chain{
		Name: "output", Table: table, Type: nftables.ChainTypeFilter,
		Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityMangle,
	})
	called := &nftables.Set{Table: table, Name: "called", Concatenation: true, Dynamic: true, Size: maxDownCalls, KeyType: s.key(nftables.TypeInetService)}
	if err := nft.AddSet(called, nil); err != nil {
		return err
	}
	add := func(name string, verdict expr.Any) (*nftables.Set, error) {
		set := &nftables.Set{Table: table, Name: name, Concatenation: true, KeyType: s.key()}
		if err := nft.AddSet(set, nil); err != nil {
			return nil, err
		}
		match := append(notOurs(), s.match(set)...)
		nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(slices.Clone(match), s.note(called)...)})
		nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(match, verdict)})
		return set, nil
	}
	refused, err := add("refused", &expr.Reject{Type: unix.NFT_REJECT_TCP_RST})
	if err != nil {
		return err
	}
	off, err := add("off", &expr.Verdict{Kind: expr.VerdictDrop})
	if err != nil {
		return err
	}
	if err := nft.Flush(); err != nil {
		return err
	}
	s.refused, s.off, s.called = refused, off, called
	return nil
}

// key is the type of an address, with whatever comes behind it.
func (s *downSets) key(more ...nftables.SetDatatype) nftables.SetDatatype {
	host := nftables.TypeIPAddr
	if s.family == nftables.TableFamilyIPv6 {
		host = nftables.TypeIP6Addr
	}
	return nftables.MustConcatSetType(append([]nftables.SetDatatype{host, nftables.TypeInetService}, more...)...)
}

// maxDownCalls bounds the connections to dead addresses that are told of: for one request there are a few.
const maxDownCalls = 10_000

// note keeps the address that a new connection is for, which match has put into the registers, and the port that it comes from:
// the kernel sends the first packet again where none answers, and that is no further connection.
func (s *downSets) note(called *nftables.Set) []expr.Any {
	const syn, ack = 0x02, 0x10
	return []expr.Any{
		&expr.Payload{DestRegister: unix.NFT_REG_4, Base: expr.PayloadBaseTransportHeader, Offset: 13, Len: 1},
		&expr.Bitwise{SourceRegister: unix.NFT_REG_4, DestRegister: unix.NFT_REG_4, Len: 1, Mask: []byte{syn | ack}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_4, Data: []byte{syn}},
		&expr.Payload{DestRegister: unix.NFT_REG32_00 + s.hostSize()/4 + 1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 2},
		&expr.Dynset{SrcRegKey: unix.NFT_REG32_00, SetName: called.Name, SetID: called.ID, Operation: unix.NFT_DYNSET_OP_ADD},
	}
}

func (s *downSets) hostSize() uint32 {
	if s.family == nftables.TableFamilyIPv6 {
		return 16
	}
	return 4
}

// drainDownCalls are the addresses that were called while they were down, since it was last asked for.
func (n *catchAllNet) drainDownCalls() (all []string, err error) {
	if !n.wasDown {
		return nil, nil
	}
	nft, err := nftables.New(nftables.WithNetNSFd(int(n.w.cell.netns.Fd())))
	if err != nil {
		return nil, err
	}
	for _, sets := range []*downSets{&n.down4, &n.down6} {
		if sets.called == nil {
			continue
		}
		noted, err := nft.GetSetElements(sets.called)
		if err != nil {
			return nil, fmt.Errorf("reading which dead upstreams were called: %w", err)
		}
		if len(noted) == 0 {
			continue
		}
		size := int(sets.hostSize())
		for _, e := range noted {
			if len(e.Key) < size+2 {
				continue
			}
			host, _ := netip.AddrFromSlice(e.Key[:size])
			all = append(all, netip.AddrPortFrom(host, binary.BigEndian.Uint16(e.Key[size:])).String())
		}
		nft.FlushSet(sets.called)
	}
	n.wasDown = n.isDown
	slices.Sort(all)
	return all, nft.Flush()
}

// match is true for TCP packets whose destination is in the set.
func (s *downSets) match(set *nftables.Set) []expr.Any {
	offset, size := uint32(16), s.hostSize() // the destination in the IPv4 header
	if s.family == nftables.TableFamilyIPv6 {
		offset = 24
	}
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{unix.IPPROTO_TCP}},
		&expr.Payload{DestRegister: unix.NFT_REG32_00, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size},
		&expr.Payload{DestRegister: unix.NFT_REG32_00 + size/4, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Lookup{SourceRegister: unix.NFT_REG32_00, SetName: set.Name, SetID: set.ID},
	}
}

// elements are the addresses as the sets have them: the host, and the port in four bytes.
func elements(all []netip.AddrPort) []nftables.SetElement {
	out := make([]nftables.SetElement, len(all))
	for i, at := range all {
		key := at.Addr().AsSlice()
		out[i].Key = append(key, byte(at.Port()>>8), byte(at.Port()), 0, 0)
	}
	return out
}
