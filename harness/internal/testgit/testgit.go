// Package testgit is a folder for tests in which git itself makes repositories.
package testgit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Folder holds repositories and what stands around them. It is gone with its test.
type Folder struct {
	T testing.TB
	// Dir is its path, in which no part is a link.
	Dir string
}

// New makes one. The test is skipped where there is no git.
func New(t testing.TB) Folder {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git to make repositories with")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return Folder{t, dir}
}

// At is the path of what has a name in it.
func (f Folder) At(name string) string { return filepath.Join(f.Dir, name) }

// Write writes a file that may be run, and the folders that it takes.
func (f Folder) Write(name, text string) {
	f.T.Helper()
	f.inItsFolder(name)
	if err := os.WriteFile(f.At(name), []byte(text), 0o755); err != nil {
		f.T.Fatal(err)
	}
}

// Link makes a symbolic link, and the folders that it takes. The test is skipped where that can't be.
func (f Folder) Link(name, to string) {
	f.T.Helper()
	f.inItsFolder(name)
	if err := os.Symlink(to, f.At(name)); err != nil {
		f.T.Skip(err)
	}
}

func (f Folder) inItsFolder(name string) {
	f.T.Helper()
	if err := os.MkdirAll(filepath.Dir(f.At(name)), 0o755); err != nil {
		f.T.Fatal(err)
	}
}

// Git runs git in a folder, as nobody's configuration has it, and gives what it says.
func (f Folder) Git(folder string, words ...string) string {
	f.T.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "protocol.file.allow=always", "-C", f.At(folder)}, words...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := c.CombinedOutput()
	if err != nil {
		f.T.Fatalf("git %s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Commit puts all that is there into a commit.
func (f Folder) Commit(folder, message string) {
	f.T.Helper()
	f.Git(folder, "add", "-A")
	f.Git(folder, "commit", "-q", "-m", message)
}

// Repository makes a repository of a folder, with all that is there in a commit.
func (f Folder) Repository(folder string) {
	f.T.Helper()
	f.Git(folder, "init", "-q", "-b", "main")
	f.Commit(folder, "a commit")
}
