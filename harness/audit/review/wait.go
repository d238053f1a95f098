package review

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

const (
	// minute is what no client waits for, and nginx's default.
	minute = 60 * time.Second
	// noise is what a measured wait may be short of the time-out that ended it.
	noise = 500 * time.Millisecond
)

var waits = []audit.Rule{
	{
		ID: "long-wait", Severity: "medium", Title: "visitors wait a minute or more for an upstream that is off or silent",
		Why: "A visitor is gone after a few seconds, and his request still holds a connection here and a worker there. nginx's default " +
			"is 60 s for each peer that it tries.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
		Find:   longWait,
	},
	{
		ID: "timeout-order", Severity: "medium", Title: "the outer time-out of a chain ends before the inner one", Static: true,
		Why: "The outer hop gives up first: its 504 says nothing of the cause, the inner one logs 499, and its retries and its error " +
			"page are never seen. Each hop has to wait a little longer than the one behind it.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
		Find:   timeoutOrder,
	},
}

// longWait names the time-out that ended the wait, or the lack of a bound over all peers where each peer's is short.
func longWait(e *audit.Evidence) []audit.Finding {
	var found, idle collector // idle are the silences that a websocket needs
	for _, s := range observations(e) {
		if !s.TimedOut && s.Waited < minute-noise || s.isFault("early-hints") { // no time-out is to blame for an answer that is not understood
			continue
		}
		which, value := s.endedBy()
		if which == "" {
			continue
		}
		c := s.causeOf(s.name(which))
		if short := !s.TimedOut && value > 0 && value < minute-noise; short && s.pageAsks() != nil && s.Waited/2 < minute-noise {
			c = causedBy(s.pageAsks())
		} else if short && s.tried() > 1 {
			c = s.causeOf(s.name("next_upstream_timeout"))
		}
		if which == "read_timeout" && s.upgrades() {
			idle.add(c, s)
		} else {
			found.add(c, s)
		}
	}
	all := found.hoisted().findings(func(g *group) audit.Finding {
		title, worst := g.longestWait()
		m := g.shorterTimeoutsPatch()
		if d := g.directive; d != nil && d.Name == "error_page" {
			title += ", as the error page " + d.Args[len(d.Args)-1] + " is asked of the same upstream"
			m = g.ownPagePatch()
		}
		f := g.finding(title, g.describe(worst, worst.outcome()), m)
		if worst.TimedOut || worst.Waited >= 2*minute-noise {
			f.Severity = "high"
		}
		return f
	})
	return append(all, idle.hoisted().findings(func(g *group) audit.Finding {
		title, worst := g.longestWait()
		f := g.finding(title, g.describe(worst, worst.outcome()),
			g.patch("# a websocket needs it: ask for plain requests in a location of their own, with a short one"))
		f.Severity = "low"
		return f
	})...)
}

// longestWait is the observation in which a visitor waited the longest, and what that is called.
func (g *group) longestWait() (title string, worst observation) {
	worst = g.worst(func(a, b observation) bool {
		return a.TimedOut && !b.TimedOut || a.TimedOut == b.TimedOut && a.Waited > b.Waited
	})
	title = "visitors wait " + long(worst.Waited)
	if worst.TimedOut {
		title = "visitors wait without end"
	}
	if n := worst.tried(); n > 1 {
		title += fmt.Sprintf(", for %d peers in turn", n)
	}
	return title, worst
}

// endedBy names the time-out that ended the wait, without the prefix of its protocol, and its value. A stream that is
// silent once it is connected is no finding: that is what a session is when nobody speaks.
func (s observation) endedBy() (string, time.Duration) {
	t := s.timeouts()
	phase := ""
	for _, l := range s.Log {
		if l.Errno == 110 || strings.Contains(l.Message, "timed out") {
			phase = l.Phase
		}
	}
	switch {
	case phase == "connecting to upstream", phase == "SSL handshaking to upstream",
		phase == "" && s.isFault("off", "one-dead", "name-moved", "refused"):
		return "connect_timeout", t.Connect
	case s.stream():
		return "", 0
	case strings.HasPrefix(phase, "sending request"):
		return "send_timeout", t.Send
	}
	return "read_timeout", t.Read
}

// timeouts are the route's time-outs; none where the config does not have the route.
func (s observation) timeouts() nginxconf.Timeouts {
	if s.conf.Location == nil {
		return nginxconf.Timeouts{}
	}
	return s.conf.Timeouts()
}

// tried is how many peers were tried for what the visitor asked, and not for the error page.
func (s observation) tried() int {
	if s.pageAsks() != nil {
		return len(s.Tries) / 2
	}
	return len(s.Tries)
}

// pageAsks is the error_page whose page was asked of the same upstream; nil where none was.
func (s observation) pageAsks() *nginxconf.Directive {
	for _, d := range s.all("error_page") {
		if s.pageFailure(d) == asks {
			return d
		}
	}
	return nil
}

// shorterTimeoutsPatch are time-outs that keep the whole wait below a minute.
func (g *group) shorterTimeoutsPatch() patch {
	var lines, longer []string
	several := false
	for _, s := range g.observations {
		which, _ := s.endedBy()
		value := "30s"
		if which == "connect_timeout" {
			value = "5s"
		} else if d := g.directive; d != nil && d.Name == s.name(which) {
			// Somebody wrote it, maybe for an answer that takes so long: of those the lab knows nothing.
			if l := "# where no answer takes longer: " + line(d.Name, value); !slices.Contains(longer, l) {
				longer = append(longer, l)
			}
			several = several || s.tried() > 1
			continue
		}
		if l := line(s.name(which), value); !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
		several = several || s.tried() > 1
	}
	if several {
		// A try that takes longer than all may take together leaves none for the peer that is well.
		if l := line(g.observations[0].name("connect_timeout"), "5s"); g.observations[0].timeouts().Connect >= 30*time.Second && !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
		for _, p := range g.prefixes() {
			if l := line(p+"next_upstream_timeout", "30s"); !slices.Contains(lines, l) {
				lines = append(lines, l)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return timeoutRank(a) - timeoutRank(b) })
	if len(longer) > 0 {
		return patch{block: g.block, place: g.place, lines: append(longer, lines...)}
	}
	return g.patch(lines...)
}

// rank puts time-outs in the order in which a request meets them.
func timeoutRank(line string) int {
	return slices.IndexFunc([]string{"_connect_", "_send_", "_read_", "_next_upstream_"}, func(part string) bool { return strings.Contains(line, part) })
}

// timeoutOrder looks at each route that leads to a listener of the same gateway.
func timeoutOrder(e *audit.Evidence) []audit.Finding {
	var found collector
	inner := map[string]nginxconf.Route{}
	for _, s := range healthyObservations(e) {
		if s.conf.Location == nil || s.stream() {
			continue
		}
		for _, w := range e.ConfigRoutes {
			if !leadsTo(*s.conf, w) || !sameMatch(*s.conf, w, e) {
				continue
			}
			if totalWait(w) < s.conf.Timeouts().Read {
				continue
			}
			if old, ok := inner[s.route.ID]; !ok || totalWait(w) > totalWait(old) || totalWait(w) == totalWait(old) && w.ID < old.ID {
				inner[s.route.ID] = w
			}
		}
		if _, ok := inner[s.route.ID]; ok {
			found.add(s.causeOf(s.name("read_timeout")), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		w := inner[s.route.ID]
		outer := min(s.conf.Timeouts().Read, 30*time.Second)
		within := max(outer*2/3, time.Second).Round(time.Second)
		p := prefix(w.Target.Protocol)
		in := patch{block: w.Location, lines: []string{line(p+"read_timeout", seconds(within))}}
		if len(w.Target.Peers) > 1 {
			in.lines = append(in.lines, line(p+"next_upstream_timeout", seconds(within/2)))
			in.lines[0] = line(p+"read_timeout", seconds(within/2))
		}
		m := in
		if s.conf.Timeouts().Read > outer {
			m.also = []patch{g.patch(line(s.name("read_timeout"), seconds(outer)))}
		}
		return g.reading("the outer hop gives up before the inner one",
			fmt.Sprintf("%s waits %s, and %s behind it may wait %s", s.route.ID, long(s.conf.Timeouts().Read), w.ID, long(totalWait(w))), m)
	})
}

// totalWait is how long a route may wait for an answer, over all its peers.
func totalWait(w nginxconf.Route) time.Duration {
	t := w.Timeouts()
	one := t.Read
	all := one * time.Duration(max(len(w.Target.Peers), 1))
	if t.NextUpstream > 0 {
		return min(all, t.NextUpstream+one)
	}
	return all
}

// leadsTo reports whether a route calls an address that the other's server listens on.
func leadsTo(from, to nginxconf.Route) bool {
	if to.Stream != from.Stream || from.Target.Pass != nil && from.Target.Pass == to.Target.Pass {
		return false
	}
	for _, p := range from.Target.Peers {
		for _, l := range to.Listens {
			switch {
			case p.Socket != "" || l.Network == "unix":
				if p.Socket != "" && p.Socket == l.Address {
					return true
				}
			case l.Network == "tcp" && l.Port == p.Port && isOwnAddress(p.Host, l.Address):
				return true
			}
		}
	}
	return false
}

// isOwnAddress reports whether a peer's host is the gateway itself, listening on that address.
func isOwnAddress(host, address string) bool {
	loopback := strings.HasPrefix(host, "127.") || host == "localhost" || host == "::1"
	switch address {
	case "*", "", "0.0.0.0", "::", "[::]":
		return loopback
	}
	return host == strings.Trim(address, "[]") || host == "localhost" && strings.HasPrefix(address, "127.")
}

// sameMatch reports whether a request of the outer route is one for the inner one, as far as its path says.
func sameMatch(outer, inner nginxconf.Route, e *audit.Evidence) bool {
	if len(outer.Candidates) == 0 || inner.Server == nil {
		return true
	}
	if uriOf(outer.Target.Written) != "" {
		return true // the path is changed on the way
	}
	path, _, _ := strings.Cut(outer.Candidates[0].URI, "?")
	return nginxconf.Locate(inner.Server, path) == inner.Location
}

// uriOf is the URI part of a pass directive's argument: "/x" of "http://app/x".
func uriOf(written string) string {
	_, rest, ok := strings.Cut(written, "://")
	if !ok || strings.HasPrefix(rest, "unix:") {
		return ""
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return ""
}

// seconds is a time as nginx takes it.
func seconds(d time.Duration) string { return fmt.Sprintf("%ds", max(d, time.Second)/time.Second) }
