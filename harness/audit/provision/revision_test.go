package provision

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A plot is a folder for repositories and what stands around them.
type plot struct {
	t   *testing.T
	dir string
}

func newPlot(t *testing.T) plot {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git to make repositories with")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return plot{t, dir}
}

func (p plot) at(name string) string { return filepath.Join(p.dir, name) }

func (p plot) write(name, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.at(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(p.at(name), []byte(text), 0o755); err != nil {
		p.t.Fatal(err)
	}
}

func (p plot) link(name, to string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(p.at(name)), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Symlink(to, p.at(name)); err != nil {
		p.t.Skip(err)
	}
}

func (p plot) git(folder string, words ...string) string {
	p.t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com", "-C", p.at(folder)}, words...)...)
	c.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := c.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %v: %v: %s", words, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a repository of a folder, or adds a commit to it.
func (p plot) commit(folder string) {
	p.t.Helper()
	p.git(folder, "init", "-q", "-b", "main")
	p.git(folder, "add", "-A")
	p.git(folder, "commit", "-q", "-m", "a commit")
}

// texts are all that a tree would put into the lab.
func texts(tree *Tree) string {
	var all strings.Builder
	for _, f := range tree.All() {
		all.WriteString(f.Path + " -> " + f.Link + "\n" + f.Data + "\n")
	}
	return all.String()
}

const smallConf = "events {}\nhttp { server { listen 80; server_name %; location / { proxy_pass http://app:8080; } } }\n"

func conf(name string) string { return strings.Replace(smallConf, "%", name, 1) }

func TestRevision(t *testing.T) {
	p := newPlot(t)
	p.write("r/deploy/nginx.conf", "events {}\nhttp { include sites-enabled/*; }\n")
	p.write("r/deploy/sites-available/shop", "server { listen 80; server_name old; }\n")
	p.link("r/deploy/sites-enabled/shop", "../sites-available/shop")
	p.write("r/elsewhere", "not to be read")
	p.link("r/current", "deploy")
	p.commit("r")
	p.write("r/deploy/sites-available/shop", "server { listen 80; server_name new; }\n")
	p.write("r/fresh/nginx.conf", conf("x"))
	p.write("r/deploy/other.conf", conf("x"))
	if err := os.RemoveAll(p.at("r/current")); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"r/deploy", "r/deploy/nginx.conf", "r/current", "r/current/nginx.conf"} {
		tree, err := Load(Options{Path: p.at(name), Revision: "HEAD"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		all := texts(tree)
		if !strings.Contains(all, "server_name old") || strings.Contains(all, "server_name new") || strings.Contains(all, "not to be read") || tree.servers != 1 {
			t.Errorf("%s: %d servers in %s", name, tree.servers, all)
		}
	}
	for _, c := range []struct{ name, revision, want string }{
		{"r/deploy", "nowhere", "git:nowhere: there is no such branch, tag or commit"},
		{"r/deploy", "--output=x", "there is no such branch, tag or commit"},
		{"r/fresh", "HEAD", "git:HEAD: there is no fresh in it"},
		{"r/deploy/other.conf", "HEAD", "there is no deploy/other.conf in it"},
		{".", "HEAD", "it is in no git repository"},
	} {
		if _, err := Load(Options{Path: p.at(c.name), Revision: c.revision}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s at %s: %v, want %q", c.name, c.revision, err, c.want)
		}
	}
}

// Where a Dockerfile above brings files to is known of a revision as it is of the working tree.
func TestRevision_ReadsTheDockerfileAbove(t *testing.T) {
	p := newPlot(t)
	p.write("r/Dockerfile", "FROM nginx\nCOPY conf/site.conf /etc/nginx/conf.d/default.conf\n")
	p.write("r/conf/site.conf", "server { listen 80; }\n")
	p.commit("r")
	for _, revision := range []string{"", "HEAD"} {
		tree, err := Load(Options{Path: p.at("r/conf"), Revision: revision})
		if err != nil || !tree.has("/etc/nginx/conf.d/default.conf") {
			t.Errorf("%q: %v\n%s", revision, err, texts(tree))
		}
	}
}

// Each case is a repository that was made to run a program or to show a file of this machine when an old revision of the
// config is asked for. The program would leave a canary; the file has the word SECRET in it.
func TestRevision_HostileRepositories(t *testing.T) {
	script := func(p plot) string {
		p.write("evil.sh", "#!/bin/sh\ntouch "+p.at("canary")+"\nexit 1\n")
		return p.at("evil.sh")
	}
	// settings are all that git would run a program for, were it asked for the files of a commit.
	settings := func(run string) string {
		return "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = " + run + "\n\tsshCommand = " + run + "\n\tpager = " + run + "\n\teditor = " + run +
			"\n\tgitProxy = " + run + "\n\talternateRefsCommand = " + run + "\n\tattributesFile = evil\n" +
			"[filter \"evil\"]\n\tsmudge = " + run + "\n\tclean = " + run + "\n\tprocess = " + run + "\n\trequired = true\n" +
			"[diff]\n\texternal = " + run + "\n[diff \"evil\"]\n\ttextconv = " + run + "\n\tcommand = " + run + "\n" +
			"[credential]\n\thelper = !" + run + "\n[pager]\n\tcat-file = " + run + "\n\tls-tree = " + run + "\n\tarchive = " + run + "\n" +
			"[tar \"tar\"]\n\tcommand = " + run + "\n[gpg]\n\tprogram = " + run + "\n[uploadpack]\n\tpackObjectsHook = " + run + "\n" +
			"[protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n" +
			"[remote \"origin\"]\n\turl = ext::" + run + "\n\tpromisor = true\n\tpartialclonefilter = blob:none\n\tuploadpack = " + run + "\n[extensions]\n\tpartialClone = origin\n"
	}
	hooks := func(p plot, folder, run string) {
		for _, hook := range []string{"post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc", "proc-receive"} {
			p.write(folder+"/hooks/"+hook, "#!/bin/sh\nexec "+run+"\n")
		}
	}
	private := func(p plot) {
		p.write("private/deploy/nginx.conf", conf("SECRET"))
		p.commit("private")
	}
	for name, c := range map[string]struct {
		make func(p plot)
		want string // a part of the error; empty where the old config is to be had
		by   []string
	}{
		"the folder is laid out as a repository with a worktree": {make: func(p plot) {
			run := script(p)
			p.write("r/deploy/nginx.conf", conf("honest"))
			p.write("r/deploy/.gitattributes", "* filter=evil diff=evil\n")
			p.commit("r/deploy")
			if err := os.Rename(p.at("r/deploy/.git"), p.at("bare")); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"HEAD", "objects", "refs"} {
				if err := os.Rename(p.at("bare/"+part), p.at("r/deploy/"+part)); err != nil {
					t.Fatal(err)
				}
			}
			p.write("r/deploy/config", settings(run)+"[core]\n\tbare = false\n\tworktree = .\n")
			p.write("r/deploy/refs/heads/.keep", "")
			hooks(p, "r/deploy", run)
			p.commit("r")
		}, by: []string{"-c", "safe.bareRepository=all", "archive", "--worktree-attributes", "HEAD"}},
		"the repository's own settings, hooks and attributes": {make: func(p plot) {
			run := script(p)
			p.write("r/deploy/nginx.conf", conf("honest"))
			p.write("r/deploy/.gitattributes", "* filter=evil diff=evil text eol=crlf ident export-subst\n")
			p.commit("r")
			p.write("r/.git/info/attributes", "* filter=evil diff=evil\n")
			p.write("r/.git/config", settings(run))
			hooks(p, "r/.git", run)
		}, by: []string{"archive", "HEAD"}},
		"a promisor remote that is a command": {make: func(p plot) {
			run := script(p)
			p.write("r/deploy/nginx.conf", conf("honest"))
			p.commit("r")
			blob := p.git("r", "rev-parse", "HEAD:deploy/nginx.conf")
			if err := os.Remove(p.at("r/.git/objects/" + blob[:2] + "/" + blob[2:])); err != nil {
				t.Fatal(err)
			}
			p.write("r/.git/config", settings(run))
		}, want: "this is a partial clone, and nothing is fetched", by: []string{"cat-file", "-p", "HEAD:./nginx.conf"}},
		"objects of another repository": {make: func(p plot) {
			private(p)
			p.write("r/deploy/x", "")
			p.commit("r")
			p.write("r/.git/objects/info/alternates", p.at("private/.git/objects")+"\n")
			p.write("r/.git/refs/heads/main", p.git("private", "rev-parse", "HEAD")+"\n")
		}, want: "objects/info/alternates"},
		"objects that are a link": {make: func(p plot) {
			private(p)
			p.write("r/deploy/x", "")
			p.commit("r")
			if err := os.RemoveAll(p.at("r/.git/objects")); err != nil {
				t.Fatal(err)
			}
			p.link("r/.git/objects", p.at("private/.git/objects"))
			p.write("r/.git/refs/heads/main", p.git("private", "rev-parse", "HEAD")+"\n")
		}, want: "path escapes from parent"},
		"a .git file that points elsewhere": {make: func(p plot) {
			private(p)
			p.write("r/deploy/nginx.conf", conf("honest"))
			p.write("r/.git", "gitdir: "+p.at("private/.git")+"\n")
		}, want: "which does not point back"},
		"a .git file by way of a made-up worktree": {make: func(p plot) {
			private(p)
			p.write("r/deploy/nginx.conf", conf("honest"))
			p.write("r/.git", "gitdir: deploy/worktrees/x\n")
			p.write("r/deploy/worktrees/x/gitdir", p.at("r/.git")+"\n")
			p.write("r/deploy/worktrees/x/commondir", p.at("private/.git")+"\n")
			p.write("r/deploy/worktrees/x/HEAD", "ref: refs/heads/main\n")
		}, want: "which does not point back"},
		"a .git that is a link": {make: func(p plot) {
			private(p)
			p.write("r/deploy/nginx.conf", conf("honest"))
			p.link("r/.git", p.at("private/.git"))
		}, want: "a link is not followed"},
		"the folder is a link to another repository": {make: func(p plot) {
			private(p)
			p.write("r/x", "")
			p.link("r/deploy", p.at("private/deploy"))
			p.commit("r")
		}, want: "leads out of the git repository"},
		"a folder above is a link to another repository": {make: func(p plot) {
			private(p)
			p.write("r/x", "")
			p.link("r/deploy", p.at("private"))
			p.commit("r")
		}, want: "leads out of the git repository"},
		"a branch that is a file elsewhere": {make: func(p plot) {
			p.write("SECRET", "SECRET")
			p.write("r/deploy/nginx.conf", conf("honest"))
			p.commit("r")
			p.write("r/.git/HEAD", "ref: ../../SECRET\n")
		}, want: "is no name of a branch"},
		"links in the commit that lead out of it": {make: func(p plot) {
			p.write("SECRET", conf("SECRET"))
			p.write("r/.git.conf", "")
			p.write("r/deploy/nginx.conf", "events {}\nhttp { include links/*.conf; "+`server { listen 80; server_name honest; } }`)
			p.link("r/deploy/links/absolute.conf", p.at("SECRET"))
			p.link("r/deploy/links/relative.conf", "../../../SECRET")
			p.link("r/deploy/links/git.conf", "../../.git/config")
			p.commit("r")
		}},
		"the config is a link in the commit that leads out": {make: func(p plot) {
			p.write("SECRET", conf("SECRET"))
			p.link("r/deploy", "../private")
			p.commit("r")
			if err := os.Remove(p.at("r/deploy")); err != nil {
				t.Fatal(err)
			}
			p.write("r/deploy/nginx.conf", conf("new"))
		}, want: "there is no deploy in it"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlot(t)
			c.make(p)
			if len(c.by) > 0 { // that it is hostile: git itself falls for it
				cmd := exec.CommandContext(t.Context(), "git", c.by...)
				cmd.Dir = p.at("r/deploy")
				out, err := cmd.CombinedOutput()
				if os.Remove(p.at("canary")) != nil {
					t.Errorf("git ran nothing, so this case proves nothing: %v, %s", err, out)
				}
			}
			t.Setenv("PATH", t.TempDir())
			tree, err := Load(Options{Path: p.at("r/deploy"), Revision: "HEAD"})
			switch {
			case c.want == "" && err != nil:
				t.Errorf("it can't be read: %v", err)
			case c.want == "" && !strings.Contains(texts(tree), "server_name honest"):
				t.Errorf("the config is not there:\n%s", texts(tree))
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if err == nil && strings.Contains(texts(tree), "server_name SECRET") {
				t.Errorf("a file of this machine is in it:\n%s", texts(tree))
			}
			if _, err := os.Stat(p.at("canary")); err == nil {
				t.Error("a program of the repository ran")
			}
		})
	}
}
