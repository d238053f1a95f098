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
	var found gathering
	for _, s := range sights(e) {
		if !s.of("one-dead", "one-silent") || !s.failed() || s.Of > 0 && s.Bad == 0 {
			continue
		}
		if s.of("one-silent") && s.Method != "GET" {
			continue
		}
		found.add(s.givesUp(), s)
	}
	return found.raised().each(func(g *group) audit.Finding {
		s := g.worst(func(a, b sight) bool { return a.Bad*max(b.Of, 1) > b.Bad*max(a.Of, 1) })
		share := ""
		if s.Of > 0 {
			share = fmt.Sprintf(" (%d of %d visitors)", s.Bad, s.Of)
		}
		return g.finding("one dead peer of several reaches visitors"+share, g.saw(s, s.got()+share), s.goesOn(g))
	})
}

// givesUp is why no other peer was asked.
func (s sight) givesUp() culprit {
	if d := s.effective(s.name("next_upstream")); d != nil && !(slices.Contains(d.Args, "error") && slices.Contains(d.Args, "timeout")) &&
		!slices.Contains(d.Args, "on") {
		return by(d)
	}
	if d := s.effective(s.name("next_upstream_tries")); d != nil && len(d.Args) == 1 && d.Args[0] == "1" {
		return by(d)
	}
	if d := s.effective(s.name("next_upstream_timeout")); d != nil && len(d.Args) == 1 && d.Args[0] != "0" {
		return by(d)
	}
	return s.passes()
}

// goesOn are lines by which the next peer is asked.
func (s sight) goesOn(g *group) mend {
	if g.directive == nil {
		return g.mend(line(s.name("next_upstream"), "error timeout"))
	}
	switch g.directive.Name {
	case s.name("next_upstream"):
		if s.stream() {
			return g.mend(line(s.name("next_upstream"), "on"))
		}
		args := []string{"error", "timeout"}
		for _, a := range g.directive.Args {
			if a != "off" && !slices.Contains(args, a) {
				args = append(args, a)
			}
		}
		return g.mend(line(s.name("next_upstream"), args...))
	case s.name("next_upstream_tries"):
		return g.mend(line(s.name("next_upstream_tries"), "2"))
	case s.name("next_upstream_timeout"):
		return g.mend(line(s.name("next_upstream_timeout"), "10s"), line(s.name("connect_timeout"), "3s"))
	}
	// The pool is asked at random or by a variable: then nginx knows of no other peer.
	return mend{block: g.block, place: g.place, lines: []string{line(s.name("next_upstream"), "error timeout")}}
}

// postRepeated finds bodies that reached more than one upstream. A mirror gets each of them by design.
func postRepeated(e *audit.Evidence) []audit.Finding {
	var found gathering
	for _, s := range sights(e) {
		if s.Repeated == 0 || s.Method != "POST" || s.mirrored() && s.tried() <= 1 {
			continue
		}
		found.add(s.repeats(), s)
	}
	return found.each(func(g *group) audit.Finding {
		s := g.worst(func(a, b sight) bool { return a.Repeated > b.Repeated })
		saw := g.saw(s, fmt.Sprintf("the body reached an upstream %s (%s)", times(s.Repeated+1), strings.Join(s.Tries, ", ")))
		m := g.mend(line(s.name("next_upstream"), "error", "timeout"))
		switch {
		case g.directive != nil && g.directive.Name == s.name("next_upstream"):
			m = g.mend(line(s.name("next_upstream"), slices.DeleteFunc(slices.Clone(g.directive.Args),
				func(a string) bool { return a == "non_idempotent" })...))
		case g.directive != nil && g.directive.Name == "error_page":
			m = s.onlyReads(g)
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

func (s sight) mirrored() bool {
	d := s.effective("mirror")
	return d != nil && !slices.Contains(d.Args, "off")
}

// repeats is what sends the body again: non_idempotent, or an error_page with a named location, which keeps the method.
func (s sight) repeats() culprit {
	if d := s.effective(s.name("next_upstream")); d != nil && slices.Contains(d.Args, "non_idempotent") {
		return by(d)
	}
	for _, d := range s.all("error_page") {
		if n := len(d.Args); n > 1 && strings.HasPrefix(d.Args[n-1], "@") {
			return by(d)
		}
	}
	return s.decides(s.name("next_upstream"))
}

// onlyReads keeps a fallback from being asked with anything but GET and HEAD.
func (s sight) onlyReads(g *group) mend {
	name := g.directive.Args[len(g.directive.Args)-1]
	m := mend{place: g.place, lines: []string{"if ($request_method !~ ^(GET|HEAD)$) {", "    return 502;", "}"}}
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
