package review

import (
	"fmt"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var logs = []audit.Rule{{
	ID: "lost-log", Severity: "medium", Title: "the error log is lost",
	Why: "The one line that names the upstream and the errno of a failure is written nowhere. \"off\" is no switch: it is the name " +
		"of a file.",
	Source: "https://nginx.org/en/docs/ngx_core_module.html#error_log", Find: lostLog,
}}

// lostLog wants both: a failure that nginx itself answered and that left no line, and a directive that explains it. A log
// that goes to syslog or to stderr may be kept where the lab does not look.
func lostLog(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if !s.failed() || s.Page == "upstream" || s.isFault("500", "502", "503") {
			continue
		}
		all := s.all("error_log")
		if len(all) == 0 && s.conf.Location == nil {
			continue
		}
		lost := len(all) > 0
		off := false
		for _, d := range all {
			lost = lost && dropsErrors(d)
			off = off || len(d.Args) > 0 && d.Args[0] == "off"
		}
		if lost && (off || len(s.Log) == 0) {
			found.add(causedBy(all[0]), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		what := "the error log is lost"
		if g.directive.Args[0] == "off" {
			what = "the error log is a file named off"
		} else if len(g.directive.Args) > 1 {
			what += fmt.Sprintf(" below the level %s", g.directive.Args[1])
		}
		return g.finding(what, g.describe(s, s.outcome()+", and not a line in the log"), g.patch("error_log /var/log/nginx/error.log warn;"))
	})
}

// dropsErrors reports whether an error_log keeps nothing of a failed upstream, whose lines are of the level error.
func dropsErrors(d *nginxconf.Directive) bool {
	if len(d.Args) == 0 {
		return false
	}
	if d.Args[0] == "/dev/null" || d.Args[0] == "off" {
		return true
	}
	if len(d.Args) < 2 {
		return false
	}
	switch d.Args[1] {
	case "crit", "alert", "emerg":
		return true
	}
	return false
}
