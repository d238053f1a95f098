package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

const errorPageManual = "https://nginx.org/en/docs/http/ngx_http_core_module.html#error_page"

var pages = []audit.Rule{
	{
		ID: "error-page", Severity: "medium", Title: "the error page itself fails or loops",
		Why: "The page that is to calm visitors is fetched from the very upstream that is down, or it is not there: they get nginx's " +
			"bare page after all, often with another status than the true one.",
		Source: errorPageManual, Find: errorPage,
	},
	{
		ID: "version-shown", Severity: "low", Title: "the default page shows the version",
		Why:    "Whoever scans for servers with a known hole reads there which one this is.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#server_tokens", Find: versionShown,
	},
	{
		ID: "raw-error", Severity: "low", Title: "the upstream's raw error page is passed on",
		Why: "An application's own 500 page often shows its framework, paths and a stack trace. error_page covers only what nginx " +
			"answers itself, unless it intercepts.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_intercept_errors", Find: rawError,
	},
}

// errorPageLocation is a page that needs neither an upstream nor a file.
var errorPageLocation = pageLocation("/gateway-error.html")

// pageLocation is such a page at a path, which is quoted where it has to be.
func pageLocation(path string) []string {
	return []string{"location = " + path + " {", "    internal;", "    default_type text/html;", `    return 200 "<h1>We will be back in a moment.</h1>";`, "}"}
}

// errorPage finds three ways to fail: a cycle of internal redirects, a page that is asked of the upstream that is down, and a
// file that is not there. The last may be the lab's lack and not the config's, so it weighs less.
func errorPage(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if !s.failed() && s.Page != "nginx" || s.NotStarted != "" || s.Page == "upstream" || s.Page == "config" || s.stream() {
			continue
		}
		for _, d := range s.all("error_page") {
			if s.pageFailure(d) != "" {
				found.add(causedBy(d), s)
				break
			}
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		why := s.pageFailure(g.directive)
		target := g.directive.Args[len(g.directive.Args)-1]
		f := g.finding("the error page "+target+" "+why, g.describe(s, s.outcome()+", nginx's own page"), g.ownPagePatch())
		switch why {
		case loops:
			f.Severity = "high"
		case absent:
			f.Severity = "low"
			f.Saw += "; the lab has no such file (if the real server has it, waive this)"
		}
		return f
	})
}

// ownPagePatch has the group's error_page lead to a page that needs nobody.
func (g *group) ownPagePatch() patch {
	codes := codesOf(g.directive)
	if len(codes) == 0 {
		codes = []string{"502", "504"}
	}
	m := g.patch(withInherited(g.block, "error_page", line("error_page", strings.Join(codes, " ")+" /gateway-error.html"))...)
	m.also = g.inServers(errorPageLocation...)
	return m
}

const (
	loops  = "loops"
	asks   = "is asked of the same upstream"
	absent = "is not there"
)

// pageFailure says why this error_page did not do for the observation; empty when it did, or is for other statuses.
func (s observation) pageFailure(d *nginxconf.Directive) string {
	n := len(d.Args)
	if n < 2 {
		return ""
	}
	target := d.Args[n-1]
	if s.logged("redirection cycle") {
		return loops
	}
	if !covers(d, s.Status) && !s.covered(d) {
		return ""
	}
	if strings.HasPrefix(target, "/") && !strings.Contains(target, "$") && s.conf.Server != nil {
		path, _, _ := strings.Cut(target, "?")
		if where := nginxconf.Locate(s.conf.Server, path); where != nil && s.callsSameUpstream(where) && s.failed() {
			return asks
		}
		if s.logged("failed (2: No such file") && s.logged(path) {
			return absent
		}
	}
	if strings.HasPrefix(target, "@") {
		if where := named(s.conf.Server, target); where != nil && s.callsSameUpstream(where) && s.failed() {
			return asks
		}
	}
	return ""
}

// covered reports whether the error was one of the directive's before its page made another of it.
func (s observation) covered(d *nginxconf.Directive) bool {
	return s.Status == 404 && (covers(d, 502) || covers(d, 504) || covers(d, 500) || covers(d, 503))
}

// codesOf are the statuses that an error_page is for.
func codesOf(d *nginxconf.Directive) []string {
	var codes []string
	for _, a := range d.Args[:max(len(d.Args)-1, 0)] {
		if !strings.HasPrefix(a, "=") {
			codes = append(codes, a)
		}
	}
	return codes
}

func covers(d *nginxconf.Directive, status int) bool {
	return slices.Contains(codesOf(d), fmt.Sprint(status))
}

// callsSameUpstream reports whether a location calls one of the upstreams that the route does.
func (s observation) callsSameUpstream(where *nginxconf.Directive) bool {
	pass := s.conf.Target.Pass
	if pass == nil {
		return false
	}
	if where == pass.Parent {
		return true
	}
	for _, d := range where.Block {
		if d.Name == pass.Name && len(d.Args) == 1 && target(d.Args[0]) == target(pass.Args[0]) {
			return true
		}
	}
	return false
}

// target is where an argument of a pass directive leads, without its URI.
func target(written string) string { return strings.TrimSuffix(written, uriOf(written)) }

// named is the named location of a server.
func named(server *nginxconf.Directive, name string) *nginxconf.Directive {
	if server == nil {
		return nil
	}
	for _, d := range server.Block {
		if d.Name == "location" && len(d.Args) == 1 && d.Args[0] == name {
			return d
		}
	}
	return nil
}

func versionShown(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.Version && s.Page == "nginx" {
			found.add(s.causeOf("server_tokens"), s)
		}
	}
	for _, g := range found.groups {
		for up := g.block; up != nil && g.directive == nil; up = up.Parent {
			if up.Name == "http" {
				g.block, g.place = up, up.Place // it is one setting for all sites
			}
		}
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		s := g.observations[0]
		return g.finding("the default page shows the version of nginx", g.describe(s, s.outcome()+", with "+s.banner(e)), g.patch("server_tokens off;"))
	})
}

// banner is what the header or the page says of the gateway.
func (s observation) banner(e *audit.Evidence) string {
	for name, values := range s.Header {
		if strings.EqualFold(name, "Server") && len(values) > 0 {
			return "Server: " + values[0]
		}
	}
	return e.Report.Gateway
}

// rawError is of weight where the config has a page for that status and does not use it: then somebody believes that it is used.
func rawError(e *audit.Evidence) []audit.Finding {
	var found collector
	meant := map[*group]bool{}
	for _, s := range observations(e) {
		if !s.isFault("500", "502", "503") || s.Page != "upstream" || fmt.Sprint(s.Status) != s.Fault || s.Method != "GET" ||
			s.route.Role == nginxconf.Auth || slices.Contains([]string{"grpc", "grpcs", "memcached"}, s.route.Protocol) {
			continue
		}
		found.add(s.causeOf(s.name("intercept_errors")), s)
	}
	all := found.hoisted()
	for _, g := range all {
		meant[g] = slices.ContainsFunc(g.observations, observation.hasPage)
	}
	return all.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		m := g.interceptPatch()
		if i := slices.IndexFunc(g.observations, observation.hasPage); i >= 0 {
			s = g.observations[i]
		} else {
			// The clients of an API read what the application says of an error, and Retry-After beside it: whether they are some nobody can read here.
			m = g.interceptPatch("error_page 500 502 503 504 /gateway-error.html;")
			m.hangs, m.lines = true, append([]string{"# where people read the pages, not the clients of an API:"}, m.lines...)
			m.also = append(m.also, g.inServers(errorPageLocation...)...)
		}
		f := g.finding("the upstream's raw "+fmt.Sprint(s.Status)+" page is passed on", g.describe(s, s.outcome()+", the upstream's own page"), m)
		if meant[g] {
			f.Severity = "medium"
			f.Title += ", although the config has one of its own"
		}
		return f
	})
}

// interceptPatch has the config's own pages take the place of the application's, or another where it has none (further): for what is
// a server's error alone, as of a 4xx the application has words of its own. One error_page in a block does away with all that it
// inherits, so those for 5xx stand there again.
func (g *group) interceptPatch(further ...string) patch {
	var on []string
	for _, p := range g.prefixes() {
		on = append(on, line(p+"intercept_errors", "on"))
	}
	m := g.patch(on...)
	if g.block == nil {
		m.lines = append(m.lines, further...)
		return m
	}
	pages, others := serverErrorPages(nginxconf.Effective(g.block, "error_page"))
	others = others && !slices.ContainsFunc(g.observations, observation.refusesItself)
	pages = append(pages, further...)
	switch {
	case !others && len(further) == 0:
	case !others || own(g.block, "error_page") == nil:
		m.lines = append(m.lines, pages...)
	default:
		var all []patch
		for _, s := range g.observations {
			block := s.conf.Location
			if block != nil && own(block, "error_page") == nil && !slices.ContainsFunc(all, func(p patch) bool { return p.block == block }) {
				all = append(all, patch{block: block, place: block.Place, lines: append([]string{line(s.name("intercept_errors"), "on")}, pages...)})
			}
		}
		if len(all) > 0 {
			m = all[0]
			m.also = all[1:]
		}
	}
	return m
}

// refusesItself reports whether nginx answers 4xx on the route without the application, whose pages have to stay then.
func (s observation) refusesItself() bool {
	return slices.ContainsFunc([]string{"auth_request", "auth_basic", "auth_jwt", "deny", "limit_req", "limit_conn", "limit_except"}, func(name string) bool {
		d := s.effective(name)
		return d != nil && !slices.Contains(d.Args, "off")
	})
}

// serverErrorPages are error pages once more for the statuses of 5xx alone; others reports whether some are for another one.
func serverErrorPages(all []*nginxconf.Directive) (lines []string, others bool) {
	for _, d := range all {
		codes := codesOf(d)
		server := slices.DeleteFunc(slices.Clone(codes), func(c string) bool { return c[0] != '5' })
		others = others || len(server) < len(codes)
		if len(server) > 0 {
			lines = append(lines, line(d.Name, append(server, d.Args[len(codes):]...)...))
		}
	}
	return lines, others
}

// hasPage reports whether the config has a page for the status that the client got.
func (s observation) hasPage() bool {
	return slices.ContainsFunc(s.all("error_page"), func(d *nginxconf.Directive) bool { return covers(d, s.Status) })
}
