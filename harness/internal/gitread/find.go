package gitread

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/badgateway/badgateway/harness/hostfile"
)

// ErrNone says that a place is in no repository.
var ErrNone = errors.New("it is in no git repository")

// elsewhere is the remedy for repositories that are not read here.
const elsewhere = "let git do it: git worktree add ../old REVISION, and --against a path in ../old"

// A Repository is one that was found. Close it.
type Repository struct {
	Top string // the root of its working tree

	own    *os.Root // HEAD
	common *os.Root // objects and refs; the same unless the working tree is a linked one
	hash   int      // the length of an object's name: 20 for SHA-1, 32 for SHA-256
	part   string   // what it lacks on purpose, for errors about missing objects: "shallow", "partial"
	packs  []*pack
	listed bool
	worked int64 // bytes that were unpacked so far
}

// Find finds the repository that a folder stands in, by the .git in it or above it. What is laid out as a repository but
// is not called .git is none: git itself lets anybody commit such a folder, and no folder called .git.
func Find(folder string) (*Repository, error) {
	for dir := filepath.Clean(folder); ; dir = filepath.Dir(dir) {
		r, err := open(dir)
		if err != nil || r != nil {
			return r, err
		}
		if dir == filepath.Dir(dir) {
			return nil, ErrNone
		}
	}
}

// open opens the repository whose working tree begins here; nil where none does.
func open(top string) (*Repository, error) {
	dot := filepath.Join(top, ".git")
	info, err := os.Lstat(dot)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	own, common := dot, dot
	switch {
	case info.IsDir():
		if _, err := os.Lstat(filepath.Join(dot, "HEAD")); err != nil {
			return nil, nil
		}
	case info.Mode().IsRegular():
		if own, common, err = pointedTo(dot); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%s is no folder: a link is not followed; %s", dot, elsewhere)
	}
	r := &Repository{Top: top, hash: 20}
	if r.own, err = os.OpenRoot(own); err != nil {
		return nil, err
	}
	if r.common, err = os.OpenRoot(common); err != nil {
		r.Close()
		return nil, err
	}
	if err := r.known(dot); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// known refuses forms of repositories that are not read here.
func (r *Repository) known(dot string) error {
	set, err := settings(r.common)
	if err != nil {
		return err
	}
	switch format := set["extensions.objectformat"]; format {
	case "", "sha1":
	case "sha256":
		r.hash = 32
	default:
		return fmt.Errorf("%s has objects in the form %q, which is not known here; %s", dot, format, elsewhere)
	}
	if storage := set["extensions.refstorage"]; storage != "" && storage != "files" {
		return fmt.Errorf("%s keeps its branches in the form %q, which is not read here; %s", dot, storage, elsewhere)
	}
	if _, err := r.common.Lstat("shallow"); err == nil {
		r.part = "shallow"
	}
	for name, value := range set {
		if strings.HasPrefix(name, "remote ") && strings.HasSuffix(name, ".promisor") && value == "true" {
			r.part = "partial"
		}
	}
	if _, err := r.common.Lstat("objects/info/alternates"); err == nil {
		r.part = "borrowing"
	}
	return nil
}

// Close closes its files.
func (r *Repository) Close() error {
	for _, p := range r.packs {
		p.close()
	}
	for _, root := range []*os.Root{r.own, r.common} {
		if root != nil {
			root.Close()
		}
	}
	return nil
}

// pointedTo gives the folders that a .git file points to. It is followed only where the folder points back, as those of
// linked working trees and of submodules do: a stranger's file could else point to any repository of this machine.
func pointedTo(dot string) (own, common string, err error) {
	text, err := hostfile.Read(dot, 4096)
	if err != nil {
		return "", "", err
	}
	to, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir: ")
	if !ok {
		return "", "", fmt.Errorf("%s is no file of git's", dot)
	}
	top := filepath.Dir(dot)
	if own, err = filepath.EvalSymlinks(from(top, to)); err != nil {
		return "", "", fmt.Errorf("following %s: %w", dot, err)
	}
	root, err := os.OpenRoot(own)
	if err != nil {
		return "", "", fmt.Errorf("following %s: %w", dot, err)
	}
	defer root.Close()
	if back, err := line(root, "gitdir"); err == nil && same(from(own, back), dot) { // a linked working tree
		common = filepath.Dir(filepath.Dir(own))
		if up, err := line(root, "commondir"); err == nil && filepath.Base(filepath.Dir(own)) == "worktrees" && same(from(own, up), common) {
			return own, common, nil
		}
	}
	if set, err := settings(root); err == nil && set["core.worktree"] != "" && same(from(own, set["core.worktree"]), top) { // a submodule
		return own, own, nil
	}
	return "", "", fmt.Errorf("%s points to %s, which does not point back: it is not followed; %s", dot, own, elsewhere)
}

func from(folder, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(folder, name)
}

func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// line is what a file of one line says.
func line(root *os.Root, name string) (string, error) {
	text, err := hostfile.ReadIn(root, name, 4096)
	return strings.TrimSpace(string(text)), err
}

// settings are those of a repository's config by section and name. Nothing obeys them but what reads the forms of its
// files, and what finds out whether it points back; other files that it includes are not read.
func settings(root *os.Root) (map[string]string, error) {
	text, err := hostfile.ReadIn(root, "config", 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the repository's config: %w", err)
	}
	all, section := map[string]string{}, ""
	for l := range strings.Lines(string(text)) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			head, rest, _ := strings.Cut(l[1:], "]")
			section, l = strings.ToLower(strings.TrimSpace(head)), strings.TrimSpace(rest)
		}
		if name, value, ok := strings.Cut(l, "="); ok && !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, ";") {
			all[section+"."+strings.ToLower(strings.TrimSpace(name))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return all, nil
}
