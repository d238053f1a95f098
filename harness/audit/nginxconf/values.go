package nginxconf

import (
	"slices"
	"strings"
)

// Bounds on how many values a variable is followed to, and through how many others.
const (
	maxValues  = 4096
	maxNesting = 12
	maxAddress = 4096
	maxSteps   = 20_000 // of one search, so that variables made of one another in many ways come to an end
)

// A piece of a text with variables: either text or the name of a variable.
type piece struct{ text, name string }

// pieces takes a text with variables apart.
func pieces(text string) []piece {
	var out []piece
	plain := func(t string) {
		if t == "" {
			return
		}
		if n := len(out); n > 0 && out[n-1].name == "" {
			out[n-1].text += t
			return
		}
		out = append(out, piece{text: t})
	}
	for text != "" {
		i := strings.IndexByte(text, '$')
		if i < 0 {
			break
		}
		plain(text[:i])
		text = text[i:]
		name, rest, brace := "", "", strings.HasPrefix(text, "${")
		switch {
		case brace:
			var ok bool
			if name, rest, ok = strings.Cut(text[2:], "}"); !ok {
				name = ""
			}
		case len(text) > 1 && text[1] >= '1' && text[1] <= '9': // a group's number has one digit
			name, rest = text[1:2], text[2:]
		default:
			end := 1
			for end < len(text) && isWord(text[end]) {
				end++
			}
			name, rest = text[1:end], text[end:]
		}
		if name == "" {
			plain("$")
			text = text[1:]
			continue
		}
		out = append(out, piece{name: name})
		text = rest
	}
	plain(text)
	return out
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func hasVariable(text string) bool {
	for _, p := range pieces(text) {
		if p.name != "" {
			return true
		}
	}
	return false
}

// definitions are where a config's variables come from, by name.
type definitions struct {
	all    map[string][]*Directive // map, geo, split_clients and those that other modules set
	sets   map[setKey][]*Directive // set, which each server has its own of
	isSet  map[string]bool         // whether any server has one
	named  map[string][]string     // expressions with a group of that name
	vhosts map[*Directive]*vhost
	plains map[*Directive]bool
	busy   map[*Directive]bool // followed at the moment: what refers to itself lists nothing
	steps  int
	*budget
}

// A setKey separates the variables of one server from those of another that have the same name.
type setKey struct {
	name   string
	server *Directive
}

// of are the definitions of a variable for a place in a server.
func (v *definitions) of(name string, at *Directive) []*Directive {
	sets := v.sets[setKey{name, at.Within("server")}]
	return append(slices.Clip(v.all[name]), sets...)
}

// known reports whether the config defines a variable anywhere.
func (v *definitions) known(name string) bool { return v.isSet[name] || len(v.all[name]) > 0 }

func (c *Config) define(vhosts []*vhost, b *budget) *definitions {
	v := &definitions{all: map[string][]*Directive{}, sets: map[setKey][]*Directive{}, isSet: map[string]bool{}, named: map[string][]string{}, vhosts: map[*Directive]*vhost{},
		plains: map[*Directive]bool{}, busy: map[*Directive]bool{}, budget: b}
	for _, s := range vhosts {
		v.vhosts[s.server] = s
	}
	note := func(name string, d *Directive) {
		name = strings.TrimPrefix(name, "$")
		v.all[name] = append(v.all[name], d)
	}
	regex := func(text string) {
		for _, name := range groupNames(text) {
			v.named[name] = append(v.named[name], text)
		}
	}
	walk(c.Main, func(d *Directive) bool {
		switch d.Name {
		case "set":
			name := strings.TrimPrefix(d.arg(0), "$")
			key := setKey{name, d.Within("server")}
			v.isSet[name], v.sets[key] = true, append(v.sets[key], d)
		case "set_by_lua_block", "set_by_lua", "set_by_lua_file", "js_set", "perl_set", "auth_request_set", "js_var":
			note(d.arg(0), d)
		case "map", "split_clients":
			note(d.arg(1), d)
			for _, entry := range d.Block {
				regex(entry.Name)
			}
			return false
		case "geo":
			note(d.arg(len(d.Args)-1), d)
			return false
		case "auth_jwt_claim_set", "js_header", "geoip2":
			return false
		case "location", "server_name", "rewrite", "if":
			for _, a := range d.Args {
				regex(a)
			}
		}
		return true
	})
	return v
}

// fixed reports whether the variables of a text have the same values everywhere: those of maps without variables in them.
func (v *definitions) fixed(text string) bool {
	for _, p := range pieces(text) {
		if p.name == "" {
			continue
		}
		defs := v.all[p.name]
		if len(defs) != 1 || v.isSet[p.name] || defs[0].Name != "map" && defs[0].Name != "geo" && defs[0].Name != "split_clients" {
			return false
		}
		if !v.plain(defs[0]) {
			return false
		}
	}
	return true
}

// plain reports whether the values of a map have no variables.
func (v *definitions) plain(d *Directive) bool {
	plain, known := v.plains[d]
	if !known {
		plain = !slices.ContainsFunc(d.Block, func(e *Directive) bool { return len(e.Args) == 1 && strings.Contains(e.Args[0], "$") })
		v.plains[d] = plain
	}
	return plain
}

// sameProtocol reports whether both stand in http{}, or both in stream{}.
func sameProtocol(a, b *Directive) bool {
	return (a.Within("stream") == nil) == (b.Within("stream") == nil)
}

// expand lists the values that a text with variables can have where it stands; open when there are others that the config
// does not list.
func (v *definitions) expand(text string, at *Directive, depth int) (values []string, open bool) {
	values = []string{""}
	for _, p := range pieces(text) {
		some := []string{p.text}
		if p.name != "" {
			more, unknown := v.values(p.name, at, depth)
			open = open || unknown
			some = more
		}
		var whole bool
		if values, whole = v.cross(values, some); !whole {
			return values, true
		}
	}
	return unique(values), open
}

// cross are all texts of a value of the one list and one of the other; not whole when there are too many, or some too long.
func (v *definitions) cross(first, second []string) (all []string, whole bool) {
	whole = true
	for _, a := range first {
		for _, b := range second {
			if len(all) >= maxValues || !v.spend(1+(len(a)+len(b))>>8) {
				return all, false
			}
			if len(a)+len(b) > maxAddress {
				whole = false
				continue
			}
			all = append(all, a+b)
		}
	}
	return all, whole
}

func unique(values []string) []string {
	seen := make(map[string]bool, len(values))
	return slices.DeleteFunc(values, func(s string) bool {
		was := seen[s]
		seen[s] = true
		return was
	})
}

// values lists what a variable can be in a block.
func (v *definitions) values(name string, at *Directive, depth int) (values []string, open bool) {
	if depth == 0 {
		v.steps = 0
	}
	if v.steps++; depth > maxNesting || v.steps > maxSteps || !v.spend(1) {
		return nil, true
	}
	if name[0] >= '0' && name[0] <= '9' {
		return v.numbered(name, at)
	}
	defs := v.visible(name, at)
	for _, d := range defs {
		more, unknown := v.defined(d, at, depth+1)
		values, open = append(values, more...), open || unknown
		if len(values) > maxValues {
			return values[:maxValues], true
		}
	}
	if len(defs) > 0 {
		return unique(values), open
	}
	if expressions := v.named[name]; len(expressions) > 0 {
		for _, text := range expressions {
			if len(values) > maxValues || !v.spend(10+len(text)/4) {
				return values[:min(len(values), maxValues)], true
			}
			more, ok := newPattern(text, false).group(name, maxValues)
			values, open = append(values, more...), open || !ok
		}
		return unique(values), open
	}
	return v.builtin(name, at)
}

// visible are the definitions that can hold in a block: of set those on the way from the server down, or else those
// elsewhere in the server, from where a rewrite may come.
func (v *definitions) visible(name string, at *Directive) []*Directive {
	var out, around, beside []*Directive
	defs := v.of(name, at)
	if !v.spend(len(defs) / 8) {
		return nil
	}
	for _, d := range defs {
		switch {
		case !sameProtocol(d, at):
		case d.Name != "set":
			out = append(out, d)
		case encloses(blockOf(d), at):
			around = append(around, d)
		default:
			beside = append(beside, d)
		}
	}
	if len(around) == 0 {
		around = beside
	}
	return append(out, around...)
}

// blockOf is the server or location that a directive stands in, past any if.
func blockOf(d *Directive) *Directive {
	d = d.Parent
	for d != nil && d.Name == "if" {
		d = d.Parent
	}
	return d
}

func encloses(block, d *Directive) bool {
	for ; d != nil; d = d.Parent {
		if d == block {
			return true
		}
	}
	return false
}

func (v *definitions) defined(d, at *Directive, depth int) (values []string, open bool) {
	if v.busy[d] {
		return nil, false
	}
	v.busy[d] = true
	defer delete(v.busy, d)
	switch d.Name {
	case "set":
		return v.expand(d.arg(1), d, depth)
	case "map", "geo", "split_clients":
		if !v.spend(len(d.Block) / 8) {
			return nil, true
		}
		for _, entry := range d.Block {
			value, ok := entryValue(d, entry)
			if !ok {
				continue
			}
			more, unknown := v.entry(entry, value, at, depth)
			values, open = append(values, more...), open || unknown
			if len(values) > maxValues {
				return values[:maxValues], true
			}
		}
		return values, open
	}
	return nil, true
}

// entryValue is the right side of an entry of map, geo or split_clients; not ok for what is no entry.
func entryValue(d, entry *Directive) (string, bool) {
	if len(entry.Args) != 1 {
		return "", false // volatile, hostnames, ranges
	}
	if d.Name == "geo" && (entry.Name == "delete" || entry.Name == "proxy") {
		return "", false
	}
	return entry.Args[0], true
}

// entry expands a map's value: what its own expression captured stands in it by number and name.
func (v *definitions) entry(entry *Directive, value string, at *Directive, depth int) (values []string, open bool) {
	if !strings.Contains(value, "$") {
		return []string{value}, false
	}
	p := entryRegex(entry)
	if p == nil {
		return v.expand(value, at, depth)
	}
	values = []string{""}
	for _, part := range pieces(value) {
		some := []string{part.text}
		if part.name != "" {
			if list, ok := p.group(part.name, maxValues); ok {
				some = list
			} else if part.name[0] <= '9' || slices.Contains(groupNames(p.text), part.name) {
				return nil, true
			} else {
				var unknown bool
				some, unknown = v.values(part.name, at, depth)
				open = open || unknown
			}
		}
		var whole bool
		values, whole = v.cross(values, some)
		open = open || !whole
	}
	return values, open
}

// entryRegex is the expression of a map's entry, or nil.
func entryRegex(entry *Directive) *pattern {
	text, ok := strings.CutPrefix(entry.Name, "~")
	if !ok {
		return nil
	}
	text, fold := strings.CutPrefix(text, "*")
	return newPattern(text, fold)
}

// numbered are the values of $1: groups of the expression of the location around.
func (v *definitions) numbered(name string, at *Directive) ([]string, bool) {
	for d := at; d != nil && d.Name != "location" && d.Name != "server"; d = d.Parent {
		if d.Name != "if" {
			continue
		}
		if _, op, right := conditionParts(d); op == "~" || op == "~*" {
			values, ok := newPattern(right, op == "~*").group(name, maxValues)
			return values, !ok
		}
	}
	location := at.Within("location")
	if location == nil {
		return nil, true
	}
	for _, d := range location.Block {
		if d.Name == "rewrite" || d.Name == "if" {
			return nil, true // its groups may stand for it
		}
	}
	if _, _, ok := locationRegex(location); !ok {
		return nil, true
	}
	values, ok := location.compiled().group(name, maxValues)
	return values, !ok
}

// builtin are the values of nginx's own variables that the config lists.
func (v *definitions) builtin(name string, at *Directive) ([]string, bool) {
	s := v.vhosts[at.Within("server")]
	if s == nil {
		return nil, true
	}
	var values []string
	switch name {
	case "scheme":
		for _, l := range s.listens {
			if l.TLS {
				values = append(values, "https")
			} else {
				values = append(values, "http")
			}
		}
	case "server_port":
		for _, l := range s.listens {
			if l.Port > 0 {
				values = append(values, itoa(l.Port))
			}
		}
	case "server_name":
		if len(s.names) > 0 && s.regexes[0] == nil {
			values = append(values, strings.TrimPrefix(strings.TrimPrefix(s.names[0], "*"), "."))
		}
	default:
		return nil, true
	}
	return unique(values), false
}
