//go:build linux

package agent

import (
	"bytes"
	"context"
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

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// makeFolders makes the sandbox's private folders, and what they are to be seen at.
func (c *sandbox) makeFolders() error {
	for _, f := range c.folders {
		if err := os.MkdirAll(c.path(f.Path), 0o755); err != nil {
			return fmt.Errorf("making the folder %s of sandbox %s: %w", f.Path, c.id, err)
		}
		if err := os.MkdirAll(f.Path, 0o755); err != nil {
			return fmt.Errorf("making %s in the image: %w", f.Path, err)
		}
		if f.Path == "/tmp" || f.Path == "/dev/shm" {
			if err := os.Chmod(c.path(f.Path), 0o1777); err != nil {
				return fmt.Errorf("opening the folder %s of sandbox %s to all: %w", f.Path, c.id, err)
			}
		}
		if f.Keep {
			for _, from := range []string{f.Path, f.From} {
				if err := copies.into(from, c.path(f.Path)); err != nil {
					return fmt.Errorf("copying the image's %s for sandbox %s: %w", from, c.id, err)
				}
			}
		}
	}
	for _, file := range []string{c.clockFile(), c.path(agentapi.OutputOf("any"))} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
	}
	if c.attached && c.frozen {
		return nil // it has the clock of the sandbox that it joins
	}
	return os.WriteFile(c.clockFile(), []byte(c.clockText(0)), 0o644)
}

// copies remembers the image's own folders, which are read once and written for each sandbox that keeps them.
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

// into copies one of the image's folders to where a sandbox has it. What is there already stays.
func (i *imageFolders) into(from, to string) error {
	if from == "" {
		return nil
	}
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
		if err := e.write(filepath.Join(to, e.path)); err != nil && !errors.Is(err, fs.ErrExist) {
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
			return nil // a socket or a device of the image means nothing in a sandbox
		}
		tree = append(tree, e)
		return nil
	})
	return tree, err
}

// put writes files into the sandbox.
func (c *sandbox) put(ctx context.Context, files ...agentapi.File) error {
	for _, f := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.writeFile(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a file into one of the sandbox's folders, or covers the image's own file at that path.
func (c *sandbox) writeFile(ctx context.Context, f agentapi.File) error {
	mode := modeOf(f)
	if c.jail != nil {
		return c.writeJailed(f, mode)
	}
	at := c.path(f.Path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return fmt.Errorf("writing %s into sandbox %s: %w", f.Path, c.id, err)
	}
	_, err := os.Lstat(at)
	known := err == nil
	if f.Dir {
		return c.writeFolder(f, at, mode)
	}
	if known && c.holds(f.Path) {
		// A program that has the old file open keeps it whole: the new one takes its place.
		if err := os.Remove(at); err != nil {
			return fmt.Errorf("replacing %s in sandbox %s: %w", f.Path, c.id, err)
		}
	}
	if f.Link != "" {
		if !c.holds(f.Path) {
			return fmt.Errorf("writing the link %s into sandbox %s: it is in none of its folders", f.Path, c.id)
		}
		return os.Symlink(f.Link, at)
	}
	if err := os.WriteFile(at, []byte(f.Data), mode); err != nil {
		return fmt.Errorf("writing %s into sandbox %s: %w", f.Path, c.id, err)
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
	return c.inside(ctx, func() error { return bind(at, f.Path) })
}

func modeOf(f agentapi.File) fs.FileMode {
	switch {
	case f.Mode != 0:
		return fs.FileMode(f.Mode)
	case f.Dir:
		return 0o755
	default:
		return 0o644
	}
}

// writeFolder makes a folder in one of the sandbox's folders.
func (c *sandbox) writeFolder(f agentapi.File, at string, mode fs.FileMode) error {
	if !c.holds(f.Path) {
		return fmt.Errorf("making the folder %s in sandbox %s: it is in none of its folders", f.Path, c.id)
	}
	if err := errors.Join(os.MkdirAll(at, 0o755), os.Chmod(at, mode)); err != nil {
		return fmt.Errorf("making the folder %s in sandbox %s: %w", f.Path, c.id, err)
	}
	if f.User == "" {
		return nil
	}
	if err := c.chown(at, f.User); err != nil {
		return fmt.Errorf("giving %s to %s: %w", f.Path, f.User, err)
	}
	return nil
}

// writeJailed is writeFile for a catch-all sandbox.
func (c *sandbox) writeJailed(f agentapi.File, mode fs.FileMode) error {
	uid, gid, err := owner(f.User)
	if err != nil {
		return fmt.Errorf("giving %s to %s: %w", f.Path, f.User, err)
	}
	switch root := c.jail.root; {
	case f.Gone:
		err = root.remove(f.Path)
	case f.Dir:
		err = root.mkdir(f.Path, mode, uid, gid)
	case f.Link != "":
		err = root.link(f.Path, f.Link, uid, gid)
	default:
		err = root.write(f.Path, f.Data, mode, uid, gid)
	}
	if err != nil {
		return fmt.Errorf("writing %s into sandbox %s: %w", f.Path, c.id, err)
	}
	return nil
}

func (c *sandbox) chown(path, name string) error {
	uid, gid, err := owner(name)
	if err != nil {
		return err
	}
	return os.Chown(path, uid, gid)
}

// owner is a user of the image, with its group, or both by number; root when empty.
func owner(name string) (uid, gid int, err error) {
	if name == "" {
		return 0, 0, nil
	}
	if n, err := fmt.Sscanf(name, "%d:%d", &uid, &gid); err == nil && n == 2 {
		return uid, gid, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, err
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, nil
}

// news is what was added to each log file of the sandbox since it was last asked for.
func (c *sandbox) news() (map[string]string, error) {
	all, _, err := c.boundedNews()
	return all, err
}

// boundedNews is the same, with how many lines of a catch-all sandbox's logs were left out: whoever writes more than logKept for one
// request has the beginning and the end of it kept.
func (c *sandbox) boundedNews() (all map[string]string, left map[string]int, err error) {
	for _, s := range c.syslogs {
		s.drain()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all, left = make(map[string]string, len(c.logs)), map[string]int{}
	for path, from := range c.logs {
		if c.jail != nil {
			text, skipped, next, err := readBounded(path, from, c.jail.root.read)
			if err != nil {
				continue // in a catch-all sandbox, anything may lie there
			}
			if c.logs[path], all[path] = next, text; skipped > 0 {
				left[path] = skipped
			}
			continue
		}
		fresh, from, err := c.readOn(path, from)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading the log %s of sandbox %s: %w", path, c.id, err)
		}
		// A line that is still being written is left for the next time.
		fresh = fresh[:bytes.LastIndexByte(fresh, '\n')+1]
		c.logs[path] = from + int64(len(fresh))
		all[path] = string(fresh)
	}
	return all, left, nil
}

// logKept is how much of what one log gained with one request is kept, half of it from the beginning.
const logKept = 256 << 10

// readBounded reads the whole lines that were added to a file since an offset, but for skipped ones in the middle where there
// are too many, and gives the offset behind them. Read is the root's.
func readBounded(path string, from int64, read func(name string, from, most int64) ([]byte, int64, error)) (text string, skipped int, next int64, err error) {
	fresh, size, err := read(path, from, logKept)
	if err != nil {
		return "", 0, from, err
	}
	if size < from { // it was begun anew
		from = 0
		if fresh, size, err = read(path, 0, logKept); err != nil {
			return "", 0, from, err
		}
	}
	whole := func(b []byte) []byte { return b[:bytes.LastIndexByte(b, '\n')+1] } // one that is still being written comes later
	if size-from <= logKept {
		fresh = whole(fresh)
		return string(fresh), 0, from + int64(len(fresh)), nil
	}
	head := whole(fresh[:min(len(fresh), logKept/2)])
	behind := size - logKept/2
	tail, _, err := read(path, behind, logKept/2)
	if err != nil {
		return "", 0, from, err
	}
	for at := from + int64(len(head)); at < behind; {
		gap, _, err := read(path, at, min(behind-at, 1<<20))
		if err != nil || len(gap) == 0 {
			break
		}
		skipped += bytes.Count(gap, []byte("\n"))
		at += int64(len(gap))
	}
	cut := bytes.IndexByte(tail, '\n') + 1 // of the line that the gap ends in
	if cut > 0 {
		skipped++
	}
	end := whole(tail)
	return string(head) + string(end[min(cut, len(end)):]), skipped, behind + int64(len(end)), nil
}

// readOn is what was added to a file since it was read up to an offset; that is 0 again where the file was begun anew.
func (c *sandbox) readOn(path string, from int64) ([]byte, int64, error) {
	text, err := os.ReadFile(c.path(path))
	if err != nil {
		return nil, from, err
	}
	if int64(len(text)) < from {
		from = 0
	}
	return text[from:], from, nil
}

// readAtMost is how much of a file of a catch-all sandbox is read at once.
const readAtMost = 4 << 20

// readFile reads a file of the sandbox; of a catch-all sandbox's, the first 4 MiB.
func (c *sandbox) readFile(path string) ([]byte, error) {
	if c.jail == nil {
		return os.ReadFile(c.path(path))
	}
	text, _, err := c.jail.root.read(path, 0, readAtMost)
	return text, err
}

// readEnd reads the end of what stands in a file from an offset on, so much as is kept of what a process prints.
func (c *sandbox) readEnd(path string, from int64) ([]byte, error) {
	if c.jail != nil {
		_, size, err := c.jail.root.read(path, 0, 0)
		if err != nil {
			return nil, err
		}
		text, _, err := c.jail.root.read(path, max(from, size-tailBytes), tailBytes)
		return text, err
	}
	f, err := os.Open(c.path(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	from = max(from, size-tailBytes)
	return io.ReadAll(io.NewSectionReader(f, from, size-from))
}

// disk makes a folder of the sandbox a file system of its own, or gives the folder back.
func (c *sandbox) disk(ctx context.Context, s agentapi.DiskSpec) error {
	return c.inside(ctx, func() error {
		if s.Bytes == 0 {
			return unix.Unmount(s.Path, unix.MNT_DETACH)
		}
		return unix.Mount("tmpfs", s.Path, "tmpfs", 0, fmt.Sprintf("size=%d,mode=1777", s.Bytes))
	})
}
