package report

import (
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/badgateway/badgateway/harness/scenario"

	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/internal/testhtml"
)

// parsedPage is the page as a browser reads it.
func parsedPage(t *testing.T, all []scenario.Evidence) *html.Node {
	t.Helper()
	return testhtml.Parse(t, func(w io.Writer) error { return HTML(w, sampleRun, all) })
}

// cardsOf are the nodes of the scenarios.
func cardsOf(root *html.Node) (all []*html.Node) {
	for n := range root.Descendants() {
		if n.Data == "details" && strings.HasPrefix(testhtml.Attribute(n, "class"), "card ") {
			all = append(all, n)
		}
	}
	return all
}

func TestHTML(t *testing.T) {
	root := parsedPage(t, samples())
	all := cardsOf(root)
	if len(all) != 12 {
		t.Fatalf("%d scenarios", len(all))
	}
	for _, c := range []struct {
		card int
		want []string
	}{
		{4, []string{"read-timeout", "504", "60 s *", "a slow script gives 502", "504 Gateway Timeout after 60 s", "200 before, 504 under the fault"}},
		{7, []string{"200 cut", "Half a pa"}},
		{10, []string{"FAILED", "the errno is 111, not 24", "badgateway run too-many-files", "listens again", "proxy_set_header"}},
		{11, []string{"ERROR", "no space left on device"}},
	} {
		text := testhtml.Text(all[c.card])
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("scenario %d: no %q in %s", c.card, want, text)
			}
		}
	}
	filters := 0
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "html" && testhtml.Attribute(n, "lang") != "en" {
			t.Error("the page names no language")
		}
		if n.Data == "input" && testhtml.Attribute(n, "type") == "radio" {
			filters++
		}
	}
	if filters != 6 { // all, and five families
		t.Errorf("%d filters", filters)
	}
	if text := testhtml.Text(root); !strings.Contains(text, "badgateway: 10 passed, 2 failed") {
		t.Error("the title lacks the sums")
	} else if !strings.Contains(text, "* in the gateway's own time") {
		t.Error("nothing explains the mark")
	}
	for n := range all[4].Descendants() {
		if n.Data == "pre" && strings.Contains(testhtml.Text(n), "systemctl start app") {
			t.Error("the remedy is set as code")
		}
	}
	if text := testhtml.Text(parsedPage(t, nil)); !strings.Contains(text, "Nothing was run.") {
		t.Error("an empty run says nothing")
	}
}

// The page stands alone, and nothing in the evidence becomes a part of it other than text.
func TestHTML_IsSafe(t *testing.T) {
	run := samples()
	var claim scenario.Claim
	nasty.Fill(&claim, nasty.Text)
	claim.Scenarios = []string{hostile().Scenario}
	root := testhtml.Parse(t, func(w io.Writer) error { return HTML(w, sampleRun, append(run, hostile()), claim) })
	if n := len(cardsOf(root)); n != len(run)+1 {
		t.Errorf("%d scenarios", n)
	}
	for n := range root.Descendants() {
		switch n.Data {
		case "script", "img", "link", "iframe", "object", "form", "base":
			if n.Type == html.ElementNode {
				t.Errorf("the page has a <%s>", n.Data)
			}
		case "style":
			if text := testhtml.Text(n); strings.Contains(text, "alert") || strings.Contains(text, "url(") || strings.Contains(text, "@import") {
				t.Errorf("the style is not ours: %s", text)
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "javascript:") || strings.Contains(a.Val, "ZgotmplZ") {
				t.Errorf("the page has %s=%q", a.Key, a.Val)
			}
		}
	}
	if text := testhtml.Text(root); !strings.Contains(text, "<script>alert(1)</script>") {
		t.Error("the hostile text is not shown as text")
	}
}

func TestHTML_WhyTheLabIsNotHealthy(t *testing.T) {
	text := testhtml.Text(cardsOf(parsedPage(t, []scenario.Evidence{unhealthy()}))[0])
	for _, want := range []string{"Before the fault", "502 Bad Gateway", "error log before the fault", "connect() failed (111: Connection refused)", "listens on 9001"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	for _, never := range []string{"Under the fault", "After the remedy", "What mends it", "Confirm it on a live server", unhealthy().Claim} {
		if strings.Contains(text, never) {
			t.Errorf("of a fault that was never made: %q in %s", never, text)
		}
	}
}
