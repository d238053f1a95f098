package review

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A mend is lines for a block. Where the block has a directive of the same name already, the line takes its place.
type mend struct {
	block *nginxconf.Directive
	place nginxconf.Place // where the block is not known
	lines []string
	// over are directives that the lines take the place of, besides those of the same name.
	over []*nginxconf.Directive
	// also are blocks or lines for another block, with its name in a comment before them.
	also []string
}

// lists are the directives of which a block may have several.
var lists = []string{"proxy_set_header", "error_page", "location", "set", "add_header", "proxy_cache_valid", "fastcgi_cache_valid",
	"uwsgi_cache_valid", "scgi_cache_valid", "rewrite", "server", "resolver"}

// mend is lines for the culprit's block; they take the culprit's place where it is a directive.
func (c culprit) mend(lines ...string) mend {
	m := mend{block: c.block, place: c.place, lines: lines}
	if c.directive != nil {
		m.over = append(m.over, c.directive)
	}
	return m
}

func (m mend) text() string {
	out := strings.Join(m.lines, "\n")
	for _, a := range m.also {
		out += "\n" + a
	}
	return strings.TrimPrefix(out, "\n")
}

// in names the block, and the lines that go.
func (m mend) in() string {
	where := fmt.Sprintf("%s:%d", m.place.File, m.place.Line)
	if m.block != nil {
		where = blockName(m.block) + " at " + at(m.block.Place)
	}
	if !slices.ContainsFunc(m.lines, func(l string) bool { return !strings.HasPrefix(l, "#") }) {
		return where // there is nothing to be put in any line's place
	}
	var gone []string
	for _, d := range m.replaced() {
		gone = append(gone, strconv.Itoa(d.Place.Line))
	}
	switch len(gone) {
	case 0:
		return where
	case 1:
		return where + ", in place of line " + gone[0]
	}
	return where + ", in place of lines " + strings.Join(gone[:len(gone)-1], ", ") + " and " + gone[len(gone)-1]
}

// replaced are the directives that the lines take the place of, in the order of the config.
func (m mend) replaced() []*nginxconf.Directive {
	over := map[*nginxconf.Directive]bool{}
	for _, d := range m.over {
		over[d] = true
	}
	if m.block == nil {
		return m.over
	}
	names := map[string]bool{}
	for _, l := range m.lines {
		name, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		names[name] = true
	}
	for _, l := range lists {
		delete(names, l)
	}
	var gone []*nginxconf.Directive
	for _, d := range m.block.Block {
		if over[d] || names[d.Name] {
			gone = append(gone, d)
			delete(over, d)
		}
	}
	for _, d := range m.over {
		if over[d] {
			gone = append(gone, d) // in an if of the block
		}
	}
	return gone
}

// blockName is a block as one would name it: "location /api/", "server example.com", "http".
func blockName(d *nginxconf.Directive) string {
	if d.Name == "server" {
		for _, sub := range d.Block {
			if sub.Name == "server_name" && len(sub.Args) > 0 && sub.Args[0] != "" && sub.Args[0] != "_" {
				return "server " + sub.Args[0]
			}
		}
	}
	return strings.TrimSpace(d.Name + " " + strings.Join(d.Args, " "))
}

func at(p nginxconf.Place) string { return fmt.Sprintf("%s:%d", p.File, p.Line) }
