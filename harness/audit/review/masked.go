package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
)

var masked = []audit.Rule{{
	ID: "masked-error", Severity: "medium", Title: "a failed upstream comes out with a status that does not say so",
	Why: "The visitor has an error page, and by its status it is none: a cache keeps a 200, a search engine drops what is a 404, " +
		"a monitor and a client that would try again see nothing wrong with the upstream.",
	Source: errorPageManual, Find: maskedError,
}}

// maskedError leaves the POSTs that an error page refuses to the rule that mends them.
func maskedError(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range observations(e) {
		if s.Masked && !(postRefused(*s.Measurement) && len(s.pagesForGET()) > 0) {
			found.add(s.maskCause(), s)
		}
	}
	return found.findings(func(g *group) audit.Finding {
		s := g.observations[0]
		what := fmt.Sprintf("%d", s.Status)
		if s.Status < 300 {
			what += map[bool]string{true: " with an error page", false: " without a page"}[s.Page != ""]
		}
		f := g.finding("a failed upstream comes out as "+what, g.describe(s, s.outcome()+", "+s.pageWords()), s.unmaskPatch(g))
		if s.Status < 300 && s.Page == "" { // nobody takes nothing for what he came for
			f.Severity = "low"
		}
		return f
	})
}

func (s observation) pageWords() string {
	switch s.Page {
	case "nginx":
		return "nginx's own page"
	case "config":
		return "the config's page"
	}
	return "no page"
}

// maskCause is the error_page that gives the answer its status, or the pass directive.
func (s observation) maskCause() cause {
	for _, d := range s.all("error_page") {
		if slices.ContainsFunc([]int{502, 504, 500, 503}, func(status int) bool { return covers(d, status) }) {
			return causedBy(d)
		}
	}
	return s.passCause()
}

// unmaskPatch is the error_page without the status that it sets.
func (s observation) unmaskPatch(g *group) patch {
	d := g.directive
	if d == nil || d.Name != "error_page" || !slices.ContainsFunc(d.Args, func(a string) bool { return strings.HasPrefix(a, "=") }) || s.Status >= 400 {
		return g.patch("# the page has to exist where error_page leads, and to keep the status: a file for error_page's URI, or return 503 with a text")
	}
	return g.patch(line("error_page", append(codesOf(d), d.Args[len(d.Args)-1])...))
}
