package provision

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A mount says where a file or folder of the user's stands in the container that it is made for.
type mount struct {
	from string // relative to the folder that was read
	to   string // absolute
}

var (
	copyLine  = regexp.MustCompile(`(?im)^\s*(?:COPY|ADD)\s+(.+)$`)
	mountLine = regexp.MustCompile(`(?m)^\s*-\s*["']?((?:\.{0,2}/|\$\{?PWD\}?/|[\w.-]+/)?[\w./@-]+):(/[^:"'\s]+)(?::[\w,]+)?["']?\s*(?:#.*)?$`)
	longMount = regexp.MustCompile(`(?m)^\s*-?\s*source:\s*["']?([^"'\s]+)["']?\s*\n\s*target:\s*["']?(/[^"'\s]+)["']?`)
	isDocker  = regexp.MustCompile(`(?i)^(?:.*\.)?(?:dockerfile|containerfile)(?:\..*)?$`)
	isCompose = regexp.MustCompile(`(?i)^(?:docker-)?compose[\w.-]*\.ya?ml$`)
)

// maxMounts is how many lines of Dockerfiles and Compose files may bring something somewhere. Each is held against each file.
const maxMounts = 4000

// mounts reads the Dockerfiles and Compose files of the folder, and of the two above it, for where things go.
func (t *Tree) mounts() ([]mount, error) {
	var all []mount
	var names []string
	for name := range t.userFiles {
		names = append(names, name)
	}
	sort.Slice(names, func(i, k int) bool { // the nearest first
		a, b := strings.Count(names[i], "/"), strings.Count(names[k], "/")
		return a < b || a == b && names[i] < names[k]
	})
	for _, name := range names {
		t.readEnvironment(name, t.userFiles[name].text)
		if all = append(all, mountsOf(name, t.userFiles[name].text)...); len(all) > maxMounts {
			return nil, tooManyMounts(name)
		}
	}
	s, above := t.source, ""
	for dir, n := s.root, 0; n < 2 && dir != "."; n++ {
		above = path.Join(path.Base(dir), above)
		dir = path.Dir(dir)
		entries, err := fs.ReadDir(s.files, dir)
		if err != nil || len(entries) > 2000 {
			break
		}
		for _, e := range entries {
			if !isDocker.MatchString(e.Name()) && !isCompose.MatchString(e.Name()) {
				continue
			}
			text, err := s.read(path.Join(dir, e.Name()), maxFile)
			if err != nil {
				continue
			}
			t.readEnvironment(e.Name(), string(text))
			for _, m := range mountsOf(e.Name(), string(text)) {
				if rest, ok := strings.CutPrefix(m.from+"/", above+"/"); ok {
					all = append(all, mount{strings.TrimSuffix(path.Clean(rest), "/"), m.to})
				}
			}
			if len(all) > maxMounts {
				return nil, tooManyMounts(e.Name())
			}
		}
	}
	return all, nil
}

func tooManyMounts(name string) *Refused {
	return refuse("limit", nginxconf.Place{File: name}, "check the folder of the config alone",
		"the Dockerfiles and Compose files here bring files to more than %d places", maxMounts)
}

func mountsOf(name, text string) []mount {
	var all []mount
	dir := path.Dir(name)
	switch base := path.Base(name); {
	case isCompose.MatchString(base):
		for _, shape := range []*regexp.Regexp{mountLine, longMount} {
			for _, m := range shape.FindAllStringSubmatch(text, -1) {
				from := strings.TrimPrefix(strings.TrimPrefix(m[1], "${PWD}/"), "$PWD/")
				all = append(all, mount{path.Join(dir, from), path.Clean(m[2])})
			}
		}
	case isDocker.MatchString(base):
		text = strings.ReplaceAll(text, "\\\n", " ")
		for _, m := range copyLine.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(strings.NewReplacer("[", " ", "]", " ", ",", " ", `"`, " ").Replace(m[1]))
			var from []string
			elsewhere := false
			for _, w := range words {
				if strings.HasPrefix(w, "--") {
					elsewhere = elsewhere || strings.HasPrefix(w, "--from")
				} else {
					from = append(from, w)
				}
			}
			if elsewhere || len(from) < 2 || !strings.HasPrefix(from[len(from)-1], "/") {
				continue
			}
			to := from[len(from)-1]
			for _, f := range from[:len(from)-1] {
				at := path.Clean(to)
				if (strings.HasSuffix(to, "/") || isFolderOfImages(at)) && !strings.HasSuffix(f, "/") {
					at = path.Join(to, "\x00"+path.Base(f)) // a file goes into it, a folder's content too
				}
				all = append(all, mount{path.Join(dir, strings.TrimPrefix(f, "/")), at})
				if dir != "." { // the folder that is built may be the one above
					all = append(all, mount{strings.TrimPrefix(path.Clean(f), "/"), at})
				}
			}
		}
	}
	return all
}

// isFolderOfImages reports whether images with nginx have a folder there: what is copied to its name goes into it.
func isFolderOfImages(at string) bool {
	switch at {
	case defaultDir, "/etc/nginx/snippets", "/etc/nginx/stream.d", "/usr/share/nginx/html", "/var/www/html", "/etc/ssl/certs", "/etc/ssl/private", "/":
		return true
	}
	return path.Dir(at) == defaultDir && siteFolders[path.Base(at)]
}

// each calls for every file of a sorted list that a mount brings somewhere.
func (m mount) each(names []string, do func(from, to string)) {
	into, name, inFolder := strings.Cut(m.to, "/\x00")
	if _, ok := slices.BinarySearch(names, m.from); ok {
		if inFolder {
			into = path.Join(into, name)
		}
		do(m.from, into)
		return
	}
	for _, from := range names {
		if rest, ok := strings.CutPrefix(from, m.from+"/"); ok || m.from == "." {
			if m.from == "." {
				rest = from
			}
			do(from, path.Join(into, rest))
		} else if strings.ContainsAny(m.from, "*?[") {
			if ok, _ := path.Match(m.from, from); ok {
				do(from, path.Join(into, path.Base(from)))
			}
		}
	}
}

func keys[V any](m map[string]V) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	sort.Strings(all)
	return all
}
