package nginxconf

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// A matching is how a location is written, taken apart.
type matching struct {
	kind string // "=", "^~", "~", "~*", "@" or "" for a plain prefix
	text string
}

func matchOf(d *Directive) matching {
	if len(d.Args) == 0 {
		return matching{}
	}
	if text, fold, ok := locationRegex(d); ok {
		if fold {
			return matching{"~*", text}
		}
		return matching{"~", text}
	}
	first := d.Args[0]
	if len(d.Args) > 1 {
		return matching{first, d.Args[1]}
	}
	for _, kind := range []string{"=", "^~", "@"} { // nginx takes them without a space too
		if rest, ok := strings.CutPrefix(first, kind); ok {
			return matching{kind, rest}
		}
	}
	return matching{"", first}
}

func (m matching) String() string {
	switch m.kind {
	case "":
		return m.text
	case "@":
		return "@" + m.text
	}
	return m.kind + " " + m.text
}

// places are the locations of one block, ready to be searched.
type places struct {
	exact, prefix, named map[string]*Directive
	longest              int // of the prefixes
	regexes              []*Directive
	weight               int // of the expressions, as they have to be tried
}

// placesOf sorts the locations of a block; of two that are written alike the first stands, as nginx refuses the second.
func placesOf(block *Directive) *places {
	if block.places != nil {
		return block.places
	}
	p := &places{exact: map[string]*Directive{}, prefix: map[string]*Directive{}, named: map[string]*Directive{}}
	first := func(in map[string]*Directive, text string, d *Directive) {
		if in[text] == nil {
			in[text] = d
		}
	}
	for _, d := range block.all("location") {
		switch m := matchOf(d); m.kind {
		case "=":
			first(p.exact, m.text, d)
		case "@":
			first(p.named, m.text, d)
		case "~", "~*":
			p.regexes = append(p.regexes, d)
			p.weight += ownSteps + min(d.compiled().steps(), maxProgram)
		case "", "^~":
			first(p.prefix, m.text, d)
			p.longest = max(p.longest, len(m.text))
		}
		p.weight += placesOf(d).weight // at the most
	}
	return p
}

// Locate answers as nginx's own search for a location does (exact, ^~, regex in order, longest prefix, nested): the
// innermost location of a server that serves the path, or the server itself.
// https://nginx.org/en/docs/http/ngx_http_core_module.html#location
func Locate(server *Directive, path string) *Directive {
	at, _ := locate(server, path)
	return at
}

// locate is the same within the budget: what it gives beyond counts for nothing.
func (m *routeFinder) locate(server *Directive, path string) *Directive {
	if !m.spend(1 + placesOf(server).weight*(1+len(path))/256) {
		return server
	}
	at := Locate(server, path)
	m.spend(0) // the first search compiles the expressions, and they may be too many
	return at
}

// locate searches one level and those below it; final when an exact one or a regular expression ended the search.
func locate(block *Directive, path string) (at *Directive, final bool) {
	here := placesOf(block)
	if d := here.exact[path]; d != nil {
		return d, true
	}
	var prefix *Directive
	for n := min(len(path), here.longest); n >= 0 && prefix == nil; n-- {
		prefix = here.prefix[path[:n]]
	}
	at = block
	if prefix != nil {
		if at, final = locate(prefix, path); final {
			return at, true
		}
	}
	if prefix == nil || matchOf(prefix).kind != "^~" {
		for _, d := range here.regexes {
			if d.compiled().matches(path) {
				at, _ = locate(d, path)
				return at, true
			}
		}
	}
	return at, false
}

// compiled is the expression of a location, also of one that no file was read for.
func (d *Directive) compiled() *pattern {
	if d.pattern != nil {
		return d.pattern
	}
	text, fold, _ := locationRegex(d)
	return newPattern(text, fold)
}
