//go:build linux

package agent

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// watch begins to watch for a file of the sandbox being opened.
func (c *sandbox) watch(_ context.Context, ref agentapi.NameRef) error {
	path := ref.Name
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watching %s: %w", path, err)
	}
	w := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, c.path(path), unix.IN_OPEN); err != nil {
		w.Close()
		return fmt.Errorf("watching %s in sandbox %s: %w", path, c.id, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.watches[path]; old != nil {
		old.Close()
	}
	c.watches[path] = w
	return nil
}

// opened waits until the file was opened since watch.
func (c *sandbox) opened(ctx context.Context, ref agentapi.NameRef) error {
	path := ref.Name
	c.mu.Lock()
	w := c.watches[path]
	delete(c.watches, path)
	c.mu.Unlock()
	if w == nil {
		return fmt.Errorf("%s of sandbox %s is not watched", path, c.id)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = w.SetReadDeadline(time.Unix(1, 0)) })()
	if _, err := w.Read(make([]byte, 4096)); err != nil {
		err = cmp.Or(context.Cause(ctx), err)
		return fmt.Errorf("waiting until %s is opened in sandbox %s: %w", path, c.id, err)
	}
	return nil
}
