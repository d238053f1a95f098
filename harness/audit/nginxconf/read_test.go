package nginxconf_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

func TestRead_ResolvesIncludesInPlace(t *testing.T) {
	c, err := nginxconf.Read(nginxconf.Map(map[string]string{
		"nginx.conf":            "events {}\nhttp {\n\tinclude /etc/nginx/mime.types;\n\tinclude conf.d/*.conf;\n\tinclude sites-enabled/*;\n\tinclude gone.conf;\n\tinclude none/*.conf;\n}\n",
		"mime.types":            "types { text/html html; }",
		"conf.d/b.conf":         "server {\n\tlisten 81;\n\tinclude snippets/proxy.conf;\n}",
		"conf.d/a.conf":         "# first\n\nserver {\n\tlisten 80;\n}",
		"conf.d/.hidden.conf":   "server { listen 82; }",
		"snippets/proxy.conf":   "location / {\n\n\tproxy_pass http://app;\n}",
		"sites-available/x":     "server { listen 83; }",
		"sites-enabled/x":       "server { listen 83; }",
		"sites-available/off":   "server { listen 84; location / { proxy_pass http://off; } }",
		"README.md":             "server { }",
		"snippets/unused.conf":  "proxy_set_header Host $host;",
		"conf.d/disabled.conf~": "server { listen 85; }",
	}), "/etc/nginx/nginx.conf", "/etc/nginx")
	if err != nil {
		t.Fatal(err)
	}
	var listens []string
	for _, d := range c.Find("listen") {
		listens = append(listens, d.Args[0]+" "+d.Place.String())
	}
	if want := []string{"80 conf.d/a.conf:4", "81 conf.d/b.conf:2", "83 sites-enabled/x:1"}; !slices.Equal(listens, want) {
		t.Errorf("listens %q, want %q", listens, want)
	}
	pass := c.Find("proxy_pass")[0]
	if pass.Place.String() != "snippets/proxy.conf:3" || pass.Parent.Parent.Place.String() != "conf.d/b.conf:1" {
		t.Errorf("proxy_pass at %s in the server at %s", pass.Place, pass.Parent.Parent.Place)
	}
	if want := []string{"nginx.conf", "mime.types", "conf.d/a.conf", "conf.d/b.conf", "snippets/proxy.conf",
		"sites-enabled/x"}; !slices.Equal(c.Files, want) {
		t.Errorf("files %q, want %q", c.Files, want)
	}
	if len(c.Missing) != 1 || c.Missing[0].Pattern != "gone.conf" || c.Missing[0].Place.String() != "nginx.conf:6" {
		t.Errorf("missing %v", c.Missing)
	}
	if want := []string{"conf.d/.hidden.conf", "sites-available/off"}; !slices.Equal(c.Unread, want) {
		t.Errorf("unread %q, want %q", c.Unread, want)
	}
}

func TestRead_ErrorsNameFileAndLine(t *testing.T) {
	for text, want := range map[string]string{
		"http {\n\tserver {\n\t\tlisten 80;\n}\n": "sub.conf:1: the block \"http\"",
		"http {\n}\n}\n":                  "sub.conf:3: unexpected \"}\"",
		"server {\n\tlisten 80\n}\n":      "sub.conf:3: unexpected \"}\": the directive \"listen\" of line 2 has no \";\"",
		"server {\n\tproxy_pass http://x": "sub.conf:2: the file ends before the directive \"proxy_pass\"",
		"listen 80;;":                     "sub.conf:1: unexpected \";\"",
		"a;\n{ b; }":                      "sub.conf:2: unexpected \"{\"",
		"a;\n\ninclude sub.conf;":         "sub.conf:3: include sub.conf: the file includes itself",
		"location / {\n content_by_lua_block {\n x = {\n }\n\n":  "sub.conf:2: the block of Lua that begins here",
		"server {\n\troot \"/srv;\n\tlisten 80;\n}\nserver {\n}": "sub.conf:2: the file ends before the directive \"root\"",
	} {
		_, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": "include sub.conf;", "sub.conf": text}),
			"nginx.conf", "/etc/nginx")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q\ngave %v\nwant %s", text, err, want)
		}
	}
	if _, err := nginxconf.Read(nginxconf.Map(nil), "nginx.conf", "/etc/nginx"); err == nil ||
		!strings.Contains(err.Error(), "nginx.conf") {
		t.Errorf("no main file gave %v", err)
	}
}

// Includes that multiply end in an error, not in a full memory.
func TestRead_BoundsIncludes(t *testing.T) {
	files := map[string]string{"z.conf": strings.Repeat("a b;", 200)}
	before := "z.conf"
	for _, name := range []string{"e.conf", "d.conf", "c.conf", "nginx.conf"} {
		files[name] = strings.Repeat("include "+before+";\n", 40)
		before = name
	}
	if _, err := nginxconf.Read(nginxconf.Map(files), "nginx.conf", "/etc/nginx"); err == nil ||
		!strings.Contains(err.Error(), "unfold to more than") {
		t.Errorf("gave %v", err)
	}
}

func TestRead_UnquotesAsNginxDoes(t *testing.T) {
	c := read(t, `a "two words" 'it''s' es\"c "q\"q" \\d \. ${x}y "#no" x#y # comment "
;
b '{;}' "";
set_by_lua_block $v { return [[ } ' ]] -- don't }
}
content_by_lua_block { local s = "\"}" }
c 1;`)
	want := [][]string{
		{"a", "two words", "it", "s", `es"c`, `q"q`, `\d`, `\.`, "${x}y", "#no", "x#y"}, {"b", "{;}", ""},
		{"set_by_lua_block", "$v", " return [[ } ' ]] -- don't }\n"}, {"content_by_lua_block", ` local s = ""}" `}, {"c", "1"},
	}
	if len(c.Main) != len(want) {
		t.Fatalf("%d directives, want %d", len(c.Main), len(want))
	}
	for i, d := range c.Main {
		if got := append([]string{d.Name}, d.Args...); !slices.Equal(got, want[i]) {
			t.Errorf("got %q, want %q", got, want[i])
		}
	}
	if last := c.Main[len(c.Main)-1]; last.Place.Line != 7 {
		t.Errorf("the last line is %d, want 7", last.Place.Line)
	}
}

func TestDir_FollowsLinksInsideOnly(t *testing.T) {
	root := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.conf")
	for name, text := range map[string]string{
		filepath.Join(root, "nginx.conf"):            "http { include sites-enabled/*; include /opt/elsewhere.conf; }",
		filepath.Join(root, "sites-available", "a"):  "server { listen 1; }",
		filepath.Join(root, "sites-available", "b"):  "server { listen 2; }",
		filepath.Join(root, "sites-available", "no"): "server { listen 3; }",
		outside: "server { listen 4; }",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	enabled := filepath.Join(root, "sites-enabled")
	if err := os.Mkdir(enabled, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"a": "../sites-available/a", "b": "/etc/nginx/sites-available/b",
		"out": outside, "up": "../../../../../../../../etc/passwd", "loop": "loop", "gone": "nothing"} {
		if err := os.Symlink(to, filepath.Join(enabled, name)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := nginxconf.Read(nginxconf.Dir(root), "nginx.conf", "/etc/nginx")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"nginx.conf", "sites-enabled/a", "sites-enabled/b"}; !slices.Equal(c.Files, want) {
		t.Errorf("files %q, want %q", c.Files, want)
	}
	if want := []string{"sites-available/no"}; !slices.Equal(c.Unread, want) {
		t.Errorf("unread %q, want %q", c.Unread, want)
	}
	if len(c.Missing) != 1 || c.Missing[0].Pattern != "/opt/elsewhere.conf" {
		t.Errorf("missing %v", c.Missing)
	}
}
