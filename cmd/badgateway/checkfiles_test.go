//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What an untrusted repository has in place of a policy shows nothing of this machine, and does not keep it.
func TestCheck_PolicyIsARegularFile(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("root:SECRET:0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, place := range map[string]func(string) error{
		"a link to a file":    func(name string) error { return os.Symlink(secret, name) },
		"an endless one":      func(name string) error { return os.Symlink("/dev/zero", name) },
		"a pipe":              func(name string) error { return syscall.Mkfifo(name, 0o644) },
		"a folder":            func(name string) error { return os.Mkdir(name, 0o755) },
		"one of two mebibyte": func(name string) error { return os.WriteFile(name, make([]byte, 2<<20), 0o644) },
	} {
		dir := t.TempDir()
		if err := place(filepath.Join(dir, "badgateway.yaml")); err != nil {
			t.Fatal(err)
		}
		_, asked, err := checked(t, []string{dir})
		if err == nil || !strings.Contains(err.Error(), "reading the policy: ") || strings.Contains(err.Error(), "SECRET") || len(asked) > 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
	repository := t.TempDir()
	if err := os.Mkdir(filepath.Join(repository, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(repository, "secret")); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--policy", "--env-file"} {
		_, _, err := checked(t, []string{t.TempDir(), flag, filepath.Join(repository, "secret")})
		if err == nil || !strings.Contains(err.Error(), "leads out of the git repository") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// A name that leads out of its repository is refused before anything beside it is read.
func TestCheck_PathStaysInItsRepository(t *testing.T) {
	dir := t.TempDir()
	for _, folder := range []string{"r/.git", "private"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "private/badgateway.yaml"), []byte("SECRET: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../private", filepath.Join(dir, "r/deploy")); err != nil {
		t.Fatal(err)
	}
	_, asked, err := checked(t, []string{filepath.Join(dir, "r/deploy")})
	if err == nil || !strings.Contains(err.Error(), "leads out of the git repository") || strings.Contains(err.Error(), "SECRET") || len(asked) > 0 {
		t.Error(err)
	}
}

// What is written replaces a link, and leaves alone what it led to.
func TestCheck_WritesThroughNoLink(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	names := []string{"badgateway.yaml", "report/report.html", "report/report.json", "report/junit.xml", "report/report.sarif"}
	if err := os.Mkdir(filepath.Join(dir, "report"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Symlink(other, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := checked(t, []string{dir, "--init"}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a link to a policy: %v", err)
	}
	if _, _, err := checked(t, []string{dir, "--init", "--force"}, measuredReport(0)); err != nil {
		t.Error(err)
	}
	if _, _, err := checked(t, []string{dir, "--reports", filepath.Join(dir, "report")}, measuredReport(0)); err != nil && !errors.Is(err, errDiffers) {
		t.Error(err)
	}
	for _, name := range names {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			t.Errorf("%s was not written: %v, %v", name, info, err)
		}
	}
	if text, err := os.ReadFile(other); err != nil || string(text) != "other" {
		t.Errorf("what the links lead to was overwritten: %q, %v", text, err)
	}
}
