package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	unsafe "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/junit"
	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/terminal"

	"github.com/badgateway/badgateway/harness/internal/testhtml"
)

// reportsOf are reports in which every text is this, in all the shapes that show one text or another.
func reportsOf(text string) map[string]*audit.Report {
	plain := func() *audit.Report {
		cells := make([]audit.Measurement, 6)
		r := &audit.Report{Faults: make([]audit.FaultInfo, 1), Routes: make([]audit.Route, 2), Findings: make([]audit.Finding, 2)}
		r.Routes[0].Measurements, r.Routes[0].Reached = cells, true
		nasty.Fill(r, text)
		for i, method := range []string{"GET", "POST", "PUT"} { // what leads to different rows
			cells[i].Method = method + " " + text
		}
		for i := range cells {
			cells[i].Skipped, cells[i].Error, cells[i].NotStarted = "", "", ""
		}
		cells[1].Skipped, cells[2].Error, cells[3].NotStarted = text, text, text
		cells[4].Log, cells[4].Status = []gateway.LogRecord{{Level: text, Message: text, ErrnoText: text, Phase: text}}, 0
		r.Routes[0].SameAs, r.Routes[1].ID, r.Routes[1].SameAs, r.Findings[0].Waived, r.Refused = "", text+" 2", "", "", nil
		return r
	}
	all := map[string]*audit.Report{"plain": plain()}
	with := func(name string, change func(r *audit.Report)) {
		r := plain()
		change(r)
		all[name] = r
	}
	with("refused", func(r *audit.Report) { r.Refused = &audit.Refusal{}; nasty.Fill(r.Refused, text) })
	with("refused without nginx", func(r *audit.Report) {
		r.Refused = &audit.Refusal{}
		nasty.Fill(r.Refused, text)
		r.Refused.Nginx = ""
	})
	with("of known words", func(r *audit.Report) {
		r.Verdict, r.Clock, r.Findings[0].Severity, r.Findings[0].Source = audit.Findings, "moved", high, "https://nginx.org/en/docs/"
		r.Findings[0].Faults = nil
	})
	with("in one place", func(r *audit.Report) { r.Findings[0].Lacks, r.PolicyFile, r.Routes[0].Dynamic = "", "", true })
	return all
}

// changesOf are comparisons in which every text is this.
func changesOf(text string) audit.Changes {
	c := audit.Changes{Changes: make([]audit.Change, 4)}
	nasty.Fill(&c, text)
	c.Changes[0].Direction, c.Changes[1].Direction, c.Changes[2].Direction, c.Changes[3].Route = audit.Worse, audit.Better, "", ""
	return c
}

// formsOf are all that is ever written of them, by name.
func formsOf(t *testing.T, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	put := func(name string, write func(io.Writer) error) {
		var out bytes.Buffer
		if err := write(&out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		all[name] = out.String()
	}
	for name, r := range reportsOf(text) {
		for view, v := range map[string]View{"": {}, " wide": {Width: 200, Supplied: true}, " narrow": {Width: 60}} {
			put("table"+view+" "+name, func(w io.Writer) error { return Table(w, r, v) })
			if r.Refused == nil {
				put("route"+view+" "+name, func(w io.Writer) error { return Route(w, r, text, v) })
				put("route"+view+" other "+name, func(w io.Writer) error { return Route(w, r, text+" 2", v) })
				put("one"+view+" "+name, func(w io.Writer) error { return Measurement(w, r, text, text, v) })
			}
		}
		put("html "+name, func(w io.Writer) error { return HTML(w, r) })
		put("json "+name, func(w io.Writer) error { return JSON(w, r) })
		put("junit "+name, func(w io.Writer) error { return JUnit(w, r) })
		put("sarif "+name, func(w io.Writer) error { return SARIF(w, r, nil) })
		put("markdown "+name, func(w io.Writer) error { return Markdown(w, r) })
	}
	c := changesOf(text)
	put("table changes", func(w io.Writer) error { return TableChanges(w, c, View{Width: 100}) })
	put("markdown changes", func(w io.Writer) error { return MarkdownChanges(w, c) })
	put("json changes", func(w io.Writer) error { return JSONChanges(w, c) })
	return all
}

func TestReports_EscapeHostileText(t *testing.T) {
	benign := formsOf(t, "harmless >~")
	for name, text := range formsOf(t, nasty.Text) {
		if at := nasty.Raw(text); at != "" {
			t.Errorf("%s has a character that drives or deceives its reader: %q", name, at)
		}
		form, _, _ := strings.Cut(name, " ")
		switch form {
		case "html":
			sameElements(t, name, htmlOf(t, benign[name]), htmlOf(t, text))
		case "markdown":
			root := htmlOf(t, rendered(t, text))
			sameElements(t, name, htmlOf(t, rendered(t, benign[name])), root)
			activeText(t, name, root)
		case "json":
			var v any
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case "sarif":
			var log sarifLog
			if err := json.Unmarshal([]byte(text), &log); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, x := range log.Runs[0].Results {
				if link := sarifLinks.FindString(strings.ReplaceAll(x.Message.Text, `\[`, "")); link != "" {
					t.Errorf("%s: a message has a link: %q", name, link)
				}
			}
			for _, rule := range log.Runs[0].Tool.Driver.Rules {
				if rule.Help.Markdown != "" {
					activeText(t, name, htmlOf(t, rendered(t, rule.Help.Markdown)))
				}
			}
		case "junit":
			if err := xml.Unmarshal([]byte(text), new(junit.Root)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if form == "html" || form == "junit" { // files: no CI system reads them as a program's output
			continue
		}
		var out bytes.Buffer
		w := terminal.NewWriter(&out)
		_, _ = io.WriteString(w, text)
		w.Flush()
		if at := nasty.Command(out.String()); at != "" {
			t.Errorf("%s has a command to a CI system: %q", name, at)
		}
	}
}

// sarifLinks are what a viewer of SARIF makes links of.
var sarifLinks = regexp.MustCompile(`\[[^\]]*\]\(\s*(\d+|[a-zA-Z][a-zA-Z0-9+.-]*:[^)]*)\)`)

// rendered is Markdown as a code host renders it before it cleans the HTML.
func rendered(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	m := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(unsafe.WithUnsafe()))
	if err := m.Convert([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func htmlOf(t *testing.T, text string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// sameElements fails if the nasty text made elements that the harmless one did not, or the other way round. How many lines and
// measurements a text takes is its own.
func sameElements(t *testing.T, name string, benign, nasty *html.Node) {
	t.Helper()
	count := func(root *html.Node) map[string]int {
		n := map[string]int{}
		for x := range root.Descendants() {
			if x.Type == html.CommentNode {
				n["a comment"]++
			}
			if x.Type != html.ElementNode || x.Data == "code" || x.Data == "span" {
				continue
			}
			n[x.Data]++
			for _, a := range x.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.Contains(a.Val, "javascript:") && a.Key == "href" || a.Key == "src" || a.Key == "style" {
					n["attribute "+a.Key]++
				}
			}
		}
		return n
	}
	want, got := count(benign), count(nasty)
	for element, n := range got {
		if want[element] != n {
			t.Errorf("%s: the nasty text makes %d of %s, the harmless one %d", name, n, element, want[element])
		}
	}
	for element, n := range want {
		if got[element] == 0 {
			t.Errorf("%s: the nasty text takes %d of %s away", name, n, element)
		}
	}
}

// activeText fails if a text outside of code is one that a code host makes a link, a formula or a mention of.
func activeText(t *testing.T, name string, root *html.Node) {
	t.Helper()
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "code" || n.Data == "pre") {
			return
		}
		if n.Type == html.ElementNode && n.Data == "a" && !strings.HasPrefix(testhtml.Attribute(n, "href"), "https://nginx.org/") {
			t.Errorf("%s: a link to %q", name, testhtml.Attribute(n, "href"))
		}
		if n.Type == html.TextNode {
			if at := regexp.MustCompile(`(?i)@\w|https?:|www\.|#\d|!\d|gh-\d|\$\S`).FindString(n.Data); at != "" {
				t.Errorf("%s: a code host makes something of %q in %q", name, at, n.Data)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
}
