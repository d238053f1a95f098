package report

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/badgateway/badgateway/harness/scenario"
)

// parsedPage is the page as a browser reads it.
func parsedPage(t *testing.T, all []scenario.Evidence) *html.Node {
	t.Helper()
	var out bytes.Buffer
	if err := HTML(&out, sampleRun, all); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// textOf is all text below a node.
func textOf(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// cardsOf are the nodes of the scenarios.
func cardsOf(root *html.Node) (all []*html.Node) {
	for n := range root.Descendants() {
		if n.Data == "details" && strings.HasPrefix(attribute(n, "class"), "card ") {
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
		text := textOf(all[c.card])
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("scenario %d: no %q in %s", c.card, want, text)
			}
		}
	}
	filters := 0
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "html" && attribute(n, "lang") != "en" {
			t.Error("the page names no language")
		}
		if n.Data == "input" && attribute(n, "type") == "radio" {
			filters++
		}
	}
	if filters != 6 { // all, and five families
		t.Errorf("%d filters", filters)
	}
	if text := textOf(root); !strings.Contains(text, "badgateway: 10 passed, 2 failed") {
		t.Error("the title lacks the sums")
	} else if !strings.Contains(text, "* in the gateway's own time") {
		t.Error("nothing explains the mark")
	}
	for n := range all[4].Descendants() {
		if n.Data == "pre" && strings.Contains(textOf(n), "systemctl start app") {
			t.Error("the remedy is set as code")
		}
	}
	if text := textOf(parsedPage(t, nil)); !strings.Contains(text, "Nothing was run.") {
		t.Error("an empty run says nothing")
	}
}

// The page stands alone, and nothing in the evidence becomes a part of it other than text.
func TestHTML_IsSafe(t *testing.T) {
	run := samples()
	root := parsedPage(t, append(run, hostile()))
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
			if text := textOf(n); strings.Contains(text, "alert") || strings.Contains(text, "url(") || strings.Contains(text, "@import") {
				t.Errorf("the style is not ours: %s", text)
			}
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "javascript:") || strings.Contains(a.Val, "ZgotmplZ") {
				t.Errorf("the page has %s=%q", a.Key, a.Val)
			}
		}
	}
	if text := textOf(root); !strings.Contains(text, "<script>alert(1)</script>") {
		t.Error("the hostile text is not shown as text")
	}
}
