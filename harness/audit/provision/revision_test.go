package provision

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/testgit"
)

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
	p := testgit.New(t)
	p.Write("r/deploy/nginx.conf", "events {}\nhttp { include sites-enabled/*; }\n")
	p.Write("r/deploy/sites-available/shop", "server { listen 80; server_name old; }\n")
	p.Link("r/deploy/sites-enabled/shop", "../sites-available/shop")
	p.Write("r/elsewhere", "not to be read")
	p.Link("r/current", "deploy")
	p.Repository("r")
	p.Write("r/deploy/sites-available/shop", "server { listen 80; server_name new; }\n")
	p.Write("r/fresh/nginx.conf", conf("x"))
	p.Write("r/deploy/other.conf", conf("x"))
	if err := os.RemoveAll(p.At("r/current")); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"r/deploy", "r/deploy/nginx.conf", "r/current", "r/current/nginx.conf"} {
		tree, err := Load(Options{Path: p.At(name), Revision: "HEAD"})
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
		if _, err := Load(Options{Path: p.At(c.name), Revision: c.revision}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s at %s: %v, want %q", c.name, c.revision, err, c.want)
		}
	}
}

// Where a Dockerfile above brings files to is known of a revision as it is of the working tree.
func TestRevision_ReadsTheDockerfileAbove(t *testing.T) {
	p := testgit.New(t)
	p.Write("r/Dockerfile", "FROM nginx\nCOPY conf/site.conf /etc/nginx/conf.d/default.conf\n")
	p.Write("r/conf/site.conf", "server { listen 80; }\n")
	p.Repository("r")
	for _, revision := range []string{"", "HEAD"} {
		tree, err := Load(Options{Path: p.At("r/conf"), Revision: revision})
		if err != nil || !tree.has("/etc/nginx/conf.d/default.conf") {
			t.Errorf("%q: %v\n%s", revision, err, texts(tree))
		}
	}
}

// Each case is a repository that was made to run a program or to show a file of this machine when an old revision of the
// config is asked for. The program would leave a canary; the file has the word SECRET in it.
func TestRevision_HostileRepositories(t *testing.T) {
	script := func(p testgit.Folder) string {
		p.Write("evil.sh", "#!/bin/sh\ntouch "+p.At("canary")+"\nexit 1\n")
		return p.At("evil.sh")
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
	hooks := func(p testgit.Folder, folder, run string) {
		for _, hook := range []string{"post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc", "proc-receive"} {
			p.Write(folder+"/hooks/"+hook, "#!/bin/sh\nexec "+run+"\n")
		}
	}
	private := func(p testgit.Folder) {
		p.Write("private/deploy/nginx.conf", conf("SECRET"))
		p.Repository("private")
	}
	for name, c := range map[string]struct {
		make func(p testgit.Folder)
		want string // a part of the error; empty where the old config is to be had
		by   []string
	}{
		"the folder is laid out as a repository with a worktree": {make: func(p testgit.Folder) {
			run := script(p)
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Write("r/deploy/.gitattributes", "* filter=evil diff=evil\n")
			p.Repository("r/deploy")
			if err := os.Rename(p.At("r/deploy/.git"), p.At("bare")); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"HEAD", "objects", "refs"} {
				if err := os.Rename(p.At("bare/"+part), p.At("r/deploy/"+part)); err != nil {
					t.Fatal(err)
				}
			}
			p.Write("r/deploy/config", settings(run)+"[core]\n\tbare = false\n\tworktree = .\n")
			p.Write("r/deploy/refs/heads/.keep", "")
			hooks(p, "r/deploy", run)
			p.Repository("r")
		}, by: []string{"-c", "safe.bareRepository=all", "archive", "--worktree-attributes", "HEAD"}},
		"the repository's own settings, hooks and attributes": {make: func(p testgit.Folder) {
			run := script(p)
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Write("r/deploy/.gitattributes", "* filter=evil diff=evil text eol=crlf ident export-subst\n")
			p.Repository("r")
			p.Write("r/.git/info/attributes", "* filter=evil diff=evil\n")
			p.Write("r/.git/config", settings(run))
			hooks(p, "r/.git", run)
		}, by: []string{"archive", "HEAD"}},
		"a promisor remote that is a command": {make: func(p testgit.Folder) {
			run := script(p)
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Repository("r")
			blob := p.Git("r", "rev-parse", "HEAD:deploy/nginx.conf")
			if err := os.Remove(p.At("r/.git/objects/" + blob[:2] + "/" + blob[2:])); err != nil {
				t.Fatal(err)
			}
			p.Write("r/.git/config", settings(run))
		}, want: "this is a partial clone, and nothing is fetched", by: []string{"cat-file", "-p", "HEAD:./nginx.conf"}},
		"objects of another repository": {make: func(p testgit.Folder) {
			private(p)
			p.Write("r/deploy/x", "")
			p.Repository("r")
			p.Write("r/.git/objects/info/alternates", p.At("private/.git/objects")+"\n")
			p.Write("r/.git/refs/heads/main", p.Git("private", "rev-parse", "HEAD")+"\n")
		}, want: "objects/info/alternates"},
		"objects that are a link": {make: func(p testgit.Folder) {
			private(p)
			p.Write("r/deploy/x", "")
			p.Repository("r")
			if err := os.RemoveAll(p.At("r/.git/objects")); err != nil {
				t.Fatal(err)
			}
			p.Link("r/.git/objects", p.At("private/.git/objects"))
			p.Write("r/.git/refs/heads/main", p.Git("private", "rev-parse", "HEAD")+"\n")
		}, want: "path escapes from parent"},
		"a .git file that points elsewhere": {make: func(p testgit.Folder) {
			private(p)
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Write("r/.git", "gitdir: "+p.At("private/.git")+"\n")
		}, want: "which does not point back"},
		"a .git file by way of a made-up worktree": {make: func(p testgit.Folder) {
			private(p)
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Write("r/.git", "gitdir: deploy/worktrees/x\n")
			p.Write("r/deploy/worktrees/x/gitdir", p.At("r/.git")+"\n")
			p.Write("r/deploy/worktrees/x/commondir", p.At("private/.git")+"\n")
			p.Write("r/deploy/worktrees/x/HEAD", "ref: refs/heads/main\n")
		}, want: "which does not point back"},
		"a .git that is a link": {make: func(p testgit.Folder) {
			private(p)
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Link("r/.git", p.At("private/.git"))
		}, want: "a link is not followed"},
		"the folder is a link to another repository": {make: func(p testgit.Folder) {
			private(p)
			p.Write("r/x", "")
			p.Link("r/deploy", p.At("private/deploy"))
			p.Repository("r")
		}, want: "leads out of the git repository"},
		"a folder above is a link to another repository": {make: func(p testgit.Folder) {
			private(p)
			p.Write("r/x", "")
			p.Link("r/deploy", p.At("private"))
			p.Repository("r")
		}, want: "leads out of the git repository"},
		"a branch that is a file elsewhere": {make: func(p testgit.Folder) {
			p.Write("SECRET", "SECRET")
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Repository("r")
			p.Write("r/.git/HEAD", "ref: ../../SECRET\n")
		}, want: "is no name of a branch"},
		"links in the commit that lead out of it": {make: func(p testgit.Folder) {
			p.Write("SECRET", conf("SECRET"))
			p.Write("r/.git.conf", "")
			p.Write("r/deploy/nginx.conf", "events {}\nhttp { include links/*.conf; "+`server { listen 80; server_name honest; } }`)
			p.Link("r/deploy/links/absolute.conf", p.At("SECRET"))
			p.Link("r/deploy/links/relative.conf", "../../../SECRET")
			p.Link("r/deploy/links/git.conf", "../../.git/config")
			p.Repository("r")
		}},
		"the config is a link in the commit that leads out": {make: func(p testgit.Folder) {
			p.Write("SECRET", conf("SECRET"))
			p.Link("r/deploy", "../private")
			p.Repository("r")
			if err := os.Remove(p.At("r/deploy")); err != nil {
				t.Fatal(err)
			}
			p.Write("r/deploy/nginx.conf", conf("new"))
		}, want: "there is no deploy in it"},
	} {
		t.Run(name, func(t *testing.T) {
			p := testgit.New(t)
			c.make(p)
			if len(c.by) > 0 { // that it is hostile: git itself falls for it
				cmd := exec.CommandContext(t.Context(), "git", c.by...)
				cmd.Dir = p.At("r/deploy")
				out, err := cmd.CombinedOutput()
				if os.Remove(p.At("canary")) != nil {
					t.Errorf("git ran nothing, so this case proves nothing: %v, %s", err, out)
				}
			}
			t.Setenv("PATH", t.TempDir())
			tree, err := Load(Options{Path: p.At("r/deploy"), Revision: "HEAD"})
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
			if _, err := os.Stat(p.At("canary")); err == nil {
				t.Error("a program of the repository ran")
			}
		})
	}
}
