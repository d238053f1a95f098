package nginxconf

import (
	"slices"
	"strings"
)

// accelerate gives the pass directives of internal locations that nothing in the config leads to the requests of
// another route of the same server, whose upstream is to answer with X-Accel-Redirect.
func (m *routeFinder) accelerate(s *vhost, routes []routeKey) {
	for _, pass := range passesOf(s.server) {
		m.beginEntry()
		if m.known(s, pass) || !m.spend(1) {
			continue
		}
		location := locationOf(pass)
		if location == s.server || location.has("internal") == nil {
			continue
		}
		paths := m.pathsTo(s.server, location)
		if len(paths) == 0 {
			continue
		}
		for _, key := range routes {
			if !m.spend(1) {
				break
			}
			by := m.routes[key]
			if key.server != s.server || !m.sends(by, pass) {
				continue
			}
			m.sortCandidates(by)
			for _, candidate := range by.Candidates[:min(2, len(by.Candidates))] {
				if candidate.RequiresStatus != 0 || candidate.AccelRedirect != "" {
					continue
				}
				candidate.AccelRedirect, candidate.AccelFrom = encode(paths[0]), by.Target.Peers
				m.follow(s, pass, candidate, paths[0])
			}
			if m.known(s, pass) {
				break
			}
		}
	}
}

// known reports whether any request was found that gets to a pass directive.
func (m *routeFinder) known(s *vhost, pass *Directive) bool {
	return slices.ContainsFunc([]Role{Content, Auth, Mirror, Error, After}, func(role Role) bool {
		return m.routes[routeKey{s.server, pass, role}] != nil
	})
}

// sends reports whether a route's upstream can send clients to another location: nginx looks for the header in what it proxies,
// unless it is told not to, and the lab needs that upstream to be another one than the location's own.
func (m *routeFinder) sends(by *Route, pass *Directive) bool {
	if by.Role != Content && by.Role != Try || by.Target.Dynamic || len(by.Target.Peers) == 0 || len(by.Candidates) == 0 {
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

// follow runs what comes of the header, and notes the candidate where it gets to the pass directive.
func (m *routeFinder) follow(s *vhost, pass *Directive, candidate Candidate, to string) {
	r := &simulation{m: m, s: s, candidate: candidate, role: Content, out: &outcome{}, groups: map[string]string{}, named: map[string]string{},
		set: map[string]string{}, unknown: map[string]bool{}}
	r.redirect(to)
	for _, h := range r.out.hits {
		if h.pass == pass && h.requiresStatus == 0 {
			m.note(s, h, candidate, 0, locationOf(pass))
		}
	}
}
