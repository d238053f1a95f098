package nginxconf

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

// chanceRepeats is how often a request is repeated where chance decides: one in a hundred comes up all but surely.
const chanceRepeats = 500

// A share is the part of all hashes that one entry of split_clients has: those from the one before up to its own.
type share struct {
	upTo  uint32
	rest  bool // the entry "*", which has all others
	value string
}

// shares are the entries of a split_clients, as nginx counts them: in hundredths of a percent, added up.
// https://nginx.org/en/docs/http/ngx_http_split_clients_module.html
func shares(d *Directive) []share {
	var out []share
	var sum uint64
	for _, e := range d.Block {
		value, ok := entryValue(d, e)
		if !ok {
			continue
		}
		if e.Name == "*" {
			out = append(out, share{rest: true, value: value})
			continue
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(e.Name, "%"), 64)
		if err != nil {
			continue
		}
		sum += uint64(percent*100+0.5) * 0xffffffff / 10000
		out = append(out, share{upTo: uint32(sum), value: value})
	}
	return out
}

// pick is the entry that a text falls to; nil where the shares leave a gap.
func pick(all []share, text string) *share {
	hash := murmur2([]byte(text))
	for i := range all {
		if all[i].rest || hash < all[i].upTo {
			return &all[i]
		}
	}
	return nil
}

// split is the value of a split_clients for this request, where all that it hashes is known.
func (r *simulation) split(d *Directive, depth int) (string, bool) {
	for _, p := range pieces(d.arg(0)) {
		if p.name == "http_user_agent" || p.name == "http_accept" {
			if _, sent := r.candidate.Header[headerName(strings.TrimPrefix(p.name, "http_"))]; !sent {
				return "", false // whoever asks has one of his own
			}
		}
	}
	if r.candidate.From == "" && strings.Contains(d.arg(0), "remote_addr") {
		return "", false // any address will do for him
	}
	text, known := r.hashed(d, depth)
	if !known || !r.m.spend(len(d.Block)) {
		return "", false
	}
	if s := pick(shares(d), text); s != nil {
		return s.value, !strings.Contains(s.value, "$")
	}
	return "", true
}

// hashed is the text that a split_clients takes for this request.
func (r *simulation) hashed(d *Directive, depth int) (string, bool) {
	return r.join(d.arg(0), func(name string) (string, bool) {
		value, known := r.variable(name, depth+1)
		if from, err := netip.ParseAddr(value); err == nil && name == "binary_remote_addr" {
			value = string(from.AsSlice())
		}
		return value, known
	})
}

// solveSplit finds clients for each share of a split_clients that gives what is wanted: by their address, a header, a cookie
// or an argument. Where it hashes what no client chooses, the request is repeated.
func (m *routeFinder) solveSplit(d *Directive, c constraint, at *Directive, depth int) []mutation {
	all := shares(d)
	wanted := map[*share]bool{}
	for i := range all {
		if hasVariable(all[i].value) || c.ok(all[i].value) {
			wanted[&all[i]] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	fixed := mutation{}
	var knob func(n int) mutation
	for _, p := range pieces(d.arg(0)) {
		switch {
		case p.name == "":
		case p.name == "remote_addr" || p.name == "binary_remote_addr":
			knob = func(n int) mutation { return mutation{from: clientAddress(n)} }
		case p.name == "http_user_agent" || p.name == "http_accept":
			name := headerName(strings.TrimPrefix(p.name, "http_"))
			fixed.header = map[string]string{name: "Mozilla/5.0 (X11; Linux x86_64)"}
			if knob == nil {
				knob = func(n int) mutation {
					return mutation{header: map[string]string{name: "Mozilla/5.0 (visitor " + itoa(n) + ")"}}
				}
				fixed.header = nil
			}
		case knob == nil:
			if c := requestVariable(p.name, constraint{op: "=", text: "v1"}); len(c) == 1 && (len(c[0].header) > 0 || len(c[0].args) > 0) {
				knob = func(n int) mutation { return requestVariable(p.name, constraint{op: "=", text: "v" + itoa(n)})[0] }
			}
		}
	}
	var out []mutation
	server := at.Within("server")
	if knob != nil && server != nil {
		for n := 1; n <= 2000 && len(wanted) > 0 && m.spend(1+len(all)/8); n++ {
			c, ok := knob(n).and(fixed)
			if !ok {
				break
			}
			r := &simulation{m: m, s: &vhost{server: server}, candidate: c.applyTo(Candidate{Method: "GET", URI: "/"}), out: &outcome{}, groups: map[string]string{},
				named: map[string]string{}, set: map[string]string{}, unknown: map[string]bool{}}
			_, r.args, _ = strings.Cut(r.candidate.URI, "?")
			text, known := r.hashed(d, depth)
			if !known {
				break // it hashes what is not known, too
			}
			if s := pick(all, text); s != nil && wanted[s] {
				out = append(out, c)
				delete(wanted, s)
			}
		}
	}
	if len(out) == 0 {
		out = append(out, mutation{repeat: chanceRepeats})
	}
	return out
}

// client is one of the addresses that RFC 5737 sets aside for documentation.
func clientAddress(n int) string {
	nets := []string{"198.51.100.", "203.0.113.", "192.0.2."}
	return nets[n/250%3] + itoa(n%250+4)
}

// murmur2 is the hash that nginx takes for split_clients (MurmurHash2 with the seed 0).
// https://github.com/aappleby/smhasher/blob/master/src/MurmurHash2.cpp
func murmur2(data []byte) uint32 {
	const mix = 0x5bd1e995
	h := uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * mix
		k = (k ^ k>>24) * mix
		h = h*mix ^ k
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
		if i == 0 {
			h *= mix
		}
	}
	h = (h ^ h>>13) * mix
	return h ^ h>>15
}
