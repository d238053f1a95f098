package nginxconf

import (
	"cmp"
	"slices"
	"strings"
)

// maxHops is through how many servers of the same gateway one request is followed.
const maxHops = 4

// hops gives the routes of servers that other servers of this gateway call the requests that come in through those: a
// server on a loopback address or a socket has no other clients.
func (m *routeFinder) hops() {
	for range maxHops {
		grown := false
		for _, key := range m.routeKeys() {
			route := m.routes[key]
			if route.Role != Content && route.Role != Try {
				continue
			}
			if sock, _ := m.selfOf(route.Target); sock != nil && m.hop(route, sock) {
				grown = true
			}
		}
		if !grown {
			return
		}
	}
}

// routeKeys are the keys of the routes so far, in the order of the config.
func (m *routeFinder) routeKeys() []routeKey {
	keys := make([]routeKey, 0, len(m.routes))
	for key := range m.routes {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b routeKey) int {
		return cmp.Or(cmp.Compare(a.pass.Place.File, b.pass.Place.File), a.pass.Place.Line-b.pass.Place.Line,
			cmp.Compare(a.role, b.role), cmp.Compare(a.server.Place.Line, b.server.Place.Line), cmp.Compare(a.pass.arg(0), b.pass.arg(0)))
	})
	return keys
}

// hop sends a route's best candidates on to the server that the route calls; it reports whether another route has gained one.
func (m *routeFinder) hop(route *Route, sock *socket) bool {
	m.beginEntry()
	m.sortCandidates(route)
	gained := false
	for i, outer := range route.Candidates[:min(2, len(route.Candidates))] {
		inner, ok := m.onward(route, outer, sock)
		if !ok {
			continue
		}
		to, groups := m.pick(sock, inner.Host)
		for _, h := range m.simulate(to, inner, groups).hits {
			if h.role != Content && h.role != Try && h.role != Error || h.pass == route.Target.Pass {
				continue
			}
			role := h.role
			if role == Try {
				role = Content
			}
			rank := 5000 + i
			if private(sock.listen) {
				rank = -10 + i // clients come by this route only
			}
			key := routeKey{to.server, h.pass, role}
			before := 0
			if was := m.routes[key]; was != nil {
				before = len(was.Candidates)
			}
			m.note(to, h, outer, rank, locationOf(h.pass))
			gained = gained || len(m.routes[key].Candidates) > before
		}
	}
	return gained
}

// private reports whether only the machine itself can come in there.
func private(l Listen) bool {
	return l.Network == "unix" || strings.HasPrefix(l.Address, "127.") || l.Address == "::1" || l.Address == "localhost"
}

// onward is the request that the gateway makes of a client's when it passes that on.
func (m *routeFinder) onward(route *Route, outer Candidate, sock *socket) (Candidate, bool) {
	pass := route.Target.Pass
	if pass.Name != "proxy_pass" {
		return Candidate{}, false
	}
	inner := Candidate{Listen: sock.listen, Method: outer.Method, URI: outer.URI, Header: outer.Header, From: "127.0.0.1"}
	_, rest, _ := strings.Cut(route.Target.Written, "://")
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
				return Candidate{}, false
			}
			inner.Host, _ = splitHostPort(value)
		}
	}
	if match := matchOf(route.Location); uri != "" && !hasVariable(uri) && (match.kind == "" || match.kind == "^~" || match.kind == "=") {
		path, args, has := strings.Cut(outer.URI, "?")
		tail, ok := strings.CutPrefix(decode(path), match.text)
		if !ok {
			return Candidate{}, false
		}
		if inner.URI = encode(uri + tail); has {
			inner.URI += "?" + args
		}
	}
	return inner, true
}

// selfOf is the listening socket of this same gateway that a target leads to, with the peer that does.
func (m *routeFinder) selfOf(t Target) (*socket, *Peer) {

	for i := range t.Peers[:min(len(t.Peers), manyPeers)] {
		if sock := socketOf(m.sockets, t.Peers[i], t.Protocol == "udp"); sock != nil {
			return sock, &t.Peers[i]
		}
	}
	return nil, nil
}

// socketOf is the listening socket that a peer leads to, or nil.
func socketOf(sockets map[string]*socket, p Peer, udp bool) *socket {
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
		if sock := sockets[Listen{Network: network, Address: a, Port: p.Port}.key()]; sock != nil {
			return sock
		}
	}
	return nil
}
