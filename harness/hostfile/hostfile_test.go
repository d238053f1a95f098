//go:build linux

package hostfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func link(t *testing.T, to, name string) string {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadTakesRegularFilesAlone(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "file"), "12345")
	if text, err := Read(file, 5); string(text) != "12345" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	var big *TooBigError
	if _, err := Read(file, 4); !errors.As(err, &big) || big.Size != 5 || !strings.Contains(err.Error(), file) {
		t.Errorf("too big: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "none"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	fifo := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{link(t, "file", filepath.Join(dir, "link")), link(t, "/dev/zero", filepath.Join(dir, "zero")), fifo, dir, "/dev/zero", "/dev/null"} {
		if _, err := Read(name, 1<<20); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text, err := Read("/proc/self/environ", 1<<20); err == nil && len(text) > 0 {
		t.Error("a file of the kernel's was read")
	}
}

// What the user typed may be a link, or what the shell made of <(...).
func TestReadTyped(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "text")
	if text, err := ReadTyped(t.Context(), link(t, "file", filepath.Join(dir, "link")), 10); string(text) != "text" || err != nil {
		t.Errorf("a link: %q, %v", text, err)
	}
	silent, _ := pipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ReadTyped(ctx, silent, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody writes, and the program is to end: %v", err)
	}
	name, in := pipe(t)
	if _, err := in.WriteString("ten bytes."); err != nil {
		t.Fatal(err)
	}
	in.Close()
	if text, err := ReadTyped(t.Context(), name, 10); string(text) != "ten bytes." || err != nil {
		t.Errorf("a pipe: %q, %v", text, err)
	}
	name, in = pipe(t)
	if _, err := in.WriteString("more than ten bytes"); err != nil {
		t.Fatal(err)
	}
	in.Close()
	var big *TooBigError
	if _, err := ReadTyped(t.Context(), name, 10); !errors.As(err, &big) {
		t.Errorf("too much: %v", err)
	}
	for _, name := range []string{"/dev/zero", link(t, "/dev/zero", filepath.Join(dir, "zero"))} {
		if _, err := ReadTyped(t.Context(), name, 10); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pipe is one as the shell gives it, by its name.
func pipe(t *testing.T) (name string, in *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return fmt.Sprintf("/dev/fd/%d", r.Fd()), w
}

// A name in a repository may not lead out of it; elsewhere links are the user's own.
func TestPlace(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("outside/file"), "")
	write(t, at("outside/.git/HEAD"), "")
	write(t, at("r/.git/HEAD"), "")
	write(t, at("r/in/file"), "")
	link(t, at("r"), at("way"))
	link(t, "in", at("r/within"))
	link(t, "../outside", at("r/out"))
	link(t, at("outside/file"), at("r/out-file"))
	link(t, ".git", at("r/git"))
	link(t, "/dev/zero", at("r/zero"))
	for name, want := range map[string]string{
		"r": "r", "r/in/file": "r/in/file", "r/within/file": "r/in/file", "way/in/file": "r/in/file", "way": "r", "outside/file": "outside/file",
		"r/.git/HEAD": "r/.git/HEAD", "r/out": "", "r/out/file": "", "r/out-file": "", "way/out/file": "", "r/git": "", "r/git/HEAD": "", "r/zero": "",
	} {
		got, err := Place(at(name))
		if want == "" && err == nil || want != "" && (err != nil || got != at(want)) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if _, err := Place(at("none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
}

func TestWriteIsWholeOrNot(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "report.html"), write(t, filepath.Join(dir, "other"), "other")
	put := func(text string, err error) error {
		return Write(file, func(w io.Writer) error {
			_, e := io.WriteString(w, text)
			return errors.Join(err, e)
		})
	}
	if err := put("one", nil); err != nil {
		t.Fatal(err)
	}
	if err := put("tw", errors.New("no more")); err == nil {
		t.Error("no error")
	}
	if text, _ := os.ReadFile(file); string(text) != "one" {
		t.Errorf("%q is left of it", text)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	link(t, "other", file)
	link(t, "other", filepath.Join(dir, ".report.html.new")) // what a kill, or a stranger, left
	if err := put("three", nil); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(other); string(text) != "other" {
		t.Errorf("what the link led to is %q now", text)
	}
	info, err := os.Lstat(file)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o044 == 0 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "folder"), func(io.Writer) error { return nil }); err == nil {
		t.Error("a folder was replaced")
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 3 {
		t.Errorf("left behind: %v", left)
	}
}

// A full disk leaves what was there before.
func TestWriteOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small disk can't be had here: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, 0) }()
	file := write(t, filepath.Join(dir, "report.json"), "old")
	err := Write(file, func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<20)); return err })
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "old" {
		t.Errorf("%q is left of it", text)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFolderStaysInTheRepository(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "r/.git/HEAD"), "")
	if err := os.Mkdir(filepath.Join(dir, "outside"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(t, "../outside", filepath.Join(dir, "r/report"))
	for name, good := range map[string]bool{"r/new/a/b": true, "outside": true, "r/report": false, "r/report/a": false} {
		if err := Folder(filepath.Join(dir, name)); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
	if made, _ := os.ReadDir(filepath.Join(dir, "outside")); len(made) > 0 {
		t.Errorf("made outside: %v", made)
	}
}
