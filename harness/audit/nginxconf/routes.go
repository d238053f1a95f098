package nginxconf

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
)

// A routeFinder finds the routes of one config.
type routeFinder struct {
	config         *Config
	vhosts         []*vhost // of http{}, in order
	streams        []*vhost
	sockets        map[string]*socket
	upstreams      map[string]*Directive
	vars           *definitions
	patterns       map[string]*pattern
	compiled       atomic.Int64 // steps of the expressions that are kept here
	entries        map[*Directive]*pattern
	targets        map[string]Target // of pass directives whose variables are the same everywhere
	solved         map[string][]mutation
	solving        map[*Directive]bool // variables whose conditions are being solved
	steps          int
	routes         map[routeKey]*Route
	ranks          map[*Route][]int               // of the candidates, the lower the better
	outerPages     map[*Directive]map[string]bool // by block: the error pages that it and those around it name
	excludes       map[*Directive]*pattern        // what the default of a map is not for
	keptCandidates int                            // candidates that are kept of each route while it is looked for
	*budget
}

// A routeKey identifies a route: the answer itself is one route however it gets to the pass directive.
type routeKey struct {
	server, pass *Directive
	role         Role
}

// finder is one that knows servers, sockets and variables, and no route yet.
func (c *Config) finder(ctx context.Context) *routeFinder {
	m := &routeFinder{config: c, targets: map[string]Target{}, solved: map[string][]mutation{}, solving: map[*Directive]bool{}, upstreams: map[string]*Directive{}, patterns: map[string]*pattern{},
		entries: map[*Directive]*pattern{}, routes: map[routeKey]*Route{}, ranks: map[*Route][]int{}, excludes: map[*Directive]*pattern{}, outerPages: map[*Directive]map[string]bool{}}
	locations, passed := 0, 0
	walk(c.Main, func(d *Directive) bool {
		if d.Name == "location" || d.Name == "server" {
			locations++
		}
		if _, ok := passes[d.Name]; ok {
			passed++
		}
		return d.Block != nil
	})
	m.budget = newBudget(ctx, locations)
	m.expressions = []*atomic.Int64{&c.steps, &m.compiled}
	m.keptCandidates = min(maxTried, max(fewTried, manyTried/max(passed, 1)))
	m.collectServers(c.Main, false)
	all := append(slices.Clone(m.vhosts), m.streams...)
	m.vars = c.define(all, newBudget(ctx, passed))
	m.sockets = openSockets(m.vhosts)
	openSockets(m.streams)
	m.label(all)
	return m
}

// Routes are all routes from clients to upstreams, in the order of the config. They are worked out as far as the bounds go: a
// route beyond says so in its UnreachableReason, and so do those that are left when the context ends.
func (c *Config) Routes(ctx context.Context) []Route {
	m := c.finder(ctx)
	for _, s := range m.vhosts {
		m.explore(s)
	}
	m.hops()
	keys := m.routeKeys()
	for _, s := range m.vhosts {
		m.accelerate(s, keys)
	}
	var out []Route
	for _, s := range m.inOrder() {
		if s.stream {
			out = append(out, m.streamRoutes(s)...)
		} else {
			out = append(out, m.vhostRoutes(s)...)
		}
	}
	for i, route := range out {
		if sock, _ := m.selfOf(route.Target); sock != nil {
			out[i].Target.Self = sock.defaultServer.server
		}
	}
	number(out)
	return out
}

// collectServers finds the servers and upstreams, those of a fragment without http{} too.
func (m *routeFinder) collectServers(block []*Directive, stream bool) {
	for _, d := range block {
		switch d.Name {
		case "http":
			m.collectServers(d.Block, false)
		case "stream":
			m.collectServers(d.Block, true)
		case "upstream":
			if key := upstreamKey(d.arg(0), stream); m.upstreams[key] == nil {
				m.upstreams[key] = d
			}
		case "server":
			if d.Block == nil {
				continue
			}
			s := m.newVhost(d, stream)
			s.outer = m.errorPagesAround(d.around())
			if stream {
				m.streams = append(m.streams, s)
			} else {
				m.vhosts = append(m.vhosts, s)
			}
		}
	}
}

// inOrder are all vhosts in the order of the config.
func (m *routeFinder) inOrder() []*vhost {
	for _, d := range m.config.Main {
		if d.Name == "stream" {
			return append(slices.Clone(m.streams), m.vhosts...)
		} else if d.Name == "http" {
			break
		}
	}
	return append(slices.Clone(m.vhosts), m.streams...)
}

// regex compiles an expression once.
func (m *routeFinder) regex(text string, fold bool) *pattern {
	key := text
	if fold {
		key = "*" + text
	}
	if m.patterns[key] == nil {
		m.patterns[key] = m.config.pattern(text, fold)
		m.patterns[key].all = &m.compiled
	}
	return m.patterns[key]
}

func (m *routeFinder) entryRegex(e *Directive) *pattern {
	if m.entries[e] == nil {
		m.entries[e] = entryRegex(e)
		if m.entries[e] != nil {
			m.entries[e].late, m.entries[e].all = &m.config.late, &m.compiled
		}
	}
	return m.entries[e]
}

func quoteRegex(text string) string { return regexp.QuoteMeta(text) }

// encode writes a path as it goes over the wire.
func encode(path string) string { return (&url.URL{Path: path}).EscapedPath() }

func encodeArgs(text string) string {
	return strings.NewReplacer(" ", "%20", "#", "%23", "\"", "%22").Replace(text)
}

// decode is nginx's reading of a path.
func decode(uri string) string {
	if text, err := url.PathUnescape(uri); err == nil {
		return text
	}
	return uri
}

// passesOf are the pass directives of a server in order, with the location that each is in.
func passesOf(server *Directive) []*Directive {
	var out []*Directive
	walk(server.Block, func(d *Directive) bool {
		if _, ok := passes[d.Name]; ok && d.Block == nil && len(d.Args) > 0 {
			out = append(out, d)
		}
		return d.Name == "location" || d.Name == "if" || d.Name == "limit_except"
	})
	return out
}

func locationOf(pass *Directive) *Directive { return pass.Within("location", "server") }

// vhostRoutes are the routes of a server once all were explored.
func (m *routeFinder) vhostRoutes(s *vhost) []Route {
	var out []Route
	for _, pass := range passesOf(s.server) {
		m.beginEntry()
		found := false
		for _, role := range []Role{Content, Auth, Mirror, Error, After} {
			route := m.routes[routeKey{s.server, pass, role}]
			if route == nil {
				continue
			}
			found = true
			m.sortCandidates(route)
			route.Candidates = slices.Clip(route.Candidates)
			out = append(out, *route)
		}
		if !found {
			route := m.newRoute(s, pass)
			route.UnreachableReason = m.unreached(s, pass)
			out = append(out, *route)
		}
	}
	return out
}

func (m *routeFinder) newRoute(s *vhost, pass *Directive) *Route {
	location := locationOf(pass)
	route := &Route{Server: s.server, Location: location, Listens: s.listens, Names: s.bestNames(), Role: Content,
		Target: m.target(pass, false)}
	if location.Name == "location" {
		route.Match = matchOf(location).String()
	}
	route.ID = s.label + idPart(route.Match) + idSuffix(pass)
	return route
}

// idPart puts the match behind a server's name: plain prefixes at once, all else after a space.
func idPart(match string) string {
	if match == "" || strings.HasPrefix(match, "/") {
		return match
	}
	return " " + match
}

// idSuffix separates the pass directives of one location: by the condition they stand under.
func idSuffix(pass *Directive) string {
	suffix := ""
	for d := pass.Parent; d != nil && d.Name != "location" && d.Name != "server"; d = d.Parent {
		suffix = " " + d.head() + suffix
	}
	return suffix
}

// bestNames are the names of a vhost, the one that requests use first.
func (s *vhost) bestNames() []string {
	if s.sortedNames == nil {
		s.sortedNames = slices.Clone(s.names)
		slices.SortStableFunc(s.sortedNames, func(a, b string) int { return vagueness(a) - vagueness(b) })
	}
	return s.sortedNames
}

func vagueness(name string) int {
	switch {
	case name == "" || name == "_":
		return 3
	case strings.HasPrefix(name, "~"):
		return 2
	case strings.Contains(name, "*") || strings.HasPrefix(name, ".") || strings.Contains(name, "$"):
		return 1
	}
	return 0
}

// label names the vhosts for the IDs.
func (m *routeFinder) label(vhosts []*vhost) {
	taken := map[string]int{}
	for _, s := range vhosts {
		if len(passesOf(s.server)) == 0 && s.server.has("proxy_pass") == nil {
			continue // a server that only redirects takes no name from the one it redirects to
		}
		s.label = s.firstLabel()
		for _, longer := range s.longerLabels() {
			if taken[s.label] == 0 {
				break
			}
			s.label = longer
		}
		s.label = free(taken, s.label, "#")
	}
}

func (s *vhost) firstLabel() string {
	if s.stream {
		return "stream " + s.portLabel(0)
	}
	name := ""
	if names := s.bestNames(); len(names) > 0 {
		name = names[0]
	}
	if name == "_" {
		name = ""
	}
	l := s.listens[0]
	if strings.HasPrefix(name, "~") {
		name += " "
	}
	usual := (l.Port == 80 || l.Port == 443) && (l.Address == "*" || l.Address == "::")
	if name != "" && (usual || l.Network == "unix") {
		return name
	}
	return name + s.portLabel(0)
}

func (s *vhost) portLabel(i int) string {
	if i >= len(s.listens) {
		return ":?"
	}
	l := s.listens[i]
	switch {
	case l.Network == "unix":
		return "unix:" + l.Address
	case l.Network == "udp" && !l.QUIC:
		return ":" + itoa(l.Port) + "/udp"
	}
	return ":" + itoa(l.Port)
}

// longerLabels are for sites whose label another has already.
func (s *vhost) longerLabels() []string {
	var out []string
	base := strings.TrimSuffix(s.label, s.portLabel(0))
	for i, l := range s.listens {
		out = append(out, base+s.portLabel(i))
		if l.Network != "unix" {
			out = append(out, base+l.Address+s.portLabel(i))
		}
	}
	return out
}

// free takes a text, or when it is taken the first of its numbered ones that is not.
func free(taken map[string]int, text, sign string) string {
	base := text
	for n := max(2, taken[base]); taken[text] > 0; n++ {
		text = base + sign + itoa(n)
		taken[base] = n + 1
	}
	taken[text] = max(taken[text], 1)
	return text
}

// number makes the IDs unique.
func number(routes []Route) {
	taken := map[string]int{}
	for i := range routes {
		route := &routes[i]
		if taken[route.ID] > 0 && route.Role != Content && route.Role != Try {
			route.ID += " (" + string(route.Role) + ")"
		}
		route.ID = free(taken, route.ID, " #")
	}
}
