package docker

import (
	"context"
	"fmt"
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
	e, err := Find(context.Background(), Options{Install: true, Say: t.Logf})
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
