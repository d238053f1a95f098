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
	var found gathering
	for _, s := range sights(e) {
		if s.route.Role != nginxconf.Auth || s.Status != 500 || s.Page == "upstream" {
			continue
		}
		found.add(s.authRequest(), s)
	}
	return found.each(func(g *group) audit.Finding {
		s := g.sights[0]
		if d := g.directive; d != nil && d.Name == "auth_request" && d.Parent != nil {
			m := mend{block: d.Parent, place: d.Place, lines: []string{"error_page 500 = @auth_down;"}}
			m.also = []string{"# and in the same server:", "location @auth_down {", "    add_header Retry-After 5 always;", "    return 503;", "}"}
			return g.finding("the auth service's failure turns into a 500", g.saw(s, s.got()), m)
		}
		return g.finding("the auth service's failure turns into a 500", g.saw(s, s.got()), g.mend("error_page 500 = @auth_down;"))
	})
}

// authRequest is the auth_request that led to the way: that of the location in which the client came in, else the first
// that names the location of the way.
func (s sight) authRequest() culprit {
	if s.way.Server == nil {
		return s.passes()
	}
	for _, a := range s.way.Candidates {
		path, _, _ := strings.Cut(a.URI, "?")
		if where := nginxconf.Locate(s.way.Server, path); where != nil && where != s.way.Location {
			if all := nginxconf.Effective(where, "auth_request"); len(all) > 0 {
				return by(all[0])
			}
		}
	}
	if d := s.asksFor(s.way.Server); d != nil {
		return by(d)
	}
	return s.passes()
}

// asksFor is the first auth_request below a block that leads to the way's location.
func (s sight) asksFor(block *nginxconf.Directive) *nginxconf.Directive {
	for _, d := range block.Block {
		if d.Name == "auth_request" && len(d.Args) == 1 && nginxconf.Locate(s.way.Server, d.Args[0]) == s.way.Location {
			return d
		}
		if d.Name == "location" {
			if found := s.asksFor(d); found != nil {
				return found
			}
		}
	}
	return nil
}
