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
		ID: "timeout-order", Severity: "medium", Title: "the outer time-out of a chain ends before the inner one",
		Why: "The outer hop gives up first: its 504 says nothing of the cause, the inner one logs 499, and its retries and its error " +
			"page are never seen. Each hop has to wait a little longer than the one behind it.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout",
		Find:   timeoutOrder,
	},
}

// longWait blames the time-out that ended the wait, or the lack of a bound over all peers where each peer's is short.
func longWait(e *audit.Evidence) []audit.Finding {
	var found gathering
	for _, s := range sights(e) {
		if !s.TimedOut && s.Waited < minute-noise {
			continue
		}
		which, value := s.waitedFor()
		if which == "" {
			continue
		}
		c := s.decides(s.name(which))
		if !s.TimedOut && value > 0 && value < minute-noise && s.tried() > 1 {
			c = s.decides(s.name("next_upstream_timeout"))
		}
		found.add(c, s)
	}
	return found.raised().each(func(g *group) audit.Finding {
		worst := g.worst(func(a, b sight) bool {
			return a.TimedOut && !b.TimedOut || a.TimedOut == b.TimedOut && a.Waited > b.Waited
		})
		title := "visitors wait " + long(worst.Waited)
		if worst.TimedOut {
			title = "visitors wait without end"
		}
		if n := worst.tried(); n > 1 {
			title += fmt.Sprintf(", for %d peers in turn", n)
		}
		f := g.finding(title, g.saw(worst, worst.got()), g.shorter())
		if worst.TimedOut || worst.Waited >= 2*minute-noise {
			f.Severity = "high"
		}
		if !slices.ContainsFunc(g.sights, func(s sight) bool { return !s.upgrades() }) {
			// The long time-out is there for the silence of a websocket.
			f.Severity = "low"
			m := g.mend("# a websocket needs it: ask for plain requests in a location of their own, with a short one")
			f.Patch, f.In = m.text(), m.in()
		}
		return f
	})
}

// waitedFor names the time-out that ended the wait, without the prefix of its protocol, and its value. A stream that is
// silent once it is connected is no finding: that is what a session is when nobody speaks.
func (s sight) waitedFor() (string, time.Duration) {
	t := s.times()
	phase := ""
	for _, l := range s.Log {
		if l.Errno == 110 || strings.Contains(l.Message, "timed out") {
			phase = l.Phase
		}
	}
	switch {
	case phase == "connecting to upstream", phase == "SSL handshaking to upstream",
		phase == "" && s.of("off", "one-dead", "name-moved", "refused"):
		return "connect_timeout", t.Connect
	case s.stream():
		return "", 0
	case strings.HasPrefix(phase, "sending request"):
		return "send_timeout", t.Send
	}
	return "read_timeout", t.Read
}

// times are the way's time-outs; none where the config does not have the way.
func (s sight) times() nginxconf.Timeouts {
	if s.way.Location == nil {
		return nginxconf.Timeouts{}
	}
	return s.way.Timeouts()
}

func (s sight) tried() int { return len(s.Tries) }

// shorter are time-outs that keep the whole wait below a minute.
func (g *group) shorter() mend {
	var lines []string
	several := false
	for _, s := range g.sights {
		which, _ := s.waitedFor()
		value := "30s"
		if which == "connect_timeout" {
			value = "5s"
		}
		if l := line(s.name(which), value); !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
		several = several || s.tried() > 1
	}
	if several {
		if l := line(g.sights[0].name("next_upstream_timeout"), "30s"); !slices.Contains(lines, l) {
			lines = append(lines, l)
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return rank(a) - rank(b) })
	return g.mend(lines...)
}

// rank puts time-outs in the order in which a request meets them.
func rank(line string) int {
	return slices.IndexFunc([]string{"_connect_", "_send_", "_read_", "_next_upstream_"}, func(part string) bool { return strings.Contains(line, part) })
}

// timeoutOrder looks at each way that leads to a listener of the same gateway.
func timeoutOrder(e *audit.Evidence) []audit.Finding {
	var found gathering
	inner := map[string]nginxconf.Route{}
	for _, s := range healthy(e) {
		if s.way.Location == nil || s.stream() {
			continue
		}
		for _, w := range e.ConfigRoutes {
			if !leadsTo(*s.way, w) || !sameMatch(*s.way, w, e) {
				continue
			}
			if whole(w) < s.way.Timeouts().Read {
				continue
			}
			if old, ok := inner[s.route.ID]; !ok || whole(w) > whole(old) || whole(w) == whole(old) && w.ID < old.ID {
				inner[s.route.ID] = w
			}
		}
		if _, ok := inner[s.route.ID]; ok {
			found.add(s.decides(s.name("read_timeout")), s)
		}
	}
	return found.each(func(g *group) audit.Finding {
		s := g.sights[0]
		w := inner[s.route.ID]
		outer := min(s.way.Timeouts().Read, 30*time.Second)
		within := max(outer*2/3, time.Second).Round(time.Second)
		p := prefix(w.Target.Protocol)
		in := mend{block: w.Location, lines: []string{line(p+"read_timeout", seconds(within))}}
		if len(w.Target.Peers) > 1 {
			in.lines = append(in.lines, line(p+"next_upstream_timeout", seconds(within/2)))
			in.lines[0] = line(p+"read_timeout", seconds(within/2))
		}
		m := in
		if s.way.Timeouts().Read > outer {
			m.also = []string{"# and in " + g.mend(line(s.name("read_timeout"), "")).in() + ":", line(s.name("read_timeout"), seconds(outer))}
		}
		return g.finding("the outer hop gives up before the inner one",
			fmt.Sprintf("%s waits %s, and %s behind it may wait %s", s.route.ID, long(s.way.Timeouts().Read), w.ID, long(whole(w))), m)
	})
}

// whole is how long a way may wait for an answer, over all its peers.
func whole(w nginxconf.Route) time.Duration {
	t := w.Timeouts()
	one := t.Read
	all := one * time.Duration(max(len(w.Target.Peers), 1))
	if t.NextUpstream > 0 {
		return min(all, t.NextUpstream+one)
	}
	return all
}

// leadsTo reports whether a way calls an address that the other's server listens on.
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
			case l.Network == "tcp" && l.Port == p.Port && own(p.Host, l.Address):
				return true
			}
		}
	}
	return false
}

// own reports whether a peer's host is the gateway itself, listening on that address.
func own(host, address string) bool {
	loopback := strings.HasPrefix(host, "127.") || host == "localhost" || host == "::1"
	switch address {
	case "*", "", "0.0.0.0", "::", "[::]":
		return loopback
	}
	return host == strings.Trim(address, "[]") || host == "localhost" && strings.HasPrefix(address, "127.")
}

// sameMatch reports whether a request of the outer way is one for the inner one, as far as its path says.
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
