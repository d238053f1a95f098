package docker

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"
)

// realEngine returns the engine of this machine. A test that needs one and
// finds none fails: its message says how to get one.
func realEngine(t *testing.T) *Engine {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no container engine is used")
	}
	e, err := Find(context.Background(), Options{Install: true, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// unique returns a name that no other test run uses.
func unique(name string) string {
	return fmt.Sprintf("%s-%d-%d", name, os.Getpid(), time.Now().UnixNano())
}

// ownCache gives a test a cache folder of its own, and returns what it is in.
func ownCache(t *testing.T) string {
	t.Helper()
	cacheRoot = t.TempDir()
	t.Cleanup(func() { cacheRoot = "" })
	return cacheRoot
}

// told is a handler of log lines that gets the message of each.
type told func(text string)

func (told) Enabled(context.Context, slog.Level) bool { return true }

func (f told) Handle(_ context.Context, r slog.Record) error {
	f(r.Message)
	return nil
}

func (f told) WithAttrs([]slog.Attr) slog.Handler { return f }

func (f told) WithGroup(string) slog.Handler { return f }

func logger(t *testing.T) *slog.Logger { return slog.New(told(func(text string) { t.Log(text) })) }
