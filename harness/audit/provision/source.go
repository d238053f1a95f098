package provision

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/hostfile"
	"github.com/badgateway/badgateway/harness/internal/gitread"
)

// A source is where the user's files are read from: this machine, or a revision of a git repository. Links in it are listed,
// not followed.
type source struct {
	files fs.ReadLinkFS
	read  func(name string, most int64) ([]byte, error)
	close func() error

	root  string // the folder that is read, in files
	named string // the file in it that the user named; empty for the folder
	text  func() ([]byte, error)
	shown string // how the folder is called
	real  string // where it stands on this machine; empty for a revision
}

// openSource finds what the user named.
func openSource(o Options) (*source, error) {
	if o.Revision != "" {
		return openRevision(o.Path, o.Revision)
	}
	return openFolder(o.Path)
}

// nameConfig is the remedy for a name that leads to no config.
const nameConfig = "name an nginx.conf, a folder laid out as /etc/nginx, or a fragment"

func openFolder(name string) (*source, error) {
	real, err := hostfile.Place(name)
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(real)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, refuse("empty", nginxconf.Place{File: name}, nameConfig, "there is no such file or folder")
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	case !info.IsDir() && !info.Mode().IsRegular():
		return nil, refuse("empty", nginxconf.Place{File: filepath.Base(name)}, nameConfig, "this is no file")
	}
	s := &source{real: real}
	if s.shown, err = filepath.Abs(name); err != nil {
		return nil, err
	}
	if !info.IsDir() { // it may be a link: what it includes stands where the link does
		if s.real, err = hostfile.Place(filepath.Dir(s.shown)); err != nil {
			return nil, err
		}
		s.named, s.shown = filepath.Base(s.shown), filepath.Dir(s.shown)
		s.text = func() ([]byte, error) { return hostfile.Read(real, maxFile) }
	}
	if base := filepath.Base(s.real); siteFolders[base] && base != "sites" && !isTop(s.real) && filepath.Dir(s.real) != "/" {
		s.real, s.named, s.shown = filepath.Dir(s.real), path.Join(base, s.named), filepath.Dir(s.shown) // snippets and the like stand beside it
	}
	// The two folders above may hold a Dockerfile that says where things go.
	root, err := os.OpenRoot(s.real)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	s.root = "."
	for range 2 {
		dir := filepath.Dir(root.Name())
		if isTop(root.Name()) || dir == root.Name() {
			break
		}
		above, err := os.OpenRoot(dir)
		if err != nil {
			break // not ours to read
		}
		s.root = path.Join(filepath.Base(root.Name()), s.root)
		root.Close()
		root = above
	}
	s.files, s.close = root.FS().(fs.ReadLinkFS), root.Close
	s.read = func(name string, most int64) ([]byte, error) { return hostfile.ReadIn(root, name, most) }
	return s, nil
}

// isTop reports whether a folder is the root of a repository: what is above it is another's.
func isTop(folder string) bool {
	_, err := os.Lstat(filepath.Join(folder, ".git"))
	return err == nil
}

// openRevision finds the same name in a revision of the repository that it is in. Nothing but the repository's objects is
// read, and nothing is written.
func openRevision(name, revision string) (*source, error) {
	fail := func(err error) (*source, error) { return nil, fmt.Errorf("git:%s: %w", revision, err) }
	abs, err := filepath.Abs(name)
	if err != nil {
		return fail(err)
	}
	for there := abs; ; there = filepath.Dir(there) { // it may be gone by now
		if _, err := hostfile.Place(there); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) || there == filepath.Dir(there) {
			return fail(err)
		}
	}
	folder := abs
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		folder = filepath.Dir(abs)
	}
	r, err := gitread.Find(folder)
	if err != nil {
		return fail(fmt.Errorf("%s: %w", name, err))
	}
	s, err := inRevision(r, abs, revision)
	if err != nil {
		r.Close()
		return fail(err)
	}
	return s, nil
}

func inRevision(r *gitread.Repository, abs, revision string) (*source, error) {
	commit, err := r.Commit(revision)
	if err != nil {
		return nil, err
	}
	files, err := r.Files(commit)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(r.Top, abs)
	if err != nil {
		return nil, err
	}
	name := filepath.ToSlash(rel)
	where, ok := resolveIn(files, ".", name)
	if !ok {
		return nil, fmt.Errorf("there is no %s in it", name)
	}
	info, err := files.Lstat(where)
	if err != nil {
		return nil, err
	}
	s := &source{files: files, close: r.Close, root: where}
	if !info.IsDir() {
		s.root, _ = resolveIn(files, ".", path.Dir(name))
		s.named, s.text = path.Base(name), func() ([]byte, error) { return s.read(where, maxFile) }
	}
	if base := path.Base(s.root); siteFolders[base] && base != "sites" {
		s.root, s.named = path.Dir(s.root), path.Join(base, s.named)
	}
	s.shown = "git:" + revision + ":" + s.root
	s.read = func(name string, most int64) ([]byte, error) {
		info, err := files.Lstat(name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, hostfile.ErrNotRegular
		}
		if info.Size() > most {
			return nil, &hostfile.TooBigError{Size: info.Size(), Most: most}
		}
		return fs.ReadFile(files, name)
	}
	return s, nil
}

// maxLinks is how many links one path may go through, as in Linux.
const maxLinks = 40

// resolveIn is where a path leads below a folder, through links that stay in it and go into no folder that is closed.
func resolveIn(files fs.ReadLinkFS, folder, name string) (string, bool) {
	var done []string
	left := strings.Split(name, "/")
	for links := 0; len(left) > 0; {
		part := left[0]
		left = left[1:]
		switch {
		case part == "" || part == ".":
			continue
		case part == ".." && len(done) > 0:
			done = done[:len(done)-1]
			continue
		case part == ".." || isClosed(part):
			return "", false
		}
		here := path.Join(folder, path.Join(done...), part)
		info, err := files.Lstat(here)
		if err != nil {
			return "", false
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = append(done, part)
			continue
		}
		to, err := files.ReadLink(here)
		if links++; err != nil || links > maxLinks || path.IsAbs(filepath.ToSlash(to)) {
			return "", false
		}
		left = append(strings.Split(filepath.ToSlash(to), "/"), left...)
	}
	return path.Join(folder, path.Join(done...)), true
}

// isClosed reports whether nothing of a folder is ever read. Some file systems don't tell .GIT from .git.
func isClosed(name string) bool { return closed[strings.ToLower(name)] }
