package report

import (
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/badgateway/badgateway/harness/audit"

	"github.com/badgateway/badgateway/harness/internal/testhtml"
)

// parsedPage is the page as a browser reads it.
func parsedPage(t *testing.T, r *audit.Report) *html.Node {
	t.Helper()
	return testhtml.Parse(t, func(w io.Writer) error { return HTML(w, r) })
}

func TestHTML(t *testing.T) {
	root := parsedPage(t, sample())
	text := testhtml.Text(root)
	has(t, text, "findings: 1 high, 1 medium, 1 low; 4 outcomes against the policy", "nginx/1.26.3", "To mend it (proven in the lab: 504 after 60 s before, 504 after 3 s with it), in location /api/ at conf.d/shop.conf:20",
		"proxy_connect_timeout 3s; proxy_read_timeout 15s;", "a POST is sent twice at conf.d/shop.conf:22 (post-repeated): the API discards", "not reached: no error_page",
		"like shop.example.com/api/", "3 names, 2 addresses", "198.18.0.3", "conf.d/old.conf.bak", "waited 60 s, 10 s at most allowed", "60s in the gateway's own time")
	if n := len(testhtml.All(root, "article", "finding")); n != 3 {
		t.Errorf("%d findings", n)
	}
	matrix := testhtml.All(root, "table", "matrix")[0]
	if n := len(testhtml.All(matrix, "tr", "")); n != 6 { // a head, and five routes that were measured
		t.Errorf("%d rows", n)
	}
	red := testhtml.All(matrix, "td", "high")
	if len(red) != 6 || testhtml.Text(red[0]) != "high: 504 60s" { // three routes, two faults
		t.Errorf("%d cells are red, the first %q", len(red), testhtml.Text(red[0]))
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "html" && testhtml.Attribute(n, "lang") != "en" {
			t.Error("the page names no language")
		}
	}
	has(t, testhtml.Text(parsedPage(t, refusedSample())), "The config can’t be loaded", "invalid parameter", "needs nginx 1.27.3", "badgateway check --nginx 1.30")
	has(t, testhtml.Text(parsedPage(t, &audit.Report{Verdict: audit.Passed})), "The config has no upstream")
}

// Each measurement leads to its evidence, which leads back; every link of the page has a place to go to.
func TestHTML_LinksLeadSomewhere(t *testing.T) {
	root := parsedPage(t, sample())
	places := map[string]*html.Node{}
	for n := range root.Descendants() {
		if id := testhtml.Attribute(n, "id"); id != "" {
			if places[id] != nil {
				t.Errorf("two places are named %q", id)
			}
			places[id] = n
		}
	}
	links := 0
	for _, a := range testhtml.All(root, "a", "") {
		if to, here := strings.CutPrefix(testhtml.Attribute(a, "href"), "#"); here {
			links++
			if places[to] == nil {
				t.Errorf("%q leads nowhere: %q", testhtml.Text(a), to)
			}
		}
	}
	cells := testhtml.All(testhtml.All(root, "table", "matrix")[0], "a", "")
	if len(cells) != len(testhtml.All(root, "section", "evidence")) || len(cells) == 0 {
		t.Errorf("%d cells, %d evidences", len(cells), len(testhtml.All(root, "section", "evidence")))
	}
	evidence := places[strings.TrimPrefix(testhtml.Attribute(cells[1], "href"), "#")]
	has(t, testhtml.Text(evidence), "shop.example.com/api/ host off", "visitor 504 Gateway Timeout after 60 s", "no answer yet after 59.6 s", "[error] 12#12: *3 upstream timed out",
		"app1:8080 got POST /x", "<center>nginx/1.26.3</center>", "the policy: waited 60 s", "badgateway check deploy/nginx --route shop.example.com/api/ --fault off", "Close Previous Next")
}

// The page stands alone, and nothing in the report becomes a part of it other than text.
func TestHTML_IsSafe(t *testing.T) {
	root := parsedPage(t, hostile())
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
			if strings.HasPrefix(a.Key, "on") || (a.Key == "href" && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "https://")) || strings.Contains(a.Val, "ZgotmplZ") {
				t.Errorf("the page has %s=%q", a.Key, a.Val)
			}
		}
	}
	if text := testhtml.Text(root); !strings.Contains(text, "<script>alert(1)</script>") {
		t.Error("the hostile text is not shown as text")
	}
}
