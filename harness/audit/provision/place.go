package provision

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// All is everything that was put, in an order in which it can be put again: for sandboxes that are to be the same.
func (t *Tree) All() []agentapi.File { return append([]agentapi.File(nil), t.Files...) }

// Place is where the user finds what nginx or nginxconf names by its path in the lab.
func (t *Tree) Place(file string, line int) nginxconf.Place {
	if file == "" {
		return nginxconf.Place{}
	}
	if !path.IsAbs(file) {
		file = path.Join(t.At, file)
	}
	if t.Wrapper && file == t.Main && len(t.fragments) > 0 {
		if inner := t.fragments[0].file; inner != file {
			return t.Place(inner, 1) // the fragment that it is around
		}
	}
	for range 8 {
		if from, ok := t.origin[file]; ok {
			return nginxconf.Place{File: from, Line: line}
		}
		i, ok := t.index[file]
		if !ok || t.Files[i].Link == "" {
			break
		}
		file = follow(file, t.Files[i].Link)
	}
	return nginxconf.Place{File: file, Line: line}
}

// linkOf is the user's link that leads to a file of the lab's, by the link's name in the lab or the file's own.
func (t *Tree) linkOf(file string) (name, to string, ok bool) {
	for link, to := range t.links {
		lab := t.labPath(link)
		if file := path.Clean(file); file == lab || file == follow(lab, to) {
			if _, users := t.origin[follow(lab, to)]; !users {
				return link, to, true
			}
		}
	}
	return "", "", false
}

func follow(file, link string) string {
	if path.IsAbs(link) {
		return path.Clean(link)
	}
	return path.Join(path.Dir(file), link)
}

// put remembers a file for this sandbox and further ones. A later one at the same path takes the earlier's place.
func (t *Tree) put(f agentapi.File) {
	f.Path = path.Clean(f.Path)
	if i, ok := t.index[f.Path]; ok {
		t.Files[i] = f
	} else {
		t.index[f.Path] = len(t.Files)
		t.Files = append(t.Files, f)
	}
	t.pending = append(t.pending, f)
	t.view = nil
}

// has reports whether something of ours or of the user's stands at a path.
func (t *Tree) has(file string) bool {
	i, ok := t.index[path.Clean(file)]
	return ok && !t.Files[i].Gone
}

// noteSupplied notes what was made up, once.
func (t *Tree) noteSupplied(kind, what, with string, at nginxconf.Place) {
	if key := kind + "\x00" + what; !t.listed[key] {
		t.listed[key] = true
		t.Supplied = append(t.Supplied, audit.Supply{Kind: kind, What: what, With: with, Place: at})
	}
}

// labPath is where a user's file stands in the lab.
func (t *Tree) labPath(name string) string {
	rel := name
	if t.configDir != "." && t.configDir != "" {
		var inside bool
		if rel, inside = strings.CutPrefix(name, t.configDir+"/"); !inside {
			rel = path.Join("badgateway-beside", name) // a fragment that stands outside the config's folder
		}
	}
	return path.Join(t.At, rel)
}

// placeAll puts the files below the config's folder to where the config has them, and those that a Dockerfile or a Compose
// file brings into nginx's folders to there.
func (t *Tree) placeAll(there []mount, main string) {
	names, unread := keys(t.userFiles), keys(t.unread)
	for _, name := range names {
		if t.configDir != "." && !strings.HasPrefix(name, t.configDir+"/") || isDocker.MatchString(path.Base(name)) || isCompose.MatchString(path.Base(name)) {
			continue
		}
		t.place(name, t.labPath(name), false)
	}
	for _, m := range there {
		m.each(unread, func(from, to string) { t.mounted[to] = from })
		if !strings.Contains(m.to, "nginx") && !strings.Contains(m.to, "openresty") && !strings.HasPrefix(m.to, "/etc/ssl") &&
			!strings.HasPrefix(m.to, "/var/www") && !strings.HasPrefix(m.to, "/usr/share") {
			continue
		}
		if m.from == "." && !strings.HasPrefix(m.to, defaultDir) {
			continue // the whole project as a web site
		}
		m.each(names, func(from, to string) {
			if filled, _ := target(to); from == main || main != "" && filled == defaultDir+"/nginx.conf" {
				return
			}
			if !looksLikeConfig(from) && strings.HasPrefix(to, "/usr/share") && t.userFiles[from].link != "" {
				return
			}
			t.place(from, to, false)
		})
	}
}

// place puts one of the user's files to a place in the lab; where one stands already it stays, unless over says otherwise.
func (t *Tree) place(name, to string, over bool) {
	it := t.userFiles[name]
	if filled, ok := target(to); ok && (looksLikeConfig(filled) || t.chosen[name]) && (!isSample(name) || t.chosen[name]) {
		if _, real := t.userFiles[strings.TrimSuffix(name, path.Ext(name))]; real && path.Dir(filled) == path.Dir(to) {
			return // the finished file is there too
		}
		to = filled
	}
	if t.has(to) && !over {
		return
	}
	t.origin[to] = name
	switch {
	case it.link == "":
		t.put(agentapi.File{Path: to, Data: it.text})
	case path.IsAbs(it.link):
		t.put(agentapi.File{Path: to, Link: it.link})
		delete(t.origin, to) // its target is what the user opens
	default:
		real := path.Join(path.Dir(name), it.link)
		_, known := t.userFiles[real]
		if known && t.labPath(real) != follow(to, it.link) {
			t.origin[to] = real
			t.put(agentapi.File{Path: to, Data: t.text(name)})
			return
		}
		delete(t.origin, to)
		t.put(agentapi.File{Path: to, Link: it.link})
	}
}

// read gives a file as it stands in the lab, ours or the image's, through links.
func (t *Tree) read(file string) (text, real string, ok bool) {
	for range 8 {
		if i, ok := t.index[file]; ok {
			f := t.Files[i]
			if f.Link != "" {
				file = follow(file, f.Link)
				continue
			}
			return f.Data, file, !f.Dir && !f.Gone
		}
		text, ok = t.image[file]
		return text, file, ok
	}
	return "", file, false
}

// glob gives the files in the lab that a pattern of an include matches.
func (t *Tree) glob(pattern string) []string {
	pattern = path.Clean(pattern)
	all := map[string]bool{}
	match := func(name string) {
		if ok, _ := path.Match(pattern, name); ok && !strings.HasPrefix(path.Base(name), ".") {
			all[name] = true
		}
	}
	for name, i := range t.index {
		if !t.Files[i].Dir && !t.Files[i].Gone {
			match(name)
		}
	}
	for name := range t.image {
		if i, ok := t.index[name]; !ok || !t.Files[i].Gone {
			match(name)
		}
	}
	return keys(all)
}

// absPath is the full path of what a config names: relative to the main file's folder.
func (t *Tree) absPath(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(path.Dir(t.Main), name)
}

// admit takes a file as one that nginx will read, and with it all that it includes: templates are filled or refused, and
// files that the config looks for elsewhere than they stand are brought there.
func (t *Tree) admit(file, within string, asked nginxconf.Place) error {
	text, real, ok := t.read(file)
	if !ok && t.missing[file] {
		return nil
	}
	if !ok {
		if err := t.readIncluded(real, asked); err != nil {
			return err
		}
		text, real, ok = t.read(file)
	}
	if !ok {
		t.readByEnding(file)
		if text, real, ok = t.bring(file); !ok {
			return t.noteMissing(file, asked) // Settle sees to it
		}
	}
	for _, outer := range t.admitting {
		if outer == real {
			return refuse("mistake", asked, "take the include out", "%s includes itself, without end", t.Place(real, 0).File)
		}
	}
	if key := real + "\x00" + within; t.admitted[key] {
		return nil
	} else {
		t.admitted[key] = true
	}
	t.admitting = append(t.admitting, real)
	defer func() { t.admitting = t.admitting[:len(t.admitting)-1] }()
	user, users := t.origin[real]
	if users {
		if r := foreign(text, user); r != nil {
			return r
		}
		if filled, made := t.fill(text, user); filled != text {
			text = filled
			t.put(agentapi.File{Path: real, Data: text})
			for _, s := range made {
				t.noteSupplied(s.Kind, s.What, s.With, s.Place)
			}
		}
	}
	return t.admitNodes(outline(text), real, within)
}

// fill fills a user's file. What stands in a sample is nginx's own, as it is in the file that one makes of it.
func (t *Tree) fill(text, user string) (string, []audit.Supply) {
	if t.start.known && t.options.Path == "" {
		return t.fillOwn(text, user)
	}
	if t.defined == "" && strings.Contains(text, "$") {
		var all strings.Builder
		for _, name := range keys(t.userFiles) {
			if it := t.userFiles[name]; looksLikeConfig(name) && strings.Contains(it.text, "$") {
				all.WriteString(code(it.text) + "\n")
			}
		}
		t.defined = all.String() + "\n"
	}
	_, template := target(user)
	return fill(text, user, substitution{t.options.Env, t.guessed, t.ports, t.defined, t.environment, template && !isSample(user)})
}

// fillOwn fills what the image's own start has left open: variables that it is given from outside, and nobody gave. One that the
// image has and did not put in stays, as it does in production.
func (t *Tree) fillOwn(text, user string) (string, []audit.Supply) {
	if !t.start.written[user] {
		return text, nil
	}
	left := ""
	for name := range t.start.env {
		left += "set $" + name + " x;\n"
	}
	return fill(text, user, substitution{nil, t.guessed, t.ports, left, nil, false})
}

var blocks = map[string]bool{"http": true, "stream": true, "mail": true, "events": true, "server": true, "upstream": true, "location": true, "types": true, "map": true, "geo": true}

func (t *Tree) admitNodes(nodes []node, file, within string) error {
	for _, n := range nodes {
		switch {
		case n.name == "include" && len(n.args) == 1 && !n.open:
			if err := t.admitInclude(n, file, within); err != nil {
				return err
			}
		case n.name == "server" && n.open && (within == "http" || within == "stream" || within == "mail"):
			t.servers++
			if within == "mail" && !t.admitted["mail"] {
				t.admitted["mail"] = true
				t.Notes = append(t.Notes, fmt.Sprintf("the mail servers (%s) are loaded, and not looked at: routes are those of http and stream", t.Place(file, n.line)))
			}
		case n.name == "daemon" && within == "main":
			t.admitted["daemon"] = true
			t.Daemon = len(n.args) == 1 && n.args[0] == "on"
		}
		if n.open {
			inner := "other"
			if blocks[n.name] {
				inner = n.name
			}
			if err := t.admitNodes(n.block, file, inner); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tree) admitInclude(n node, file, within string) error {
	full := t.absPath(n.args[0])
	asked := t.Place(file, n.line)
	if !strings.ContainsAny(full, "*?[") {
		return t.admit(full, within, asked)
	}
	t.includeGlobs = append(t.includeGlobs, includeGlob{full, within, asked.File, asked.Line})
	if err := t.readIncluded(full, asked); err != nil {
		return err
	}
	if t.globbed += len(t.index) + len(t.image) + len(t.unread); t.globbed > maxGlobbed {
		return refuse("limit", asked, "name a smaller part of the config, or a folder with fewer files",
			"the includes with wildcards compare more than %d names", maxGlobbed)
	}
	found := t.glob(full)
	if len(found) == 0 {
		t.readByEnding(full)
		t.bringAll(full)
		found = t.glob(full)
	}
	for _, f := range found {
		if err := t.admit(f, within, asked); err != nil {
			return err
		}
	}
	return nil
}

// bring looks in the user's folder for a file that the config has elsewhere, by as much of its path as fits: at the least
// its name, where only one has it.
func (t *Tree) bring(file string) (text, real string, ok bool) {
	parts := strings.Split(strings.TrimPrefix(file, "/"), "/")
	for i := range parts {
		tail := strings.Join(parts[i:], "/")
		found := ""
		for _, name := range t.filesNamed(path.Base(file)) {
			plain, _ := target(name)
			if !endsIn(plain, tail) && !endsIn(name, tail) { // a config may well ask for the sample itself
				continue
			}
			if found == "" || strings.Count(name, "/") < strings.Count(found, "/") {
				found = name
			}
		}
		if found == "" || t.text(found) == "" && t.userFiles[found].link != "" {
			continue
		}
		t.origin[file] = found
		t.put(agentapi.File{Path: file, Data: t.text(found)})
		t.Notes = append(t.Notes, found+" stands at "+file+" in the lab, where the config looks for it")
		return t.text(found), file, true
	}
	if found := t.templateOf(file); found != "" {
		t.origin[file] = found
		t.put(agentapi.File{Path: file, Data: t.text(found)})
		t.Notes = append(t.Notes, found+" was filled and put at "+file+", which the config includes and nobody here has")
		return t.text(found), file, true
	}
	return "", "", false
}

// templateOf finds the template that a missing file is rather made of: it has its name but for the ending.
func (t *Tree) templateOf(file string) string {
	stem := strings.TrimSuffix(path.Base(file), path.Ext(file))
	found := ""
	for _, name := range t.filesNamed(stem) {
		plain, filled := target(name)
		if !filled || isSample(name) || path.Base(plain) != stem {
			continue
		}
		if found != "" {
			return "" // which of them, nobody can tell
		}
		found = name
	}
	return found
}

// endsIn reports whether a path ends in these names.
func endsIn(name, tail string) bool { return name == tail || strings.HasSuffix(name, "/"+tail) }

// bringAll does the same for an include with a wildcard, by at least the folder's name.
func (t *Tree) bringAll(pattern string) {
	parts := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	for i := 0; i < len(parts)-1; i++ {
		tail := strings.Join(parts[i:], "/")
		folder := ""
		for _, name := range keys(t.userFiles) {
			plain, _ := target(name)
			dirs := strings.Split(plain, "/")
			if len(dirs) < len(parts)-i || isSample(name) {
				continue
			}
			end := strings.Join(dirs[len(dirs)-(len(parts)-i):], "/")
			if ok, _ := path.Match(tail, end); !ok {
				continue
			}
			if dir := path.Dir(name); folder == "" || strings.Count(dir, "/") < strings.Count(folder, "/") {
				folder = dir
			}
		}
		if folder == "" {
			continue
		}
		for _, name := range keys(t.userFiles) {
			if path.Dir(name) != folder && strings.Count(tail, "*") < 2 || isSample(name) {
				continue
			}
			plain, _ := target(name)
			if ok, _ := path.Match(path.Base(pattern), path.Base(plain)); ok && strings.HasPrefix(name, folder+"/") {
				to := path.Join(path.Dir(pattern), path.Base(plain))
				t.origin[to] = name
				t.put(agentapi.File{Path: to, Data: t.text(name)})
			}
		}
		t.Notes = append(t.Notes, folder+" stands at "+path.Dir(pattern)+" in the lab, where the config looks for it")
		return
	}
}

var notPlain = regexp.MustCompile(`[*?]+`)

// newPath is a path at which a file of ours is included, first of all where names are sorted.
func (s includeGlob) newPath() string { return notPlain.ReplaceAllString(s.glob, "00-badgateway") }
