package review

import (
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var connections = []audit.Rule{
	{
		ID: "no-keepalive", Severity: "medium", Title: "keep-alive to the upstream is configured and defeated",
		Why: "Each request pays for a new connection and leaves a closed one behind; under load the local ports run out. keepalive " +
			"in the upstream block does nothing with HTTP/1.0 or Connection: close, which are the defaults.",
		Source: "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive", Find: noKeepalive,
	},
	{
		ID: "endless-loop", Severity: "high", Title: "the gateway proxies to itself without end",
		Why:    "One request becomes as many as there are connections, and the whole gateway stands still for every site on it.",
		Source: "https://nginx.org/en/docs/ngx_core_module.html#worker_connections", Find: endlessLoop,
	},
}

// noKeepalive looks only at upstream blocks that ask for it: whoever does not has chosen otherwise.
func noKeepalive(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range healthyObservations(e) {
		if !s.keepsConnections() || len(s.Calls) == 0 {
			continue
		}
		c := s.Calls[len(s.Calls)-1]
		switch p := s.route.Protocol; {
		case p == "fastcgi" && c.Close:
			found.add(s.causeOf("fastcgi_keep_conn"), s)
		case (p == "http" || p == "https") && c.Protocol == "http/1.0":
			found.add(s.causeOf("proxy_http_version"), s)
		case (p == "http" || p == "https") && c.Close:
			if d := s.proxyHeader("Connection"); d != nil {
				found.add(causedBy(d), s)
			} else {
				found.add(s.causeLacking("proxy_set_header"), s)
			}
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		c := s.Calls[len(s.Calls)-1]
		saw := c.Endpoint + " was asked in " + c.Protocol
		if c.Close {
			saw += " with the word that the connection ends"
		}
		if s.route.Protocol == "fastcgi" {
			return g.finding("keep-alive to "+s.route.Upstream+" is defeated", g.describe(s, saw), g.patch("fastcgi_keep_conn on;"))
		}
		m := g.patch("proxy_http_version 1.1;")
		switch connection := s.proxyHeader("Connection"); {
		case connection != nil && connection.Parent == g.block:
			m.lines = append(m.lines, `proxy_set_header Connection "";`)
			m.replaces = append(m.replaces, connection)
		case connection != nil:
			m.elsewhere = []string{"# and in " + (patch{block: connection.Parent, place: connection.Place,
				replaces: []*nginxconf.Directive{connection}}).location() + ":", `proxy_set_header Connection "";`}
		default:
			// Where it stands alone, one proxy_set_header would do away with those that the block inherits.
			if all := s.all("proxy_set_header"); len(all) > 0 && all[0].Parent != g.block {
				m.elsewhere = []string{"# and in " + (patch{block: all[0].Parent, place: all[0].Place}).location() + ":", `proxy_set_header Connection "";`}
			} else {
				m.lines = append(m.lines, `proxy_set_header Connection "";`)
			}
		}
		if d := s.effective("proxy_http_version"); c.Protocol != "http/1.0" && d != nil {
			m.lines = m.lines[1:]
		}
		return g.finding("keep-alive to "+s.route.Upstream+" is defeated", g.describe(s, saw), m)
	})
}

// keepsConnections reports whether the upstream block asks for connections to be kept.
func (s observation) keepsConnections() bool {
	if s.conf.Target.Block == nil {
		return false
	}
	for _, d := range s.conf.Target.Block.Block {
		if d.Name == "keepalive" && len(d.Args) > 0 {
			n, err := strconv.Atoi(d.Args[0])
			return err == nil && n > 0
		}
	}
	return false
}

// proxyHeader is the proxy_set_header in effect for a field; nil when there is none.
func (s observation) proxyHeader(field string) *nginxconf.Directive {
	for _, d := range s.all("proxy_set_header") {
		if len(d.Args) > 0 && strings.EqualFold(d.Args[0], field) {
			return d
		}
	}
	return nil
}

// endlessLoop goes by what was seen: by the words of a config alone a request may still find its way out.
func endlessLoop(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range append(healthyObservations(e), observations(e)...) {
		if s.Loop {
			found.add(s.passCause(), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		name := "proxy_pass"
		if g.directive != nil {
			name = g.directive.Name
		}
		m := g.patch(line(name, otherUpstream(s.route.Protocol)) + " # the application's own address, on which this gateway does not listen")
		return g.finding("the gateway calls itself without end", g.describe(s, s.outcome()+"; the gateway called itself until the lab cut it off"), m)
	})
}

// otherUpstream is an address for a pass directive of the protocol.
func otherUpstream(protocol string) string {
	switch protocol {
	case "http", "https", "grpc", "grpcs":
		return protocol + "://app:8080"
	case "uwsgi", "suwsgi":
		return "app:3031"
	case "fastcgi":
		return "app:9000"
	}
	return "app:8080"
}
