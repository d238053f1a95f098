package provision

import (
	"io/fs"
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// view shows the files as they stand in the lab to nginxconf.
type view struct {
	t      *Tree
	config *nginxconf.Config
	err    error
}

func (v *view) full(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(path.Dir(v.t.Main), name)
}

// Read gives a file by its path, relative to the main file's folder or absolute.
func (v *view) Read(name string) ([]byte, error) {
	text, _, ok := v.t.read(v.full(name))
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// Glob gives the files that a pattern matches, in the pattern's own form.
func (v *view) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	all := v.t.glob(v.full(pattern))
	if !path.IsAbs(pattern) {
		for i, name := range all {
			all[i] = strings.TrimPrefix(name, path.Dir(v.t.Main)+"/")
		}
	}
	return all, nil
}

// All lists the user's files of the config's folder.
func (v *view) All() []string {
	var all []string
	for _, name := range keys(v.t.index) {
		if rest, ok := strings.CutPrefix(name, path.Dir(v.t.Main)+"/"); ok && v.t.origin[name] != "" {
			all = append(all, rest)
		}
	}
	return all
}

// Config is the config as it stands in the lab, read, with all places as the user finds them. The error is one of
// form, which nginx has words for too.
func (t *Tree) Config() (*nginxconf.Config, error) {
	if t.view == nil {
		t.view = &view{t: t}
		t.view.config, t.view.err = nginxconf.Read(t.view, path.Base(t.Main), path.Dir(t.Main))
		if c := t.view.config; c != nil && t.view.err == nil {
			seen := map[*nginxconf.Directive]bool{}
			t.translate(c.Main, seen)
			for i := range c.Missing {
				c.Missing[i].Place = t.Place(c.Missing[i].Place.File, c.Missing[i].Place.Line)
			}
		}
	}
	return t.view.config, t.view.err
}

func (t *Tree) translate(all []*nginxconf.Directive, seen map[*nginxconf.Directive]bool) {
	for _, d := range all {
		if !seen[d] {
			seen[d] = true
			d.Place = t.Place(d.Place.File, d.Place.Line)
			t.translate(d.Block, seen)
		}
	}
}

// find gives all directives of these names; none when the config can't be read.
func (t *Tree) find(names ...string) []*nginxconf.Directive {
	c, err := t.Config()
	if err != nil || c == nil {
		return nil
	}
	var all []*nginxconf.Directive
	for _, n := range names {
		all = append(all, c.Find(n)...)
	}
	return all
}

// owners are the directives that name a file, by its full path.
func (t *Tree) owners(file string) []*nginxconf.Directive {
	c, err := t.Config()
	if err != nil || c == nil {
		return nil
	}
	var all []*nginxconf.Directive
	var walk func([]*nginxconf.Directive)
	walk = func(list []*nginxconf.Directive) {
		for _, d := range list {
			for _, a := range d.Args {
				a = strings.TrimPrefix(a, "unix:")
				if a == file || path.IsAbs(file) && !path.IsAbs(a) && a != "" && strings.HasSuffix(file, "/"+strings.TrimPrefix(a, "./")) && strings.ContainsAny(a, "./") {
					all = append(all, d)
					break
				}
			}
			walk(d.Block)
		}
	}
	walk(c.Main)
	return all
}
