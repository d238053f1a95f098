package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var peerRules = []audit.Rule{
	{
		ID: "lone-peer", Severity: "medium", Title: "a pool of one server benches itself", Static: true,
		Why: "nginx never leaves out the only server of a pool. Another entry makes it one of several, even one that is down: after a " +
			"single failure nobody is asked for fail_timeout, 10 s, and every visitor gets a 502 though the server is well again.",
		Source: "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#max_fails", Find: lonePeer,
	},
	{
		ID: "two-addresses", Severity: "low", Title: "one name stands for two addresses", Static: true,
		Why: "localhost is 127.0.0.1 and ::1, and nginx takes them for two peers. The application mostly listens on one: each first " +
			"try of the other is refused, and once the application restarts both are left out for 10 s.",
		Source: "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server", Find: twoAddresses,
	},
	{
		ID: "no-retry", Severity: "low", Title: "a retry is configured that never happens", Static: true,
		Why: "Whoever reads this config relies on a second try. nginx asks nobody else where there is one peer or one try, and none " +
			"again whose request may not be repeated (POST, and with it every gRPC call) once it was sent.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream", Find: noRetry,
	},
}

// usable are the servers of the route's pool that are asked at all, those that stand by apart.
func (s observation) usable() (main, backup []*nginxconf.Directive) {
	for _, d := range s.servers() {
		switch {
		case len(d.Args) == 0 || slices.Contains(d.Args, "down"):
		case slices.Contains(d.Args, "backup"):
			backup = append(backup, d)
		default:
			main = append(main, d)
		}
	}
	return main, backup
}

// loneServer is the only server of a pool whose other entries are down; nil where there are others, or where it is never left out.
func (s observation) loneServer() *nginxconf.Directive {
	main, backup := s.usable()
	if len(main) != 1 || len(backup) > 0 || len(s.servers()) < 2 || slices.Contains(main[0].Args, "max_fails=0") || slices.Contains(main[0].Args, "fail_timeout=0") {
		return nil
	}
	return main[0]
}

// lonePeer wants one server beside entries that are down: nginx counts those too. Errors that went on in a measurement prove it.
func lonePeer(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if d := s.loneServer(); d != nil {
			found.add(causedBy(d), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		args := slices.DeleteFunc(slices.Clone(g.directive.Args), func(a string) bool { return strings.HasPrefix(a, "max_fails=") })
		f := g.reading("the only server of "+s.route.Upstream+" is left out after one failure",
			fmt.Sprintf("%s is one of %d entries, and the others are down", g.directive.Args[0], len(s.servers())),
			patch{block: s.conf.Target.Block, place: g.place, lines: []string{rewritten(g.directive, append(args, "max_fails=0")...)},
				replaces: []*nginxconf.Directive{g.directive}})
		if s, ok := g.seen(func(c audit.Measurement) bool { return c.ErrorsFor > 0 && !c.Cached && !nameFault(c) }); ok {
			f = g.proven(f, s, s.outcome()+", and errors for "+s.errorsFor()+" after the upstream was well")
		}
		return f
	})
}

// nameFault reports whether errors go on because of a name.
func nameFault(c audit.Measurement) bool { return c.Fault == "name-moved" || c.Fault == "name-gone" }

// twoAddresses looks at localhost, of which it is known that it has two. Where no second try is allowed, each second visitor gets
// an error from an application that listens on one of them.
func twoAddresses(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		c := s.passCause()
		local := hostOf(s.conf.Target.Written) == "localhost" && s.conf.Target.Block == nil
		if main, _ := s.usable(); len(main) > 0 {
			i := slices.IndexFunc(main, func(d *nginxconf.Directive) bool { return hostOf(d.Args[0]) == "localhost" })
			if local = i >= 0; local {
				c = causedBy(main[i])
			}
		}
		if local && c.directive != nil {
			found.add(c, s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		args := slices.Clone(g.directive.Args)
		args[0] = strings.Replace(args[0], "localhost", "127.0.0.1", 1)
		m := g.patch(rewritten(g.directive, args...) + " # or [::1], if that is where the application listens")
		m.hangs = true
		f := g.reading("localhost is two addresses, and two peers", "localhost stands for 127.0.0.1 and ::1, which are asked in turn", m)
		if !s.retries() {
			f.Severity, f.Saw = "medium", f.Saw+", and a second try is not allowed: an application that listens on one of them is refused to every second visitor"
		}
		if s, ok := g.seen(func(c audit.Measurement) bool { return c.Fault == "one-address" && c.Status >= 500 }); ok {
			f = g.proven(f, s, s.outcome()+" while the other address answers")
			f.Severity = "medium"
			return f
		}
		s, ok := g.seen(func(c audit.Measurement) bool {
			return c.ErrorsFor > 0 && !c.Cached && !nameFault(c) && s.conf.Target.Block == nil
		})
		if ok {
			f = g.proven(f, s, fmt.Sprintf("%s, and errors for %s after the upstream was well, as of a pool with two peers (%s)", s.outcome(), s.errorsFor(), strings.Join(s.Tries, ", ")))
			f.Severity = "medium"
		}
		return f
	})
}

// retries reports whether another peer may be asked after a failure.
func (s observation) retries() bool {
	if d := s.effective(s.name("next_upstream")); d != nil && slices.Contains(d.Args, "off") {
		return false
	}
	d := s.effective(s.name("next_upstream_tries"))
	return d == nil || len(d.Args) != 1 || d.Args[0] != "1"
}

// noRetry looks at what is written for a retry, and not at nginx's defaults. What holds for several routes is meant for the one
// that has peers.
func noRetry(e *audit.Evidence) []audit.Finding {
	var found collector
	used := map[*nginxconf.Directive]bool{}
	for _, s := range configRoutes(e) {
		d := s.effective(s.name("next_upstream"))
		if d == nil || s.stream() || slices.Contains(d.Args, "off") || !asksMore(d) {
			continue
		}
		if s.whyNoRetry(d) == "" {
			used[d] = true
			continue
		}
		found.add(causedBy(d), s)
	}
	all := slices.DeleteFunc(found.groups, func(g *group) bool { return used[g.directive] })
	return all.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		why := s.whyNoRetry(g.directive)
		return g.reading("the retry that "+g.directive.Name+" asks for never happens", s.route.ID+": "+why,
			g.patch("# "+s.retryAdvice(why)))
	})
}

// neverRepeated is why a gRPC call is asked of one peer alone.
const neverRepeated = "every gRPC call is a POST, which is not repeated once it was sent"

// asksMore reports whether more is asked for than nginx's default, which many write down without a thought of a second peer.
func asksMore(d *nginxconf.Directive) bool {
	return slices.ContainsFunc(d.Args, func(a string) bool { return a != "error" && a != "timeout" })
}

// whyNoRetry says why nobody else is asked; empty where somebody is.
func (s observation) whyNoRetry(d *nginxconf.Directive) string {
	main, backup := s.usable()
	peers := s.conf.Target.Peers
	switch {
	case !s.retries():
		return s.name("next_upstream_tries") + " 1 allows no second"
	case s.conf.Target.Dynamic || s.conf.Target.Variables:
		return ""
	case s.conf.Target.Block == nil && len(peers) == 1 && !isName(peers[0].Host),
		s.conf.Target.Block != nil && len(main)+len(backup) == 1 && len(main) == 1 && !isName(hostOf(main[0].Args[0])):
		return "there is one peer, and nobody else to ask"
	case s.prefix() == "grpc_" && !slices.Contains(d.Args, "non_idempotent") && slices.ContainsFunc(d.Args, func(a string) bool { return strings.HasPrefix(a, "http_") }):
		return neverRepeated
	}
	return ""
}

// retryAdvice is what to do about it, in words: which of it is right nobody can read.
func (s observation) retryAdvice(why string) string {
	switch {
	case !s.retries():
		return "allow two tries (" + s.name("next_upstream_tries") + " 2), or take the directive out"
	case why == neverRepeated:
		return "add non_idempotent if every call may be carried out twice, or leave retries to the client"
	}
	return "give the pool a second server, or take the directive out"
}
