package review

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var healthies = []audit.Rule{{
	ID: audit.HealthyRule, Severity: "high", Title: "requests fail while all upstreams are well",
	Why: "No upstream is at fault: the config turns these visitors away by itself, at any hour. What fails while all is well " +
		"can't be broken further, so nothing else is known of it.",
	Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass", Find: healthyFails,
}}

// noticed is from how long a wait a healthy answer is late, although its upstream answers at once.
const noticed = 5 * time.Second

// healthyFails finds methods that fail on routes that are reached, and routes that are not, because every request fails.
func healthyFails(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range append(measurements(e), unreached(e)...) {
		if s.isFault(audit.Healthy) && s.route.Ask.Requires == "" && s.configFails() {
			found.add(s.failureCause(), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.worst(func(a, b observation) bool { return !a.deliberate() && b.deliberate() })
		what := s.outcome()
		if s.Page == "upstream" && s.Status < 500 {
			what += ", late"
		}
		title := fmt.Sprintf("%s gets %s, though all upstreams are well", g.methods(), what)
		if s.deliberate() {
			title = fmt.Sprintf("the config itself answers %s with %s", g.methods(), s.outcome())
		}
		saw := fmt.Sprintf("%s: %s %s gets %s", s.route.ID, s.Method, s.route.Ask.URL, s.outcome())
		if l, ok := s.errorLine(); ok {
			saw += "; nginx logs: " + l
		}
		f := g.finding(title, saw, g.healthyPatch(found.groups))
		if s.deliberate() || s.Status != 0 && s.Status < 500 {
			f.Severity = "medium"
		}
		return f
	})
}

// unreached are the routes that no request got to, with the answer to the one that should have.
func unreached(e *audit.Evidence) (all []observation) {
	for i := range e.Report.Routes {
		if r := &e.Report.Routes[i]; !r.Reached && r.SameAs == "" {
			conf := e.ConfigRoutes[r.ID]
			m := &audit.Measurement{Fault: audit.Healthy, Method: r.Ask.Method, Outcome: r.Healthy}
			all = append(all, observation{Measurement: m, route: r, conf: &conf})
		}
	}
	return all
}

// configFails reports whether the client got an error, nothing, or had to wait, though all upstreams are well. What the config
// refuses on purpose (limit_except, a static file's 405, return 444) is no failure, but a 5xx is one however it came. What a rule of its
// own finds is left to that, and so is what a script does whose services the lab only plays.
func (s observation) configFails() bool {
	_, logged := s.errorLine()
	switch {
	case s.Loop, s.logged("no resolver defined to resolve"), s.logged("[lua]"), s.logged("js exception"):
		return false
	case s.stream():
		return s.Method != "UDP" && (s.NoAnswer != "" || s.Cut) && logged
	case s.Status == 0 && s.Method == "", s.NotStarted != "":
		return false // it was not asked for
	case s.Status == 0, s.Cut, s.TimedOut:
		return logged || len(s.Calls) > 0
	case s.Status >= 500:
		return s.Page != "upstream" || s.Status != s.route.Healthy.Status
	}
	return s.Waited >= noticed && s.route.Role != nginxconf.Mirror
}

// deliberate reports whether the config says so itself: it answers without a call, and nothing went wrong by its log.
func (s observation) deliberate() bool {
	_, logged := s.errorLine()
	return s.Status >= 500 && len(s.Calls) == 0 && !logged
}

// errorLine is the first line of the gateway's log that says what went wrong.
func (s observation) errorLine() (string, bool) {
	for _, l := range s.Log {
		if l.AtLeast("error") {
			return l.String(), true
		}
	}
	return "", false
}

// failureCause is the directive that leads to what fails: auth_request, the versions of TLS, or the pass directive.
func (s observation) failureCause() cause {
	if s.logged(leaveFailed) {
		if s.route.Role == nginxconf.Auth {
			return s.authRequestCause()
		}
		return s.causeOf("auth_request")
	}
	if d := s.effective(s.name("ssl_protocols")); d != nil && s.noCommonTLS() {
		return causedBy(d)
	}
	return s.passCause()
}

// noCommonTLS reports whether gateway and upstream found no version of TLS that both speak, as OpenSSL says it.
func (s observation) noCommonTLS() bool {
	return s.logged("alert protocol version") || s.logged("unsupported protocol") || s.logged("no protocols available") || s.logged("wrong ssl version")
}

// leaveFailed is what nginx logs where whom auth_request asks says neither yes nor no.
const leaveFailed = "auth request unexpected status"

// healthyPatch takes the length of a body away that is announced and not sent, by one of the group or by what was asked for leave, and
// allows the versions of TLS that are in use. For all else there are only words.
func (g *group) healthyPatch(all groups) patch {
	if d := g.directive; d != nil && strings.HasSuffix(d.Name, "_ssl_protocols") {
		return g.patch(line(d.Name, "TLSv1.2", "TLSv1.3"))
	}
	may := slices.Clone(g.observations)
	if first := g.observations[0]; first.logged(leaveFailed) {
		for _, other := range all {
			may = append(may, slices.DeleteFunc(slices.Clone(other.observations), func(s observation) bool {
				return s.route.Role != nginxconf.Auth || s.conf.Server != first.conf.Server
			})...)
		}
	}
	for _, s := range may {
		if s.conf.Location != nil && s.prefix() == "proxy_" && s.Method != "GET" && s.proxyHeader("Content-Length") == nil &&
			(s.route.Role == nginxconf.Auth || isOff(s.conf.Location, "proxy_pass_request_body")) {
			return s.causeLacking("proxy_set_header").patch(s.withoutBody()...)
		}
	}
	return g.patch("# no line fits every case; what nginx logs says which directive it stumbles over")
}

// methods are those of a group, as one would say them: "POST", "GET and POST".
func (g *group) methods() string {
	var all []string
	for _, s := range g.observations {
		if !slices.Contains(all, s.Method) {
			all = append(all, s.Method)
		}
	}
	return strings.Join(all, " and ")
}
