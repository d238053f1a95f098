package engine

import (
	"context"
	"fmt"
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
func cacheDir() (string, error) {
	root := cacheRoot
	if root == "" {
		var err error
		if root, err = os.UserCacheDir(); err != nil {
			root = os.TempDir() // no HOME, as in a bare CI job
		}
	}
	dir := filepath.Join(root, "badgateway")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	return dir, nil
}

// locked runs f while holding the lock of that name against other processes
// and goroutines. Two that build the same image at once would each take the
// whole time, and the second's work would be thrown away. The kernel gives
// the lock up when its holder dies, however it dies.
func locked(ctx context.Context, name string, say func(string, ...any), f func() error) error {
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	lock := flock.New(filepath.Join(dir, name+".lock"))
	defer lock.Close()
	got, err := lock.TryLock()
	if err == nil && !got {
		say("waiting for another process that is at it already (%s)", name)
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
	defer os.Remove(f.Name())
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
