package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
)

var pools = []audit.Rule{
	{
		ID: "dead-peer", Severity: "high", Title: "one dead peer of several reaches visitors",
		Why:    "A pool is there so that one peer may die. Here the error of the one goes to visitors although the next peer is well.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
		Find:   deadPeer,
	},
	{
		ID: "post-repeated", Severity: "high", Title: "a POST is sent twice",
		Why: "The first peer may have carried it out before it failed: the visitor orders, pays or registers twice, and nobody can tell " +
			"afterwards.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream",
		Find:   postRepeated,
	},
}

// deadPeer finds errors that the next peer could have helped with. A POST that a silent peer may have carried out is rightly
// not sent to another, so that its error is none.
func deadPeer(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if !s.isFault("one-dead", "one-silent") || !s.failed() || s.Of > 0 && s.Bad == 0 {
			continue
		}
		if s.isFault("one-silent") && s.Method != "GET" || s.TimedOut { // nobody else is asked while nginx waits for the first without end
			continue
		}
		found.add(s.noRetryCause(), s)
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		s := g.worst(func(a, b observation) bool { return a.Bad*max(b.Of, 1) > b.Bad*max(a.Of, 1) })
		share := ""
		if s.Of > 0 {
			share = fmt.Sprintf(" (%d of %d visitors)", s.Bad, s.Of)
		}
		return g.finding("one dead peer of several reaches visitors"+share, g.describe(s, s.outcome()+share), s.retryPatch(g))
	})
}

// noRetryCause is why no other peer was asked.
func (s observation) noRetryCause() cause {
	if d := s.effective(s.name("next_upstream")); d != nil && !(slices.Contains(d.Args, "error") && slices.Contains(d.Args, "timeout")) &&
		!slices.Contains(d.Args, "on") {
		return causedBy(d)
	}
	if d := s.effective(s.name("next_upstream_tries")); d != nil && len(d.Args) == 1 && d.Args[0] == "1" {
		return causedBy(d)
	}
	if d := s.effective(s.name("next_upstream_timeout")); d != nil && len(d.Args) == 1 && d.Args[0] != "0" {
		return causedBy(d)
	}
	return s.passCause()
}

// retryPatch are lines by which the next peer is asked.
func (s observation) retryPatch(g *group) patch {
	if g.directive == nil {
		return g.patch(line(s.name("next_upstream"), "error timeout"))
	}
	switch g.directive.Name {
	case s.name("next_upstream"):
		if s.stream() {
			return g.patch(line(s.name("next_upstream"), "on"))
		}
		args := []string{"error", "timeout"}
		for _, a := range g.directive.Args {
			if a != "off" && !slices.Contains(args, a) {
				args = append(args, a)
			}
		}
		return g.patch(line(s.name("next_upstream"), args...))
	case s.name("next_upstream_tries"):
		return g.patch(line(s.name("next_upstream_tries"), "2"))
	case s.name("next_upstream_timeout"):
		return g.patch(line(s.name("next_upstream_timeout"), "10s"), line(s.name("connect_timeout"), "3s"))
	}
	// The pool is asked at random or by a variable: then nginx knows of no other peer.
	return patch{block: g.block, place: g.place, lines: []string{line(s.name("next_upstream"), "error timeout")}}
}

// postRepeated finds bodies that reached more than one upstream. A mirror gets each of them by design.
func postRepeated(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.Repeated == 0 || s.Method != "POST" || s.isMirrored() && s.tried() <= 1 {
			continue
		}
		found.add(s.repeatCause(), s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.worst(func(a, b observation) bool { return a.Repeated > b.Repeated })
		saw := g.describe(s, fmt.Sprintf("the body reached an upstream %s (%s)", times(s.Repeated+1), strings.Join(s.Tries, ", ")))
		m := g.patch(line(s.name("next_upstream"), "error", "timeout"))
		switch {
		case g.directive != nil && g.directive.Name == s.name("next_upstream"):
			m = g.patch(line(s.name("next_upstream"), slices.DeleteFunc(slices.Clone(g.directive.Args),
				func(a string) bool { return a == "non_idempotent" })...))
		case g.directive != nil && g.directive.Name == "error_page":
			m = s.readOnlyFallbackPatch(g)
		}
		return g.finding("a POST is sent "+times(s.Repeated+1), saw, m)
	})
}

// times is a number of times in words.
func times(n int) string {
	if n == 2 {
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

func (s observation) isMirrored() bool {
	d := s.effective("mirror")
	return d != nil && !slices.Contains(d.Args, "off")
}

// repeatCause is what sends the body again: non_idempotent, or an error_page with a named location, which keeps the method.
func (s observation) repeatCause() cause {
	if d := s.effective(s.name("next_upstream")); d != nil && slices.Contains(d.Args, "non_idempotent") {
		return causedBy(d)
	}
	for _, d := range s.all("error_page") {
		if n := len(d.Args); n > 1 && strings.HasPrefix(d.Args[n-1], "@") {
			return causedBy(d)
		}
	}
	return s.causeOf(s.name("next_upstream"))
}

// readOnlyFallbackPatch keeps a fallback from being asked with anything but GET and HEAD.
func (s observation) readOnlyFallbackPatch(g *group) patch {
	name := g.directive.Args[len(g.directive.Args)-1]
	m := patch{place: g.place, lines: []string{"if ($request_method !~ ^(GET|HEAD)$) {", "    return 502;", "}"}}
	for up := g.directive.Parent; up != nil; up = up.Parent {
		for _, d := range up.Block {
			if d.Name == "location" && len(d.Args) == 1 && d.Args[0] == name {
				m.block, m.place = d, d.Place
				return m
			}
		}
	}
	return m
}
