package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

const addHeaderManual = "https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header"

var headers = []audit.Rule{
	{
		ID: "headers-lost", Severity: "medium", Title: "a proxy_set_header of its own loses those that a location inherits", Static: true,
		Why: "A location inherits these directives only if it has none of its own. The application gets the upstream's name as its " +
			"Host, or takes the gateway for the visitor: wrong links, redirects and sites, and everybody has one address.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_set_header", Find: headersLost,
	},
	{
		ID: "add-header-lost", Severity: "medium", Title: "an add_header of its own loses those that a block inherits", Static: true,
		Why: "A block inherits add_header only if it has none of its own: what protects all other pages of the site, or lets a " +
			"browser's script read them, is missing here.",
		Source: addHeaderManual, Find: addHeaderLost,
	},
	{
		ID: "header-not-on-errors", Severity: "low", Title: "a header is not on error answers", Static: true,
		Why: "Without \"always\" add_header is for 200, 201, 204, 206, 301 to 304, 307 and 308 alone. Error pages go without " +
			"protection, and of an API's error a browser shows the script nothing but a failure of CORS.",
		Source: addHeaderManual, Find: headerNotOnErrors,
	},
	{
		ID: "host-spoofed", Severity: "low", Title: "the visitor chooses the Host that the application believes", Static: true,
		Why: "This server answers for every name, and passes on the one that the visitor wrote: an application that builds links of " +
			"it (a password reset, a redirect, a page that is cached) sends others to whomever he likes.",
		Source: "https://nginx.org/en/docs/http/request_processing.html", Find: hostSpoofed,
	},
	{
		ID: "underscores", Severity: "low", Title: "a header with an underscore in its name is dropped", Static: true,
		Why: "nginx takes a client's header with an underscore for an invalid one and drops it, which its log tells at the level info " +
			"alone: the application sees it empty.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#underscores_in_headers", Find: underscores,
	},
}

// settersOf are the directives that say what an upstream is told, by the prefix of its protocol.
var settersOf = map[string]string{"proxy_": "proxy_set_header", "grpc_": "grpc_set_header", "fastcgi_": "fastcgi_param", "uwsgi_": "uwsgi_param",
	"scgi_": "scgi_param"}

// told are what applications rely on to be told.
var told = []string{"host", "forwarded", "x-real-ip", "request_method", "query_string", "script_filename", "content_length", "content_type",
	"request_uri", "remote_addr", "https", "http_host"}

func isTold(field string) bool {
	field = strings.ToLower(field)
	return slices.Contains(told, field) || strings.HasPrefix(field, "x-forwarded-")
}

// headersLost leaves alone a location that gives the Host of somebody else's site: who asks a stranger does not tell him of his
// own visitors.
func headersLost(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		lost, _, mine := s.lostHeaders()
		if len(lost) == 0 || s.route.Role == nginxconf.Mirror {
			continue
		}
		if host := s.proxyHeader("Host"); host != nil && !strings.Contains(strings.ReplaceAll(host.Args[len(host.Args)-1], "$proxy_host", ""), "$") {
			continue
		}
		found.add(cause{block: mine.Parent, place: mine.Place}, s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		lost, all, mine := s.lostHeaders()
		var lines []string
		for _, d := range all {
			lines = append(lines, again(d))
		}
		f := g.reading(fmt.Sprintf("%s loses %s", blockName(g.block), audit.Listed(some(lost))),
			fmt.Sprintf("with %s of its own it has none of those at %s", mine.Name, at(all[0].Place)), g.patch(lines...))
		for _, s := range g.observations {
			for _, c := range s.Calls {
				if slices.Contains(lost, "Host") && c.Host != "" && c.Host == s.passHost() && !strings.Contains(c.Host, "$") {
					return g.proven(f, s, fmt.Sprintf("%s was asked for the host %q", c.Endpoint, c.Host))
				}
			}
		}
		if !slices.ContainsFunc(g.observations, func(s observation) bool { return s.route.Role != nginxconf.Auth }) {
			f.Severity = "low"
		}
		return f
	})
}

// lostHeaders are the fields that the route's block would inherit and sets anew without: the fields that count, all directives
// that are lost, and the first of its own.
func (s observation) lostHeaders() (fields []string, all []*nginxconf.Directive, mine *nginxconf.Directive) {
	setter := settersOf[s.prefix()]
	own := s.all(setter)
	if setter == "" || len(own) == 0 {
		return nil, nil, nil
	}
	mine = own[0]
	for _, d := range inherited(mine.Parent, setter) {
		if len(d.Args) == 0 || slices.ContainsFunc(own, func(o *nginxconf.Directive) bool {
			return len(o.Args) > 0 && strings.EqualFold(o.Args[0], d.Args[0])
		}) {
			continue
		}
		all = append(all, d)
		if isTold(d.Args[0]) && !slices.Contains(fields, d.Args[0]) {
			fields = append(fields, d.Args[0])
		}
	}
	return fields, all, mine
}

// passHost is the Host that nginx sends of itself: what the pass directive names.
func (s observation) passHost() string {
	_, host, _ := strings.Cut(target(s.conf.Target.Written), "://")
	return host
}

// some are names, of many only the first.
func some(names []string) []string {
	const most = 4
	if len(names) <= most+1 {
		return names
	}
	return append(slices.Clone(names[:most]), fmt.Sprintf("%d more", len(names)-most))
}

// protecting are headers of an answer that a browser has to see on every page.
var protecting = []string{"strict-transport-security", "content-security-policy", "x-frame-options", "x-content-type-options",
	"referrer-policy", "permissions-policy", "cross-origin-opener-policy", "cross-origin-embedder-policy", "cross-origin-resource-policy"}

func protects(field string) bool { return slices.Contains(protecting, strings.ToLower(field)) }

// isCORS reports whether a header lets scripts of other sites read an answer.
func isCORS(field string) bool {
	return strings.EqualFold(field, "Access-Control-Allow-Origin") || strings.EqualFold(field, "Access-Control-Allow-Credentials")
}

// addHeaderLost looks at every block with an add_header of its own. One that hands nothing to an upstream weighs less: it is
// mostly for files, or a page of the gateway's own.
func addHeaderLost(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	seen, routes := map[*nginxconf.Directive]bool{}, byBlock(e)
	for _, mine := range e.Config.Find("add_header") {
		block := mine.Parent
		if block == nil || seen[block] || merges(block) {
			continue
		}
		seen[block] = true
		var lost, lines []string
		outer := inherited(block, "add_header")
		for _, d := range outer {
			if len(d.Args) == 0 || hasHeader(block, d.Args[0]) {
				continue
			}
			if lines = append(lines, again(d)); protects(d.Args[0]) || isCORS(d.Args[0]) {
				lost = append(lost, d.Args[0])
			}
		}
		if len(lost) == 0 || block.Name == "if" && own(block, "return") != nil && !slices.ContainsFunc(lost, isCORS) {
			continue
		}
		g := group{cause: cause{block: block, place: mine.Place}, observations: routes[block]}
		f := g.reading(fmt.Sprintf("%s loses %s", blockName(block), audit.Listed(some(lost))),
			fmt.Sprintf("with add_header of its own it has none of those at %s", at(outer[0].Place)), g.patch(lines...))
		if len(g.observations) == 0 {
			f.Severity = "low"
		} else if s := g.observations[0]; hasField(s.Header, mine.Args[0]) && !slices.ContainsFunc(lost, func(field string) bool { return hasField(s.Header, field) }) {
			f = g.proven(f, s, fmt.Sprintf("%d with %s and without %s", s.Status, mine.Args[0], audit.Listed(some(lost))))
		}
		all = append(all, f)
	}
	return all
}

// merges reports whether a block adds its headers to those that it inherits, as nginx can do since 1.29.3.
func merges(block *nginxconf.Directive) bool {
	all := nginxconf.Effective(block, "add_header_inherit")
	return len(all) > 0 && slices.Contains(all[0].Args, "merge")
}

// hasHeader reports whether a block itself adds a header.
func hasHeader(block *nginxconf.Directive, field string) bool {
	return slices.ContainsFunc(block.Block, func(d *nginxconf.Directive) bool {
		return d.Name == "add_header" && len(d.Args) > 0 && strings.EqualFold(d.Args[0], field)
	})
}

// hasField reports whether an answer has a header.
func hasField(header map[string][]string, field string) bool {
	for name := range header {
		if strings.EqualFold(name, field) {
			return true
		}
	}
	return false
}

// headerNotOnErrors looks at the headers that hold where a route's pass directive stands. An answer of the check without the header
// proves it, and one that has it all the same, as its error page has its own, speaks against it.
func headerNotOnErrors(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if all := s.notAlways(); len(all) > 0 && (s.route.Role == nginxconf.Content || s.route.Role == nginxconf.Try) {
			found.add(cause{block: all[0].Parent, place: all[0].Place}, s)
		}
	}
	var all []audit.Finding
	for _, g := range found.groups {
		var fields, lines []string
		m := patch{block: g.block, place: g.place}
		for _, d := range g.observations[0].notAlways() {
			fields = append(fields, d.Args[0])
			lines = append(lines, rewritten(d, append(slices.Clone(d.Args), "always")...))
			m.replaces = append(m.replaces, d)
		}
		m.lines = lines
		f := g.reading(audit.Listed(some(fields))+" "+plural(len(fields), "is", "are")+" not on error answers",
			"without always add_header leaves out 4xx and 5xx", m)
		if slices.ContainsFunc(fields, isCORS) {
			f.Severity = "medium"
		}
		s, missing := g.seen(func(c audit.Measurement) bool { return isError(c) && !hasField(c.Header, fields[0]) })
		if missing {
			f = g.proven(f, s, fmt.Sprintf("%s without %s", s.outcome(), fields[0]))
		} else if _, has := g.seen(isError); has {
			continue
		}
		all = append(all, f)
	}
	return all
}

// isError reports whether an answer has a status that add_header leaves out, and a header that is known.
func isError(c audit.Measurement) bool {
	return c.Skipped == "" && c.Status >= 400 && len(c.Header) > 0
}

// notAlways are the headers that protect, or that scripts need, and that are not on error answers of the route.
func (s observation) notAlways() []*nginxconf.Directive {
	var all []*nginxconf.Directive
	for _, d := range s.all("add_header") {
		if len(d.Args) >= 2 && d.Args[1] != "" && (protects(d.Args[0]) || isCORS(d.Args[0])) && d.Args[len(d.Args)-1] != "always" {
			all = append(all, d)
		}
	}
	return all
}

// hostSpoofed looks at servers that answer for every name and pass on what the visitor wrote. A server behind one with names is
// asked for those only, which its own config does not tell.
func hostSpoofed(e *audit.Evidence) []audit.Finding {
	var found collector
	fragment := slices.ContainsFunc(e.Report.Supplied, func(one audit.Supply) bool { return one.Kind == "wrapper" })
	for _, s := range configRoutes(e) {
		if d := s.proxyHeader("Host"); d != nil && len(d.Args) == 2 && strings.HasPrefix(d.Args[1], "$http_host") && s.takesEveryName(fragment) {
			found.add(causedBy(d), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		f := g.reading("the visitor chooses the Host that the application believes", "the server at "+at(s.conf.Server.Place)+
			" answers for every name, and $http_host is what the visitor wrote",
			s.refuseOthersPatch())
		return f
	})
}

// refuseOthersPatch is a server of its own for all names that the route's does not have.
func (s observation) refuseOthersPatch() patch {
	m := patch{block: s.conf.Server, place: s.conf.Server.Place}
	if !hasName(s.conf.Server) {
		m.lines = append(m.lines, "# name the site: server_name www.example.com;")
	}
	m.lines = append(m.lines, "# and let a server of its own answer all other names, which alone is the default_server:")
	seen := map[string]bool{}
	for _, l := range s.conf.Listens {
		other := fmt.Sprintf("# server { listen %d default_server; return 444; }", l.Port)
		if l.TLS {
			other = fmt.Sprintf("# server { listen %d ssl default_server; ssl_reject_handshake on; }", l.Port)
		}
		if l.Network == "tcp" && !seen[other] {
			seen[other] = true
			m.lines = append(m.lines, other)
		}
	}
	return m
}

// takesEveryName reports whether the route's server answers for names that it does not list. Of a fragment of a config that is known
// where it says so itself alone: beside which other servers it stands is not.
func (s observation) takesEveryName(fragment bool) bool {
	if s.conf.Server == nil {
		return false
	}
	if !hasName(s.conf.Server) {
		return true
	}
	if fragment {
		return slices.ContainsFunc(s.conf.Server.Block, func(d *nginxconf.Directive) bool {
			return d.Name == "listen" && (slices.Contains(d.Args, "default_server") || slices.Contains(d.Args, "default"))
		})
	}
	return slices.ContainsFunc(s.conf.Listens, func(l nginxconf.Listen) bool { return l.Default })
}

// hasName reports whether a server says which names it is for.
func hasName(server *nginxconf.Directive) bool {
	return slices.ContainsFunc(namesOf(server), func(name string) bool { return name != "*" })
}

// underscores finds a field with an underscore that is passed on as the client sent it, and one that is sent to a server of this
// same gateway.
func underscores(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		for _, d := range s.all("proxy_set_header") {
			if len(d.Args) != 2 || !strings.Contains(d.Args[0], "_") {
				continue
			}
			from := s.conf.Server
			if to := s.conf.Target.Self; to != nil && d.Args[1] != "" {
				from = to
			} else if d.Args[1] != "$http_"+strings.ToLower(d.Args[0]) {
				continue
			}
			if from == nil || isOn(from, "underscores_in_headers") || isOff(from, "ignore_invalid_headers") {
				continue
			}
			found.add(cause{block: from, lacks: []string{"underscores_in_headers"}, place: from.Place}, s)
			break
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		field := ""
		for _, d := range s.all("proxy_set_header") {
			if len(d.Args) == 2 && strings.Contains(d.Args[0], "_") {
				field = d.Args[0]
				break
			}
		}
		f := g.reading("the header "+field+" is dropped where it comes in", "a client's header with an underscore is dropped, and "+
			s.route.ID+" passes one on", g.patch("underscores_in_headers on;"))
		if s.conf.Target.Self == g.block {
			f.Severity, f.Saw = "medium", s.route.ID+" sends "+field+" to a server of this gateway that drops it"
		}
		return f
	})
}

// isOn and isOff report what holds for a switch in a block.
func isOn(block *nginxconf.Directive, name string) bool {
	all := nginxconf.Effective(block, name)
	return len(all) > 0 && slices.Contains(all[0].Args, "on")
}

func isOff(block *nginxconf.Directive, name string) bool {
	all := nginxconf.Effective(block, name)
	return len(all) > 0 && slices.Contains(all[0].Args, "off")
}
