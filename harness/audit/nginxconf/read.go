package nginxconf

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Read reads the config with that main file. Paths in the config that begin with a prefix of at ("/etc/nginx") are
// looked up in files; other absolute paths are looked up as they are, and relative ones in the folder of the main file.
//
// Its errors are those of form only (a brace that is missing, a file that includes itself), and name file and line; what
// nginx itself would object to is for nginx to say.
func Read(files Files, main string, at string) (*Config, error) {
	r := reader{
		files: files, at: path.Clean("/" + at), config: &Config{}, tokens: map[string][]token{}, globs: map[string][]string{},
		patterns: map[string]*pattern{}, read: newQuota("the files of this config have"),
		unfolded: newQuota("the includes unfold to"),
	}
	if inside, ok := within(r.at, main); ok {
		main = inside
	}
	main = path.Clean(main)
	r.base = path.Dir(main)
	var err error
	if r.config.Main, err = r.file(main, nil, nil); err != nil {
		if u := (unreadable{}); errors.As(err, &u) {
			err = fmt.Errorf("read the config %s: %w", main, u.error)
		}
		return nil, err
	}
	top := &Directive{Block: r.config.Main}
	top.order()
	for _, d := range top.Block {
		d.main = top
	}
	r.config.Unread = r.unread()
	return r.config, nil
}

type reader struct {
	files    Files
	at, base string
	config   *Config
	tokens   map[string][]token  // of the files read, for those included many times
	globs    map[string][]string // of the patterns of includes
	patterns map[string]*pattern
	read     *quota // each file once
	unfolded *quota // each as often as it is included
}

// unreadable is the error of a file that can't be had, apart from those of form.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

// inFolder is the path under which files know what the config names.
func (r *reader) inFolder(name string) string {
	if !path.IsAbs(name) {
		return path.Join(r.base, name)
	}
	if inside, ok := within(r.at, name); ok {
		return inside
	}
	return path.Clean(name)
}

// file reads one file as the content of a block. The files that led to it stand in trail.
func (r *reader) file(name string, parent *Directive, trail []string) ([]*Directive, error) {
	tokens, known := r.tokens[name]
	if !known {
		text, err := r.files.Read(name)
		if err != nil {
			return nil, unreadable{err}
		}
		if tokens, err = lex(name, text, r.read); err != nil {
			return nil, err
		}
		r.tokens[name] = tokens
		r.config.Files = append(r.config.Files, name)
	}
	p := parsing{reader: r, name: name, tokens: tokens, trail: append(slices.Clip(trail), name)}
	return p.block(parent, 0)
}

// parsing is one file on its way from tokens to directives.
type parsing struct {
	*reader
	name   string
	tokens []token
	next   int
	trail  []string
}

func (p *parsing) failf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.name, line, fmt.Sprintf(format, args...))
}

// take gives the next token.
func (p *parsing) take() (token, error) {
	t := p.tokens[p.next]
	p.next++
	return t, p.unfolded.use(p.name, t)
}

// block reads the directives of a block to its closing brace, or of a file to its end.
func (p *parsing) block(parent *Directive, depth int) ([]*Directive, error) {
	if depth > maxDepth {
		return nil, tooMuch(p.name, p.tokens[p.next-1].line, smaller, "more than %d blocks one in the other", maxDepth)
	}
	out := []*Directive{}
	for p.next < len(p.tokens) {
		first, err := p.take()
		if err != nil {
			return nil, err
		}
		switch {
		case first.is("}"):
			if depth == 0 {
				return nil, p.failf(first.line, `unexpected "}": no block is open here`)
			}
			return out, nil
		case first.is("{"), first.is(";"):
			return nil, p.failf(first.line, "unexpected %q: a directive's name has to stand before it", first.text)
		}
		d := &Directive{Name: first.text, Place: Place{p.name, first.line}, Parent: parent}
		end, err := p.args(d)
		if err != nil {
			return nil, err
		}
		if end.is("{") {
			if d.Block, err = p.block(d, depth+1); err != nil {
				return nil, err
			}
			d.order()
			d.pattern = p.regex(d)
		} else if d.Name == "include" && len(d.Args) == 1 {
			more, err := p.include(d)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		out = append(out, d)
	}
	if depth > 0 {
		return nil, p.failf(parent.Place.Line, `the block %q that begins here has no closing "}"`, parent.head())
	}
	return out, nil
}

// args reads up to the sign that ends the directive's head.
func (p *parsing) args(d *Directive) (token, error) {
	for p.next < len(p.tokens) {
		t, err := p.take()
		if err != nil {
			return t, err
		}
		switch {
		case t.is(";"), t.is("{"):
			return t, nil
		case t.is("}"):
			return t, p.failf(t.line, `unexpected "}": the directive %q of line %d has no ";"`, d.Name, d.Place.Line)
		}
		d.Args = append(d.Args, t.text)
	}
	return token{}, p.failf(d.Place.Line, `the file ends before the directive %q has its ";" or "{"`, d.Name)
}

func (p *parsing) include(d *Directive) ([]*Directive, error) {
	pattern := p.inFolder(d.Args[0])
	names := []string{pattern}
	wild := strings.ContainsAny(pattern, "*?[")
	if wild {
		var err error
		if names, err = p.glob(pattern); err != nil {
			return nil, p.failf(d.Place.Line, "include %s: %v", d.Args[0], err)
		}
	}
	var out []*Directive
	for _, name := range names {
		if slices.Contains(p.trail, name) {
			return nil, p.failf(d.Place.Line, "include %s: the file includes itself (%s)", d.Args[0],
				strings.Join(append(slices.Clone(p.trail), name), " -> "))
		}
		if len(p.trail) > maxDepth {
			return nil, tooMuch(p.name, d.Place.Line, smaller, "more than %d includes one in the other", maxDepth)
		}
		if err := p.unfolded.useFile(d.Place); err != nil { // of which there may be many that are empty
			return nil, err
		}
		more, err := p.file(name, d.Parent, p.trail)
		switch missing := (unreadable{}); {
		case errors.As(err, &missing):
			if !wild {
				p.config.Missing = append(p.config.Missing, Include{Pattern: d.Args[0], Place: d.Place})
			}
		case err != nil:
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// glob asks for the files of a pattern once, however often it is included.
func (r *reader) glob(pattern string) ([]string, error) {
	names, known := r.globs[pattern]
	if known {
		return names, nil
	}
	names, err := r.files.Glob(pattern)
	if err == nil {
		r.globs[pattern] = names
	}
	return names, err
}

// regex compiles the regular expression of a location once for all locations that have the same.
func (r *reader) regex(d *Directive) *pattern {
	text, fold, ok := locationRegex(d)
	if !ok {
		return nil
	}
	key := text
	if fold {
		key = "(?i)" + text
	}
	if r.patterns[key] == nil {
		r.patterns[key] = r.config.pattern(text, fold)
	}
	return r.patterns[key]
}

// serverBlock is what a file of servers, locations or pools has.
var serverBlock = regexp.MustCompile(`(?m)^[ \t]*(server|http|stream|upstream[ \t]+\S+|location[ \t][^;{]+)[ \t\r\n]*\{`)

// unread finds the files that look like config and that nothing includes. A file whose text was read under another name
// (sites-available by way of sites-enabled) is none.
func (r *reader) unread() []string {
	const most = 1 << 20
	read := map[string]bool{}
	for _, name := range r.config.Files {
		if text, err := r.files.Read(name); err == nil {
			read[string(text)] = true
		}
	}
	var out []string
	for _, name := range r.files.All() {
		if _, ok := r.tokens[name]; ok || !mayBeConfig(name) {
			continue
		}
		text, err := r.files.Read(name)
		if err != nil || len(text) > most || bytes.IndexByte(text, 0) >= 0 || read[string(text)] || !serverBlock.Match(text) {
			continue
		}
		if tokens, err := lex(name, text, newQuota("this file has")); err == nil && len(tokens) > 0 {
			out = append(out, name)
		}
	}
	return out
}

// mayBeConfig goes by the name: that of a config, or none that says otherwise.
func mayBeConfig(name string) bool {
	base := path.Base(name)
	switch path.Ext(base) {
	case ".conf", ".nginx", ".vhost", ".ngx", ".site", ".inc":
		return true
	case "":
		return base != "Dockerfile" && base != "Makefile"
	}
	// Sites are often named by their domain: sites-available/example.com.
	dir := path.Base(path.Dir(name))
	return strings.HasPrefix(dir, "sites") || strings.HasPrefix(dir, "vhost")
}
