package nginxconf

import (
	"slices"
	"strings"
)

// streamRoutes are the routes of a server of stream{}.
func (m *routeFinder) streamRoutes(s *vhost) []Route {
	var out []Route
	for _, pass := range s.server.all("proxy_pass") {
		if len(pass.Args) == 0 {
			continue
		}
		m.beginEntry()
		route := Route{ID: s.label, Server: s.server, Location: s.server, Listens: s.listens, Names: s.bestNames(), Stream: true,
			Role: Content, Target: m.target(pass, true)}
		if len(s.listens) == 0 {
			route.UnreachableReason = "the server has no listen"
			out = append(out, route)
			continue
		}
		route.Candidates = m.streamCandidates(s, pass)
		for i, one := range byProtocol(route) {
			if i > 0 {
				one.ID = "stream " + (&vhost{listens: one.Listens}).portLabel(0)
			}
			out = append(out, one)
		}
	}
	return out
}

// byProtocol parts a route whose server takes datagrams and connections (listen 53; listen 53 udp) into one of each, that of
// the first listen first.
func byProtocol(route Route) []Route {
	udp := func(l Listen) bool { return l.Network == "udp" }
	first := udp(route.Listens[0])
	if !slices.ContainsFunc(route.Listens, func(l Listen) bool { return udp(l) != first }) {
		return []Route{route}
	}
	var out []Route
	for _, datagrams := range []bool{first, !first} {
		one := route
		one.Listens = slices.DeleteFunc(slices.Clone(route.Listens), func(l Listen) bool { return udp(l) != datagrams })
		one.Candidates = slices.DeleteFunc(slices.Clone(route.Candidates), func(a Candidate) bool { return udp(a.Listen) != datagrams })
		switch {
		case datagrams:
			one.Target.Protocol = "udp"
		case effective(route.Server, "proxy_ssl").arg(0) == "on":
			one.Target.Protocol = "tls"
		default:
			one.Target.Protocol = "tcp"
		}
		out = append(out, one)
	}
	return out
}

// streamCandidates are one plain connection, and one for each name that the target's variables tell apart.
func (m *routeFinder) streamCandidates(s *vhost, pass *Directive) []Candidate {
	easy := s.easiestFirst()
	var out []Candidate
	base := Candidate{Listen: easy[0]}
	if rules := accessRules(s.server); len(rules) > 0 {
		base.From = m.admitted(rules)
	}
	if base.Listen.TLS {
		base.TLSName = "any.test"
		if len(s.names) > 0 && isHost(s.names[0]) {
			base.TLSName = s.names[0]
		}
	}
	for _, p := range pieces(authority(pass.arg(0))) {
		if p.name == "" {
			continue
		}
		for _, c := range m.solveVariable(p.name, constraint{}, pass, 0) {
			if len(out) < maxCandidates {
				a := c.applyTo(base)
				a.URI = ""
				if c.tlsName != "" {
					a.TLSName = c.tlsName
				} else if a.TLSName == "" && (c.alpn != "" || c.tlsMax != "") {
					a.TLSName = "any.test"
				}
				if !containsCandidate(out, a) {
					out = append(out, a)
				}
			}
		}
	}
	if len(out) == 0 {
		out = append(out, base)
	}
	// The same at the other listens, where the port has a say or where one takes datagrams and the other connections.
	byPort := strings.Contains(pass.arg(0), "$server_port") || strings.Contains(pass.arg(0), "${server_port}")
	for _, l := range easy[1:] {
		if !byPort && l.Network == base.Listen.Network {
			continue
		}
		for _, a := range slices.Clone(out) {
			if a.Listen = l; l.Network == "udp" {
				a.TLSName, a.ALPN, a.TLSMax = "", "", ""
			}
			if len(out) < maxCandidates && !containsCandidate(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func containsCandidate(candidates []Candidate, a Candidate) bool {
	for _, b := range candidates {
		if sameCandidate(a, b) {
			return true
		}
	}
	return false
}
