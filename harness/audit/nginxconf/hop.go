package nginxconf

import (
	"cmp"
	"slices"
	"strings"
)

// maxHops is through how many servers of the same gateway one request is followed.
const maxHops = 4

// hops gives the ways of servers that other servers of this gateway call the requests that come in through those: a
// server on a loopback address or a socket has no other clients.
func (m *mapping) hops() {
	for range maxHops {
		grown := false
		for _, key := range m.wayKeys() {
			w := m.ways[key]
			if w.Role != Content && w.Role != Try {
				continue
			}
			if d, _ := m.selfOf(w.Target); d != nil && m.hop(w, d) {
				grown = true
			}
		}
		if !grown {
			return
		}
	}
}

// wayKeys are the keys of the ways so far, in the order of the config.
func (m *mapping) wayKeys() []wayKey {
	keys := make([]wayKey, 0, len(m.ways))
	for key := range m.ways {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b wayKey) int {
		return cmp.Or(cmp.Compare(a.pass.Place.File, b.pass.Place.File), a.pass.Place.Line-b.pass.Place.Line,
			cmp.Compare(a.role, b.role), cmp.Compare(a.server.Place.Line, b.server.Place.Line), cmp.Compare(a.pass.arg(0), b.pass.arg(0)))
	})
	return keys
}

// hop sends a way's best asks on to the server that the way calls; it reports whether another way has gained one.
func (m *mapping) hop(w *Way, d *door) bool {
	m.begin()
	m.sortAsks(w)
	gained := false
	for i, outer := range w.Asks[:min(2, len(w.Asks))] {
		inner, ok := m.onward(w, outer, d)
		if !ok {
			continue
		}
		to, groups := m.pick(d, inner.Host)
		for _, h := range m.simulate(to, inner, groups).hits {
			if h.role != Content && h.role != Try && h.role != Error || h.pass == w.Target.Pass {
				continue
			}
			role := h.role
			if role == Try {
				role = Content
			}
			rank := 5000 + i
			if private(d.listen) {
				rank = -10 + i // clients come this way only
			}
			key := wayKey{to.server, h.pass, role}
			before := 0
			if was := m.ways[key]; was != nil {
				before = len(was.Asks)
			}
			m.note(to, h, outer, rank, locationOf(h.pass))
			gained = gained || len(m.ways[key].Asks) > before
		}
	}
	return gained
}

// private reports whether only the machine itself can come in there.
func private(l Listen) bool {
	return l.Network == "unix" || strings.HasPrefix(l.Address, "127.") || l.Address == "::1" || l.Address == "localhost"
}

// onward is the request that the gateway makes of a client's when it passes that on.
func (m *mapping) onward(w *Way, outer Ask, d *door) (Ask, bool) {
	pass := w.Target.Pass
	if pass.Name != "proxy_pass" {
		return Ask{}, false
	}
	inner := Ask{Listen: d.listen, Method: outer.Method, URI: outer.URI, Header: outer.Header, From: "127.0.0.1"}
	_, rest, _ := strings.Cut(w.Target.Written, "://")
	name, uri := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 && !strings.HasPrefix(rest, "unix:") {
		name, uri = rest[:i], rest[i:]
	}
	inner.Host, _ = splitHostPort(name)
	for _, h := range Effective(pass.Parent, "proxy_set_header") {
		if !strings.EqualFold(h.arg(0), "Host") {
			continue
		}
		switch value := h.arg(1); value {
		case "$host", "$http_host", "$host:$server_port":
			inner.Host = outer.Host
		case "$proxy_host", "$http_proxy_host":
		default:
			if hasVariable(value) {
				return Ask{}, false
			}
			inner.Host, _ = splitHostPort(value)
		}
	}
	if match := matchOf(w.Location); uri != "" && !hasVariable(uri) && (match.kind == "" || match.kind == "^~" || match.kind == "=") {
		path, args, has := strings.Cut(outer.URI, "?")
		tail, ok := strings.CutPrefix(decode(path), match.text)
		if !ok {
			return Ask{}, false
		}
		if inner.URI = encode(uri + tail); has {
			inner.URI += "?" + args
		}
	}
	return inner, true
}

// selfOf is the listening socket of this same gateway that a target leads to, with the peer that does.
func (m *mapping) selfOf(t Target) (*door, *Peer) {

	for i := range t.Peers[:min(len(t.Peers), manyPeers)] {
		if d := doorOf(m.doors, t.Peers[i], t.Protocol == "udp"); d != nil {
			return d, &t.Peers[i]
		}
	}
	return nil, nil
}

// doorOf is the listening socket that a peer leads to, or nil.
func doorOf(doors map[string]*door, p Peer, udp bool) *door {
	network := "tcp"
	if udp {
		network = "udp"
	}
	addresses := []string{p.Host}
	switch {
	case p.Socket != "":
		network, addresses, p.Port = "unix", []string{p.Socket}, 0
	case p.Host == "localhost", p.Host == "::1", p.Host == "0.0.0.0", strings.HasPrefix(p.Host, "127."):
		addresses = append(addresses, "localhost", "127.0.0.1", "*", "::")
	}
	for _, a := range addresses {
		if d := doors[Listen{Network: network, Address: a, Port: p.Port}.key()]; d != nil {
			return d
		}
	}
	return nil
}
