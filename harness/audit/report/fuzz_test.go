package report

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/badgateway/badgateway/harness/internal/markdown"
	"github.com/badgateway/badgateway/harness/internal/nasty"
	"github.com/badgateway/badgateway/harness/terminal"
)

// FuzzMarkdown holds that a text of Markdown is read as that text, and makes nothing else.
func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{nasty.Text, "1. a", "- ", "a_b_ `c", "\\", "a|b\\|", "*", "&amp;", "==", "#1", "~~a~~", "`a``b`"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.Join(strings.Fields(terminal.OneLine(s)), " ")
		for name, text := range map[string]string{
			"text": "begins\n\n" + markdown.Text(s) + "\n", "item": "- x: " + markdown.Text(s) + "\n", "code": "x " + markdown.Code(s) + " y\n",
			"cell": "| a | b |\n|---|---|\n| " + markdown.Text(s) + " | x |\n", "code in a cell": "| a | b |\n|---|---|\n| " + markdown.Code(s) + " | x |\n",
			"heading": "### x: " + markdown.Text(s) + "\n", "fence": markdown.Fence("nginx", s),
		} {
			root := htmlOf(t, rendered(t, text))
			read := strings.Join(strings.Fields(textIn(root)), " ")
			want := map[string]string{"text": "begins " + s, "item": "x: " + s, "code": "x " + s + " y", "cell": "a b " + s + " x", "code in a cell": "a b " + s + " x",
				"heading": "x: " + s, "fence": s}[name]
			if squeezed(read) != squeezed(want) {
				t.Fatalf("%s of %q is read as %q:\n%s", name, s, read, text)
			}
			if name != "fence" {
				activeText(t, name, root)
			}
		}
	})
}

// squeezed is a text without its blanks, of which HTML has its own.
func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

// textIn is all text of a page.
func textIn(root *html.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return b.String()
}
