package review

import (
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/check"
	"github.com/badgateway/badgateway/harness/nginxconf"
)

var auths = []check.Rule{{
	ID: "auth-500", Severity: "medium", Title: "the auth service's failure turns into a 500",
	Why: "auth_request makes 500 of every answer but 2xx, 401 and 403: visitors, monitoring and on-call take it for a bug of the " +
		"application, and no client tries again as it does after a 503.",
	Source: "https://nginx.org/en/docs/http/ngx_http_auth_request_module.html", Find: auth500,
}}

func auth500(e *check.Evidence) []check.Finding {
	var found groups
	for _, s := range sights(e) {
		if s.route.Role != nginxconf.Auth || s.Status != 500 || s.Page == "upstream" {
			continue
		}
		found.add(s.authRequest(), s)
	}
	return found.each(func(g *group) check.Finding {
		s := g.sights[0]
		if d := g.directive; d != nil && d.Name == "auth_request" && d.Parent != nil {
			m := mend{block: d.Parent, place: d.Place, lines: []string{"error_page 500 = @auth_down;"}}
			m.also = []string{"# and in the same server:", "location @auth_down {", "    add_header Retry-After 5 always;", "    return 503;", "}"}
			return g.finding("the auth service's failure turns into a 500", g.saw(s, s.got()), m)
		}
		return g.finding("the auth service's failure turns into a 500", g.saw(s, s.got()), g.mend("error_page 500 = @auth_down;"))
	})
}

// authRequest is the auth_request that led to the way: that of the location in which the visitor came in, else the first
// that names the location of the way.
func (s sight) authRequest() culprit {
	if s.way.Server == nil {
		return s.passes()
	}
	for _, a := range s.way.Asks {
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

var logs = []check.Rule{{
	ID: "lost-log", Severity: "medium", Title: "the error log is lost",
	Why: "The one line that names the upstream and the errno of a failure is written nowhere. \"off\" is no switch: it is the name " +
		"of a file.",
	Source: "https://nginx.org/en/docs/ngx_core_module.html#error_log", Find: lostLog,
}}

// lostLog wants both: a failure that nginx itself answered and that left no line, and a directive that explains it. A log
// that goes to syslog or to stderr may be kept where the lab does not look.
func lostLog(e *check.Evidence) []check.Finding {
	var found groups
	for _, s := range sights(e) {
		if !s.failed() || s.Page == "upstream" || s.of("500", "502", "503") {
			continue
		}
		all := s.all("error_log")
		if len(all) == 0 && s.way.Location == nil {
			continue
		}
		lost := len(all) > 0
		off := false
		for _, d := range all {
			lost = lost && loses(d)
			off = off || len(d.Args) > 0 && d.Args[0] == "off"
		}
		if lost && (off || len(s.Log) == 0) {
			found.add(by(all[0]), s)
		}
	}
	return found.each(func(g *group) check.Finding {
		s := g.sights[0]
		what := "the error log is lost"
		if g.directive.Args[0] == "off" {
			what = "the error log is a file named off"
		} else if len(g.directive.Args) > 1 {
			what += fmt.Sprintf(" below the level %s", g.directive.Args[1])
		}
		return g.finding(what, g.saw(s, s.got()+", and not a line in the log"), g.mend("error_log /var/log/nginx/error.log warn;"))
	})
}

// loses tells whether an error_log keeps nothing of a failed upstream, whose lines are of the level error.
func loses(d *nginxconf.Directive) bool {
	if len(d.Args) == 0 {
		return false
	}
	if d.Args[0] == "/dev/null" || d.Args[0] == "off" {
		return true
	}
	if len(d.Args) < 2 {
		return false
	}
	switch d.Args[1] {
	case "crit", "alert", "emerg":
		return true
	}
	return false
}
