package review

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A patch is lines for a block. Where the block has a directive of the same name already, the line takes its place.
type patch struct {
	block *nginxconf.Directive
	place nginxconf.Place // where the block is not known
	lines []string
	// replaces are directives that the lines take the place of, besides those of the same name.
	replaces []*nginxconf.Directive
	// hangs is true where it takes what only the server has and no lab can prove: name servers that know a name, a certificate, a later
	// nginx.
	hangs bool
	// also are lines for other blocks, without which these do not do.
	also []patch
}

// repeatable are the directives of which a block may have several.
var repeatable = []string{"proxy_set_header", "grpc_set_header", "fastcgi_param", "uwsgi_param", "scgi_param", "if", "error_page", "location", "set", "add_header", "proxy_cache_valid", "fastcgi_cache_valid",
	"uwsgi_cache_valid", "scgi_cache_valid", "rewrite", "server", "resolver"}

// patch is lines for the cause's block; they take the cause's place where it is a directive.
func (c cause) patch(lines ...string) patch {
	m := patch{block: c.block, place: c.place, lines: lines}
	if c.directive != nil {
		m.replaces = append(m.replaces, c.directive)
	}
	return m
}

// inServers are lines for each server that the group's routes stand in.
func (g *group) inServers(lines ...string) []patch {
	var all []patch
	for _, s := range g.observations {
		server := s.conf.Server
		if server != nil && !slices.ContainsFunc(all, func(m patch) bool { return m.block == server }) {
			all = append(all, patch{block: server, place: server.Place, lines: lines})
		}
	}
	return all
}

// inOutermost are lines for the http or stream block around the route.
func (s observation) inOutermost(lines ...string) []patch {
	for up := s.conf.Location; up != nil; up = up.Parent {
		if up.Name == "http" || up.Name == "stream" {
			return []patch{{block: up, place: up.Place, lines: lines}}
		}
	}
	return nil
}

func (m patch) text() string {
	out := slices.Clone(m.lines)
	for i, a := range m.also {
		if slices.ContainsFunc(m.also[:i], func(o patch) bool { return slices.Equal(a.lines, o.lines) }) {
			continue // they are named together
		}
		where := []string{a.location()}
		for _, next := range m.also[i+1:] {
			if slices.Equal(a.lines, next.lines) {
				where = append(where, next.location())
			}
		}
		out = append(out, "# and in "+strings.Join(where, ", and in ")+":")
		out = append(out, a.lines...)
	}
	return strings.Join(out, "\n")
}

// edits are the changes of the config that the patch is; none where it is words alone, or can't be proven.
func (m patch) edits() []audit.Edit {
	if m.hangs {
		return nil
	}
	var all []audit.Edit
	for _, one := range append([]patch{m}, m.also...) {
		e := audit.Edit{Block: one.block}
		for _, l := range one.lines {
			if !strings.HasPrefix(strings.TrimSpace(l), "#") {
				e.Lines = append(e.Lines, l)
			}
		}
		e.Replaces = one.replacedDirectives()
		if len(e.Lines) == 0 || one.block == nil && len(e.Replaces) == 0 {
			return nil
		}
		all = append(all, e)
	}
	return all
}

// location names the block, and the directives that go.
func (m patch) location() string {
	where := fmt.Sprintf("%s:%d", m.place.File, m.place.Line)
	if m.block != nil {
		where = blockName(m.block) + " at " + at(m.block.Place)
	}
	if !slices.ContainsFunc(m.lines, func(l string) bool { return !strings.HasPrefix(l, "#") }) {
		return where // there is nothing to be put in any line's place
	}
	var lines, words []string
	for _, d := range m.replacedDirectives() {
		if m.fillsLine(d) {
			lines = append(lines, strconv.Itoa(d.Place.Line))
		} else {
			words = append(words, fmt.Sprintf("%q at %s", again(d), at(d.Place)))
		}
	}
	switch n := len(lines); {
	case n == 1:
		words = append([]string{"line " + lines[0]}, words...)
	case n > 1:
		words = append([]string{"lines " + strings.Join(lines[:n-1], ", ") + " and " + lines[n-1]}, words...)
	}
	if len(words) == 0 {
		return where
	}
	return where + ", in place of " + strings.Join(words, " and of ")
}

// fillsLine reports whether a directive has a line of the block's own file for itself.
func (m patch) fillsLine(d *nginxconf.Directive) bool {
	if m.block == nil || d.Place.File != m.block.Place.File || d.Place.Line == m.block.Place.Line {
		return false
	}
	return !slices.ContainsFunc(m.block.Block, func(o *nginxconf.Directive) bool { return o != d && o.Place == d.Place })
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
		if name, _, _ := strings.Cut(l, " "); name != "" { // what is indented stands in a block of the patch's own
			names[name] = true
		}
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
