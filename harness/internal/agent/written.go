//go:build linux

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// writtenAtMost bounds what is brought from one catch-all sandbox to others.
const writtenAtMost = 16 << 20

// labs are the paths that the lab itself writes into every catch-all sandbox.
var labs = []string{"etc/hosts", "etc/resolv.conf", faketimerc[1:], path.Dir(agentapi.OutputOf("any"))[1:], agentFile[1:], agentapi.Root[1:], "dev", "proc", "sys"}

// written is all that the sandbox has written over the image, in an order in which it can be put into another: what lies in the
// layer that it has over the image, and in its folders beside that. Nobody in the sandbox can reach that layer other than through
// the sandbox's root, and what is read here follows no link.
func (w *catchAll) written(ctx context.Context, _ agentapi.None) ([]agentapi.File, error) {
	layer, err := os.OpenRoot(ownFD(w.cell.jail.layer.fd))
	if err != nil {
		return nil, err
	}
	defer layer.Close()
	var all []agentapi.File
	for part, at := range map[string]string{"upper": "", "tmp": "tmp", "run": "run"} {
		if all, err = writtenIn(ctx, layer, part, at, all); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b agentapi.File) int { return strings.Compare(a.Path, b.Path) }) // a folder before what lies in it
	return all, nil
}

// writtenIn adds what lies in one part of the layer, which a catch-all sandbox sees at that path.
func writtenIn(ctx context.Context, layer *os.Root, part, at string, all []agentapi.File) ([]agentapi.File, error) {
	root, err := layer.OpenRoot(part)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	total := 0
	for _, f := range all {
		total += len(f.Data)
	}
	err = fs.WalkDir(root.FS(), ".", func(in string, d fs.DirEntry, err error) error {
		if err = cmp.Or(err, context.Cause(ctx)); err != nil {
			return err
		}
		name := path.Join(at, in)
		if slices.Contains(labs, name) || part == "upper" && (name == "tmp" || name == "run") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if in == "." {
			return nil
		}
		f, err := writtenFile(root, in, name)
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
func writtenFile(root *os.Root, in, name string) (*agentapi.File, error) {
	info, err := root.Lstat(in)
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, errors.New("the kernel does not say whose a file is")
	}
	f := &agentapi.File{Path: "/" + name, Mode: uint32(info.Mode().Perm()), User: fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)}
	switch mode := info.Mode(); {
	case mode.IsDir():
		f.Dir = true
	case mode&fs.ModeSymlink != 0:
		f.Link, err = root.Readlink(in)
	case mode.IsRegular():
		var text []byte
		text, err = root.ReadFile(in)
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
