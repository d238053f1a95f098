package nginxconf

import (
	"slices"
	"strings"
)

// streamWays are the ways of a server of stream{}.
func (m *mapping) streamWays(s *site) []Way {
	var out []Way
	for _, pass := range s.server.all("proxy_pass") {
		if len(pass.Args) == 0 {
			continue
		}
		m.begin()
		w := Way{ID: s.label, Server: s.server, Location: s.server, Listens: s.listens, Names: s.bestNames(), Stream: true,
			Role: Content, Target: m.target(pass, true)}
		if len(s.listens) == 0 {
			w.Why = "the server has no listen"
			out = append(out, w)
			continue
		}
		w.Asks = m.streamAsks(s, pass)
		for i, one := range byProtocol(w) {
			if i > 0 {
				one.ID = "stream " + (&site{listens: one.Listens}).portLabel(0)
			}
			out = append(out, one)
		}
	}
	return out
}

// byProtocol parts a way whose server takes datagrams and connections (listen 53; listen 53 udp) into one of each, that of
// the first listen first.
func byProtocol(w Way) []Way {
	udp := func(l Listen) bool { return l.Network == "udp" }
	first := udp(w.Listens[0])
	if !slices.ContainsFunc(w.Listens, func(l Listen) bool { return udp(l) != first }) {
		return []Way{w}
	}
	var out []Way
	for _, datagrams := range []bool{first, !first} {
		one := w
		one.Listens = slices.DeleteFunc(slices.Clone(w.Listens), func(l Listen) bool { return udp(l) != datagrams })
		one.Asks = slices.DeleteFunc(slices.Clone(w.Asks), func(a Ask) bool { return udp(a.Listen) != datagrams })
		switch {
		case datagrams:
			one.Target.Protocol = "udp"
		case effective(w.Server, "proxy_ssl").arg(0) == "on":
			one.Target.Protocol = "tls"
		default:
			one.Target.Protocol = "tcp"
		}
		out = append(out, one)
	}
	return out
}

// streamAsks are one plain connection, and one for each name that the target's variables tell apart.
func (m *mapping) streamAsks(s *site, pass *Directive) []Ask {
	easy := s.byEase()
	var out []Ask
	base := Ask{Listen: easy[0]}
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
		for _, c := range m.solveVariable(p.name, want{}, pass, 0) {
			if len(out) < maxAsks {
				a := c.to(base)
				a.URI = ""
				if c.tlsName != "" {
					a.TLSName = c.tlsName
				} else if a.TLSName == "" && (c.alpn != "" || c.tlsMax != "") {
					a.TLSName = "any.test"
				}
				if !containsAsk(out, a) {
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
			if len(out) < maxAsks && !containsAsk(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func containsAsk(asks []Ask, a Ask) bool {
	for _, b := range asks {
		if sameAsk(a, b) {
			return true
		}
	}
	return false
}
