// Package testhtml reads pages for tests, as a browser does.
package testhtml

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Parse is the page that is written.
func Parse(t testing.TB, write func(io.Writer) error) *html.Node {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// Attribute is an element's attribute; empty where it has none.
func Attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Text is all text below a node, its blanks single.
func Text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// All are the elements of that name and class; of any class when it is empty.
func All(root *html.Node, name, class string) (some []*html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name && (class == "" || strings.Contains(" "+Attribute(n, "class")+" ", " "+class+" ")) {
			some = append(some, n)
		}
	}
	return some
}
