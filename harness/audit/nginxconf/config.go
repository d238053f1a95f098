package nginxconf

import "strings"

// indexFrom is the number of directives from which a block keeps an index by name.
const indexFrom = 16

var noPlaces = &places{}

// order makes the indexes of a block.
func (d *Directive) order() {
	if d.places = placesOf(d); len(d.places.exact)+len(d.places.prefix)+len(d.places.named)+len(d.places.regexes) == 0 {
		d.places = noPlaces
	}
	if len(d.Block) < indexFrom {
		return
	}
	d.names = make(map[string][]*Directive)
	for _, child := range d.Block {
		d.names[child.Name] = append(d.names[child.Name], child)
	}
}

// all gives the block's own directives of that name.
func (d *Directive) all(name string) []*Directive {
	if d == nil {
		return nil
	}
	if d.names != nil {
		return d.names[name]
	}
	var out []*Directive
	for _, child := range d.Block {
		if child.Name == name {
			out = append(out, child)
		}
	}
	return out
}

// has gives the first of the block's own directives of one of these names, or nil.
func (d *Directive) has(names ...string) *Directive {
	for _, name := range names {
		if own := d.all(name); len(own) > 0 {
			return own[0]
		}
	}
	return nil
}

// arg is the argument at that index, or "".
func (d *Directive) arg(i int) string {
	if d == nil || i < 0 || i >= len(d.Args) {
		return ""
	}
	return d.Args[i]
}

// head is the directive as written, without its block.
func (d *Directive) head() string { return strings.Join(append([]string{d.Name}, d.Args...), " ") }

// Within gives the nearest block around the directive, or itself, that has one of these names; nil where
// there is none.
func (d *Directive) Within(names ...string) *Directive {
	for ; d != nil; d = d.Parent {
		for _, name := range names {
			if d.Name == name {
				return d
			}
		}
	}
	return nil
}

// Find gives all directives of that name, anywhere, in order.
func (c *Config) Find(name string) []*Directive {
	var out []*Directive
	walk(c.Main, func(d *Directive) bool {
		if d.Name == name {
			out = append(out, d)
		}
		return true
	})
	return out
}

// walk visits all directives in order; into a block only if visit says so.
func walk(block []*Directive, visit func(*Directive) bool) {
	for _, d := range block {
		if visit(d) {
			walk(d.Block, visit)
		}
	}
}

// Effective is the directive of that name that holds in a block: its own, or the nearest that it inherits; nil when there
// is none. Directives that come in lists (proxy_set_header, add_header, fastcgi_param, error_page, access_log) are
// inherited only when a block has none of its own: then all of them are given.
func Effective(block *Directive, name string) []*Directive {
	for ; block != nil; block = block.around() {
		if own := block.all(name); len(own) > 0 {
			return own
		}
	}
	return nil
}

// around is the block around a directive; of one at the top level all that stands there.
func (d *Directive) around() *Directive {
	if d.Parent != nil {
		return d.Parent
	}
	return d.main
}

// effective gives the last argument list in effect, or nil.
func effective(block *Directive, name string) *Directive {
	all := Effective(block, name)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}
