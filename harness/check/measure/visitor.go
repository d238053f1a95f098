package measure

import (
	"net/netip"

	"github.com/badgateway/badgateway/harness/nginxconf"
)

// visitors are the addresses from which a location lets its visitors come: empty when it does not ask. The lab's visitors
// may have any address of any network.
func visitors(location *nginxconf.Directive) netip.Prefix {
	rules := accessRules(location)
	usual := netip.MustParseAddr("198.51.100.1")
	if len(rules) == 0 || admits(rules, usual) {
		return netip.Prefix{}
	}
	for _, r := range rules {
		if !r.allow {
			continue
		}
		// The first address of a net may be refused by a rule before it, or be nobody's; the next ones rarely are.
		a := r.net.Masked().Addr()
		for range 3 {
			if admits(rules, a) && (r.net.IsSingleIP() || a != r.net.Masked().Addr()) {
				return netip.PrefixFrom(a, r.net.Bits())
			}
			a = a.Next()
		}
	}
	return netip.Prefix{}
}

type accessRule struct {
	net   netip.Prefix
	allow bool
}

// accessRules are the allow and deny directives in effect, in order: a block's own, or the nearest that it inherits.
func accessRules(location *nginxconf.Directive) (rules []accessRule) {
	for b := location; b != nil && len(rules) == 0; b = b.Parent {
		for _, d := range b.Block {
			if d.Name != "allow" && d.Name != "deny" || len(d.Args) != 1 {
				continue
			}
			nets := []netip.Prefix{}
			switch text := d.Args[0]; {
			case text == "all":
				nets = append(nets, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
			default:
				if p, err := netip.ParsePrefix(text); err == nil {
					nets = append(nets, p)
				} else if a, err := netip.ParseAddr(text); err == nil {
					nets = append(nets, netip.PrefixFrom(a, a.BitLen()))
				}
			}
			for _, n := range nets {
				rules = append(rules, accessRule{n, d.Name == "allow"})
			}
		}
	}
	return rules
}

// admits tells whether the rules let an address in: the first that fits decides, and without one all are let in.
func admits(rules []accessRule, a netip.Addr) bool {
	for _, r := range rules {
		if r.net.Contains(a) {
			return r.allow
		}
	}
	return true
}

// nextIn is the n-th address of a net, counted from its address on; with no room for so many it begins again.
func nextIn(p netip.Prefix, n int) netip.Addr {
	a, room := p.Addr(), 1
	if free := a.BitLen() - p.Bits(); free >= 8 {
		room = 200
	} else if free > 1 {
		room = 1<<free - 2
	}
	for range n % room {
		a = a.Next()
	}
	return a
}
