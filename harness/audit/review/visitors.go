package review

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// visitorFaults are columns in which all upstreams are well, and a visitor does what visitors do.
func visitorFaults() []audit.Fault {
	return []audit.Fault{
		visitor(audit.Crowds, "GET", info("crowd", "crowd", "more visitors than a limit lets in at once come by the one address of a CDN or a load balancer", "", "D2")),
		visitor(audit.Idles, "GET", info("idle-websocket", "idle socket", "a visitor opens a websocket, and nobody says anything on it", "", "B6")),
		visitor(audit.Uploads, "POST", info("upload", "upload 3 MB", "a visitor sends a body of 3 MB", "", "J6")),
		visitor(audit.Leaves, "GET", info("left", "left", "a visitor goes while the upstream is still at work on his request", "", "K1", "B5")),
		visitor(audit.NoProxy, "GET", info("no-proxy-line", "no PROXY", "a visitor comes without the PROXY line that the listener takes", "")),
		visitor(audit.AsksMore, "GET", info("slow-mirror", "slow mirror", "a visitor asks again over his connection, while what his first request was mirrored to is silent", "", "B6")),
		visitor(audit.Pauses, "GET", info("slow-reader", "slow reader", "a visitor takes nothing of an answer of 16 MB for 30 s, and then the rest", "", "B6")),
		visitor(audit.NoName, "GET", info("no-sni", "no SNI", "an old visitor's TLS does not name the server", "")),
		visitor(audit.OverH2, "GET", info("http2", "HTTP/2", "a visitor speaks HTTP/2", "")),
		visitor(audit.OverH3, "GET", info("http3", "HTTP/3", "a visitor speaks HTTP/3", "")),
	}
}

func visitor(kind audit.FaultKind, method string, f audit.FaultInfo) audit.Fault {
	f.Visitor = true
	return audit.Fault{FaultInfo: f, Kind: kind, Methods: []string{method}}
}

// isVisitors reports whether a fault is a visitor's own, by its id.
var isVisitors = func() map[string]bool {
	all := map[string]bool{}
	for _, f := range visitorFaults() {
		all[f.ID] = true
	}
	return all
}()

var visitors = []audit.Rule{
	{
		ID: "shared-limit", Severity: "low", Title: "one limit holds for all visitors together",
		Why: "Behind a CDN or a load balancer all visitors have its address, and one busy moment locks everybody out. Where the address " +
			"in front is trusted (set_real_ip_from), each visitor is known by his own.",
		Source: "https://nginx.org/en/docs/http/ngx_http_realip_module.html", Find: sharedLimit,
	},
	{
		ID: "idle-websocket", Severity: "medium", Title: "a silent websocket is cut, or none is ever opened",
		Why: "nginx takes the silence of a websocket for that of an upstream that hangs. Visitors who are only listening lose what was sent until " +
			"they are back, and all of them come back again and again.",
		Source: "https://nginx.org/en/docs/http/websocket.html", Find: idleWebsocket,
	},
	{
		ID: "upload-refused", Severity: "low", Title: "an upload of more than 1 MB is refused",
		Why: "It is nginx's default, that nobody has decided on: a photograph is larger. The application never hears of it, and the visitor " +
			"gets nginx's 413 in place of its own words.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size", Find: uploadRefused,
	},
	{
		ID: "work-for-nobody", Severity: "low", Title: "upstreams work on for visitors who have gone",
		Why: "Who waits for too long asks again, and each time one more request keeps an upstream at work: when it is slow it gets more to " +
			"do. For what must not be broken off, such as an order, a location of its own can keep it.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_client_abort", Find: workForNobody,
	},
	{
		ID: "slow-reader", Severity: "low", Title: "a slow visitor keeps an upstream busy",
		Why: "Without room for the answer the gateway takes it from the upstream no faster than the visitor does: a few of them with bad " +
			"connections hold all of an application's workers.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_max_temp_file_size", Find: slowReader,
	},
	{
		ID: "reader-cut", Severity: "low", Title: "a slow visitor's answer is cut",
		Why: "A visitor whose connection stands still for a moment, in a tunnel or between two masts, loses what he had begun to take, and " +
			"nothing above info says so in the log. nginx waits for 60 s where nobody says otherwise.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#send_timeout", Find: readerCut,
	},
}

// sharedLimit looks at what the last one of several visitors got who were not told apart.
func sharedLimit(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range visits(e, "crowd") {
		if s.Bad == 0 {
			continue
		}
		for _, limit := range s.limits() {
			if zone := e.Config.ZoneOf(limit); zone != nil {
				found.add(causedBy(zone), s)
				break
			}
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		saw := g.describe(s, fmt.Sprintf("of %d visitors who came at once by one address, the last one: %s", s.Of, s.outcome()))
		if key := g.directive.Args[0]; !strings.Contains(key, "remote_addr") {
			args := append([]string{"$binary_remote_addr"}, g.directive.Args[1:]...)
			return g.finding("one limit holds for all visitors together", saw, g.patch(line(g.directive.Name, args...)))
		}
		header := "X-Forwarded-For"
		if slices.ContainsFunc(s.conf.Listens, func(l nginxconf.Listen) bool { return l.Proxy }) {
			header = "proxy_protocol"
		}
		m := patch{block: outermost(s.conf.Server), place: s.conf.Server.Place, lines: []string{
			"set_real_ip_from 192.0.2.0/24; # the addresses of what is in front", line("real_ip_header", header),
		}}
		f := g.finding("visitors behind one address share one limit", saw, m)
		if showsFront(e.Config.Main) {
			f.Severity = "medium" // by its own words the config has something in front
		}
		return f
	})
}

// limits are the limits on requests and connections that the observation's request meets.
func (s observation) limits() []*nginxconf.Directive {
	path := "/"
	if u, err := url.Parse(s.route.Ask.URL); err == nil {
		path = u.Path
	}
	return s.conf.Directives(path, "limit_req", "limit_conn")
}

// outermost is the http block around a directive, or the outermost one that is there.
func outermost(d *nginxconf.Directive) *nginxconf.Directive {
	for d.Parent != nil {
		d = d.Parent
	}
	return d
}

// showsFront reports whether a config speaks of something in front of it: by fields that only a proxy sends, or by the PROXY protocol.
func showsFront(block []*nginxconf.Directive) bool {
	for _, d := range block {
		switch {
		case d.Name == "set_real_ip_from", d.Name == "real_ip_header", d.Name == "listen" && slices.Contains(d.Args, "proxy_protocol"):
			return true
		}
		for _, a := range d.Args {
			if strings.Contains(a, "$http_x_forwarded_") || strings.Contains(a, "$http_cf_") || strings.Contains(a, "$http_x_real_ip") ||
				strings.Contains(a, "$http_true_client_ip") {
				return true
			}
		}
		if showsFront(d.Block) {
			return true
		}
	}
	return false
}

// soon is for how long a websocket has to stay open at the least with nobody speaking: those that ping do so twice a minute.
const soon = 2 * time.Minute

// idleWebsocket tells a websocket that is cut from one that was never opened.
func idleWebsocket(e *audit.Evidence) []audit.Finding {
	var cut, unopened collector
	for _, s := range visits(e, "idle-websocket") {
		switch {
		case s.Status == http.StatusSwitchingProtocols && s.Cut && s.Waited < soon:
			cut.add(s.causeOf("proxy_read_timeout"), s)
		case s.Status == http.StatusUpgradeRequired:
			if len(s.Calls) > 0 && s.Calls[0].Protocol == "http/1.0" {
				unopened.add(s.causeOf("proxy_http_version"), s)
			} else if d := s.proxyHeader("Connection"); d != nil {
				unopened.add(causedBy(d), s)
			} else {
				unopened.add(s.causeLacking("proxy_set_header"), s)
			}
		}
	}
	all := unopened.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		m := g.patch("proxy_http_version 1.1;", `proxy_set_header Connection "upgrade";`)
		if d := s.proxyHeader("Connection"); d != nil && d.Parent == g.block {
			m.replaces = append(m.replaces, d)
		}
		f := g.finding("no websocket is ever opened", g.describe(s, s.outcome()+": the upstream was not asked for a websocket"), m)
		f.Severity = "high"
		return f
	})
	return append(all, cut.findings(func(g *group) audit.Finding {
		s := g.worst(func(a, b observation) bool { return a.Waited < b.Waited })
		return g.finding("a websocket on which nobody speaks is cut after "+long(s.Waited), g.describe(s, "opened, and cut after "+long(s.Waited)),
			g.patch("# in a location for websockets alone, as whoever asks for a page there would wait as long: proxy_read_timeout 1h;"))
	})...)
}

// uploadRefused leaves a bound alone that somebody has set.
func uploadRefused(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range visits(e, "upload") {
		if s.Status == http.StatusRequestEntityTooLarge && s.effective("client_max_body_size") == nil && len(s.Calls) == 0 {
			c := s.causeLacking("client_max_body_size")
			if c.block != nil && len(c.block.Args) == 1 && strings.HasPrefix(c.block.Args[0], "@") && s.conf.Server != nil {
				c.block, c.place = s.conf.Server, s.conf.Server.Place // nginx holds it against the location that a request enters by
			}
			found.add(c, s)
		}
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		return g.finding("an upload of more than 1 MB is refused", g.describe(g.observations[0], g.observations[0].outcome()),
			g.patch("client_max_body_size 16m;"))
	})
}

// workForNobody leaves alone what goes on because its answer is wanted for a cache.
func workForNobody(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range visits(e, "left") {
		if d := s.effective(s.name("ignore_client_abort")); s.Held && d != nil && slices.Contains(d.Args, "on") {
			found.add(causedBy(d), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		return g.finding("upstreams work on for visitors who have gone", g.describe(s, "the visitor left, and the upstream was still asked"),
			g.patch(line(s.name("ignore_client_abort"), "off")))
	})
}

// readerCut looks at a send_timeout that is shorter than a slow reader's pause.
func readerCut(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range visits(e, "slow-reader") {
		if d := s.effective("send_timeout"); s.Cut && d != nil {
			found.add(causedBy(d), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		return g.finding("a slow visitor's answer is cut", g.describe(s, s.outcome()+", to who took nothing of it for 30 s"), g.patch("send_timeout 60s;"))
	})
}

// slowReader leaves a location of websockets alone, whose answers are to come at once.
func slowReader(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range visits(e, "slow-reader") {
		if !s.Held || s.upgrades() {
			continue
		}
		for _, name := range []string{"buffering", "max_temp_file_size"} {
			if d := s.effective(s.name(name)); d != nil && (slices.Contains(d.Args, "off") || slices.Contains(d.Args, "0")) {
				found.add(causedBy(d), s)
				break
			}
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		m := g.patch(line(g.directive.Name, "1024m"))
		if !strings.HasSuffix(g.directive.Name, "size") {
			// What streams events or long polls would come late, a buffer at a time: whether the application does so nobody can read here.
			m = g.patch("# where nothing is sent bit by bit, as events and long polls are: " + line(g.directive.Name, "on"))
		}
		return g.finding("a slow visitor keeps an upstream busy", g.describe(s, s.outcome()+", and all that time the upstream was at work on the answer"), m)
	})
}
