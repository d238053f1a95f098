package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// revision puts the config's folder, as it was at a revision of its git repository, into a temporary folder, and gives
// the config's path there. Remove removes it; with an error nothing is left to remove.
func revision(ctx context.Context, config, rev string) (old string, remove func(), err error) {
	nothing := func() {}
	folder, err := filepath.Abs(configFolder(config))
	if err != nil {
		return "", nothing, fmt.Errorf("finding %s: %w", config, err)
	}
	prefix, err := git(ctx, folder, "rev-parse", "--show-prefix")
	if err != nil {
		return "", nothing, fmt.Errorf("--against git:%s: %s is in no git repository: %w", rev, config, err)
	}
	root, err := git(ctx, folder, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", nothing, fmt.Errorf("--against git:%s: finding the root of the repository: %w", rev, err)
	}
	commit, err := git(ctx, folder, "rev-parse", "--verify", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return "", nothing, fmt.Errorf("--against git:%s: there is no such revision: %w", rev, err)
	}
	tree := commit + ":" + strings.TrimRight(prefix, "/")
	archive, err := git(ctx, root, "archive", "--format=tar", tree)
	if err != nil {
		return "", nothing, fmt.Errorf("--against git:%s: the folder of %s is not in it: %w", rev, config, err)
	}
	dir, err := os.MkdirTemp("", "badgateway-")
	if err != nil {
		return "", nothing, fmt.Errorf("making a folder for the old revision: %w", err)
	}
	remove = func() { os.RemoveAll(dir) }
	if err := unpack(strings.NewReader(archive), dir); err != nil {
		remove()
		return "", nothing, fmt.Errorf("--against git:%s: unpacking %s: %w", rev, config, err)
	}
	if info, err := os.Stat(config); err == nil && info.IsDir() {
		return dir, remove, nil
	}
	old = filepath.Join(dir, filepath.Base(config))
	if _, err := os.Stat(old); err != nil {
		remove()
		return "", nothing, fmt.Errorf("--against git:%s: there is no %s in it", rev, config)
	}
	return old, remove, nil
}

// git runs git in a folder and gives what it printed, without the line break at its end; its own words are the error's.
func git(ctx context.Context, folder string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", append([]string{"-C", folder}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C")
	out, err := c.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", errors.New(strings.TrimSpace(string(failed.Stderr)))
	}
	return strings.TrimSuffix(string(out), "\n"), err
}

// unpack writes an archive's files, folders and links into a folder. Nothing gets out of it, whatever the archive says:
// not by a name, and not through a link.
func unpack(archive io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for all := tar.NewReader(archive); ; {
		h, err := all.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			if err = root.MkdirAll(path.Dir(name), 0o755); err == nil {
				err = root.Symlink(h.Linkname, name)
			}
		case tar.TypeReg:
			err = unpackFile(root, name, all)
		}
		if err != nil {
			return err
		}
	}
}

func unpackFile(root *os.Root, name string, from io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	return errors.Join(err, f.Close())
}
