// Package hostfile reads and writes files of the machine that badgateway runs on, in folders that may hold what a stranger
// put there: a link to a key, a pipe that never ends, a device that never stops.
//
// What is read is a regular file, of a bounded size, and no link. What is written takes the place of whatever had the name,
// whole or not at all.
package hostfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotRegular says that something is a link, a folder, a device, a pipe or a socket where a file is asked for.
var ErrNotRegular = errors.New("this is no regular file")

// TooBigError says that a file is over the bound of what reads it.
type TooBigError struct{ Size, Most int64 }

func (e *TooBigError) Error() string {
	return fmt.Sprintf("the file has %d bytes, and %d are read at most", e.Size, e.Most)
}

// Read reads a regular file of at most so many bytes. A link in its folder is not followed.
func Read(name string, most int64) ([]byte, error) {
	data, err := read(name, most)
	return data, named(name, err)
}

func read(name string, most int64) ([]byte, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return ReadIn(root, filepath.Base(name), most)
}

// named says the whole name of a file in an error about it.
func named(name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", name, p.Err)
	}
	return err
}

// ReadIn reads a regular file below a folder.
func ReadIn(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := OpenIn(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, name, most)
}

// OpenIn opens a regular file below a folder to read it.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: name, Err: err} }
	before, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return fail(ErrNotRegular)
	}
	f, err := root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	// Whoever can write in the folder may have put something else there since.
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) {
		f.Close()
		return fail(ErrNotRegular)
	}
	return f, nil
}

// readAll reads as much as a file says that it has: those of /proc say nothing, and some of them never end.
func readAll(f fs.File, name string, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > most {
		return nil, tooBig(name, info.Size(), most)
	}
	return io.ReadAll(io.LimitReader(f, info.Size()))
}

func tooBig(name string, size, most int64) error {
	return &fs.PathError{Op: "read", Path: name, Err: &TooBigError{size, most}}
}

// Place is where a name that the user typed really stands: it may be a link, but a name in a git repository may not lead
// out of that repository or into its .git, as whoever wrote the repository made the link. What does not exist is
// fs.ErrNotExist.
func Place(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", err
	}
	for dir := abs; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			top, err := filepath.EvalSymlinks(dir)
			if err != nil {
				return "", err
			}
			rel, err := filepath.Rel(top, real)
			if err != nil || !filepath.IsLocal(rel) {
				return "", fmt.Errorf("%s leads out of the git repository that it is in, to %s: what a repository's links lead to is not used; name that place itself", name, real)
			}
			if inGit(rel) && !inGit(abs[len(dir):]) {
				return "", fmt.Errorf("%s leads into the .git of its repository", name)
			}
		}
		if dir == filepath.Dir(dir) {
			return real, nil
		}
	}
}

func inGit(name string) bool {
	for part := range strings.SplitSeq(filepath.ToSlash(name), "/") {
		if strings.EqualFold(part, ".git") {
			return true
		}
	}
	return false
}

// ReadTyped reads a file that the user typed the name of: a regular one that [Place] allows, or a pipe that the shell gave
// to this process (/dev/stdin, /dev/fd/63), which is waited for until the context ends.
func ReadTyped(ctx context.Context, name string, most int64) ([]byte, error) {
	if dir := filepath.Dir(name); name == "/dev/stdin" || dir == "/dev/fd" || dir == "/proc/self/fd" {
		return readPipe(ctx, name, most)
	}
	real, err := Place(name)
	if err != nil {
		return nil, named(name, err)
	}
	data, err := read(real, most)
	return data, named(name, err)
}

func readPipe(ctx context.Context, name string, most int64) ([]byte, error) {
	return until(ctx, func() ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readAtMost(name, f, most)
	})
}

// ReadStream reads what comes from standard input or its like, which has this name in errors, until it ends or the context does.
func ReadStream(ctx context.Context, name string, from io.Reader, most int64) ([]byte, error) {
	return until(ctx, func() ([]byte, error) { return readAtMost(name, from, most) })
}

func readAtMost(name string, from io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(from, most+1))
	if err == nil && int64(len(data)) > most {
		err = tooBig(name, int64(len(data)), most)
	}
	return data, err
}

// until waits for what is read, but no longer than the context lasts.
func until(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
