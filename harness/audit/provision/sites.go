package provision

import (
	"fmt"
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// addSites brings files that have servers, and that nothing includes, to where an include of the config matches.
func (t *Tree) addSites() (bool, error) {
	if t.addedSites == nil {
		t.addedSites = map[string]bool{}
	}
	admitted := map[string]bool{}
	for key := range t.admitted {
		real, _, _ := strings.Cut(key, "\x00")
		admitted[t.origin[real]] = true
	}
	// A file stands for a site rather when its folder is one for sites, and then the nearest.
	var names []string
	for _, rank := range []func(string) bool{
		func(n string) bool { return path.Base(path.Dir(n)) == "sites-enabled" },
		func(n string) bool { return siteFolders[path.Base(path.Dir(n))] },
		func(n string) bool { return true },
	} {
		for _, name := range keys(t.userFiles) {
			if !admitted[name] && rank(name) && looksLikeConfig(name) && !isSample(name) && t.userFiles[name].link == "" {
				if kind := kindOf(outline(t.text(name))); (kind == inHTTP || kind == inStream) && hasServer(outline(t.text(name))) {
					names = append(names, name)
				}
			}
		}
		if len(names) > 0 {
			break
		}
	}
	for _, name := range names {
		s, ok := t.includeGlobFor(name)
		if !ok {
			continue
		}
		plain, _ := target(name)
		to := path.Join(path.Dir(s.glob), path.Base(plain))
		if strings.ContainsAny(path.Dir(s.glob), "*?[") {
			to = notPlain.ReplaceAllString(s.glob, strings.TrimSuffix(path.Base(plain), path.Ext(plain)))
		}
		if ok, _ := path.Match(s.glob, to); !ok {
			to = strings.TrimSuffix(to, path.Ext(to)) + path.Ext(s.glob)
		}
		if ok, _ := path.Match(s.glob, to); !ok || t.addedSites[to] {
			continue
		}
		t.place(name, to, true)
		if t.origin[to] == "" {
			continue
		}
		t.addedSites[to] = true
		t.noteSupplied("include", name, to, nginxconf.Place{File: s.file, Line: s.line})
		t.Notes = append(t.Notes, fmt.Sprintf("nothing includes %s: it was put where the include at %s:%d matches", name, s.file, s.line))
		if err := t.admit(to, s.context, nginxconf.Place{File: s.file, Line: s.line}); err != nil {
			return false, err
		}
	}
	return len(t.addedSites) > 0 && t.servers > 0, nil
}

// includeGlobFor is the include that a site belongs to: that of its own folder's name, that for enabled sites, or the first.
func (t *Tree) includeGlobFor(name string) (includeGlob, bool) {
	kind := kindOf(outline(t.text(name)))
	folder := path.Base(path.Dir(name))
	var first *includeGlob
	for i, s := range t.includeGlobs {
		if s.context != kind || path.Base(path.Dir(s.glob)) == "modules-enabled" {
			continue
		}
		base := path.Base(path.Dir(s.glob))
		if base == folder || strings.HasPrefix(folder, "sites") && strings.HasPrefix(base, "sites-") {
			return s, true
		}
		if first == nil {
			first = &t.includeGlobs[i]
		}
	}
	if first == nil {
		return includeGlob{}, false
	}
	return *first, true
}
