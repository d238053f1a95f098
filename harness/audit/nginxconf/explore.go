package nginxconf

import (
	"cmp"
	"slices"
	"strings"
)

// Bounds on what is tried and kept.
const (
	maxCandidates = 64      // of one route
	maxTried      = 256     // of which those are the best
	fewTried      = 4       // of each of very many routes
	manyTried     = 400_000 // of all routes together
	maxPaths      = 6
	maxConditions = 256  // of one block
	morePaths     = 32   // where an expression's groups choose the upstream
	otherOrigins  = 32   // variants tried of each listen and host but the first
	plainPaths    = 3    // of those, the ones asked even if the first got there
	maxVariants   = 96   // of one location's conditions
	fewVariants   = 4    // of a server with very many
	manyVariants  = 5000 // of all locations of a server together
)

// explore sends requests to every location of a vhost and notes what they get to.
func (m *routeFinder) explore(s *vhost) {
	entries := []*Directive{}
	walk(s.server.Block, func(d *Directive) bool {
		if d.Name == "location" && matchOf(d).kind != "@" {
			entries = append(entries, d)
		}
		return d.Name == "location"
	})
	if len(entries) == 0 || len(s.server.all("location")) == 0 {
		entries = append(entries, s.server)
	}
	if !slices.ContainsFunc(s.server.all("location"), func(d *Directive) bool { return matchOf(d).String() == "/" }) &&
		s.server.has("try_files", "error_page", "rewrite", "if", "index") != nil {
		entries = append(entries, s.server)
	}
	s.variants = min(maxVariants, max(fewVariants, manyVariants/len(entries)))
	general := m.conditions(s.server.Block)
	for _, entry := range entries {
		m.beginEntry()
		if m.spend(1) {
			m.exploreEntry(s, entry, general)
		}
		if why := m.exceeded(); why != "" {
			s.reasons[entry] = notWorkedOut(why)
			s.truncated = why
		}
	}
}

// An origin is where a request comes in: a listen and a host that together lead to the vhost.
type origin struct {
	listen  Listen
	host    string
	tlsName string
	groups  map[string]string
}

// origins are the vhost's, the best first.
func (m *routeFinder) origins(s *vhost) []origin {
	if s.origins != nil {
		return s.origins
	}
	s.origins = []origin{}
	hosts := s.hosts()
	for _, l := range s.easiestFirst() {
		sock := m.sockets[l.key()]
		kept := 0
		for _, host := range hosts {
			if !m.spend(1) {
				return s.origins
			}
			to, groups := m.pick(sock, host)
			if to != s || kept == 3 || host == "" && kept > 0 {
				continue
			}
			kept++
			o := origin{listen: l, host: host, groups: groups}
			if l.TLS || l.QUIC {
				o.tlsName = host
			}
			s.origins = append(s.origins, o)
		}
	}
	return s.origins
}

func (m *routeFinder) exploreEntry(s *vhost, entry *Directive, general [][]mutation) {
	origins := m.origins(s)
	paths := m.pathsTo(s.server, entry)
	if len(origins) == 0 || len(paths) == 0 {
		return
	}
	more := paths[min(maxPaths, len(paths)):]
	paths = paths[:min(maxPaths, len(paths))]
	own := passesIn(entry)
	reached := map[*Directive]bool{}
	values := map[*Directive]string{} // what the plain request calls
	send := func(o origin, path string, c mutation, rank int) {
		if m.exceeded() != "" {
			return
		}
		candidate := m.plainCandidate(o, path, entry)
		candidate = c.applyTo(candidate)
		groups := o.groups
		if c.host != "" { // another host may be another server's
			to, g := m.pick(m.sockets[o.listen.key()], candidate.Host)
			if to != s {
				return
			}
			groups = g
			if candidate.TLSName != "" {
				candidate.TLSName = candidate.Host
			}
		}
		result := m.simulate(s, candidate, groups)
		for _, h := range result.hits {
			rank := rank
			if c.empty() && values[h.pass] == "" {
				values[h.pass] = h.value
			} else if !c.empty() && values[h.pass] == h.value {
				rank += 200 // it makes no difference
			}
			if h.location == entry || h.role == Content {
				reached[h.pass] = true
			}
			m.note(s, h, candidate, rank, entry)
		}
		if was := s.reasons[entry]; result.reason != "" && (was.text == "" || result.located && !was.located) {
			s.reasons[entry] = reason{text: result.reason, located: result.located}
		}
	}
	missing := func() bool {
		return len(own) == 0 || slices.ContainsFunc(own, func(p *Directive) bool { return !reached[p] })
	}
	for i, path := range paths {
		if i < plainPaths || missing() {
			send(origins[0], path, mutation{}, i)
		}
	}
	if matchOf(entry).kind == "~" || matchOf(entry).kind == "~*" {
		if slices.ContainsFunc(own, func(p *Directive) bool { return hasVariable(authority(p.arg(0))) }) {
			for i, path := range append(slices.Clone(paths[min(plainPaths, len(paths)):]), more...) {
				send(origins[0], path, mutation{}, plainPaths+i)
			}
		}
	}
	variants := m.variants(entry, own, general)
	variants = variants[:min(len(variants), s.variants)]
	for i, c := range variants {
		for k, path := range paths[:min(2, len(paths))] {
			send(origins[0], path, c, 10+i+150*k)
		}
	}
	if len(own) > 0 && missing() {
		avoiding := m.avoiding(entry, s.server)
		for i, c := range avoiding {
			send(origins[0], paths[0], c, 10+len(variants)+i)
		}
		variants = append(avoiding, variants...)
	}
	if len(own) > 0 && missing() {
		for i, o := range origins[1:] {
			for k, path := range paths[:min(2, len(paths))] {
				send(o, path, mutation{}, 300+4*i+k)
				for j, c := range variants {
					if j == otherOrigins || !missing() {
						break
					}
					send(o, path, c, 301+4*i+k)
				}
			}
			if !missing() {
				break
			}
		}
	} else if s.rewrites() {
		for _, o := range origins[1:] {
			if o.listen.TLS != origins[0].listen.TLS {
				send(o, paths[0], mutation{}, 300)
				break
			}
		}
	}
}

// rewrites reports whether the vhost's own rewrites may send plain clients away.
func (s *vhost) rewrites() bool { return s.server.has("if", "return", "rewrite") != nil }

// passesIn are the pass directives of a location itself, with those of its conditions.
func passesIn(entry *Directive) []*Directive {
	var out []*Directive
	walk(entry.Block, func(d *Directive) bool {
		if _, ok := passes[d.Name]; ok && d.Block == nil && len(d.Args) > 0 {
			out = append(out, d)
		}
		return d.Name == "if" || d.Name == "limit_except"
	})
	return out
}

// plainCandidate makes a plain request.
func (m *routeFinder) plainCandidate(o origin, path string, entry *Directive) Candidate {
	a := Candidate{Listen: o.listen, TLSName: o.tlsName, Method: "GET", URI: encode(path), Host: o.host}
	if entry.has("grpc_pass") != nil {
		a.Method = "POST"
		a.Header = map[string]string{"Content-Type": "application/grpc", "Te": "trailers"}
	}
	for block := entry; block != nil && block.Name == "location"; block = block.Parent {
		if rules := accessRules(block); len(rules) > 0 {
			a.From = m.admitted(rules)
			break
		}
	}
	return a
}

// admitted is an address that the rules let in, or "" when any will do or none is.
func (m *routeFinder) admitted(rules []*Directive) string {
	check := func(from string) bool {
		if !m.spend(1 + len(rules)/8) {
			return false
		}
		for _, d := range rules {
			if covers(d.arg(0), from) {
				return d.Name == "allow"
			}
		}
		return true
	}
	if check(anyClient) {
		return ""
	}
	for _, d := range rules {
		if from := firstOf(d.arg(0)); d.Name == "allow" && from != "" && check(from) {
			return from
		}
	}
	return ""
}

// note keeps a candidate for the route that it got to.
func (m *routeFinder) note(s *vhost, h hit, candidate Candidate, rank int, entry *Directive) {
	role := h.role
	if role == Try {
		role = Content
	}
	key := routeKey{s.server, h.pass, role}
	route := m.routes[key]
	if route == nil {
		route = m.newRoute(s, h.pass)
		route.Role = h.role
		m.routes[key] = route
	}
	if h.role == Content {
		route.Role = Content
	} else {
		rank += 1000
	}
	if locationOf(h.pass) != entry {
		rank += 500
	}
	candidate.RequiresStatus = h.requiresStatus
	if candidate.RequiresStatus != 0 {
		rank += 10 * slices.Index(statusOrder, candidate.RequiresStatus)
	}
	if len(route.Candidates) >= m.keptCandidates || slices.ContainsFunc(route.Candidates, func(a Candidate) bool { return sameCandidate(a, candidate) }) {
		return
	}
	route.Candidates = append(route.Candidates, candidate)
	m.ranks[route] = append(m.ranks[route], rank)
}

// statusOrder are the statuses that lead on, the one that says most first; all others come before.
var statusOrder = []int{502, 504, 500, 503, 404, 403, 401}

func sameCandidate(a, b Candidate) bool {
	if a.URI != b.URI || a.Method != b.Method || a.Host != b.Host || a.RequiresStatus != b.RequiresStatus || a.From != b.From ||
		a.TLSName != b.TLSName || a.Listen != b.Listen || a.ALPN != b.ALPN || a.TLSMax != b.TLSMax || a.Repeat != b.Repeat || a.AccelRedirect != b.AccelRedirect || len(a.Header) != len(b.Header) {
		return false
	}
	for key, value := range a.Header {
		if b.Header[key] != value {
			return false
		}
	}
	return true
}

// sortCandidates puts the best first.
func (m *routeFinder) sortCandidates(route *Route) {
	type ranked struct {
		candidate Candidate
		rank      int
	}
	all := make([]ranked, len(route.Candidates))
	for i, a := range route.Candidates {
		all[i] = ranked{a, m.ranks[route][i]}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return a.rank - b.rank })
	all = all[:min(len(all), maxCandidates)]
	route.Candidates, m.ranks[route] = route.Candidates[:len(all)], m.ranks[route][:len(all)]
	for i, r := range all {
		route.Candidates[i], m.ranks[route][i] = r.candidate, r.rank
	}
}

// pathsTo are paths that land in a location, the best first.
func (m *routeFinder) pathsTo(server, entry *Directive) []string {
	if entry == server {
		return m.keep(server, entry, []string{"/", "/x", "/index.php", "/x/y"})
	}
	match := matchOf(entry)
	var tries []string
	switch match.kind {
	case "=":
		tries = []string{match.text}
	case "", "^~":
		tries = below(match.text)
	case "~", "~*":
		var bases []string
		for d := entry.Parent; d != nil && d.Name == "location"; d = d.Parent {
			if up := matchOf(d); up.kind == "" || up.kind == "^~" {
				bases = append(bases, up.text, strings.TrimSuffix(up.text, "/")+"/", strings.TrimSuffix(up.text, "/")+"/x", strings.TrimSuffix(up.text, "/")+"/index")
			} else if up.kind != "=" {
				bases = append(bases, d.compiled().samples(4)...)
			}
		}
		samples := entry.compiled().samples(24)
		if entry.compiled().matches("/index.php") {
			tries = append(tries, "/index.php") // the one file that is sure to be there
		}
		for _, base := range append(bases, "", "/", "/x", "/index") {
			for _, s := range samples {
				if strings.HasPrefix(s, ".") && strings.HasSuffix(base, "/") {
					continue // ".php" alone is a hidden file
				}
				tries = append(tries, base+s)
			}
		}
		for _, s := range samples {
			tries = append(tries, "/"+s)
		}
	}
	return m.keep(server, entry, tries)
}

// below are a prefix and paths that go on from it.
func below(prefix string) []string {
	out := []string{prefix}
	folder := strings.TrimSuffix(prefix, "/") + "/"
	for _, tail := range []string{"x", "probe", "a/b", "x1", "_", "index.php", ""} {
		out = append(out, folder+tail)
	}
	return append(out, prefix+"x")
}

// keep drops the paths that nobody can ask for or that another location serves.
func (m *routeFinder) keep(server, entry *Directive, tries []string) []string {
	var out []string
	for _, path := range tries {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\x00\r\n") || strings.Contains(path, "//") ||
			strings.Contains(path, "/./") || strings.Contains(path, "/../") || strings.HasSuffix(path, "/..") ||
			strings.HasSuffix(path, "/.") || slices.Contains(out, path) {
			continue
		}
		if m.locate(server, path) == entry {
			if out = append(out, path); len(out) == morePaths {
				break
			}
		}
	}
	return out
}

// conditions are the solutions of the conditions directly in a block.
func (m *routeFinder) conditions(block []*Directive) [][]mutation {
	var out [][]mutation
	for _, d := range block {
		if d.Name == "if" && len(out) < maxConditions {
			if c := m.solve(d); len(c) > 0 {
				out = append(out, c)
			}
		}
	}
	return out
}

// avoiding are mutations under which the conditions of a location and its server are false: each alone, and all together.
func (m *routeFinder) avoiding(entry, server *Directive) []mutation {
	var out []mutation
	all := mutation{}
	for _, block := range []*Directive{entry, server} {
		for _, d := range block.all("if") {
			list := m.avoid(d)
			if len(out) > maxVariants || m.exceeded() != "" {
				break
			}
			if len(list) == 0 || list[0].empty() {
				continue
			}
			out = append(out, list[0])
			if c, ok := all.and(list[0]); ok {
				all = c
			}
		}
	}
	if len(out) > 1 {
		out = append(out, all)
	}
	return out
}

// variants are mutations of a plain request that may lead elsewhere: what the conditions of a location and its server ask
// for, alone and together, and what its target's variables depend on.
func (m *routeFinder) variants(entry *Directive, own []*Directive, general [][]mutation) []mutation {
	var out []mutation
	add := func(c mutation) {
		if !c.empty() && len(out) < maxVariants {
			out = append(out, c)
		}
	}
	lists := m.conditions(entry.Block)
	for _, d := range entry.all("limit_except") {
		for _, method := range d.Args {
			if method != "GET" && method != "HEAD" {
				lists = append(lists, []mutation{{method: method}})
			}
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "GET"} {
			if !slices.Contains(d.Args, method) {
				lists = append(lists, []mutation{{method: method}})
				break
			}
		}
	}
	lists = append(lists, general...)
	for _, list := range lists { // each alone
		for _, c := range list[:min(8, len(list))] {
			add(c)
		}
	}
	choose := func(text string, at *Directive) {
		for _, p := range pieces(text) {
			if p.name == "" {
				continue
			}
			changes, known := m.solved[p.name]
			if !known {
				if changes = m.solveVariable(p.name, constraint{}, at, 0); m.vars.fixed("$" + p.name) {
					m.solved[p.name] = changes
				}
			}
			for _, c := range changes {
				add(c)
			}
		}
	}
	for _, pass := range own {
		choose(authority(pass.arg(0)), pass)
	}
	for _, d := range append(slices.Clone(entry.all("try_files")), entry.all("error_page")...) { // a map may say where they lead
		if to := d.arg(len(d.Args) - 1); strings.HasPrefix(to, "@$") || len(pieces(to)) == 1 && !slices.Contains(uriVars, pieces(to)[0].name) {
			choose(to, d)
		}
	}
	for i, a := range lists { // two together
		for _, b := range lists[i+1:] {
			if len(out) >= maxVariants || !m.spend(1) {
				return out
			}
			if c, ok := a[0].and(b[0]); ok {
				add(c)
			}
		}
	}
	if len(lists) > 2 { // all together
		all, ok := mutation{}, true
		for _, list := range lists {
			if next, fits := all.and(list[0]); fits {
				all = next
			} else {
				ok = false
			}
		}
		if ok {
			add(all)
		}
	}
	return out
}

// unreached says why no request gets to a pass directive.
func (m *routeFinder) unreached(s *vhost, pass *Directive) string {
	location := locationOf(pass)
	if why := s.reasons[location]; why.truncated {
		return why.text
	}
	if matchOf(location).kind == "@" && s.truncated != "" || m.all <= 0 {
		return cmp.Or(s.truncated, configExceeded)
	}
	m.beginEntry()
	if len(m.origins(s)) == 0 {
		return "another server takes every request of its addresses and names (" + m.rival(s).String() + ")"
	}
	if location == s.server {
		return pass.Name + " stands in no location"
	}
	if match := matchOf(location); match.kind == "@" {
		return "nothing leads to " + match.String()
	}
	if location.has("internal") != nil {
		return "the location is internal, and nothing leads to it: no upstream of this server can send X-Accel-Redirect, or none but its own"
	}
	if len(m.pathsTo(s.server, location)) == 0 {
		return m.shadow(s, location)
	}
	for d := pass.Parent; d != location; d = d.Parent {
		if d.Name == "if" && len(m.solve(d)) == 0 {
			return "no request was found for which " + d.head() + " is true (" + d.Place.String() + ")"
		}
	}
	if why := s.reasons[location].text; why != "" {
		return why
	}
	return "no request was found that gets there"
}

// rival is the server that takes a vhost's requests.
func (m *routeFinder) rival(s *vhost) Place {
	for _, l := range s.listens {
		for _, host := range s.hosts() {
			if to, _ := m.pick(m.sockets[l.key()], host); to != s {
				return to.server.Place
			}
			if m.exceeded() != "" {
				return s.server.Place
			}
		}
	}
	return s.server.Place
}

// shadow says why no path lands in a location.
func (m *routeFinder) shadow(s *vhost, location *Directive) string {
	text := matchOf(location).text
	if k := matchOf(location).kind; k == "~" || k == "~*" {
		samples := location.compiled().samples(1)
		if len(samples) == 0 {
			return "no path could be made from its regular expression"
		}
		text = samples[0]
	}
	if at := m.locate(s.server, text); at != location && at != s.server {
		return "another location takes every path that was tried: " + matchOf(at).String() + " (" + at.Place.String() + ")"
	}
	return "no path was found that it serves"
}
