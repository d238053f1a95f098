package review

import (
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
)

var http3Rules = []audit.Rule{{
	ID: "host-lost", Severity: "high", Title: "visitors who speak HTTP/3 come without a Host",
	Why: "A request of HTTP/3 has no field of that name, and nginx puts what it has in its place into $host alone: $http_host is empty, and " +
		"the field is not sent. Who speaks HTTP/2 or less is served, and browsers change to HTTP/3 by themselves.",
	Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#var_host", Find: hostLost,
}}

// hostLost holds the call that a visitor by HTTP/3 brings about against that of one by HTTP/1.1.
func hostLost(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range visits(e, "http3") {
		d := s.proxyHeader("Host")
		if d == nil || len(d.Args) < 2 || !strings.Contains(d.Args[1], "http_host") {
			continue
		}
		for _, c := range s.Calls {
			if c.Host == "" && s.namedWell(c.Endpoint) {
				found.add(causedBy(d), s)
				break
			}
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		value := strings.NewReplacer("${http_host}", "$host", "$http_host", "$host").Replace(g.directive.Args[1])
		return g.finding("visitors who speak HTTP/3 come without a Host", g.describe(s, s.outcome()+", and the upstream was asked without a Host"),
			g.patch(line("proxy_set_header", "Host", value)))
	})
}

// namedWell reports whether an endpoint was asked with a Host while all was well.
func (s observation) namedWell(endpoint string) bool {
	for _, c := range s.route.Healthy.Calls {
		if c.Endpoint == endpoint {
			return c.Host != ""
		}
	}
	return false
}
