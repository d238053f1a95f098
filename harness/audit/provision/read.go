package provision

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/hostfile"
)

// The bounds of what is read of a user's folder.
const (
	maxFile    = 1 << 20
	maxTotal   = 32 << 20
	maxEntries = 50_000
	maxDepth   = 12
)

// closed are folders of which nothing is ever read.
var closed = map[string]bool{".git": true, ".hg": true, ".svn": true, ".ssh": true, ".gnupg": true, ".aws": true, ".azure": true, ".kube": true}

// skipped are folders that are not looked through: a config names what it wants of them.
var skipped = map[string]bool{"node_modules": true, ".venv": true, "venv": true, "__pycache__": true, ".terraform": true, ".cache": true,
	".idea": true, "bower_components": true, ".tox": true, ".next": true}

// foreignKinds are the endings of files that are not read unless a config names them.
var foreignKinds = map[string]bool{}

func init() {
	for _, s := range strings.Fields(`go py rb rs java kt scala c cc cpp h hpp cs ts tsx jsx vue svelte css scss less sass map md rst
		png jpg jpeg gif webp ico svg woff woff2 ttf eot mp3 mp4 webm avi pdf zip gz tgz xz bz2 7z tar jar war class so a o dll exe pyc
		lock sum swift m mm sql db sqlite csv tsv parquet ipynb po pot mo snap pack deb rpm apk iso img bin wasm`) {
		foreignKinds["."+s] = true
	}
}

// An item is one file of the user's, or a link.
type item struct {
	text string
	link string // it is a link to this; text is empty then
}

// An unread is a file that is there and was not read, with the reason.
type unread struct{ why string }

func (u *unread) Error() string { return u.why }

// notAsked are files that are read only where a config names them.
var notAsked = &unread{"is of a kind that is only read where it is named"}

// readFolder reads the files of a folder that a config may name: text, not too big. What is there and was not read it
// lists beside them.
//
// A folder that holds too much is refused, or where a file in it was named read as far as the bounds go, the nearest files
// first: what stands beside that file is only a help, and what it includes is read all the same.
func (s *source) readFolder() (stock map[string]item, left map[string]*unread, err error) {
	stock, left = map[string]item{}, map[string]*unread{}
	total, entries := 0, 0
	for dirs := []folder{{".", s.root, false}}; len(dirs) > 0; dirs = dirs[1:] {
		all, err := fs.ReadDir(s.files, dirs[0].full)
		if err != nil && dirs[0].name == "." {
			return nil, nil, fmt.Errorf("reading %s: %w", s.shown, err)
		}
		if entries += len(all); entries > maxEntries {
			if s.named != "" {
				return stock, left, nil
			}
			return nil, nil, s.tooMuch("%s holds more than %d files", s.shown, maxEntries)
		}
		for _, d := range all {
			name := path.Join(dirs[0].name, d.Name())
			if sub, ok := s.folder(dirs[0], d); ok {
				if !isClosed(d.Name()) && !skipped[d.Name()] && strings.Count(name, "/") < maxDepth {
					dirs = append(dirs, sub)
				}
				continue
			}
			it, not := item{}, notAsked
			if readUnasked(name) {
				it, not = s.item(path.Join(dirs[0].full, d.Name()))
			}
			if not != nil {
				left[name] = not
				continue
			}
			if total += len(it.text); total > maxTotal {
				if s.named != "" {
					return stock, left, nil
				}
				return nil, nil, s.tooMuch("%s holds more than %d MiB of files that a config may name", s.shown, maxTotal>>20)
			}
			stock[name] = it
		}
	}
	return stock, left, nil
}

// A folder is one that is read: under its name, and where it is.
type folder struct {
	name, full string
	linked     bool // it was come to through a link
}

// folder recognises a folder, or a link to one that is within what is read. Of links below links, and of one to a folder that it
// is in, there would be no end.
func (s *source) folder(in folder, d fs.DirEntry) (folder, bool) {
	f := folder{path.Join(in.name, d.Name()), path.Join(in.full, d.Name()), in.linked}
	if d.IsDir() {
		return f, true
	}
	if d.Type()&fs.ModeSymlink == 0 || in.linked {
		return f, false
	}
	to, err := s.files.ReadLink(f.full)
	if err != nil {
		return f, false
	}
	where, ok := s.inside(to)
	if !ok {
		where, ok = resolveIn(s.files, s.root, f.name)
	}
	if !ok || where == in.full || where == s.root || strings.HasPrefix(in.full+"/", where+"/") {
		return f, false
	}
	info, err := s.files.Lstat(where)
	f.full, f.linked = where, true
	return f, err == nil && info.IsDir()
}

func (s *source) tooMuch(message string, args ...any) *Refused {
	return refuse("limit", nginxconf.Place{}, "name the folder that holds the config, or its nginx.conf", message, args...)
}

// readUnasked reports whether a file is read before a config names it. Names with a dot in front are rather secrets (.env, .npmrc).
func readUnasked(name string) bool {
	if strings.HasPrefix(path.Base(name), ".") && !looksLikeConfig(name) {
		return false
	}
	return !foreignKinds[strings.ToLower(path.Ext(name))]
}

// item reads one file, or says why not. A link is kept as one, whatever it leads to: in the lab it leads to what stands
// there. Only an absolute one to another file of this folder is read as that file, as its path means nothing in the lab.
func (s *source) item(full string) (item, *unread) {
	info, err := s.files.Lstat(full)
	if err != nil {
		return item{}, &unread{reason(err)}
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		to, err := s.files.ReadLink(full)
		if err != nil {
			return item{}, &unread{reason(err)}
		}
		inside, ok := s.inside(to)
		if !ok {
			return item{link: filepath.ToSlash(to)}, nil
		}
		full = inside
	}
	return textItem(s.read(full, maxFile))
}

func textItem(data []byte, err error) (item, *unread) {
	if err != nil {
		return item{}, &unread{reason(err)}
	}
	if bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return item{}, &unread{"is no text"}
	}
	return item{text: strings.ToValidUTF8(string(data), "?")}, nil
}

// inside is where an absolute link leads to in this very folder.
func (s *source) inside(to string) (string, bool) {
	if s.real == "" || !filepath.IsAbs(to) {
		return "", false
	}
	real, err := filepath.EvalSymlinks(to)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(s.real, real)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return resolveIn(s.files, s.root, filepath.ToSlash(rel))
}

func reason(err error) string {
	var big *hostfile.TooBigError
	switch {
	case errors.As(err, &big):
		return fmt.Sprintf("has %d bytes, more than %d MiB", big.Size, maxFile>>20)
	case errors.Is(err, hostfile.ErrNotRegular):
		return "is no regular file"
	case errors.Is(err, fs.ErrInvalid) && !utf8.ValidString(err.Error()):
		return "has a name that is not UTF-8"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	}
	return "can't be read: " + err.Error()
}
