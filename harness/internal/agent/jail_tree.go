//go:build linux

package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// tree is the root of a catch-all sandbox, for the agent's own work on its files. Whatever links are in it, no path leads out of it:
// an absolute link begins at the root again, as for the sandbox's own processes, and those of /proc lead nowhere.
type tree struct{ fd int }

func (t tree) close() { unix.Close(t.fd) }

// enter makes it the root of the calling thread.
func (t tree) enter() error {
	if err := unix.Fchdir(t.fd); err != nil {
		return fmt.Errorf("entering the root of a sandbox: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("entering the root of a sandbox: %w", err)
	}
	return nil
}

// at opens what is at a path.
func (t tree) at(name string, flags int, mode uint32) (int, error) {
	how := unix.OpenHow{
		Flags: uint64(flags | unix.O_CLOEXEC), Mode: uint64(mode),
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for range 100 {
		fd, err := unix.Openat2(t.fd, name, &how)
		if errors.Is(err, unix.EAGAIN) {
			continue // something was renamed just then; see openat2(2)
		}
		if err != nil {
			return -1, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return fd, nil
	}
	return -1, &fs.PathError{Op: "open", Path: name, Err: unix.EAGAIN}
}

// open opens a regular file. Anything else is an error: a pipe, for one, might keep the agent waiting for ever.
func (t tree) open(name string, flags int) (*os.File, error) {
	fd, err := t.at(name, flags|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return regular(fd, name)
}

// regular is the file that was opened, where it is one that holds what was written to it: those of /proc tell of processes,
// and the agent may read there what the sandbox may not.
func regular(fd int, name string) (*os.File, error) {
	var info unix.Stat_t
	var system unix.Statfs_t
	err := errors.Join(unix.Fstat(fd, &info), unix.Fstatfs(fd, &system))
	if err != nil || info.Mode&unix.S_IFMT != unix.S_IFREG || system.Type == unix.PROC_SUPER_MAGIC {
		unix.Close(fd)
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.Join(err, errNotRegular)}
	}
	return os.NewFile(uintptr(fd), name), nil
}

var errNotRegular = errors.New("it is no regular file")

// read reads a file from an offset on, so many bytes at the most. The size is the file's.
func (t tree) read(name string, from, most int64) (text []byte, size int64, err error) {
	f, err := t.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err = io.ReadAll(io.NewSectionReader(f, from, most))
	return text, info.Size(), err
}

// folder opens a folder, which is made with all above it where it is missing.
func (t tree) folder(name string) (int, error) {
	fd, err := t.at(name, unix.O_PATH|unix.O_DIRECTORY, 0)
	if !errors.Is(err, fs.ErrNotExist) || name == "/" {
		return fd, err
	}
	above, err := t.folder(path.Dir(name))
	if err != nil {
		return -1, err
	}
	defer unix.Close(above)
	if err := unix.Mkdirat(above, path.Base(name), 0o755); err != nil {
		return -1, &fs.PathError{Op: "mkdir", Path: name, Err: err}
	}
	return t.at(name, unix.O_PATH|unix.O_DIRECTORY, 0)
}

// put makes something anew in the folder of a path, in the place of what was there.
func (t tree) put(name string, make func(dir int, base string) error) error {
	name = path.Clean("/" + name)
	if name == "/" {
		return &fs.PathError{Op: "write", Path: name, Err: unix.EISDIR}
	}
	dir, err := t.folder(path.Dir(name))
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	base := path.Base(name)
	if err := unix.Unlinkat(dir, base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "replace", Path: name, Err: err}
	}
	if err := make(dir, base); err != nil {
		return &fs.PathError{Op: "write", Path: name, Err: err}
	}
	return nil
}

// write writes a file in the place of what was there: a program that has the old one open keeps it whole.
func (t tree) write(name, data string, mode fs.FileMode, uid, gid int) error {
	return t.put(name, func(dir int, base string) error {
		const anew = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC
		fd, err := unix.Openat(dir, base, anew, uint32(mode.Perm()))
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), name)
		_, err = f.WriteString(data)
		return errors.Join(err, f.Chmod(mode), f.Chown(uid, gid), f.Close())
	})
}

// append opens a file to write at its end, which is made where it is missing.
func (t tree) append(name string) (*os.File, error) {
	dir, err := t.folder(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := unix.Openat(dir, path.Base(name), flags, 0o644)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return regular(fd, name)
}

func (t tree) link(name, target string, uid, gid int) error {
	return t.put(name, func(dir int, base string) error {
		if err := unix.Symlinkat(target, dir, base); err != nil {
			return err
		}
		return unix.Fchownat(dir, base, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// mkdir makes a folder, or changes the mode and owner of the one that is there.
func (t tree) mkdir(name string, mode fs.FileMode, uid, gid int) error {
	fd, err := t.folder(path.Clean("/" + name))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return errors.Join(os.Chmod(ownFD(fd), mode), os.Chown(ownFD(fd), uid, gid))
}

func (t tree) chmod(name string, mode fs.FileMode) error {
	fd, err := t.at(name, unix.O_PATH, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return os.Chmod(ownFD(fd), mode)
}

// remove removes a file, or a folder with all that is in it. A link is removed, not what it leads to.
func (t tree) remove(name string) error {
	name = path.Clean("/" + name)
	dir, err := t.at(path.Dir(name), unix.O_PATH|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	above, err := os.OpenRoot(ownFD(dir))
	if err != nil {
		return err
	}
	defer above.Close()
	return above.RemoveAll(strings.TrimPrefix(path.Base(name), "/"))
}

// ownFD is a path to what is open here already. The agent's own threads have the container's /proc.
func ownFD(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
