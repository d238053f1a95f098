package review

import (
	"strconv"
	"strings"
	"time"

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
		ID: "idle-kept-long", Severity: "low", Title: "idle connections to the upstream are kept longer than applications keep them", Static: true,
		Why: "Node closes a connection that is idle for 5 s, gunicorn after 2 s, and nginx keeps it for 60 s by default. Where both ends meet, a " +
			"POST is sent into a connection that closes, and is a 502 that nobody finds the reason of. Who waits for less goes first.",
		Source: "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout", Find: idleKeptLong,
	},
	{
		ID: "mirror-waits", Severity: "medium", Title: "a slow mirror holds up the visitor's next request", Static: true,
		Why: "The answer comes at once, and the connection stays with the request until the mirror has answered or its time-out is over: " +
			"the next page of the same visitor waits for a service that he has nothing to do with.",
		Source: "https://nginx.org/en/docs/http/ngx_http_mirror_module.html", Find: mirrorWaits,
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
		m := g.keptPatch(e)
		if pool := s.conf.Target.Block; own(pool, "keepalive_timeout") == nil {
			// What was closed at once would be kept for nginx's 60 s, and a POST meet a connection that the application closes.
			m.also = append(m.also, patch{block: pool, place: pool.Place, lines: []string{"keepalive_timeout 4s; # less than the application's own"}})
		}
		return g.finding("keep-alive to "+s.route.Upstream+" is defeated", g.describe(s, saw), m)
	})
}

// keptPatch has the group's routes keep their connections.
func (g *group) keptPatch(e *audit.Evidence) patch {
	s := g.observations[0]
	if s.route.Protocol == "fastcgi" {
		return g.patch("fastcgi_keep_conn on;")
	}
	m := g.patch("proxy_http_version 1.1;")
	asked10, written := s.Calls[len(s.Calls)-1].Protocol == "http/1.0", s.effective("proxy_http_version")
	connection := s.proxyHeader("Connection")
	if connection != nil && s.upgrades() {
		// The word that the connection ends is for the requests alone that open no websocket.
		kept := s.connectionKept(e, connection)
		if asked10 || written == nil {
			kept.also = append(kept.also, patch{block: g.block, place: g.place, lines: m.lines})
		}
		return kept
	}
	switch {
	case connection != nil && connection.Parent == g.block:
		m.lines = append(m.lines, `proxy_set_header Connection "";`)
		m.replaces = append(m.replaces, connection)
	case connection != nil:
		m.also = []patch{{block: connection.Parent, place: connection.Place, lines: []string{`proxy_set_header Connection "";`},
			replaces: []*nginxconf.Directive{connection}}}
	default:
		// Where it stands alone, one proxy_set_header would do away with those that the block inherits.
		if all := s.all("proxy_set_header"); len(all) > 0 && all[0].Parent != g.block {
			m.also = []patch{{block: all[0].Parent, place: all[0].Place, lines: []string{`proxy_set_header Connection "";`}}}
		} else {
			m.lines = append(m.lines, `proxy_set_header Connection "";`)
		}
	}
	if !asked10 && written != nil {
		m.lines = m.lines[1:]
	}
	return m
}

// connectionKept has a route that passes on websockets keep its connections for all other requests: the map that makes close of no
// Upgrade makes nothing of it. Where no such map is at work there has to be one.
func (s observation) connectionKept(e *audit.Evidence, connection *nginxconf.Directive) patch {
	value := connection.Args[len(connection.Args)-1]
	for _, d := range definitionsOf(e.Config)[strings.Trim(value, "${}")] {
		if d.Name != "map" || d.Args[0] != "$http_upgrade" {
			continue
		}
		for _, entry := range d.Block {
			if entry.Name == "" && len(entry.Args) == 1 {
				return patch{block: d, place: d.Place, lines: []string{`"" "";`}, replaces: []*nginxconf.Directive{entry}}
			}
		}
		return patch{block: d, place: d.Place, lines: []string{`"" "";`}}
	}
	return patch{block: connection.Parent, place: connection.Place, lines: []string{"proxy_set_header Connection $upgrade_or_keep;"},
		replaces: []*nginxconf.Directive{connection}, also: s.inOutermost("map $http_upgrade $upgrade_or_keep {", "    default upgrade;", `    ""      "";`, "}")}
}

// maxIdle is how long applications commonly keep an idle connection.
const maxIdle = 5 * time.Second

// idleKeptLong goes by the measurement with an application that closes what is idle for 5 s. Where there is none it is advice: how
// long the application keeps its end nobody can read here, and who names a time has thought of it.
func idleKeptLong(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		block := s.conf.Target.Block
		if block == nil || s.stream() {
			continue
		}
		met, failed := s.afterIdle()
		if failed || !met && s.keepsForLong() {
			c := cause{block: block, place: block.Place, lacks: []string{"keepalive_timeout"}}
			if d := own(block, "keepalive_timeout"); d != nil {
				c = causedBy(d)
			}
			found.add(c, s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		f := g.reading("idle connections to "+s.route.Upstream+" are kept for 60 s, and most applications close theirs after "+long(maxIdle),
			"keepalive without a keepalive_timeout; how long the application keeps its end is not known here",
			g.patch("keepalive_timeout 4s; # less than the application's own"))
		if s, ok := g.seen(failsAfterIdle); ok {
			f = g.proven(f, s, s.outcome()+" from an application that closes what is idle for "+long(maxIdle))
			f.Severity, f.Title = "medium", "a POST meets a connection to "+s.route.Upstream+" that the application has just closed"
		}
		return f
	})
}

// idleFault is an application that closes idle connections after maxIdle.
const idleFault = "idle-5s"

func failsAfterIdle(c audit.Measurement) bool {
	return c.Fault == idleFault && c.Skipped == "" && (c.Status == 0 || c.Status >= 500)
}

// afterIdle reports whether the route met an application that closes idle connections, and whether a visitor noticed it.
func (s observation) afterIdle() (met, failed bool) {
	for _, c := range s.route.Measurements {
		if c.Fault == idleFault && c.Skipped == "" && c.Error == "" {
			met, failed = true, failed || failsAfterIdle(c)
		}
	}
	return met, failed
}

// keepsForLong reports whether the config keeps connections, and says nowhere for how long.
func (s observation) keepsForLong() bool {
	if !s.keepsConnections() || own(s.conf.Target.Block, "keepalive_timeout") != nil || s.route.Protocol == "memcached" {
		return false
	}
	if p := s.route.Protocol; p == "http" || p == "https" { // where none is kept, that is another rule's
		version, connection := s.effective("proxy_http_version"), s.proxyHeader("Connection")
		return version != nil && version.Args[0] != "1.0" && connection != nil && !strings.EqualFold(connection.Args[len(connection.Args)-1], "close")
	}
	return true
}

// maxMirror is how long a mirror may take until visitors feel it.
const maxMirror = 10 * time.Second

// mirrorWaits goes by the time-outs of the location that the mirror asks.
func mirrorWaits(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if t := s.timeouts(); s.route.Role == nginxconf.Mirror && (t.Read > maxMirror || t.Connect > maxMirror) {
			found.add(s.causeLacking(s.name("read_timeout")), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		t := s.timeouts()
		return g.reading("a silent mirror holds up the visitor's next request for "+long(max(t.Read, t.Connect)), s.route.ID+
			" waits for its upstream as long", g.patch(line(s.name("connect_timeout"), "1s"), line(s.name("read_timeout"), "1s")))
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
		m := g.patch("# the application's own address, on which this gateway does not listen: " + line(name, otherUpstream(s.route.Protocol)))
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
