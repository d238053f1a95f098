//go:build linux

package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// changeFile changes a file of the sandbox, and keeps what takes that back under the number that it returns.
func (c *sandbox) changeFile(ctx context.Context, s agentapi.FileSpec) (change int, err error) {
	if c.jail != nil {
		return 0, fmt.Errorf("changing %s in sandbox %s: the files of a sandbox are put there anew", s.File.Path, c.id)
	}
	var undo func(context.Context) error
	if s.Chmod {
		undo, err = c.chmodFile(s.File.Path, fs.FileMode(s.File.Mode))
	} else {
		undo, err = c.replaceFile(ctx, s.File)
	}
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed++
	c.changes[c.changed] = undo
	return c.changed, nil
}

// undoChange takes a change of a file back. One that failed can be tried again.
func (c *sandbox) undoChange(ctx context.Context, ref agentapi.ChangeRef) error {
	c.mu.Lock()
	undo := c.changes[ref.Change]
	c.mu.Unlock()
	if undo == nil {
		return fmt.Errorf("sandbox %s has no change %d that could be taken back", c.id, ref.Change)
	}
	if err := undo(ctx); err != nil {
		return fmt.Errorf("taking back a change in sandbox %s: %w", c.id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.changes, ref.Change)
	return nil
}

func (c *sandbox) chmodFile(path string, mode fs.FileMode) (undo func(context.Context) error, err error) {
	at := c.path(path)
	info, err := os.Stat(at)
	if err == nil {
		err = os.Chmod(at, mode)
	}
	if err != nil {
		return nil, fmt.Errorf("changing the mode of %s in sandbox %s: %w", path, c.id, err)
	}
	return func(context.Context) error { return os.Chmod(at, info.Mode()) }, nil
}

func (c *sandbox) replaceFile(ctx context.Context, f agentapi.File) (undo func(context.Context) error, err error) {
	undo, err = c.former(f)
	if err != nil {
		return nil, fmt.Errorf("replacing %s in sandbox %s: %w", f.Path, c.id, err)
	}
	if err := c.writeFile(ctx, f); err != nil {
		return nil, errors.Join(err, undo(context.WithoutCancel(ctx)))
	}
	return undo, nil
}

// former brings back what is at a file's path now.
func (c *sandbox) former(f agentapi.File) (back func(context.Context) error, err error) {
	at := c.path(f.Path)
	info, err := os.Lstat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.holds(f.Path):
		return func(context.Context) error { return os.RemoveAll(at) }, nil
	case errors.Is(err, fs.ErrNotExist):
		// The file is going to cover the image's own.
		return func(ctx context.Context) error {
			err := c.inside(ctx, func() error { return unix.Unmount(f.Path, unix.MNT_DETACH) })
			return errors.Join(err, os.RemoveAll(at))
		}, nil
	case err != nil:
		return nil, err
	}
	was := agentapi.File{Path: f.Path, Mode: uint32(info.Mode().Perm())}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		was.User = fmt.Sprintf("%d:%d", owner.Uid, owner.Gid)
	}
	switch {
	case info.Mode().IsRegular():
		text, err := os.ReadFile(at)
		if err != nil {
			return nil, err
		}
		was.Data = string(text)
	case info.Mode()&fs.ModeSymlink != 0:
		if was.Link, err = os.Readlink(at); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return c.writeFile(ctx, was) }, nil
	case info.IsDir() && f.Dir:
		was.Dir = true
	default:
		return nil, fmt.Errorf("a file of mode %v could not be brought back", info.Mode())
	}
	// A mode of 0 is none to writeFile.
	return func(ctx context.Context) error { return errors.Join(c.writeFile(ctx, was), os.Chmod(at, info.Mode())) }, nil
}
