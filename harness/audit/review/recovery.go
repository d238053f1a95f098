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
	// maxRecovery is for how long errors may go on after a failure at nginx's default of fail_timeout=10s: it counts whole seconds,
	// and asks again only when more than ten have passed.
	maxRecovery = 12 * time.Second
	// maxErrorCache is for how long a cached error protects the upstream more than it harms clients.
	maxErrorCache = 10 * time.Second
)

var recoveries = []audit.Rule{
	{
		ID: "slow-recovery", Severity: "medium", Title: "errors go on long after the upstream is well again",
		Why: "The upstream is repaired and visitors still get errors, so that people go on repairing what is well. nginx leaves a " +
			"peer alone for fail_timeout after max_fails failures; a restart of the application is enough to bring that about.",
		Source: "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#fail_timeout",
		Find:   slowRecovery,
	},
	{
		ID: "error-cached", Severity: "high", Title: "an error is cached", Static: true,
		Why:    "One failed request becomes the answer to every visitor for as long as it is valid, though the upstream is well.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache_valid",
		Find:   errorCached,
	},
}

// slowRecovery leaves the moved name, the cached error and a pool of one server to rules of their own.
func slowRecovery(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.Cached || s.loneServer() != nil || s.isFault("name-moved", "name-gone", "500", "503") || !s.NotRecovered && s.ErrorsFor <= maxRecovery {
			continue
		}
		found.add(s.failTimeoutCause(), s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.worst(func(a, b observation) bool {
			return a.NotRecovered && !b.NotRecovered || a.NotRecovered == b.NotRecovered && a.ErrorsFor > b.ErrorsFor
		})
		f := g.finding("errors go on for "+s.errorsFor()+" after the upstream is well", g.describe(s, "errors for "+s.errorsFor()+
			" after the upstream was well"), s.shorterFailTimeoutPatch(g))
		if s.NotRecovered {
			f.Severity = "high"
		}
		return f
	})
}

func (s observation) errorsFor() string {
	if s.NotRecovered {
		return "more than " + long(s.ErrorsFor)
	}
	return long(s.ErrorsFor)
}

// failTimeoutCause is the server whose fail_timeout is the longest, else the pass directive.
func (s observation) failTimeoutCause() cause {
	var worst *nginxconf.Directive
	var longest time.Duration
	for _, d := range s.servers() {
		if t := failTimeout(d); t > longest {
			worst, longest = d, t
		}
	}
	if worst != nil && longest > 10*time.Second {
		return causedBy(worst)
	}
	return s.passCause()
}

// servers are the server directives of the route's upstream block.
func (s observation) servers() []*nginxconf.Directive {
	if s.conf.Target.Block == nil {
		return nil
	}
	var all []*nginxconf.Directive
	for _, d := range s.conf.Target.Block.Block {
		if d.Name == "server" {
			all = append(all, d)
		}
	}
	return all
}

func failTimeout(d *nginxconf.Directive) time.Duration {
	for _, a := range d.Args {
		if v, ok := strings.CutPrefix(a, "fail_timeout="); ok {
			t, _ := nginxconf.Duration(v)
			return t
		}
	}
	return 0
}

// shorterFailTimeoutPatch are the servers with a fail_timeout that is over soon.
func (s observation) shorterFailTimeoutPatch(g *group) patch {
	m := patch{block: s.conf.Target.Block, place: g.place}
	for _, d := range s.servers() {
		if failTimeout(d) <= 5*time.Second && failTimeout(d) > 0 {
			continue
		}
		args := slices.DeleteFunc(slices.Clone(d.Args), func(a string) bool { return strings.HasPrefix(a, "fail_timeout=") })
		m.lines = append(m.lines, line("server", append(args, "fail_timeout=5s")...))
		m.replaces = append(m.replaces, d)
	}
	if len(m.lines) == 0 {
		return g.patch("# nothing in the upstream block keeps a peer out: see Saw, and the log lines of that time")
	}
	return m
}

// errorCached leaves an error of ten seconds alone: so long it is a shield for an upstream that is down. A 502 of a pool whose
// peers are all left alone is asked of nobody either, and does not come from a cache.
func errorCached(e *audit.Evidence) []audit.Finding {
	var found collector
	if e.Report.Static {
		return errorCachedRead(e)
	}
	for _, s := range observations(e) {
		if !s.Cached || s.Status != 0 && s.Status < 500 || s.logged("no live upstreams") || !s.hasCache() {
			continue
		}
		c, valid := s.errorCacheCause()
		if valid > 0 && valid <= maxErrorCache {
			continue
		}
		s.value = valid
		found.add(c, s)
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		title := "an error is cached"
		if s.value > 0 {
			title += " for " + long(s.value)
		}
		return g.finding(title, g.describe(s, s.outcome()+", and again without asking the upstream"), s.cacheOnlySuccessPatch(g))
	})
}

// errorCachedRead is the same where nothing was measured: what takes every status in for longer than that, or one of a server's errors.
func errorCachedRead(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if !s.hasCache() {
			continue
		}
		for _, d := range s.all(s.name("cache_valid")) {
			n := len(d.Args)
			if n < 2 || !slices.ContainsFunc(d.Args[:n-1], func(a string) bool { return a == "any" || len(a) == 3 && a[0] == '5' }) {
				continue
			}
			if t, err := nginxconf.Duration(d.Args[n-1]); err == nil && t > maxErrorCache {
				s.value = t
				found.add(causedBy(d), s)
			}
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		return g.reading("an error is cached for "+long(s.value), strings.Join(g.directive.Args, " ")+" takes in the errors of a failing upstream", s.cacheOnlySuccessPatch(g))
	})
}

// hasCache reports whether the route has a cache.
func (s observation) hasCache() bool {
	d := s.effective(s.name("cache"))
	return d != nil && !slices.Contains(d.Args, "off")
}

// errorCacheCause is the cache_valid that takes an error in, with its time; else the directive that makes the upstream's own
// headers not count; else the cache itself.
func (s observation) errorCacheCause() (cause, time.Duration) {
	for _, d := range s.all(s.name("cache_valid")) {
		n := len(d.Args)
		if n == 0 {
			continue
		}
		if slices.Contains(d.Args, "any") || slices.Contains(d.Args[:n-1], fmt.Sprint(s.Status)) {
			t, _ := nginxconf.Duration(d.Args[n-1])
			return causedBy(d), t
		}
	}
	if d := s.effective(s.name("ignore_headers")); d != nil {
		return causedBy(d), 0
	}
	return s.causeOf(s.name("cache")), 0
}

func (s observation) cacheOnlySuccessPatch(g *group) patch {
	name := s.name("cache_valid")
	if g.directive != nil && g.directive.Name == name {
		codes := []string{"200", "301", "302", "404"}
		for _, d := range s.all(name) { // the first that has a status is the one that counts
			if n := len(d.Args); d != g.directive && n > 1 {
				codes = slices.DeleteFunc(codes, func(c string) bool { return slices.Contains(d.Args[:n-1], c) })
			}
		}
		return g.patch(line(name, append(codes, g.directive.Args[len(g.directive.Args)-1])...))
	}
	// The upstream's own headers keep it: no cache_valid can undo that.
	return patch{block: g.block, place: g.place, lines: []string{line(s.name("no_cache"), "$upstream_failed")},
		also: s.inOutermost("map $upstream_status $upstream_failed {", "    default 0;", "    ~^5     1;", "}")}
}
