package review

import (
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var auths = []audit.Rule{{
	ID: "auth-500", Severity: "medium", Title: "the auth service's failure turns into a 500",
	Why: "auth_request makes 500 of every answer but 2xx, 401 and 403: visitors, monitoring and on-call take it for a bug of the " +
		"application, and no client tries again as it does after a 503.",
	Source: "https://nginx.org/en/docs/http/ngx_http_auth_request_module.html", Find: auth500,
}}

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
			m := patch{block: d.Parent, place: d.Place, lines: []string{"error_page 500 = @auth_down;"}}
			m.elsewhere = []string{"# and in the same server:", "location @auth_down {", "    add_header Retry-After 5 always;", "    return 503;", "}"}
			return g.finding("the auth service's failure turns into a 500", g.describe(s, s.outcome()), m)
		}
		return g.finding("the auth service's failure turns into a 500", g.describe(s, s.outcome()), g.patch("error_page 500 = @auth_down;"))
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
	if d := s.findAuthRequest(s.conf.Server); d != nil {
		return causedBy(d)
	}
	return s.passCause()
}

// findAuthRequest is the first auth_request below a block that leads to the route's location.
func (s observation) findAuthRequest(block *nginxconf.Directive) *nginxconf.Directive {
	for _, d := range block.Block {
		if d.Name == "auth_request" && len(d.Args) == 1 && nginxconf.Locate(s.conf.Server, d.Args[0]) == s.conf.Location {
			return d
		}
		if d.Name == "location" {
			if found := s.findAuthRequest(d); found != nil {
				return found
			}
		}
	}
	return nil
}
