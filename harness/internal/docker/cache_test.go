package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
)

func TestALockIsHeldByOneAtATime(t *testing.T) {
	g := NewWithT(t)
	ownCache(t)
	// Each locks through a file of its own, as processes do.
	var all sync.WaitGroup
	var inside, done atomic.Int32 // the race detector knows nothing of file locks
	for range 8 {
		all.Go(func() {
			g.Expect(locked(context.Background(), "x", logger(t), func() error {
				g.Expect(inside.Add(1)).To(BeEquivalentTo(1))
				inside.Add(-1)
				done.Add(1)
				return nil
			})).To(Succeed())
		})
	}
	all.Wait()
	g.Expect(done.Load()).To(BeEquivalentTo(8))
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	g := NewWithT(t)
	ownCache(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := locked(ctx, "x", logger(t), func() error {
		// The waiter says that it waits; then it is told to stop.
		log := slog.New(told(func(string) { cancel() }))
		return locked(ctx, "x", log, func() error { return nil })
	})
	g.Expect(errors.Is(err, context.Canceled)).To(BeTrue(), "%v", err)
}

func TestWhatIsWrittenIsWholeAndAlone(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	g.Expect(writeFile(path, []byte("one"), 0o644)).To(Succeed())
	g.Expect(writeFile(path, []byte("two"), 0o644)).To(Succeed())
	g.Expect(os.ReadFile(path)).To(Equal([]byte("two")))
	g.Expect(os.ReadDir(dir)).To(HaveLen(1))
}

func TestTheEndOfAnOutput(t *testing.T) {
	g := NewWithT(t)
	g.Expect(lastLines("", 3)).To(BeEmpty())
	g.Expect(lastLines("a\n\nb\r\n  \nc\n", 2)).To(Equal("b\nc"))
	g.Expect(lastLines(strings.Repeat("x\n", 100), 15)).To(Equal(strings.TrimSpace(strings.Repeat("x\n", 15))))
}

func TestTheCacheNeedsNoHome(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("HOME says where the cache is on Linux")
	}
	g := NewWithT(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("XDG_CACHE_HOME", "")
	file := filepath.Join(t.TempDir(), "file")
	g.Expect(os.WriteFile(file, nil, 0o644)).To(Succeed())
	gone := filepath.Join(t.TempDir(), "gone")
	for _, home := range []string{"", gone, file, "/proc/x", "/proc"} {
		t.Setenv("HOME", home)
		dir, err := cacheDir()
		g.Expect(err).NotTo(HaveOccurred(), home)
		g.Expect(dir).To(Equal(filepath.Join(tmp, fmt.Sprintf("badgateway-%d", os.Getuid()))), home)
	}
	g.Expect(gone).NotTo(BeADirectory())

	home := t.TempDir()
	t.Setenv("HOME", home)
	g.Expect(cacheDir()).To(Equal(filepath.Join(home, ".cache", "badgateway")))
}

func TestATemporaryCacheThatOthersMayWriteIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("each user has his own there")
	}
	g := NewWithT(t)
	t.Setenv("TMPDIR", t.TempDir())
	dir, err := temporaryCache()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(os.Chmod(dir, 0o777)).To(Succeed())
	_, err = temporaryCache()
	g.Expect(err).To(MatchError(ContainSubstring("another user")))
	elsewhere := t.TempDir()
	g.Expect(os.Remove(dir)).To(Succeed())
	g.Expect(os.Symlink(elsewhere, dir)).To(Succeed())
	_, err = temporaryCache()
	g.Expect(err).To(MatchError(ContainSubstring("another user")))
}
