package review

import (
	"fmt"
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
		ID: "no-resolver", Severity: "high", Title: "a variable in the pass directive, and no resolver",
		Why: "With a variable nginx looks the name up while requests run, and only with the resolver directive: /etc/resolv.conf " +
			"and /etc/hosts are not read then. It starts without complaint, and each request is a 502.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver",
		Find:   noResolver,
	},
}

func movedAddress(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if !s.isFault("name-moved") || !s.NotRecovered && s.ErrorsFor <= maxStaleAddress {
			continue
		}
		c := s.lookupCause()
		if d := s.effective("resolver"); d != nil && !s.NotRecovered {
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
			g.describe(s, s.outcome()+", still so "+long(s.ErrorsFor)+" after the name had moved"), s.reresolvePatch(g, e))
	})
}

func missingName(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.isFault("name-gone") && s.NotStarted != "" {
			found.add(s.lookupCause(), s)
		}
	}
	using := map[string][]string{} // routes by endpoint
	for _, r := range e.Report.Routes {
		for _, p := range r.Endpoints {
			using[p.Name] = append(using[p.Name], r.ID)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		f := g.finding(fmt.Sprintf("without the name %s the gateway does not start", s.calledName()),
			g.describe(s, "nginx did not start: "+logPrefix.ReplaceAllString(s.NotStarted, "")), s.reresolvePatch(g, e))
		theirs := map[string]bool{}
		for _, s := range g.observations {
			theirs[s.route.ID] = true
			for _, p := range s.route.Endpoints {
				for _, id := range using[p.Name] {
					theirs[id] = true
				}
			}
		}
		// What else goes down has nothing to do with that name.
		if n := len(e.Report.Routes) - len(theirs); n > 0 {
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
	for _, s := range healthyObservations(e) {
		if s.logged("no resolver defined to resolve") {
			found.add(s.causeLacking("resolver"), s)
		}
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		s := g.observations[0]
		return g.finding("no resolver for the name in "+s.route.Pass, g.describe(s, s.outcome()+" although the upstream is well"),
			g.patch(resolverLine(e)))
	})
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
	if s.conf.Target.Block != nil && (atLeast(e.Report.Gateway, 1, 27, 3) || !s.takesVariables()) {
		return s.resolvePatch(g, e)
	}
	host, port := s.calledName(), ""
	for _, p := range s.conf.Target.Peers {
		if p.Host == host && p.Port > 0 {
			port = ":" + strconv.Itoa(p.Port)
		}
	}
	pass := s.conf.Target.Pass
	m := patch{block: s.conf.Location, place: s.route.Place, lines: []string{}}
	if pass == nil {
		return g.patch("# " + resolverLine(e))
	}
	m.replaces = []*nginxconf.Directive{pass}
	if !s.takesVariables() {
		return s.upstreamBlockPatch(m, host, port, e)
	}
	if d := s.effective("resolver"); d == nil {
		m.lines = append(m.lines, resolverLine(e))
	}
	if len(s.conf.Target.Peers) > 1 {
		m.lines = append(m.lines, "# one name for all servers of "+s.route.Upstream+": give "+host+" the addresses of each")
	}
	variable := "$" + regexp.MustCompile(`\W+`).ReplaceAllString(host, "_") + "_host"
	m.lines = append(m.lines, line("set", variable, host))
	uri := uriOf(s.conf.Target.Written)
	if match := s.conf.Match; uri != "" && strings.HasPrefix(match, "/") && uri != match {
		m.lines = append(m.lines, line("rewrite", "^"+regexp.QuoteMeta(match)+"(.*)$", uri+"$1", "break"))
	}
	scheme := ""
	if before, _, ok := strings.Cut(s.conf.Target.Written, "://"); ok {
		scheme = before + "://"
	} else if s.route.Protocol == "grpc" || s.route.Protocol == "grpcs" {
		scheme = "grpc://"
	}
	to := scheme + variable + port
	if strings.HasPrefix(s.conf.Match, "= ") {
		to += uri // with variables it is passed on as it stands, which for one path is what it was before
	}
	m.lines = append(m.lines, line(pass.Name, to))
	if s.conf.Target.Block != nil {
		m.lines = append(m.lines, "# and take the block upstream "+s.route.Upstream+" out: its names are looked up at the start")
	}
	return m
}

// takesVariables reports whether the pass directive of the protocol does.
func (s observation) takesVariables() bool { return !s.stream() && s.route.Protocol != "memcached" }

// upstreamBlockPatch makes an upstream block of a host that a pass directive names, for those that take no variables.
func (s observation) upstreamBlockPatch(m patch, host, port string, e *audit.Evidence) patch {
	name, outer := regexp.MustCompile(`\W+`).ReplaceAllString(host, "_")+"_servers", "http"
	if s.stream() {
		outer = "stream"
	}
	m.lines = append(m.lines, line(s.conf.Target.Pass.Name, name))
	m.elsewhere = []string{"# and in " + outer + ":", "upstream " + name + " {", "    " + line("zone", name, "64k"), "    " + resolverLine(e),
		"    " + line("server", host+port, "resolve") + versionNote(e), "}"}
	return m
}

// versionNote says which nginx resolve needs, where it is not this one.
func versionNote(e *audit.Evidence) string {
	if atLeast(e.Report.Gateway, 1, 27, 3) {
		return ""
	}
	return " # needs nginx 1.27.3"
}

// resolvePatch are the servers of the upstream block with resolve, and what that needs beside it.
func (s observation) resolvePatch(g *group, e *audit.Evidence) patch {
	block := s.conf.Target.Block
	m := patch{block: block, place: g.place}
	if !slices.ContainsFunc(block.Block, func(d *nginxconf.Directive) bool { return d.Name == "zone" }) {
		m.lines = append(m.lines, line("zone", block.Args[0], "64k"))
	}
	if len(nginxconf.Effective(block, "resolver")) == 0 {
		m.lines = append(m.lines, resolverLine(e))
	}
	for _, d := range s.servers() {
		if len(d.Args) > 0 && isName(hostOf(d.Args[0])) && !slices.Contains(d.Args, "resolve") {
			m.lines = append(m.lines, line("server", append(slices.Clone(d.Args), "resolve")...)+versionNote(e))
			m.replaces = append(m.replaces, d)
		}
	}
	return m
}

// resolverLine is the config's own resolver, where it has one; else Docker's, which has to be set to one's own.
func resolverLine(e *audit.Evidence) string {
	if e.Config != nil {
		for _, d := range e.Config.Find("resolver") {
			return line("resolver", d.Args...)
		}
	}
	return "resolver 127.0.0.11 valid=10s; # Docker's; else a nameserver of /etc/resolv.conf"
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
