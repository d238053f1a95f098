package nginxconf

import (
	"net/netip"
)

// anyClient is the address of a client of whom nothing is asked: one of those that RFC 5737 sets aside for documentation.
const anyClient = "198.51.100.1"

// denied gives the rule that sends the client away, or nil.
func (r *simulation) denied(holds *Directive) *Directive {
	from := r.candidate.From
	if from == "" {
		from = anyClient
	}
	rules := accessRules(holds)
	if !r.m.spend(len(rules) / 8) {
		return nil
	}
	for _, d := range rules {
		if covers(d.arg(0), from) {
			if d.Name == "deny" {
				return d
			}
			return nil
		}
	}
	return nil
}

// accessRules are the allow and deny in effect, in order.
func accessRules(block *Directive) []*Directive {
	for ; block != nil; block = block.around() {
		if block.has("allow", "deny") == nil {
			continue
		}
		var out []*Directive
		for _, d := range block.Block {
			if d.Name == "allow" || d.Name == "deny" {
				out = append(out, d)
			}
		}
		return out
	}
	return nil
}

// covers reports whether an address belongs to a network as allow, deny and geo write it.
func covers(network, address string) bool {
	if network == "all" {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	if p, err := netip.ParsePrefix(network); err == nil {
		return p.Contains(a)
	}
	n, err := netip.ParseAddr(network)
	return err == nil && n == a
}
