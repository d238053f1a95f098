package review

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var answers = []audit.Rule{
	{
		ID: "cut-passes", Severity: "medium", Title: "a cut answer passes as complete",
		Why: "The upstream died in the middle, and the visitor has a file or a page that looks whole: he can't know that half of it " +
			"is missing, and caches keep it. HTTP/1.0, uwsgi and SCGI mark the end of an answer by closing, which is what a " +
			"process that dies does too.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_http_version", Find: cutPasses,
	},
	{
		ID: "small-header-buffer", Severity: "medium", Title: "the header limit is below what applications commonly send",
		Why: "A cookie more, a longer token or a Content-Security-Policy, and the answer is a 502 for the visitors who have it and " +
			"for nobody else. The default is one memory page, 4 KiB on most machines.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size", Find: smallHeaderBuffer,
	},
}

func cutPasses(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.SilentTruncation {
			found.add(s.hiddenEndCause(), s)
		}
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		s := g.observations[0]
		saw := g.describe(s, fmt.Sprintf("%d, and an end as of a whole answer, though the upstream closed in the middle", s.Status))
		title := "a cut answer passes as complete"
		name := ""
		if g.directive != nil {
			name = g.directive.Name
		}
		switch {
		case name == "chunked_transfer_encoding":
			return g.finding(title, saw, g.patch("chunked_transfer_encoding on;"))
		case name == "proxy_http_version" || g.directive == nil:
			return g.finding(title, saw, g.patch("proxy_http_version 1.1;"))
		}
		f := g.finding(title, saw, g.patch("# nothing in nginx: the application has to send Content-Length (or speak HTTP/1.1, with proxy_pass)"))
		f.Severity = "low"
		return f
	})
}

// hiddenEndCause is what takes the mark of the end away: on the client's side, or on the upstream's.
func (s observation) hiddenEndCause() cause {
	if d := s.effective("chunked_transfer_encoding"); d != nil && slices.Contains(d.Args, "off") {
		return causedBy(d)
	}
	if p := s.route.Protocol; p == "http" || p == "https" {
		for _, c := range s.Calls {
			if c.Protocol == "http/1.0" {
				return s.causeOf("proxy_http_version")
			}
		}
	}
	return s.passCause()
}

// smallHeaderBuffer looks at the header of a common size only: one of 64 KiB is rightly refused.
func smallHeaderBuffer(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.isFault("big-header") && s.failed() {
			found.add(s.causeOf(s.name("buffer_size")), s)
		}
	}
	return found.hoisted().findings(func(g *group) audit.Finding {
		s := g.observations[0]
		var lines []string
		for _, p := range g.prefixes() {
			lines = append(lines, line(p+"buffer_size", "16k"))
			if p == "grpc_" || p == "memcached_" {
				continue
			}
			if !g.hasBuffers(p + "buffers") {
				lines = append(lines, line(p+"buffers", "8 16k"))
			}
			// nginx refuses a value of one's own that is below one buffer.
			if g.block != nil && len(nginxconf.Effective(g.block, p+"busy_buffers_size")) > 0 {
				lines = append(lines, line(p+"busy_buffers_size", "32k"))
			}
		}
		return g.finding("an answer with a header of 6 KiB is refused", g.describe(s, s.outcome()), g.patch(lines...))
	})
}

// hasBuffers reports whether somebody gave the group's block more for answers than the 128 KiB of 8 buffers of 16.
func (g *group) hasBuffers(name string) bool {
	if g.block == nil {
		return false
	}
	for _, d := range nginxconf.Effective(g.block, name) {
		if len(d.Args) == 2 {
			number, err := strconv.Atoi(d.Args[0])
			size, wrong := nginxconf.Size(d.Args[1])
			return err == nil && wrong == nil && int64(number)*size >= 128<<10
		}
	}
	return false
}
