package supply

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/badgateway/badgateway/harness/nginxconf"
)

// The bounds of what is read of a user's folder.
const (
	maxFile    = 1 << 20
	maxTotal   = 32 << 20
	maxEntries = 50_000
	maxDepth   = 12
)

// skipped are folders that hold no config however they are named, and much else.
var skipped = map[string]bool{".git": true, ".hg": true, ".svn": true, "node_modules": true, ".venv": true, "venv": true,
	"__pycache__": true, ".terraform": true, ".cache": true, ".idea": true, "bower_components": true, ".tox": true, ".next": true}

// foreignKinds are the endings of files that no config names.
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

// readFolder reads the files of a folder that a config may name: text, not too big. Links that lead out of the folder are
// kept as links and never followed, as the folder may be a stranger's.
//
// A folder that holds too much is refused, or with some read as far as the bounds go: what stands beside a file that the
// user named is only a help.
func readFolder(root string, some bool) (map[string]item, error) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	stock := map[string]item{}
	total, entries, depth := 0, 0, maxDepth
	if some {
		depth = 4
	}
	err = filepath.WalkDir(real, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if d != nil && d.IsDir() && name != real {
				return fs.SkipDir // not ours to read
			}
			return err
		}
		rel, _ := filepath.Rel(real, name)
		rel = filepath.ToSlash(rel)
		if entries++; entries > maxEntries {
			if some {
				return fs.SkipAll
			}
			return refuse("limit", nginxconf.Place{}, "name the folder that holds the config, or its nginx.conf", "%s holds more than %d files", root, maxEntries)
		}
		if d.IsDir() {
			if name != real && (skipped[d.Name()] || strings.Count(rel, "/") >= depth) {
				return fs.SkipDir
			}
			return nil
		}
		if foreignKinds[strings.ToLower(path.Ext(rel))] {
			return nil
		}
		it, err := readItem(real, name, d)
		if err != nil || it == nil {
			return err
		}
		if total += len(it.text); total > maxTotal {
			if some {
				return fs.SkipAll
			}
			return refuse("limit", nginxconf.Place{}, "name the folder that holds the config, or its nginx.conf",
				"%s holds more than %d MiB of files that a config may name", root, maxTotal>>20)
		}
		stock[rel] = *it
		return nil
	})
	if err != nil {
		var r *Refused
		if errors.As(err, &r) {
			return nil, r
		}
		return nil, fmt.Errorf("reading %s: %w", root, err)
	}
	return stock, nil
}

// readNamed reads the file that the user named, which may not be among those that were read of its folder.
func (t *Tree) readNamed(name string) error {
	full := filepath.Join(t.Root, filepath.FromSlash(name))
	data, err := os.ReadFile(full)
	if err != nil {
		return fmt.Errorf("reading %s: %w", full, err)
	}
	if bytes.IndexByte(data, 0) < 0 {
		t.stock[name] = item{text: strings.ToValidUTF8(string(data), "?")}
	}
	return nil
}

// readItem reads one file; nil for what is of no use.
func readItem(root, name string, d fs.DirEntry) (*item, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(name)
		if err != nil {
			return nil, nil
		}
		real, err := filepath.EvalSymlinks(name)
		inside := err == nil && (real == root || strings.HasPrefix(real, root+string(filepath.Separator)))
		if !inside || !filepath.IsAbs(to) {
			return &item{link: filepath.ToSlash(to)}, nil
		}
		name = real // an absolute link into the folder itself means nothing in the lab
	} else if !d.Type().IsRegular() {
		return nil, nil
	}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil // a private key that is another's: the lab makes its own
	}
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0 {
		return nil, nil
	}
	return &item{text: strings.ToValidUTF8(string(data), "?")}, nil
}
