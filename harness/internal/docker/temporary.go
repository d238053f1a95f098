package docker

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// TempDir makes a folder for this user alone, as os.MkdirTemp does, and remove
// removes it. Should this process end before, in whatever way, and be our
// command, a watcher removes it.
func TempDir(parent, pattern string) (dir string, remove func(), err error) {
	if parent == "" {
		parent = os.TempDir()
	}
	if parent, err = filepath.Abs(parent); err != nil {
		return "", nil, err
	}
	w, _ := watcherOf("", os.Environ(), func() (*exec.Cmd, error) {
		if cmd := ownCommand(); cmd != nil {
			return cmd, nil
		}
		return nil, errors.New("not our command")
	})
	before, after, _ := strings.Cut(pattern, "*")
	dir = filepath.Join(parent, before+strings.ToLower(rand.Text())+after)
	what := strconv.Quote(dir)
	w.tell(newsBegun, what) // before it is there
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.tell(newsGone, what)
		return "", nil, err
	}
	return dir, func() {
		if removeTree(dir) == nil {
			w.tell(newsGone, what)
		}
	}, nil
}

// removeTree removes a folder, unless something is mounted in it: that would go
// with it.
func removeTree(dir string) error {
	if mountedIn(dir) {
		return fmt.Errorf("%s stays, as something is mounted in it", dir)
	}
	return os.RemoveAll(dir)
}

// removePaths removes the folders that an owner has left.
func (l *left) removePaths() error {
	var failed []error
	for path := range l.paths {
		failed = append(failed, removeTree(path))
	}
	return errors.Join(failed...)
}

// sweepCache removes from the cache folder what was being written an hour ago:
// whoever did is gone.
func sweepCache(dir string, now time.Time) {
	for _, pattern := range []string{".new-*", ".agent-*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, path := range found {
			if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > leftUnseen {
				_ = os.RemoveAll(path) // the next sweep finds it again
			}
		}
	}
}
