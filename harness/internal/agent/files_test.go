//go:build linux

package agent

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestAnImagesFolderIsCopiedWithItsModesAndLinks(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	write(t, from+"/nginx.conf", "events {}\n", 0o644)
	write(t, from+"/sites/default", "server {}\n", 0o640)
	write(t, from+"/bin/tool", "#!/bin/sh\n", 0o755)
	if err := os.Symlink("../sites/default", from+"/bin/link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", from+"/dangling"); err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("unix", from+"/s"); err == nil { // a socket of the image means nothing
		defer l.Close()
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	i := &imageFolders{trees: map[string][]entry{}}
	if err := i.into(from, to); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"nginx.conf": "events {}\n", "sites/default": "server {}\n", "bin/tool": "#!/bin/sh\n"} {
		got, err := os.ReadFile(filepath.Join(to, path))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	for path, want := range map[string]fs.FileMode{"sites/default": 0o640, "bin/tool": 0o755, "bin": 0o755} {
		info, err := os.Stat(filepath.Join(to, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	for path, want := range map[string]string{"bin/link": "../sites/default", "dangling": "/nowhere"} {
		if got, err := os.Readlink(filepath.Join(to, path)); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(to, "s")); !os.IsNotExist(err) {
		t.Errorf("the socket was copied: %v", err)
	}

	// What a sandbox changes is its own: the next one gets the image's.
	write(t, to+"/nginx.conf", "changed\n", 0o644)
	again := t.TempDir()
	if err := i.into(from, again); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(again + "/nginx.conf"); string(got) != "events {}\n" {
		t.Errorf("the second copy has %q", got)
	}
}

func TestAnImageWithoutTheFolderHasAnEmptyOne(t *testing.T) {
	if tree, err := readTree(t.TempDir() + "/none"); err != nil || len(tree) != 0 {
		t.Errorf("got %v, %v", tree, err)
	}
}

func TestNewsAreWholeLinesAndComeOnce(t *testing.T) {
	c := &sandbox{dir: t.TempDir(), logs: map[string]int64{"/log/error.log": 0, "/log/none.log": 0}}
	at := c.path("/log/error.log")
	news := func(want string) {
		t.Helper()
		all, err := c.news()
		if got := all["/log/error.log"]; err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
		if _, there := all["/log/none.log"]; there {
			t.Error("a log that there is not has no news")
		}
	}
	write(t, at, "one\ntwo\nthr", 0o644)
	news("one\ntwo\n")
	news("")
	write(t, at, "one\ntwo\nthree\n", 0o644)
	news("three\n")
	write(t, at, "anew\n", 0o644) // it was begun anew
	news("anew\n")
	write(t, at, "", 0o644)
	news("")
	write(t, at, "after\n", 0o644)
	news("after\n")
}

func TestHolds(t *testing.T) {
	c := &sandbox{folders: []agentapi.Folder{{Path: "/etc/nginx"}, {Path: "/run/"}}}
	for path, want := range map[string]bool{
		"/etc/nginx": true, "/etc/nginx/nginx.conf": true, "/etc/nginx.conf": false, "/etc/nginx2/a": false, "/run/a": true, "/etc": false,
	} {
		if got := c.holds(path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// What a log gains beyond the bound is left out in the middle, line by line, and counted; nothing of it comes the next time.
func TestLogsAreReadUpToABound(t *testing.T) {
	g := NewWithT(t)
	var file []byte
	read := func(_ string, from, most int64) ([]byte, int64, error) {
		from = min(from, int64(len(file)))
		return file[from:min(int64(len(file)), from+most)], int64(len(file)), nil
	}
	line := func(i int) string { return fmt.Sprintf("%06d %s\n", i, strings.Repeat("x", 1900)) }
	for i := range 3000 {
		file = append(file, line(i)...)
	}
	file = append(file, "the last one, which is still being wri"...)
	text, skipped, next, err := readBounded("log", 0, read)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(text)).To(BeNumerically("<=", logKept))
	kept := strings.Count(text, "\n")
	g.Expect(kept + skipped).To(Equal(3000))
	g.Expect(text).To(HavePrefix(line(0)))
	g.Expect(text).To(HaveSuffix(line(2999)))
	for l := range strings.Lines(text) {
		g.Expect(l).To(HaveLen(len(line(0))), "no line is cut")
	}
	file = append(file, "tten\n"...)
	text, skipped, _, err = readBounded("log", next, read)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(text).To(Equal("the last one, which is still being written\n"))
	g.Expect(skipped).To(BeZero())
	file = []byte("begun anew\n")
	text, _, next, _ = readBounded("log", next, read)
	g.Expect(text).To(Equal("begun anew\n"))
	g.Expect(next).To(Equal(int64(len(file))))
}
