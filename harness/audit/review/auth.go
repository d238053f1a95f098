package review

import (
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var auths = []audit.Rule{{
	ID: "auth-body", Severity: "high", Title: "the request for leave announces a body that never comes", Static: true,
	Why: "auth_request passes on the visitor's Content-Length and no body. An auth service that reads the body waits for it until a " +
		"time-out: every POST hangs, then is a 500, while every GET is well.",
	Source: "https://nginx.org/en/docs/http/ngx_http_auth_request_module.html", Find: authBody,
}, {
	ID: "auth-500", Severity: "medium", Title: "the auth service's failure turns into a 500",
	Why: "auth_request makes 500 of every answer but 2xx, 401 and 403: visitors, monitoring and on-call take it for a bug of the " +
		"application, and no client tries again as it does after a 503.",
	Source: "https://nginx.org/en/docs/http/ngx_http_auth_request_module.html", Find: auth500,
}}

// authBody looks at each location that auth_request asks, and at others that pass on no body.
func authBody(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if s.conf.Location == nil || s.conf.Target.Pass == nil || s.conf.Target.Pass.Name != "proxy_pass" || s.proxyHeader("Content-Length") != nil {
			continue
		}
		c := cause{block: s.conf.Location, place: s.conf.Target.Pass.Place}
		if isOff(s.conf.Location, "proxy_pass_request_body") {
			c.place = s.effective("proxy_pass_request_body").Place
		} else if s.route.Role != nginxconf.Auth {
			continue
		}
		found.add(c, s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		title := "the request for leave announces a body that never comes"
		if s.route.Role != nginxconf.Auth {
			title = "a request announces a body that never comes"
		}
		f := g.reading(title, s.route.ID+" is asked with the visitor's Content-Length, and without a body", g.patch(s.withoutBody()...))
		if s, ok := g.seen(func(c audit.Measurement) bool {
			return (c.Fault == audit.Healthy || c.Fault == "awaits-body") && c.Method == "POST" && (c.Status >= 500 || c.TimedOut)
		}); ok {
			f = g.proven(f, s, s.outcome())
		}
		return f
	})
}

// withoutBody are the lines by which a route's upstream is asked without a body, and hears of none.
func (s observation) withoutBody() []string {
	var lines []string
	if !isOff(s.conf.Location, "proxy_pass_request_body") {
		lines = append(lines, "proxy_pass_request_body off;")
	}
	return append(lines, withInherited(s.conf.Location, "proxy_set_header", `proxy_set_header Content-Length "";`)...)
}

func auth500(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.route.Role != nginxconf.Auth || s.Status != 500 || s.Page == "upstream" {
			continue
		}
		found.add(s.authRequestCause(), s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		if d := g.directive; d != nil && d.Name == "auth_request" && d.Parent != nil {
			m := patch{block: d.Parent, place: d.Place, lines: withInherited(d.Parent, "error_page", "error_page 500 = @auth_down;")}
			for _, other := range s.authRequests(s.conf.Server) {
				if other != d && other.Parent != nil {
					m.also = append(m.also, patch{block: other.Parent, place: other.Place, lines: withInherited(other.Parent, "error_page", "error_page 500 = @auth_down;")})
				}
			}
			m.also = append(m.also, g.inServers("location @auth_down {", "    add_header Retry-After 5 always;", "    return 503;", "}")...)
			return g.finding("the auth service's failure turns into a 500", g.describe(s, s.outcome()), m)
		}
		return g.finding("the auth service's failure turns into a 500", g.describe(s, s.outcome()), g.patch(withInherited(g.block, "error_page", "error_page 500 = @auth_down;")...))
	})
}

// authRequestCause is the auth_request that led to the route: that of the location in which the client came in, else the first
// that names the location of the route.
func (s observation) authRequestCause() cause {
	if s.conf.Server == nil {
		return s.passCause()
	}
	for _, a := range s.conf.Candidates {
		path, _, _ := strings.Cut(a.URI, "?")
		if where := nginxconf.Locate(s.conf.Server, path); where != nil && where != s.conf.Location {
			if all := nginxconf.Effective(where, "auth_request"); len(all) > 0 {
				return causedBy(all[0])
			}
		}
	}
	if all := s.authRequests(s.conf.Server); len(all) > 0 {
		return causedBy(all[0])
	}
	return s.passCause()
}

// authRequests are those below a block that lead to the route's location.
func (s observation) authRequests(block *nginxconf.Directive) (all []*nginxconf.Directive) {
	for _, d := range block.Block {
		if d.Name == "auth_request" && len(d.Args) == 1 && nginxconf.Locate(s.conf.Server, d.Args[0]) == s.conf.Location {
			all = append(all, d)
		}
		if d.Name == "location" {
			all = append(all, s.authRequests(d)...)
		}
	}
	return all
}
