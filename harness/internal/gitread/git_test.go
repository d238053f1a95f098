package gitread

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/testgit"
)

// A bench is a folder with repositories that git itself makes.
type bench struct {
	testgit.Folder
	t *testing.T
}

// history makes a repository with branches, tags, a merge, deltas, a link and a run of commits.
func (b bench) history(folder string, init ...string) {
	if err := os.MkdirAll(b.At(folder), 0o755); err != nil {
		b.t.Fatal(err)
	}
	b.Git(folder, append([]string{"init", "-q", "-b", "main"}, init...)...)
	var long strings.Builder
	for i := range 400 {
		long.WriteString(strings.Repeat(string(rune('a'+i%26)), i%60) + "\n")
	}
	for _, n := range []string{"one", "two", "three"} {
		b.Write(folder+"/conf/nginx.conf", "# "+n+"\nevents {}\n")
		b.Write(folder+"/conf/sites/long.conf", long.String()+n)
		b.Write(folder+"/"+n, n)
		b.Commit(folder, n)
	}
	if err := os.Symlink("nginx.conf", b.At(folder+"/conf/link.conf")); err != nil {
		b.t.Fatal(err)
	}
	b.Commit(folder, "link")
	b.Git(folder, "tag", "-a", "-m", "a tag", "v1", "HEAD~1")
	b.Git(folder, "tag", "light", "HEAD~2")
	b.Git(folder, "checkout", "-q", "-b", "feature/x", "HEAD~1")
	b.Write(folder+"/side", "side")
	b.Commit(folder, "side")
	b.Git(folder, "checkout", "-q", "main")
	b.Git(folder, "merge", "-q", "--no-ff", "-m", "merge", "feature/x")
	b.Git(folder, "update-ref", "refs/remotes/origin/main", "HEAD~1")
	b.Git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
}

// find opens a repository for the length of a test.
func (b bench) find(folder string) *Repository {
	b.t.Helper()
	r, err := Find(b.At(folder))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { r.Close() })
	return r
}

var revisions = []string{"HEAD", "@", "main", "feature/x", "heads/main", "refs/heads/main", "v1", "v1^{}", "v1^{commit}", "light", "tags/v1",
	"origin/main", "origin", "remotes/origin/main", "HEAD~1", "HEAD~", "HEAD^", "HEAD^2", "HEAD^2~1", "HEAD~2^1", "HEAD^0", "main~3", "v1~1"}

// agree holds what is read here against what git says, for every revision, and every file of three of them.
func (b bench) agree(folder string) {
	b.t.Helper()
	r := b.find(folder)
	all := append([]string{b.Git(folder, "rev-parse", "--short", "v1^{}")}, revisions...)
	var asked []string
	for _, rev := range all {
		asked = append(asked, rev+"^{commit}")
	}
	said := strings.Fields(b.Git(folder, append([]string{"rev-parse"}, asked...)...))
	for i, rev := range append(all, said[0]) {
		want := append(said, said[0])[i]
		if commit, err := r.Commit(rev); commit != want {
			b.t.Errorf("%s: %s is %q (%v), want %s", folder, rev, commit, err, want)
		}
	}
	for _, rev := range []string{"main", "v1", "light"} {
		b.sameFiles(r, folder, b.Git(folder, "rev-parse", rev+"^{commit}"))
	}
}

func (b bench) sameFiles(r *Repository, folder, commit string) {
	b.t.Helper()
	files, err := r.Files(commit)
	if err != nil {
		b.t.Fatal(err)
	}
	var got []string
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := ""
		if d.Type()&fs.ModeSymlink != 0 {
			text, err = files.ReadLink(name)
		} else {
			var data []byte
			data, err = fs.ReadFile(files, name)
			text = string(data)
		}
		sum := r.sum("blob", []byte(text)) // git's own name for what was read
		got = append(got, fmt.Sprintf("%s %7d\t%s", sum, info.Size(), name))
		return err
	})
	var want []string
	for l := range strings.Lines(b.Git(folder, "ls-tree", "-r", "-l", commit)) {
		want = append(want, strings.TrimSpace(l[len("100644 blob "):]))
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("%s of %s: %v\n%s\nwant\n%s", commit, folder, err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReadsWhatGitWrites(t *testing.T) {
	for _, form := range []string{"sha1", "sha256"} {
		b := bench{testgit.New(t), t}
		b.history("r", "--object-format="+form)
		b.agree("r")
		b.Git("r", "worktree", "add", "-q", "--detach", "../linked", "main")
		b.agree("linked")
		b.Git("r", "gc", "-q", "--aggressive", "--prune=now")
		if deltas := b.Git("r", "verify-pack", "-s", firstOf(t, b.At("r/.git/objects/pack/*.idx"))); !strings.Contains(deltas, "chain length") {
			t.Fatalf("there is no delta to be read: %s", deltas)
		}
		b.agree("r")
		if form == "sha256" {
			continue // only names are different
		}
		b.Git("r", "checkout", "-q", "-b", "later")
		b.Write("r/later", "later")
		b.Commit("r", "loose ones beside the pack")
		b.Git("r", "checkout", "-q", "main")
		b.agree("r")
		b.Git("r", "repack", "-adq", "--write-midx")
		b.agree("r")
		b.Git("r", "-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq") // bases come by name
		b.agree("r")
		b.history("other", "--object-format="+form)
		b.Git("r", "submodule", "--quiet", "add", "../other", "sub")
		b.Git("r/sub", "checkout", "-q", "-B", "main", "HEAD")
		r := b.find("r/sub/conf")
		if got, err := r.Commit("HEAD"); got != b.Git("r/sub", "rev-parse", "HEAD") {
			t.Errorf("a submodule: %q, %v", got, err)
		}
	}
}

func firstOf(t *testing.T, pattern string) string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) == 0 {
		t.Fatalf("nothing is at %s", pattern)
	}
	return all[0]
}

// What can't be had is said, with what helps.
func TestSaysWhatIsMissing(t *testing.T) {
	b := bench{testgit.New(t), t}
	b.history("r")
	b.Git("r", "config", "uploadpack.allowFilter", "true")
	b.Git("", "clone", "-q", "--depth", "1", "file://"+b.At("r"), "shallow")
	b.Git("", "clone", "-q", "--no-checkout", "--filter=blob:none", "file://"+b.At("r"), "partial")
	b.Git("", "clone", "-q", "--shared", "r", "shared")
	b.Git("", "clone", "-q", "--separate-git-dir", b.At("apart.git"), "r", "apart")
	if err := os.MkdirAll(b.At("plain"), 0o755); err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct{ folder, revision, want string }{
		{"shallow", "HEAD~1", "shallow clone: git fetch --unshallow"},
		{"shallow", "origin/other", "shallow clone: fetch it first"},
		{"r", "no-such", "there is no such branch, tag or commit"},
		{"r", "deadbeef", "there is no such branch, tag or commit"},
		{"r", "HEAD~99", "has not so many commits before it"},
		{"r", "main@{yesterday}", "git rev-parse"},
		{"r", ":/one", "git rev-parse"},
		{"r", "HEAD^{tree}", "git rev-parse"},
		{"r", "../../../etc/passwd", "git rev-parse"},
		{"r", "-h", "there is no such branch"},
		{"r", "", "there is no such branch"},
		{"shared", "HEAD", "objects/info/alternates"},
	} {
		got, err := b.find(c.folder).Commit(c.revision)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s in %s: %q, %v, want an error with %q", c.revision, c.folder, got, err, c.want)
		}
	}
	r := b.find("partial")
	commit, err := r.Commit("HEAD~1")
	if err != nil {
		t.Fatal(err)
	}
	files, err := r.Files(commit)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(files, "conf/nginx.conf"); err == nil || !strings.Contains(err.Error(), "partial clone") || !strings.Contains(err.Error(), "git worktree add") {
		t.Errorf("a partial clone: %v", err)
	}
	if _, err := Find(b.At("apart")); err == nil || !strings.Contains(err.Error(), "does not point back") {
		t.Errorf("a folder of git's elsewhere: %v", err)
	}
	if _, err := Find(b.At("plain")); err != ErrNone {
		t.Errorf("no repository: %v", err)
	}
}

func TestNamesOfRefs(t *testing.T) {
	for name, want := range map[string]bool{"main": true, "feature/x": true, "v1.0": true, "refs/heads/main": true, "HEAD": true,
		"": false, ".": false, "..": false, "../x": false, "a/../b": false, "/etc/passwd": false, "a//b": false, "a/.git/config": false,
		"x.lock": false, "a b": false, "a:b": false, "a\x00b": false, "a..b": false, `a\b`: false} {
		if validRef(name) != want {
			t.Errorf("validRef(%q) is not %v", name, want)
		}
	}
}
