package provision

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// readIncluded reads what an include names and was not read with the folder: because of its kind, its depth, or as there was too
// much beside it. What is there and can't be read is refused, as the lab would else put an empty file in its place.
func (t *Tree) readIncluded(file string, asked nginxconf.Place) error {
	name, ok := t.userPath(file)
	if !ok {
		return nil
	}
	if err := t.throughLink(name, asked); err != nil {
		return err
	}
	if !strings.ContainsAny(file, "*?[") {
		return t.readIncludedFile(name, file, asked)
	}
	for _, one := range t.globUser(name) {
		if err := t.readIncludedFile(one, t.labPath(one), asked); err != nil {
			return err
		}
	}
	for _, to := range keys(t.mounted) {
		if ok, _ := path.Match(file, to); ok {
			if err := t.readIncludedFile(t.mounted[to], to, asked); err != nil {
				return err
			}
		}
	}
	return nil
}

// throughLink refuses an include by way of a folder that is a link to where nothing is read of. In the lab such a link
// leads to nothing; one to the config's own folder, of a tree that was copied, leads there.
func (t *Tree) throughLink(name string, asked nginxconf.Place) error {
	parts := strings.Split(name, "/")
	for link, to := range t.links {
		n := strings.Count(link, "/") + 1
		if n >= len(parts) || strings.HasPrefix(to, t.At+"/") || strings.HasPrefix(path.Base(link), "modules") {
			continue
		}
		if ok, _ := path.Match(strings.Join(parts[:n], "/"), link); ok {
			return linkOut(asked, name+" is included through "+link, to)
		}
	}
	return nil
}

const copyLinks = "check the folder that holds both, or a copy in which links are files: cp -rL"

func linkOut(asked nginxconf.Place, what, to string) *Refused {
	return refuse("undefined", asked, copyLinks,
		"%s, a link to %s, which is not in the folder that is read", what, to)
}

func (t *Tree) readIncludedFile(name, to string, asked nginxconf.Place) error {
	if _, known := t.userFiles[name]; known {
		return nil
	}
	if slices.ContainsFunc(strings.Split(path.Dir(name), "/"), isClosed) {
		return refuse("undefined", asked, "take the include out", "%s is included, and nothing is read of such a folder", name)
	}
	not := t.unread[name]
	if t.source != nil && (not == nil || not == notAsked) {
		where, inside := resolveIn(t.source.files, t.source.root, name)
		if !inside {
			return nil // it is not there
		}
		if info, err := t.source.files.Lstat(where); err != nil || info.IsDir() {
			return nil
		}
		var it item
		if it, not = t.source.item(where); not == nil {
			t.keep(name, it)
			t.place(name, to, false)
			return nil
		}
	}
	if not == nil {
		return nil
	}
	return refuse("limit", asked, "mend that, or take the include out", "%s is included, and %s", name, not.why)
}

// userPath is where a file of the lab stands among the user's.
func (t *Tree) userPath(file string) (string, bool) {
	if name, ok := t.mounted[file]; ok {
		return name, true
	}
	rest, ok := strings.CutPrefix(file, t.At+"/")
	if !ok {
		return "", false
	}
	if beside, ok := strings.CutPrefix(rest, "badgateway-beside/"); ok {
		return beside, true
	}
	return path.Join(t.configDir, rest), true
}

// globUser gives the user's files that a pattern matches, which stand in folders and not behind links.
func (t *Tree) globUser(pattern string) []string {
	if t.source == nil {
		return nil
	}
	found := []string{"."}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		var next []string
		for _, dir := range found {
			entries, err := fs.ReadDir(t.source.files, path.Join(t.source.root, dir))
			if err != nil {
				continue
			}
			for _, d := range entries {
				ok, _ := path.Match(part, d.Name())
				last := i == len(parts)-1
				if ok && strings.HasPrefix(d.Name(), ".") == strings.HasPrefix(part, ".") && d.IsDir() != last && !(d.IsDir() && isClosed(d.Name())) {
					next = append(next, path.Join(dir, d.Name()))
				}
			}
		}
		if found = next; len(found) > maxEntries {
			break
		}
	}
	slices.Sort(found)
	return found
}

// readByEnding reads files that were left out for their kind, and whose path ends as an include's does, for what brings
// files to where a config looks for them. Names with a dot in front are not looked for.
func (t *Tree) readByEnding(pattern string) {
	if t.source == nil || bundled[path.Base(pattern)] {
		return
	}
	base, dir := path.Base(pattern), path.Base(path.Dir(pattern))
	var fit []string
	for name := range t.unread {
		if ok, _ := path.Match(base, path.Base(name)); ok {
			fit = append(fit, name)
		}
	}
	slices.Sort(fit)
	for _, name := range fit {
		if t.unread[name] != notAsked || strings.HasPrefix(path.Base(name), ".") {
			continue
		}
		if strings.ContainsAny(base, "*?[") && path.Base(path.Dir(name)) != dir {
			continue
		}
		if it, not := t.source.item(path.Join(t.source.root, name)); not == nil {
			t.keep(name, it)
		}
	}
}
