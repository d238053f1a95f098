package gitread

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// maxBlob bounds a file that is read. Who reads has a smaller bound of his own.
const maxBlob = 32 << 20

// Files are the files of a commit. Links are told and never followed; what is a repository of its own (a submodule) is an
// empty folder.
type Files struct {
	r     *Repository
	root  string            // its tree
	trees map[string][]node // those that were read, by their names
}

var _ fs.ReadLinkFS = (*Files)(nil)

// A node is one name of a folder.
type node struct {
	name string
	mode fs.FileMode
	id   string
}

// Files gives the files of a commit.
func (r *Repository) Files(commit string) (*Files, error) {
	kind, data, err := r.object(commit, maxHeader)
	if err != nil {
		return nil, err
	}
	root := field(data, "tree")
	if kind != "commit" || !r.isName(root) {
		return nil, fmt.Errorf("%s is no commit", commit)
	}
	f := &Files{r: r, root: root, trees: map[string][]node{}}
	_, err = f.tree(root)
	return f, err
}

// tree reads a folder's list. Names that no file can have here are left out.
func (f *Files) tree(id string) ([]node, error) {
	if all, ok := f.trees[id]; ok {
		return all, nil
	}
	kind, data, err := f.r.object(id, maxTree)
	if err != nil {
		return nil, err
	}
	if kind != "tree" {
		return nil, fmt.Errorf("object %s is no folder", id)
	}
	var all []node
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte{' '})
		name, rest, ended := bytes.Cut(rest, []byte{0})
		if !ok || !ended || len(rest) < f.r.hash {
			return nil, fmt.Errorf("folder %s can't be read", id)
		}
		n := node{name: string(name), id: hex.EncodeToString(rest[:f.r.hash])}
		data = rest[f.r.hash:]
		switch string(mode) {
		case "40000":
			n.mode = fs.ModeDir | 0o755
		case "160000":
			n.mode, n.id = fs.ModeDir|0o755, ""
		case "120000":
			n.mode = fs.ModeSymlink | 0o777
		case "100644", "100664", "100755":
			n.mode = 0o644
		default:
			continue
		}
		if n.name == "." || !fs.ValidPath(n.name) || strings.ContainsAny(n.name, `/\`) || strings.EqualFold(n.name, ".git") {
			continue
		}
		all = append(all, n)
	}
	slices.SortStableFunc(all, func(a, b node) int { return strings.Compare(a.name, b.name) })
	all = slices.CompactFunc(all, func(a, b node) bool { return a.name == b.name })
	f.trees[id] = all
	return all, nil
}

// node finds what stands at a path.
func (f *Files) node(op, name string) (node, error) {
	fail := func(err error) (node, error) { return node{}, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at := node{name: ".", mode: fs.ModeDir | 0o755, id: f.root}
	if name == "." {
		return at, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if !at.mode.IsDir() || at.id == "" {
			return fail(fs.ErrNotExist)
		}
		all, err := f.tree(at.id)
		if err != nil {
			return fail(err)
		}
		i, ok := slices.BinarySearchFunc(all, part, func(n node, name string) int { return strings.Compare(n.name, name) })
		if !ok {
			return fail(fs.ErrNotExist)
		}
		at = all[i]
	}
	return at, nil
}

// Lstat tells what stands at a path.
func (f *Files) Lstat(name string) (fs.FileInfo, error) {
	n, err := f.node("lstat", name)
	if err != nil {
		return nil, err
	}
	return f.info(n)
}

func (f *Files) info(n node) (fs.FileInfo, error) {
	i := info{node: n}
	if !n.mode.IsDir() {
		var err error
		if i.size, err = f.r.size(n.id); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// ReadLink is where a link leads, as it stands.
func (f *Files) ReadLink(name string) (string, error) {
	n, err := f.node("readlink", name)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	_, to, err := f.r.object(n.id, 4096)
	return string(to), err
}

// ReadDir lists a folder.
func (f *Files) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.node("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a folder")}
	}
	if n.id == "" {
		return nil, nil
	}
	all, err := f.tree(n.id)
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, 0, len(all))
	for _, one := range all {
		entries = append(entries, dirEntry{f, one})
	}
	return entries, nil
}

// Open opens a file.
func (f *Files) Open(name string) (fs.File, error) {
	n, err := f.node("open", name)
	if err != nil {
		return nil, err
	}
	if n.mode.IsDir() {
		entries, err := f.ReadDir(name)
		return &openDir{info{node: n}, entries}, err
	}
	if !n.mode.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("a link is not followed")}
	}
	_, data, err := f.r.object(n.id, maxBlob)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{info{n, int64(len(data))}, *bytes.NewReader(data)}, nil
}

type info struct {
	node
	size int64
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

type dirEntry struct {
	f *Files
	n node
}

func (d dirEntry) Name() string               { return d.n.name }
func (d dirEntry) IsDir() bool                { return d.n.mode.IsDir() }
func (d dirEntry) Type() fs.FileMode          { return d.n.mode.Type() }
func (d dirEntry) Info() (fs.FileInfo, error) { return d.f.info(d.n) }

type openFile struct {
	info
	bytes.Reader
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openFile) Size() int64                { return o.info.size }
func (o *openFile) Close() error               { return nil }

type openDir struct {
	info
	left []fs.DirEntry
}

func (o *openDir) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openDir) Close() error               { return nil }
func (o *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.name, Err: errors.New("a folder")}
}
func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(o.left)
	} else if len(o.left) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(o.left))
	some := o.left[:n]
	o.left = o.left[n:]
	return some, nil
}
