package review

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A patch is lines for a block. Where the block has a directive of the same name already, the line takes its place.
type patch struct {
	block *nginxconf.Directive
	place nginxconf.Place // where the block is not known
	lines []string
	// replaces are directives that the lines take the place of, besides those of the same name.
	replaces []*nginxconf.Directive
	// elsewhere are blocks or lines for another block, with its name in a comment before them.
	elsewhere []string
}

// repeatable are the directives of which a block may have several.
var repeatable = []string{"proxy_set_header", "error_page", "location", "set", "add_header", "proxy_cache_valid", "fastcgi_cache_valid",
	"uwsgi_cache_valid", "scgi_cache_valid", "rewrite", "server", "resolver"}

// patch is lines for the cause's block; they take the cause's place where it is a directive.
func (c cause) patch(lines ...string) patch {
	m := patch{block: c.block, place: c.place, lines: lines}
	if c.directive != nil {
		m.replaces = append(m.replaces, c.directive)
	}
	return m
}

func (m patch) text() string {
	out := strings.Join(m.lines, "\n")
	for _, a := range m.elsewhere {
		out += "\n" + a
	}
	return strings.TrimPrefix(out, "\n")
}

// location names the block, and the lines that go.
func (m patch) location() string {
	where := fmt.Sprintf("%s:%d", m.place.File, m.place.Line)
	if m.block != nil {
		where = blockName(m.block) + " at " + at(m.block.Place)
	}
	if !slices.ContainsFunc(m.lines, func(l string) bool { return !strings.HasPrefix(l, "#") }) {
		return where // there is nothing to be put in any line's place
	}
	var gone []string
	for _, d := range m.replacedDirectives() {
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

// replacedDirectives are the directives that the lines take the place of, in the order of the config.
func (m patch) replacedDirectives() []*nginxconf.Directive {
	replaces := map[*nginxconf.Directive]bool{}
	for _, d := range m.replaces {
		replaces[d] = true
	}
	if m.block == nil {
		return m.replaces
	}
	names := map[string]bool{}
	for _, l := range m.lines {
		name, _, _ := strings.Cut(strings.TrimSpace(l), " ")
		names[name] = true
	}
	for _, l := range repeatable {
		delete(names, l)
	}
	var gone []*nginxconf.Directive
	for _, d := range m.block.Block {
		if replaces[d] || names[d.Name] {
			gone = append(gone, d)
			delete(replaces, d)
		}
	}
	for _, d := range m.replaces {
		if replaces[d] {
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
