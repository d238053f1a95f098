//go:build linux

package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/wire"
)

// makeFolders makes the cell's private folders, and what they are to be seen at.
func (c *cell) makeFolders() error {
	for _, f := range c.folders {
		if err := os.MkdirAll(c.path(f.Path), 0o755); err != nil {
			return fmt.Errorf("making the folder %s of cell %s: %w", f.Path, c.id, err)
		}
		if err := os.MkdirAll(f.Path, 0o755); err != nil {
			return fmt.Errorf("making %s in the image: %w", f.Path, err)
		}
		if f.Path == "/tmp" {
			os.Chmod(c.path(f.Path), 0o1777)
		}
		if f.Keep {
			if err := copies.into(f.Path, c.path(f.Path)); err != nil {
				return fmt.Errorf("copying the image's %s for cell %s: %w", f.Path, c.id, err)
			}
		}
	}
	for _, file := range []string{c.clockFile(), c.path(wire.OutputOf("any"))} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(c.clockFile(), []byte(c.clockText(0)), 0o644)
}

// copies remembers the image's own folders, which are read once and written for each cell that keeps them.
var copies = &imageFolders{trees: map[string][]entry{}}

type imageFolders struct {
	mu    sync.Mutex
	trees map[string][]entry
}

type entry struct {
	path string // relative
	mode fs.FileMode
	data []byte // or the target of a link
}

func (i *imageFolders) into(from, to string) error {
	i.mu.Lock()
	tree, known := i.trees[from]
	i.mu.Unlock()
	if !known {
		var err error
		if tree, err = readTree(from); err != nil {
			return err
		}
		i.mu.Lock()
		i.trees[from] = tree
		i.mu.Unlock()
	}
	for _, e := range tree {
		if err := e.write(filepath.Join(to, e.path)); err != nil {
			return err
		}
	}
	return nil
}

func (e entry) write(path string) error {
	switch {
	case e.mode.IsDir():
		return os.MkdirAll(path, e.mode.Perm())
	case e.mode&fs.ModeSymlink != 0:
		return os.Symlink(string(e.data), path)
	}
	// os.WriteFile does the same with twice the calls to the kernel, and a lab writes these files hundreds of times a second.
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, uint32(e.mode.Perm()))
	if err != nil {
		return &os.PathError{Op: "create", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if n, err := unix.Write(fd, e.data); err != nil || n < len(e.data) {
		return &os.PathError{Op: "write", Path: path, Err: errors.Join(err, io.ErrShortWrite)}
	}
	return nil
}

func readTree(root string) ([]entry, error) {
	var tree []entry
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == root {
			return fs.SkipAll // an image without the folder is as good as one with an empty one
		}
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		e := entry{path: rel, mode: info.Mode()}
		switch {
		case info.Mode().IsRegular():
			if e.data, err = os.ReadFile(path); err != nil {
				return err
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			e.data = []byte(target)
		case !info.IsDir():
			return nil // a socket or a device of the image means nothing in a cell
		}
		tree = append(tree, e)
		return nil
	})
	return tree, err
}

// writeFile writes a file into one of the cell's folders, or covers the image's own file at that path.
func (c *cell) writeFile(f wire.File) error {
	mode := fs.FileMode(f.Mode)
	if mode == 0 {
		mode = 0o644
	}
	at := c.path(f.Path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return fmt.Errorf("writing %s into cell %s: %w", f.Path, c.id, err)
	}
	_, err := os.Lstat(at)
	known := err == nil
	if known && c.holds(f.Path) {
		// A program that has the old file open keeps it whole: the new one takes its place.
		if err := os.Remove(at); err != nil {
			return fmt.Errorf("replacing %s in cell %s: %w", f.Path, c.id, err)
		}
	}
	if err := os.WriteFile(at, []byte(f.Data), mode); err != nil {
		return fmt.Errorf("writing %s into cell %s: %w", f.Path, c.id, err)
	}
	if err := os.Chmod(at, mode); err != nil {
		return fmt.Errorf("setting the mode of %s: %w", f.Path, err)
	}
	if f.User != "" {
		if err := c.chown(at, f.User); err != nil {
			return fmt.Errorf("giving %s to %s: %w", f.Path, f.User, err)
		}
	}
	if c.holds(f.Path) || known {
		return nil
	}
	return c.inside(func() error { return bind(at, f.Path) })
}

func (c *cell) chown(path, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return os.Chown(path, uid, gid)
}

func (c *cell) changeFile(s wire.FileSpec) error {
	at := c.path(s.File.Path)
	switch {
	case s.Remove:
		if err := os.RemoveAll(at); err != nil {
			return fmt.Errorf("removing %s from cell %s: %w", s.File.Path, c.id, err)
		}
		return nil
	case s.Chmod:
		if err := os.Chmod(at, fs.FileMode(s.File.Mode)); err != nil {
			return fmt.Errorf("changing the mode of %s in cell %s: %w", s.File.Path, c.id, err)
		}
		return nil
	default:
		return c.writeFile(s.File)
	}
}

// news is what was added to each log file of the cell since it was last asked for.
func (c *cell) news() (map[string]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]string, len(c.logs))
	for path, from := range c.logs {
		text, err := os.ReadFile(c.path(path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the log %s of cell %s: %w", path, c.id, err)
		}
		if int64(len(text)) < from {
			from = 0 // the file was begun anew
		}
		fresh := text[from:]
		// A line that is still being written is left for the next time.
		fresh = fresh[:bytes.LastIndexByte(fresh, '\n')+1]
		c.logs[path] = from + int64(len(fresh))
		all[path] = string(fresh)
	}
	return all, nil
}

// disk makes a folder of the cell a file system of its own, or gives the folder back.
func (c *cell) disk(s wire.DiskSpec) error {
	return c.inside(func() error {
		if s.Bytes == 0 {
			return unix.Unmount(s.Path, unix.MNT_DETACH)
		}
		return unix.Mount("tmpfs", s.Path, "tmpfs", 0, fmt.Sprintf("size=%d,mode=1777", s.Bytes))
	})
}
