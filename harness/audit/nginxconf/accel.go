package nginxconf

import (
	"slices"
	"strings"
)

// accelerate gives the pass directives of internal locations that nothing in the config leads to the requests of
// another way of the same server, whose upstream is to answer with X-Accel-Redirect.
func (m *mapping) accelerate(s *site, ways []wayKey) {
	for _, pass := range passesOf(s.server) {
		m.begin()
		if m.known(s, pass) || !m.spend(1) {
			continue
		}
		location := locationOf(pass)
		if location == s.server || location.has("internal") == nil {
			continue
		}
		paths := m.candidates(s.server, location)
		if len(paths) == 0 {
			continue
		}
		for _, key := range ways {
			if !m.spend(1) {
				break
			}
			by := m.ways[key]
			if key.server != s.server || !m.sends(by, pass) {
				continue
			}
			m.sortAsks(by)
			for _, ask := range by.Asks[:min(2, len(by.Asks))] {
				if ask.Given != 0 || ask.Accel != "" {
					continue
				}
				ask.Accel, ask.By = encode(paths[0]), by.Target.Peers
				m.follow(s, pass, ask, paths[0])
			}
			if m.known(s, pass) {
				break
			}
		}
	}
}

// known reports whether any request was found that gets to a pass directive.
func (m *mapping) known(s *site, pass *Directive) bool {
	return slices.ContainsFunc([]Role{Content, Auth, Mirror, Error, After}, func(role Role) bool {
		return m.ways[wayKey{s.server, pass, role}] != nil
	})
}

// sends reports whether a way's upstream can send clients to another location: nginx looks for the header in what it proxies,
// unless it is told not to, and the lab needs that upstream to be another one than the location's own.
func (m *mapping) sends(by *Way, pass *Directive) bool {
	if by.Role != Content && by.Role != Try || by.Target.Open || len(by.Target.Peers) == 0 || len(by.Asks) == 0 {
		return false
	}
	switch by.Target.Protocol {
	case "http", "https", "fastcgi", "uwsgi", "suwsgi", "scgi", "grpc", "grpcs":
	default:
		return false
	}
	for _, d := range Effective(by.Target.Pass.Parent, family(passes[by.Target.Pass.Name])+"_ignore_headers") {
		if slices.ContainsFunc(d.Args, func(a string) bool { return strings.EqualFold(a, "X-Accel-Redirect") }) {
			return false
		}
	}
	own := m.target(pass, false)
	return !slices.ContainsFunc(by.Target.Peers, func(a Peer) bool {
		return slices.ContainsFunc(own.Peers, func(b Peer) bool { return a.Host == b.Host && a.Port == b.Port && a.Socket == b.Socket })
	})
}

// follow runs what comes of the header, and notes the ask where it gets to the pass directive.
func (m *mapping) follow(s *site, pass *Directive, ask Ask, to string) {
	r := &run{m: m, s: s, ask: ask, role: Content, out: &outcome{}, groups: map[string]string{}, named: map[string]string{},
		set: map[string]string{}, unknown: map[string]bool{}}
	r.redirect(to)
	for _, h := range r.out.hits {
		if h.pass == pass && h.given == 0 {
			m.note(s, h, ask, 0, locationOf(pass))
		}
	}
}
