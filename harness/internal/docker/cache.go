package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// cacheRoot is the folder the cache folder is made in, "" for the user's own.
// Tests set it.
var cacheRoot string

// cacheDir returns the folder for what is dear to make and may be deleted at
// any time: the agent, libraries, build logs, locks. It is made if need be.
//
// Without a HOME that is there and can be written, as in a bare CI job, it is
// one of this user's in the folder for temporary files.
func cacheDir() (string, error) {
	root := cacheRoot
	if root == "" {
		var err error
		if root, err = os.UserCacheDir(); err != nil || homeless(root) {
			return temporaryCache()
		}
	}
	dir := filepath.Join(root, "badgateway")
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = writable(dir)
	}
	if err != nil && cacheRoot == "" {
		return temporaryCache()
	}
	if err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	return dir, nil
}

// homeless reports whether a folder is in a HOME that does not exist: to make
// one would be to change the machine.
func homeless(dir string) bool {
	home, err := os.UserHomeDir()
	if err != nil {
		return false
	}
	if in, err := filepath.Rel(home, dir); err != nil || !filepath.IsLocal(in) {
		return false
	}
	_, err = os.Stat(home)
	return err != nil
}

// writable finds out by trying: a mode says nothing of a read-only disk.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// temporaryCache makes the cache folder that takes the place of the user's. In
// a folder that all may write to, another could have put one under its name,
// with a program for us to run.
func temporaryCache() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("badgateway-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err == nil && !(info.IsDir() && ours(info)) {
		err = errors.New("it belongs to another user")
	}
	if err == nil {
		err = writable(dir)
	}
	if err != nil {
		return "", fmt.Errorf("the cache folder %s can't be used: %w: set HOME or TMPDIR to a folder of your own", dir, err)
	}
	return dir, nil
}

// locked runs f while holding the lock of that name against other processes
// and goroutines. Two that build the same image at once would each take the
// whole time, and the second's work would be thrown away. The kernel gives
// the lock up when its holder dies, however it dies.
func locked(ctx context.Context, name string, log *slog.Logger, f func() error) error {
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, name+".lock"))
	defer lock.Close()
	got, err := lock.TryLock()
	if err == nil && !got {
		log.Info("waiting for another process that is at it already (" + name + ")")
		_, err = lock.TryLockContext(ctx, 20*time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("locking %s: %w", lock.Path(), err)
	}
	return f()
}

// writeFile writes a file of the cache so that a reader never sees half of it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // not there any more, where all went well
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Chmod(f.Name(), mode)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

// lastLines returns the last n lines of a text that are not blank.
func lastLines(text string, n int) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	kept := lines[:0]
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept[max(0, len(kept)-n):], "\n")
}
