package nginxconf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files are the files of a config, by slash-separated path relative to its folder, and links by their target.
type Files interface {
	// Read gives a file's text. It follows links. The error is fs.ErrNotExist for a file that is not there.
	Read(path string) ([]byte, error)
	// Glob gives the files that a pattern of nginx's include matches, sorted.
	Glob(pattern string) ([]string, error)
	// All lists every file.
	All() []string
}

// Map are files held in memory: text by path. A path that begins with a slash stands outside the config's folder.
func Map(texts map[string]string) Files { return memory(texts) }

type memory map[string]string

func (m memory) Read(name string) ([]byte, error) {
	text, ok := m[path.Clean(name)]
	if !ok {
		return nil, notThere(name)
	}
	return []byte(text), nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var found []string
	for name := range m {
		ok, err := matches(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

func (m memory) All() []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// matches reports whether glob(3) as nginx calls it takes the name: a star stops at a slash, and at a name's leading dot.
func matches(pattern, name string) (bool, error) {
	wants, has := strings.Split(pattern, "/"), strings.Split(name, "/")
	if len(wants) != len(has) {
		return false, nil
	}
	for i := range wants {
		ok, err := matchName(wants[i], has[i])
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func matchName(want, has string) (bool, error) {
	ok, err := path.Match(want, has)
	if err != nil {
		return false, fmt.Errorf("pattern %q: %w", want, err)
	}
	return ok && (!strings.HasPrefix(has, ".") || strings.HasPrefix(want, ".")), nil
}

// defaultDir is where a config's folder stands unless something else is said.
const defaultDir = "/etc/nginx"

// Dir are the files of a folder of this machine that stands at /etc/nginx in the lab; see [DirAt].
func Dir(root string) Files { return DirAt(root, defaultDir) }

// DirAt are the files of a folder of this machine that stands at another place in the lab. Links are followed as long as
// they stay inside: absolute ones by that place ("/etc/nginx/sites-available/x"). What leads out of the folder counts as
// missing, so that an untrusted link shows no file of this machine.
func DirAt(root, at string) Files { return folder{root: root, at: path.Clean("/" + at)} }

type folder struct{ root, at string }

// maxFiles bounds what is listed: a folder with more is hardly a config.
const maxFiles = 50_000

// maxLinks is how many links one path may go through, as in Linux.
const maxLinks = 40

func notThere(name string) error { return &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist} }

// resolve gives the path without links, relative to the folder; "." for the folder itself.
func (f folder) resolve(name string) (string, error) {
	if path.IsAbs(name) {
		inside, ok := within(f.at, name)
		if !ok {
			return "", notThere(name)
		}
		name = inside
	}
	var done []string
	left := strings.Split(name, "/")
	for links := 0; len(left) > 0; {
		part := left[0]
		left = left[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(done) == 0 {
				return "", notThere(name)
			}
			done = done[:len(done)-1]
			continue
		}
		here := filepath.Join(f.root, filepath.Join(done...), part)
		info, err := os.Lstat(here)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = append(done, part)
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: more than %d links", name, maxLinks)
		}
		target, err := os.Readlink(here)
		if err != nil {
			return "", err
		}
		target = filepath.ToSlash(target)
		if path.IsAbs(target) {
			inside, ok := within(f.at, target)
			if !ok {
				return "", notThere(name)
			}
			target, done = inside, nil
		}
		left = append(strings.Split(target, "/"), left...)
	}
	if len(done) == 0 {
		return ".", nil
	}
	return strings.Join(done, "/"), nil
}

// within gives the rest of a path below a folder.
func within(folder, name string) (string, bool) {
	name = path.Clean(name)
	if name == folder {
		return ".", true
	}
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(folder, "/")+"/")
	return rest, ok
}

func (f folder) Read(name string) ([]byte, error) {
	real, err := f.resolve(name)
	if err != nil {
		return nil, err
	}
	full := filepath.Join(f.root, real)
	info, err := os.Stat(full)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would never end
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("not a file")}
	}
	return os.ReadFile(full)
}

func (f folder) Glob(pattern string) ([]string, error) {
	if path.IsAbs(pattern) {
		return nil, nil
	}
	found := []string{""}
	for part := range strings.SplitSeq(pattern, "/") {
		var next []string
		for _, base := range found {
			if !strings.ContainsAny(part, "*?[") {
				next = append(next, path.Join(base, part))
				continue
			}
			real, err := f.resolve(base)
			if err != nil {
				continue
			}
			entries, err := os.ReadDir(filepath.Join(f.root, real))
			if err != nil {
				continue
			}
			for _, e := range entries {
				ok, err := matchName(part, e.Name())
				if err != nil {
					return nil, err
				}
				if ok {
					next = append(next, path.Join(base, e.Name()))
				}
			}
		}
		found = next
	}
	found = slices.DeleteFunc(found, func(name string) bool { return !f.regular(name) })
	slices.Sort(found)
	return found, nil
}

func (f folder) regular(name string) bool {
	real, err := f.resolve(name)
	if err != nil {
		return false
	}
	info, err := os.Lstat(filepath.Join(f.root, real))
	return err == nil && info.Mode().IsRegular()
}

func (f folder) All() []string {
	var all []string
	_ = filepath.WalkDir(f.root, func(full string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // a folder that can't be read counts as empty
		}
		if e.IsDir() {
			if name := e.Name(); full != f.root && (name == ".git" || name == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(f.root, full)
		if err != nil {
			return nil
		}
		if rel = filepath.ToSlash(rel); f.regular(rel) {
			all = append(all, rel)
		}
		if len(all) >= maxFiles {
			return fs.SkipAll
		}
		return nil
	})
	slices.Sort(all)
	return all
}
