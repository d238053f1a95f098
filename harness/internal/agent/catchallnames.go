//go:build linux

package agent

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// names is a catch-all sandbox's DNS: every name has an address of its own, out of the net that RFC 2544 sets aside for tests.
type names struct {
	mu      sync.Mutex
	bases   map[string]netip.Addr
	owners  map[netip.Addr]string // of every address that a name has or had
	conduct map[string]agentapi.NameBehaviour
	lookups []agentapi.DNSQuery
}

// ttl is what the answers say, in seconds: short enough for a gateway that follows a name to be seen to.
const ttl = 5

func newNames() *names {
	return &names{bases: map[string]netip.Addr{}, owners: map[netip.Addr]string{}}
}

func (n *names) setBehaviour(all []agentapi.NameBehaviour) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conduct = map[string]agentapi.NameBehaviour{}
	for _, c := range all {
		n.conduct[plainName(c.Name)] = c
	}
}

func plainName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// What a catch-all sandbox keeps of the names that its config asks for, which may be made up without end: names have one of 65,536 addresses,
// most of which are to stay free, or a free one is not found soon.
const (
	mostNames   = 20_000
	mostLookups = 10_000
)

// base is the address that a name has before it moves: the same in every catch-all sandbox, but for the rare names that clash.
func (n *names) base(name string) netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.baseOf(plainName(name))
}

func (n *names) baseOf(name string) netip.Addr {
	if a, known := n.bases[name]; known {
		return a
	}
	if len(n.bases) >= mostNames { // they share one
		return testAddr(18, 0xffff)
	}
	h := fnv.New32a()
	h.Write([]byte(name))
	for i := h.Sum32(); ; i++ {
		a := testAddr(18, i)
		if _, taken := n.owners[a]; taken || uint16(i) == 0 || uint16(i) == 0xffff {
			continue
		}
		n.bases[name], n.owners[a], n.owners[testAddr(19, i)] = a, name, name
		return a
	}
}

// testAddr is one of 198.18.0.0/15.
func testAddr(net byte, i uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint16(b[2:], uint16(i))
	b[0], b[1] = 198, net
	return netip.AddrFrom4(b)
}

// now are the addresses that a name has now; none where it is gone.
func (n *names) now(name string) []netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	name = plainName(name)
	c := n.conduct[name]
	if c.Gone {
		return nil
	}
	base := n.baseOf(name)
	b := base.As4()
	b[1] = 19
	switch other := netip.AddrFrom4(b); {
	case c.Both:
		return []netip.Addr{base, other}
	case c.Move%2 == 1:
		return []netip.Addr{other}
	}
	return []netip.Addr{base}
}

// of is the name that has the address of "198.18.0.5:8080"; empty for none.
func (n *names) of(at string) string {
	a, err := netip.ParseAddrPort(at)
	if err != nil {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.owners[a.Addr().Unmap()]
}

func (n *names) drain() []agentapi.DNSQuery {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.lookups
	n.lookups = nil
	return all
}

// serve answers questions; what is no question goes to others.
func (n *names) serve(conn net.PacketConn, others func(datagram []byte, from net.Addr)) func(datagram []byte, from net.Addr) {
	return func(datagram []byte, from net.Addr) {
		if answer := n.answer(datagram); answer != nil {
			_, _ = conn.WriteTo(answer, from)
			return
		}
		others(datagram, from)
	}
}

// answer is the answer to a question (RFC 1035, 4); nil for what is none.
func (n *names) answer(question []byte) []byte {
	var p dnsmessage.Parser
	head, err := p.Start(question)
	if err != nil || head.Response {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	head = dnsmessage.Header{ID: head.ID, Response: true, RecursionDesired: head.RecursionDesired, RecursionAvailable: true, Authoritative: true}
	name := plainName(q.Name.String())
	addresses := n.now(name)
	if len(addresses) == 0 {
		head.RCode = dnsmessage.RCodeNameError
	}
	b := dnsmessage.NewBuilder(nil, head)
	b.EnableCompression()
	if b.StartQuestions() != nil || b.Question(q) != nil || b.StartAnswers() != nil {
		return nil
	}
	rr := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: ttl}
	got := ""
	if len(addresses) > 0 {
		switch q.Type {
		case dnsmessage.TypeA:
			got = addresses[0].String()
			for _, a := range addresses {
				err = errors.Join(err, b.AResource(rr, dnsmessage.AResource{A: a.As4()}))
			}
		case dnsmessage.TypeSRV:
			// The target of "_http._tcp.app" is the rest of the name.
			target := name
			for strings.HasPrefix(target, "_") {
				_, target, _ = strings.Cut(target, ".")
			}
			if t, bad := dnsmessage.NewName(target + "."); bad == nil {
				got = target + ":8080"
				err = b.SRVResource(rr, dnsmessage.SRVResource{Priority: 1, Weight: 1, Port: 8080, Target: t})
			}
		}
	}
	n.mu.Lock()
	if len(n.lookups) == mostLookups { // the last ones tell more than the first
		n.lookups = append(n.lookups[:0], n.lookups[mostLookups/2:]...)
	}
	n.lookups = append(n.lookups, agentapi.DNSQuery{Name: name, Type: strings.TrimPrefix(q.Type.String(), "Type"), Got: got})
	n.mu.Unlock()
	out, bad := b.Finish()
	if err != nil || bad != nil {
		return nil
	}
	return out
}
