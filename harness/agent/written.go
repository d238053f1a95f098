//go:build linux

package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/wire"
)

// writtenAtMost bounds what is brought from one world to others.
const writtenAtMost = 16 << 20

// labs are the paths that the lab itself writes into every world.
var labs = []string{"etc/hosts", "etc/resolv.conf", faketimerc[1:], path.Dir(wire.OutputOf("any"))[1:], agentFile[1:], wire.Root[1:], "dev", "proc", "sys"}

// written is what lies in the layer that the world has over the image. Nobody in the world can reach that layer other than
// through the world's root, and what is read here follows no link.
func (j *jail) written() ([]wire.File, error) {
	upper, err := os.OpenRoot(ownFD(j.upper.fd))
	if err != nil {
		return nil, err
	}
	defer upper.Close()
	var all []wire.File
	total := 0
	err = fs.WalkDir(upper.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(labs, name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if name == "." {
			return nil
		}
		f, err := writtenFile(upper, name)
		if err != nil || f == nil {
			return err
		}
		if total += len(f.Data); total > writtenAtMost {
			return fmt.Errorf("it writes more than %d MiB of files", writtenAtMost>>20)
		}
		all = append(all, *f)
		return nil
	})
	return all, err
}

// writtenFile is one of them; nil for what can't be brought along, as a socket.
func writtenFile(upper *os.Root, name string) (*wire.File, error) {
	info, err := upper.Lstat(name)
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, errors.New("the kernel does not say whose a file is")
	}
	f := &wire.File{Path: "/" + name, Mode: uint32(info.Mode().Perm()), User: fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)}
	switch mode := info.Mode(); {
	case mode.IsDir():
		f.Dir = true
		if mode&fs.ModeSticky != 0 {
			return nil, nil // the lab's own /tmp
		}
	case mode&fs.ModeSymlink != 0:
		f.Link, err = upper.Readlink(name)
	case mode.IsRegular():
		var text []byte
		text, err = upper.ReadFile(name)
		if f.Data = string(text); !utf8.Valid(text) {
			return nil, err // no config, and it would not get through the calls, which are texts
		}
	case mode&fs.ModeCharDevice != 0 && stat.Rdev == unix.Mkdev(0, 0): // how overlayfs notes what was removed
		f.Gone = true
	default:
		return nil, nil
	}
	return f, err
}
