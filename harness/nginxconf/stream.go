package nginxconf

// streamWays are the ways of a server of stream{}.
func (m *mapping) streamWays(s *site) []Way {
	var out []Way
	for _, pass := range s.server.all("proxy_pass") {
		if len(pass.Args) == 0 {
			continue
		}
		w := Way{ID: s.label, Server: s.server, Location: s.server, Listens: s.listens, Names: s.bestNames(), Stream: true,
			Role: Content, Target: m.target(pass, true)}
		if len(s.listens) == 0 {
			w.Why = "the server has no listen"
		} else {
			w.Asks = m.streamAsks(s, pass)
		}
		out = append(out, w)
	}
	return out
}

// streamAsks are one plain connection, and one for each name that the target's variables tell apart.
func (m *mapping) streamAsks(s *site, pass *Directive) []Ask {
	easy := s.byEase()
	var out []Ask
	base := Ask{Listen: easy[0]}
	if rules := accessRules(s.server); len(rules) > 0 {
		base.From = admitted(rules)
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
