package review

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// maxStaleAddress is for how long a move may go unnoticed: a DNS answer's usual lifetime.
const maxStaleAddress = time.Minute

var names = []audit.Rule{
	{
		ID: "moved-address", Severity: "medium", Title: "the address of a name that has moved is never followed",
		Why: "nginx looks a name up once, when it starts. A redeployed container, a failed-over database or a cloud load balancer " +
			"gets another address, and every visitor gets an error until somebody reloads nginx.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
		Find:   movedAddress,
	},
	{
		ID: "missing-name", Severity: "medium", Title: "one missing name keeps the whole gateway from starting",
		Why: "At a restart or after a reboot, one service that is not in DNS yet takes all sites of this gateway down, those that " +
			"have nothing to do with it too.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass",
		Find:   missingName,
	},
	{
		ID: "no-resolver", Severity: "high", Title: "a variable in the pass directive, and no resolver", Static: true,
		Why: "With a variable nginx looks the name up while requests run, and only with the resolver directive: /etc/resolv.conf " +
			"and /etc/hosts are not read then. It starts without complaint, and each request is a 502.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
		Find:   noResolver,
	},
}

func movedAddress(e *audit.Evidence) []audit.Finding {
	var found collector
	names := namesAtStart(e)
	for _, s := range observations(e) {
		if !s.isFault("name-moved") || !s.NotRecovered && s.ErrorsFor <= maxStaleAddress {
			continue
		}
		d, late := s.effective("resolver"), s.conf.Target.Variables && s.conf.Target.Block == nil
		s = names.of(s)
		c := s.lookupCause()
		if d != nil && (!s.NotRecovered || late && s.conf.Target.Variables) {
			c = causedBy(d)
		}
		found.add(c, s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.worst(func(a, b observation) bool {
			return a.NotRecovered && !b.NotRecovered || a.NotRecovered == b.NotRecovered && a.ErrorsFor > b.ErrorsFor
		})
		if g.directive != nil && g.directive.Name == "resolver" {
			args := slices.DeleteFunc(slices.Clone(g.directive.Args), func(a string) bool { return strings.HasPrefix(a, "valid=") })
			return g.finding("a moved address is followed after "+s.errorsFor()+" only", g.describe(s, "errors for "+s.errorsFor()+
				" after the move"), g.patch(line("resolver", append(args, "valid=10s")...)))
		}
		return g.finding(fmt.Sprintf("the address of %s is never looked up again", s.calledName()),
			g.describe(s, s.outcome()+", still so "+long(s.ErrorsFor)+" after the name had moved"), names.patch(s, g, e))
	})
}

func missingName(e *audit.Evidence) []audit.Finding {
	var found collector
	names := namesAtStart(e)
	for _, s := range observations(e) {
		if s.isFault("name-gone") && s.NotStarted != "" {
			s = names.of(s)
			found.add(s.lookupCause(), s)
		}
	}
	using := map[string][]string{} // routes by the name that they look up
	for id, r := range e.ConfigRoutes {
		for _, p := range r.Target.Peers {
			using[p.Host] = append(using[p.Host], id)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.worst(func(a, b observation) bool { return a.measuredOn() == "" && b.measuredOn() != "" })
		f := g.finding(fmt.Sprintf("without the name %s the gateway does not start", s.calledName()),
			g.describe(s, "nginx did not start: "+logPrefix.ReplaceAllString(s.NotStarted, "")), names.patch(s, g, e))
		theirs := map[string]bool{}
		for _, s := range g.observations {
			theirs[s.route.ID] = true
			for _, p := range s.conf.Target.Peers {
				for _, id := range using[p.Host] {
					theirs[id] = true
				}
			}
		}
		// What else goes down has nothing to do with that name.
		if n := len(e.ConfigRoutes) - len(theirs); n > 0 {
			f.Severity = "high"
			f.Saw += fmt.Sprintf("; %d other %s with it", n, plural(n, "route goes down", "routes go down"))
		}
		return f
	})
}

// logPrefix is what a log line begins with, which is another at each run.
var logPrefix = regexp.MustCompile(`^[0-9/]+ [0-9:]+ (\[\w+\]) \d+#\d+: `)

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func noResolver(e *audit.Evidence) []audit.Finding {
	var found collector
	if e.Report.Static {
		for _, s := range configRoutes(e) {
			if t := s.conf.Target; t.Variables && t.Block == nil && len(t.Peers) > 0 && isName(t.Peers[0].Host) && s.effective("resolver") == nil {
				found.add(s.causeLacking("resolver"), s)
			}
		}
	}
	for _, s := range healthyObservations(e) {
		if s.logged("no resolver defined to resolve") {
			found.add(s.causeLacking("resolver"), s)
		}
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		s := g.observations[0]
		m := g.patch(s.resolverFor(s.calledName(), e)...)
		m.hangs = hangsOnDNS(s.calledName(), e)
		if e.Report.Static {
			return g.reading("no resolver for the name in "+s.route.Pass, s.route.ID+" looks it up while requests run, and nothing says where", m)
		}
		return g.finding("no resolver for the name in "+s.route.Pass, g.describe(s, s.outcome()+" although the upstream is well"), m)
	})
}

// A startNames are the routes whose pass directives, without variables, have a name looked up at the start, by that name.
type startNames map[string][]*nginxconf.Route

func namesAtStart(e *audit.Evidence) startNames {
	all := startNames{}
	for _, id := range slices.Sorted(maps.Keys(e.ConfigRoutes)) {
		w := e.ConfigRoutes[id]
		if w.Target.Variables || w.Target.Block != nil || w.Target.Pass == nil || w.Stream {
			continue
		}
		for _, p := range w.Target.Peers {
			if own := all[p.Host]; isName(p.Host) && (len(own) == 0 || own[len(own)-1].Target.Pass != w.Target.Pass) {
				all[p.Host] = append(own, &w)
			}
		}
	}
	for _, own := range all {
		slices.SortStableFunc(own, func(a, b *nginxconf.Route) int {
			x, y := a.Target.Pass.Place, b.Target.Pass.Place
			return cmp.Or(strings.Compare(x.File, y.File), x.Line-y.Line)
		})
	}
	return all
}

// of is the observation with the config of the first route that names the same: nginx has one set of servers for a name, and the mend of
// one pass directive changes nothing as long as another names them. It takes them for a variable too that comes to the same host and
// port, and asks no resolver.
// https://github.com/nginx/nginx/blob/release-1.22.1/src/http/ngx_http_upstream.c
func (n startNames) of(s observation) observation {
	if s.conf.Target.Block != nil {
		return s
	}
	for _, p := range s.conf.Target.Peers {
		all := n[p.Host]
		if len(all) == 0 || s.conf.Target.Variables && !slices.ContainsFunc(all, func(w *nginxconf.Route) bool {
			return slices.ContainsFunc(w.Target.Peers, func(o nginxconf.Peer) bool { return o.Host == p.Host && o.Port == p.Port })
		}) {
			continue
		}
		s.conf = all[0]
		return s
	}
	return s
}

// patch is the one for a name: that of its first pass directive, and the same for the others.
func (n startNames) patch(s observation, g *group, e *audit.Evidence) patch {
	m := s.reresolvePatch(g, e)
	if all := n[s.calledName()]; s.conf.Target.Block == nil && len(all) > 1 && all[0] == s.conf {
		for _, w := range all[1:] {
			s.conf = w
			next := s.reresolvePatch(g, e)
			for _, one := range append([]patch{next}, next.also...) {
				if !slices.ContainsFunc(m.also, func(o patch) bool { return o.block == one.block && slices.Equal(o.lines, one.lines) }) {
					m.also = append(m.also, one)
				}
			}
			m.hangs = m.hangs || next.hangs
		}
	}
	return m
}

// lookupCause is the directive that names the host: a server of the upstream block, or the pass directive.
func (s observation) lookupCause() cause {
	if s.NotStarted != "" {
		for _, d := range s.servers() {
			if len(d.Args) > 0 && strings.Contains(s.NotStarted, `"`+hostOf(d.Args[0])) {
				return causedBy(d)
			}
		}
	}
	for _, d := range s.servers() {
		if len(d.Args) > 0 && isName(hostOf(d.Args[0])) && !slices.Contains(d.Args, "resolve") {
			return causedBy(d)
		}
	}
	return s.passCause()
}

// hostOf is the host of "app:8080" or "http://app:8080/x".
func hostOf(written string) string {
	if _, rest, ok := strings.Cut(written, "://"); ok {
		written = rest
	}
	written, _, _ = strings.Cut(written, "/")
	if strings.HasPrefix(written, "unix:") {
		return ""
	}
	if host, _, err := net.SplitHostPort(written); err == nil {
		return host
	}
	return strings.Trim(written, "[]")
}

// isName reports whether a host is a name, not an address.
func isName(host string) bool {
	return host != "" && net.ParseIP(host) == nil && !strings.Contains(host, "$")
}

// calledName is the name that the route looks up, as far as it is known.
func (s observation) calledName() string {
	for _, p := range s.conf.Target.Peers {
		if isName(p.Host) {
			return p.Host
		}
	}
	for _, p := range s.route.Endpoints {
		if h := hostOf(p.Name); isName(h) {
			return h
		}
	}
	return s.route.Pass
}

// reresolvePatch are lines by which the name is looked up while requests run, as this nginx can do it: with resolve in the
// upstream block from 1.27.3 on, else with a variable in the pass directive.
func (s observation) reresolvePatch(g *group, e *audit.Evidence) patch {
	if s.conf.Target.Block != nil && (resolves(e) || !s.takesVariables()) {
		return s.resolvePatch(g, e)
	}
	host, port := s.calledName(), ""
	for _, p := range s.conf.Target.Peers {
		if p.Host == host && p.Port > 0 {
			port = ":" + strconv.Itoa(p.Port)
		}
	}
	pass := s.conf.Target.Pass
	m := patch{block: s.conf.Location, place: s.route.Place, lines: []string{}, hangs: hangsOnDNS(host, e)}
	if pass == nil {
		return g.patch("# " + resolverLine(host, e))
	}
	m.replaces = []*nginxconf.Directive{pass}
	if !s.takesVariables() {
		return s.upstreamBlockPatch(m, host, port, e)
	}
	m.lines = append(m.lines, s.poolLost(host)...)
	m.lines = append(m.lines, s.resolverFor(host, e)...)
	variable := "$" + regexp.MustCompile(`\W+`).ReplaceAllString(host, "_") + "_host"
	m.lines = append(m.lines, line("set", variable, host))
	uri, match := uriOf(s.conf.Target.Written), strings.TrimPrefix(s.conf.Match, "^~ ")
	if uri != "" && strings.HasPrefix(match, "/") && uri != match {
		m.lines = append(m.lines, line("rewrite", "^"+regexp.QuoteMeta(match)+"(.*)$", uri+"$1", "break"))
	}
	scheme := s.scheme()
	to := scheme + variable + port
	if strings.HasPrefix(match, "= ") && uri != "" {
		to += uri // with variables it is passed on as it stands, without the arguments
		if !strings.Contains(uri, "?") {
			to += "$is_args$args"
		}
	}
	m.lines = append(m.lines, line(pass.Name, to))
	if l, d := s.redirectFor(scheme+host+port, uri, strings.TrimPrefix(match, "= ")); l != "" {
		m.lines = append(m.lines, l)
		if d != nil {
			m.replaces = append(m.replaces, d)
		}
	}
	if s.conf.Target.Block != nil {
		m.lines = append(m.lines, "# and take the block upstream "+s.route.Upstream+" out: its names are looked up at the start")
	}
	return m
}

// scheme is what the argument of the route's pass directive begins with, where it takes one.
func (s observation) scheme() string {
	before, _, ok := strings.Cut(s.conf.Target.Written, "://")
	switch pass := s.conf.Target.Pass; {
	case ok && !strings.HasPrefix(before, "$"):
		return before + "://"
	case pass != nil && (pass.Name == "proxy_pass" || pass.Name == "grpc_pass") && s.conf.Target.Protocol != "":
		return s.conf.Target.Protocol + "://"
	}
	return ""
}

// redirectFor is the proxy_redirect that nginx has of its own accord where proxy_pass has no variables: without it visitors are sent to
// the upstream's address. It takes the place of a "default", which variables do not go with.
// https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_redirect
func (s observation) redirectFor(to, uri, path string) (text string, replaces *nginxconf.Directive) {
	for _, d := range s.all("proxy_redirect") {
		if !slices.Equal(d.Args, []string{"default"}) {
			return "", nil
		}
		replaces = d
	}
	if s.conf.Target.Pass.Name != "proxy_pass" {
		return "", nil
	}
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if strings.HasPrefix(to, scheme) {
			to = strings.TrimSuffix(to, port) // as the upstream is called in Host
		}
	}
	if uri == "" || !strings.HasPrefix(path, "/") {
		uri, path = "/", "/"
	}
	return line("proxy_redirect", to+uri, path), replaces
}

// poolLost says what one name in place of an upstream block does away with.
func (s observation) poolLost(host string) []string {
	block := s.conf.Target.Block
	if block == nil {
		return nil
	}
	var lines, lost []string
	if len(s.conf.Target.Peers) > 1 {
		lines = append(lines, "# one name for all servers of "+s.conf.Target.Upstream+": give "+host+" the addresses of each")
	}
	for _, d := range block.Block {
		switch d.Name {
		case "server":
			for _, a := range d.Args[min(1, len(d.Args)):] {
				name, _, _ := strings.Cut(a, "=")
				lost = append(lost, name)
			}
		case "zone", "resolver", "resolver_timeout", "keepalive_timeout", "keepalive_requests", "keepalive_time":
		default:
			lost = append(lost, d.Name)
		}
	}
	slices.Sort(lost)
	if lost = slices.Compact(lost); len(lost) > 0 {
		lines = append(lines, "# this does without "+audit.Listed(lost)+" of "+s.conf.Target.Upstream+": to keep that leave it as it is, and reload nginx when an address moves")
	}
	return lines
}

// takesVariables reports whether the pass directive of the protocol does.
func (s observation) takesVariables() bool { return !s.stream() && s.route.Protocol != "memcached" }

// upstreamBlockPatch makes an upstream block of a host that a pass directive names, for those that take no variables.
func (s observation) upstreamBlockPatch(m patch, host, port string, e *audit.Evidence) patch {
	name := regexp.MustCompile(`\W+`).ReplaceAllString(host, "_") + "_servers"
	m.lines, m.hangs = append(m.lines, line(s.conf.Target.Pass.Name, name)), m.hangs || !resolves(e)
	m.also = s.inOutermost("upstream "+name+" {", "    "+line("zone", name, "64k"), "    "+resolverLine(host, e),
		"    "+line("server", host+port, "resolve")+versionNote(e), "}")
	return m
}

// resolves reports whether this nginx looks up the servers of an upstream block that have resolve.
func resolves(e *audit.Evidence) bool { return atLeast(e.Report.Gateway, 1, 27, 3) }

// hangsOnDNS reports whether nobody but the server's own name servers can tell that a name is found: they are not in the config, or
// the name is short, which a search domain completes of which the resolver directive knows nothing.
func hangsOnDNS(host string, e *audit.Evidence) bool {
	own := ownResolver(e)
	return own == nil || isShort(host) || blind(own, host) != ""
}

// isShort reports whether a name has no domain.
func isShort(name string) bool { return !strings.Contains(strings.TrimSuffix(name, "."), ".") }

// versionNote says which nginx resolve needs, where it is not this one.
func versionNote(e *audit.Evidence) string {
	if resolves(e) {
		return ""
	}
	return " # needs nginx 1.27.3"
}

// resolvePatch are the servers of the upstream block with resolve, and what that needs beside it.
func (s observation) resolvePatch(g *group, e *audit.Evidence) patch {
	block := s.conf.Target.Block
	m := patch{block: block, place: g.place, hangs: !resolves(e)}
	if !slices.ContainsFunc(block.Block, func(d *nginxconf.Directive) bool { return d.Name == "zone" }) {
		m.lines = append(m.lines, line("zone", block.Args[0], "64k"))
	}
	if len(nginxconf.Effective(block, "resolver")) == 0 {
		m.lines = append(m.lines, resolverLine(s.calledName(), e))
	}
	for _, d := range s.servers() {
		if len(d.Args) > 0 && isName(hostOf(d.Args[0])) && !slices.Contains(d.Args, "resolve") {
			m.lines = append(m.lines, line("server", append(slices.Clone(d.Args), "resolve")...)+versionNote(e))
			m.replaces = append(m.replaces, d)
			m.hangs = m.hangs || hangsOnDNS(hostOf(d.Args[0]), e)
		}
	}
	return m
}

// dockersResolver is for whoever has none, with what it is.
const dockersResolver = "resolver 127.0.0.11 valid=10s; # Docker's"

// ownResolver is the config's first resolver; nil where it has none.
func ownResolver(e *audit.Evidence) *nginxconf.Directive {
	if e.Config != nil {
		for _, d := range e.Config.Find("resolver") {
			return d
		}
	}
	return nil
}

// resolverLine is the config's own resolver, where it has one that may know the name; else Docker's, which has to be set to one's own.
func resolverLine(host string, e *audit.Evidence) string {
	d := ownResolver(e)
	switch {
	case d == nil && isShort(host):
		return dockersResolver + "; else a nameserver of /etc/resolv.conf, which has to be asked for " + host + " with its domain"
	case d == nil:
		return dockersResolver + "; else a nameserver of /etc/resolv.conf"
	case blind(d, host) == public:
		return dockersResolver + "; elsewhere a nameserver that knows " + host + ", as " + d.Args[0] + " does not"
	}
	return line("resolver", d.Args...)
}

// resolverFor are the lines by which a name is found where the route is: none where the resolver that holds there may know it.
func (s observation) resolverFor(host string, e *audit.Evidence) []string {
	d := s.effective("resolver")
	if d == nil {
		return []string{resolverLine(host, e)}
	}
	switch blind(d, host) {
	case public:
		return []string{resolverLine(host, e)}
	case cluster, unsaid:
		return []string{"# give " + host + " with its domain, as " + d.Args[0] + " is asked for the name as it stands"}
	}
	return nil
}

// atLeast reports whether a gateway ("nginx/1.27.4") is nginx of that version or a later one.
func atLeast(gateway string, want ...int) bool {
	_, version, ok := strings.Cut(gateway, "/")
	if !ok {
		_, version, _ = strings.Cut(gateway, " ")
	}
	for i, part := range strings.SplitN(version, ".", 3) {
		digits := strings.TrimRight(part, "abcdefghijklmnopqrstuvwxyz() ")
		n, err := strconv.Atoi(strings.Fields(digits + " x")[0])
		if err != nil || i >= len(want) {
			return false
		}
		if n != want[i] {
			return n > want[i]
		}
	}
	return version != ""
}
