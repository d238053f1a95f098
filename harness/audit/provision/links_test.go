//go:build unix

package provision

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/badgateway/badgateway/harness/internal/agentapi"

	"github.com/badgateway/badgateway/harness/internal/testgit"
)

// refusedAs holds a refusal against words that it has to have.
func refusedAs(t *testing.T, err error, words ...string) {
	t.Helper()
	var r *Refused
	if !errors.As(err, &r) {
		t.Errorf("got %v, want it refused with %q", err, words)
		return
	}
	for _, w := range words {
		if !strings.Contains(r.Error(), w) {
			t.Errorf("%q has no %q", r, w)
		}
	}
	if r.Remedy == "" {
		t.Errorf("%q names no remedy", r)
	}
}

// What an include names is read whatever its ending, its name and its depth.
func TestLoad_ReadsWhatAnIncludeNames(t *testing.T) {
	for _, named := range []string{"", "/nginx.conf"} {
		p := testgit.New(t)
		deep := "a/b/c/d/e/f/g/h/i/j/k/l/m/n/deep.conf"
		p.Write("c/nginx.conf", "events {}\nhttp { include maps/pools.map; include lists/*.sql; include own/.hidden; include vendor/venv/x.conf; include "+deep+
			"; include /etc/nginx/more/x.md; server { listen 80; } }\n")
		for _, name := range []string{"maps/pools.map", "lists/a.sql", "own/.hidden", deep, "vendor/venv/x.conf", "elsewhere/more/x.md"} {
			p.Write("c/"+name, "# text of "+name+"\n")
		}
		tree, err := Load(Options{Path: p.At("c" + named)})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"maps/pools.map", "lists/a.sql", "own/.hidden", deep, "vendor/venv/x.conf", "elsewhere/more/x.md"} {
			if !strings.Contains(texts(tree), "# text of "+name) {
				t.Errorf("%q: %s was not read", named, name)
			}
		}
	}
}

// A file that is there and can't be read is refused by its name: with an empty one in its place a server would be missing.
func TestLoad_RefusesWhatCannotBeRead(t *testing.T) {
	big := strings.Repeat("# much\n", maxFile/7+1)
	for name, c := range map[string]struct {
		include string
		make    func(p testgit.Folder)
		want    string
	}{
		"by name":           {"conf.d/big.conf", func(p testgit.Folder) { p.Write("c/conf.d/big.conf", big) }, "conf.d/big.conf is included, and has 1048579 bytes, more than 1 MiB"},
		"by a wildcard":     {"conf.d/*.conf", func(p testgit.Folder) { p.Write("c/conf.d/big.conf", big) }, "conf.d/big.conf is included, and has"},
		"by two wildcards":  {"*/*.conf", func(p testgit.Folder) { p.Write("c/conf.d/big.conf", big) }, "conf.d/big.conf is included, and has"},
		"no text":           {"conf.d/*", func(p testgit.Folder) { p.Write("c/conf.d/logo", "\x00\x01") }, "conf.d/logo is included, and is no text"},
		"a pipe":            {"conf.d/*", func(p testgit.Folder) { pipe(p, "c/conf.d/pipe") }, "conf.d/pipe is included, and is no regular file"},
		"a socket's folder": {"conf.d/x/y.conf", func(p testgit.Folder) { pipe(p, "c/conf.d/x/y.conf") }, "conf.d/x/y.conf is included, and is no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			p := testgit.New(t)
			p.Write("c/nginx.conf", "events {}\nhttp {\n include "+c.include+";\n server { listen 80; } }\n")
			c.make(p)
			_, err := Load(Options{Path: p.At("c")})
			refusedAs(t, err, "nginx.conf:3: ", c.want)
			_, err = Load(Options{Path: p.At("c/nginx.conf")})
			refusedAs(t, err, "nginx.conf:3: ", c.want)
		})
	}
	for _, folder := range []string{".git", ".GIT", ".ssh"} {
		p := testgit.New(t)
		p.Write("c/nginx.conf", "events {}\nhttp {\n include "+folder+"/config;\n server { listen 80; } }\n")
		p.Write("c/"+folder+"/config", "server { listen 81; }\n")
		_, err := Load(Options{Path: p.At("c")})
		refusedAs(t, err, "nginx.conf:3: ", folder+"/config is included, and nothing is read of such a folder")
	}
	p := testgit.New(t)
	p.Write("c/conf.d/a.conf", "server { listen 80; }\n")
	p.Write("c/conf.d/b.conf", "server { listen 81; }\n"+big)
	_, err := Load(Options{Path: p.At("c")})
	refusedAs(t, err, "b.conf: this file has", "more than 1 MiB")
}

// Of files that no main file would include together, one that can't be read, or that its own tool has to fill, is left out. Where it is
// the only one it is refused.
func TestLoad_LeavesOutAlternatives(t *testing.T) {
	for name, text := range map[string]string{
		"b.conf":    "server { listen 81; }\n" + strings.Repeat("# much\n", maxFile/7+1),
		"b.conf.j2": "server { listen {{ port | default(81) }}; }\n",
	} {
		p := testgit.New(t)
		p.Write("sites/"+name, text)
		_, err := Load(Options{Path: p.At("sites")})
		refusedAs(t, err, name)
		p.Write("sites/a.conf", "server { listen 80; }\n")
		tree, err := Load(Options{Path: p.At("sites")})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(tree.fragments) != 1 || !strings.Contains(strings.Join(tree.Notes, "\n"), name+" was left out: ") {
			t.Errorf("%s: %v, with the notes %q", name, tree.fragments, tree.Notes)
		}
	}
}

func pipe(p testgit.Folder, name string) {
	p.T.Helper()
	p.Write(name+".beside", "")
	if err := syscall.Mkfifo(p.At(name), 0o644); err != nil {
		p.T.Skip(err)
	}
	if err := os.Remove(p.At(name + ".beside")); err != nil {
		p.T.Fatal(err)
	}
}

// Links within the folder lead where they lead in production; those of a tree that was copied from /etc/nginx too.
func TestLoad_FollowsLinksWithinTheFolder(t *testing.T) {
	p := testgit.New(t)
	p.Write("c/nginx.conf", "events {}\nhttp { include sites-enabled/*; include modules-enabled/*.conf; }\n")
	for _, name := range []string{"relative", "absolute", "copied"} {
		p.Write("c/sites-available/"+name, "server { listen 80; server_name "+name+"; }\n")
	}
	p.Link("c/sites-enabled/relative", "../sites-available/relative")
	p.Link("c/sites-enabled/absolute", p.At("c/sites-available/absolute"))
	p.Link("c/sites-enabled/copied", "/etc/nginx/sites-available/copied")
	p.Link("c/modules-enabled/50-mod-stream.conf", "/usr/share/nginx/modules-available/mod-stream.conf")
	p.Write("c/conf-available/a.conf", "server { listen 80; server_name folder; }\n")
	p.Write("c/nginx.conf", "events {}\nhttp { include sites-enabled/*; include modules-enabled/*.conf; include conf.d/*.conf; }\n")
	p.Link("c/conf.d", "conf-available")
	p.Link("live", p.At("c"))
	for _, path := range []string{"c", "live", "c/nginx.conf", "live/nginx.conf"} {
		tree, err := Load(Options{Path: p.At(path)})
		if err != nil {
			t.Fatal(err)
		}
		if tree.servers != 4 {
			t.Errorf("%s has %d servers, not 4:\n%s", path, tree.servers, texts(tree))
		}
	}
	p.Link("enabled.conf", p.At("c/nginx.conf"))
	if tree, err := Load(Options{Path: p.At("enabled.conf")}); err != nil || tree.Main != "/etc/nginx/enabled.conf" {
		t.Errorf("a main file that is a link: %v", err)
	}
}

// A link that an include needs and that leads out is refused by its name once nginx has complained; what the lab has its own
// of is supplied.
func TestLoad_RefusesIncludedLinksOut(t *testing.T) {
	for to, want := range map[string]string{
		"/srv/shop/site.conf": "sites/x.conf is included, a link to /srv/shop/site.conf, which is not in the folder",
		"../../../outside":    "sites/x.conf is included, a link to /outside, which is not in the folder",
		"/usr/share/nginx/modules-available/mod-nobody-has.conf": "",
		"/etc/letsencrypt/options-ssl-nginx.conf":                "",
	} {
		p := testgit.New(t)
		p.Write("c/nginx.conf", "events {}\nhttp { include sites/*.conf; server { listen 80; } }\n")
		p.Link("c/sites/x.conf", to)
		tree, err := Load(Options{Path: p.At("c")})
		if err != nil {
			t.Fatal(err)
		}
		st := &settler{t: tree, g: nothing{}, ctx: t.Context(), exists: map[string]bool{}, mods: map[string]string{}}
		made, err := st.oneInclude("/etc/nginx/sites/x.conf", tree.Place(tree.Main, 2))
		if want == "" && (err != nil || !made) {
			t.Errorf("%s: %v, %v", to, made, err)
		}
		if want != "" {
			refusedAs(t, err, "nginx.conf:2: ", want, "cp -rL")
		}
	}
}

// nothing is a gateway whose image has nothing.
type nothing struct{}

func (nothing) Put(context.Context, ...agentapi.File) error { return nil }
func (nothing) Exec(context.Context, ...string) (agentapi.Executed, error) {
	return agentapi.Executed{Code: 1}, nil
}
func (nothing) There(context.Context, ...string) ([]string, error)          { return nil, nil }
func (nothing) Names(context.Context, string) ([]string, error)             { return nil, nil }
func (nothing) ReadTree(context.Context, string) (map[string]string, error) { return nil, nil }

// No link of the folder, and no name in a repository, shows a file of this machine.
func TestLoad_LinksOutLeadToNoFile(t *testing.T) {
	secret := "server { listen 80; server_name SECRET; }\n"
	for name, c := range map[string]struct {
		path string
		make func(p testgit.Folder)
		want string // a part of the error; empty where there is none
	}{
		"a folder that leads out of its repository": {"r/deploy", func(p testgit.Folder) {
			p.Write("private/nginx.conf", conf("SECRET"))
			p.Link("r/deploy", "../private")
		}, "leads out of the git repository"},
		"a file that leads out of its repository": {"r/nginx.conf", func(p testgit.Folder) {
			p.Write("private/nginx.conf", conf("SECRET"))
			p.Link("r/nginx.conf", p.At("private/nginx.conf"))
		}, "leads out of the git repository"},
		"a file in a folder that leads out": {"r/deploy/nginx.conf", func(p testgit.Folder) {
			p.Write("private/nginx.conf", conf("SECRET"))
			p.Link("r/deploy", p.At("private"))
		}, "leads out of the git repository"},
		"a name that leads into another repository": {"r/deploy", func(p testgit.Folder) {
			p.Write("private/.git/HEAD", "")
			p.Write("private/nginx.conf", conf("SECRET"))
			p.Link("r/deploy", p.At("private"))
		}, "leads out of the git repository"},
		"a name that leads into .git": {"r/deploy", func(p testgit.Folder) {
			p.Write("r/.git/x/nginx.conf", conf("SECRET"))
			p.Link("r/deploy", ".git/x")
		}, "leads into the .git"},
		"links of the folder": {"r/deploy", func(p testgit.Folder) {
			p.Write("private/x.conf", secret)
			p.Write("r/.git/x.conf", secret)
			p.Write("r/deploy/.git/x.conf", secret)
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Link("r/deploy/a.conf", p.At("private/x.conf"))
			p.Link("r/deploy/b.conf", "../../private/x.conf")
			p.Link("r/deploy/c.conf", p.At("r/.git/x.conf"))
			p.Link("r/deploy/d.conf", p.At("r/deploy/.git/x.conf"))
			p.Link("r/deploy/e.conf", ".git/x.conf")
			p.Link("r/deploy/f", p.At("private"))
		}, ""},
		"an absolute link that goes round the skip of .git": {"r", func(p testgit.Folder) {
			p.Write("r/.git/x.conf", secret)
			p.Write("r/nginx.conf", "events {}\nhttp { include a.conf; server { listen 80; } }\n")
			p.Link("r/a.conf", p.At("r/.git/x.conf"))
		}, ""},
		"a folder that goes round the skip of .git": {"r", func(p testgit.Folder) {
			p.Write("r/.git/x.conf", secret)
			p.Write("r/nginx.conf", "events {}\nhttp { include b/*.conf; server { listen 80; } }\n")
			p.Link("r/b", ".git")
		}, "b/*.conf is included through b, a link to .git"},
		"an include through a folder that leads out": {"r", func(p testgit.Folder) {
			p.Write("private/x.conf", secret)
			p.Write("r/nginx.conf", "events {}\nhttp { include out/x.conf; server { listen 80; } }\n")
			p.Link("r/out", p.At("private"))
		}, "nginx.conf:2: out/x.conf is included through out, a link to "},
		"a wildcard through a folder that leads out": {"r", func(p testgit.Folder) {
			p.Write("private/x.conf", secret)
			p.Write("r/nginx.conf", "events {}\nhttp { include sites/*/*.conf; server { listen 80; } }\n")
			p.Link("r/sites/out", "../../private")
		}, "sites/*/*.conf is included through sites/out, a link to ../../private"},
		"an include past the folder": {"r", func(p testgit.Folder) {
			p.Write("private/x.conf", secret)
			p.Write("r/nginx.conf", "events {}\nhttp { include ../private/x.conf; include ../../../../"+p.At("private/x.conf")+"; server { listen 80; } }\n")
		}, ""},
		"folders that lead into one another": {"r", func(p testgit.Folder) {
			p.Write("r/nginx.conf", conf("honest"))
			for _, name := range []string{"a", "b", "c"} {
				p.Write("r/"+name+"/x.conf", "")
				p.Link("r/"+name+"/up", "..")
				p.Link("r/"+name+"/self", ".")
				p.Link("r/"+name+"/next", "../b")
			}
		}, ""},
		"a Dockerfile that is a link": {"r/deploy", func(p testgit.Folder) {
			p.Write("private/Dockerfile", "FROM x\nCOPY nginx.conf /etc/nginx/SECRET.conf\n")
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Link("r/Dockerfile", p.At("private/Dockerfile"))
			p.Link("r/deploy/compose.yaml", p.At("private/Dockerfile"))
		}, ""},
		"a Dockerfile that never ends": {"r/deploy", func(p testgit.Folder) {
			p.Write("r/deploy/nginx.conf", conf("honest"))
			p.Link("r/Dockerfile", "/dev/zero")
			pipe(p, "r/deploy/Dockerfile")
			pipe(p, "r/compose.yaml")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := testgit.New(t)
			p.Write("r/.git/HEAD", "ref: refs/heads/main\n")
			c.make(p)
			tree, err := Load(Options{Path: p.At(c.path)})
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if err == nil && (strings.Contains(texts(tree), "server_name SECRET") || strings.Contains(texts(tree), "/etc/nginx/SECRET.conf")) {
				t.Errorf("a file of this machine is in it:\n%s", texts(tree))
			}
		})
	}
}

// Pages and scripts that a config asks for come from the config's own folder, and secrets that usually lie about do not.
func TestLoad_TakesOnlyFilesOfTheConfig(t *testing.T) {
	p := testgit.New(t)
	p.Write("secret.yml", "SECRET")
	p.Write("c/nginx.conf", conf("honest"))
	p.Write("c/web/page.html", "the page")
	p.Write("c/.npmrc", "SECRET")
	p.Write("c/.ssh/config.txt", "SECRET")
	p.Link("c/link.yml", p.At("secret.yml"))
	tree, err := Load(Options{Path: p.At("c")})
	if err != nil {
		t.Fatal(err)
	}
	if text, _, ok := tree.bring("/srv/page.html"); !ok || text != "the page" {
		t.Errorf("the page: %q, %v", text, ok)
	}
	for _, name := range []string{"/srv/secret.yml", "/srv/link.yml", "/srv/.npmrc", "/srv/config.txt"} {
		if text, _, ok := tree.bring(name); ok {
			t.Errorf("%s was brought: %q", name, text)
		}
	}
}

// What a link out leads to in the lab is not the file that it leads to on the server, so nobody is told to change that.
func TestSettle_NamesTheLinkOut(t *testing.T) {
	p := testgit.New(t)
	p.Write("c/nginx.conf", "events {}\nhttp { include x.conf; include y.conf; server { listen 80; } }\n")
	p.Write("c/y.conf", "proxy_buffering on\n")
	p.Link("c/x.conf", "/etc/passwd")
	tree, err := Load(Options{Path: p.At("c")})
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"/etc/nginx/x.conf": "x.conf: x.conf is a link to /etc/passwd, which is not in the folder that is read, and the lab's own file there does not load: unexpected end",
		"/etc/passwd":       "x.conf: x.conf is a link to /etc/passwd, ",
		"/etc/nginx/y.conf": "y.conf:3: unexpected end",
	} {
		if err := tree.refusalOf(startupError{"unexpected end", file, 3}).Error(); !strings.Contains(err, want) {
			t.Errorf("in %s: %s", file, err)
		}
	}
}
