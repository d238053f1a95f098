package provision

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

func TestForeign(t *testing.T) {
	for text, want := range map[string]string{
		"listen {{ port }};":                                 "{{...}}",
		"listen {{PORT}};":                                   "{{...}}",
		"server_name {{ name | default('x') }};":             "Jinja",
		"{% for x in y %}":                                   "Jinja",
		"listen {{ .Port }};":                                "Go template",
		"{{- range $i := .Items }}":                          "Go template",
		"listen <%= port %>;":                                "ERB",
		"root __ROOT__;":                                     "__...__",
		"root @PREFIX@/html;":                                "@...@",
		"listen %%port%%;":                                   "%%...%%",
		"server_name %SITE_NAME%;":                           " %...%",
		"rewrite ^ /%E2%82%AC%20%2F last;":                   "",
		"user {{ nginx_user }};":                             "Jinja",
		"{{ site.nginx_head }}":                              "{{...}}",
		"server_name ${local.name};":                         "Terraform",
		"# {{ comment }}\nlisten 80;":                        "",
		"location ~ \"^/[a-z]{2}$\" {}":                      "",
		`return 200 '{"a":{"b":{"c":"$host"}}}';`:            "",
		"content_by_lua_block { local a = {{ x }} }":         "",
		"location ~ ^/@([a-z]+)@ {}":                         "",
		"fastcgi_param X ${host}__$uri;":                     "",
		"log_format x '{\"t\":\"$msec\",\"r\":{\"u\":$x}}';": "",
	} {
		got := ""
		if r := foreign(text, "x"); r != nil {
			got = r.Message
		}
		if want == "" && got != "" || want != "" && !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestFill(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"listen ${PORT};", "listen 8080;"},
		{"listen $PORT;", "listen 8080;"},
		{"proxy_read_timeout ${READ_TIMEOUT};", "proxy_read_timeout 60s;"},
		{"proxy_read_timeout ${READ_TIMEOUT}s;", "proxy_read_timeout 60s;"},
		{"client_max_body_size ${MAX_BODY_SIZE};", "client_max_body_size 10m;"},
		{"server_name ${DOMAIN};", "server_name domain.example.com;"},
		{"proxy_pass http://${API_HOST}:${API_PORT};", "proxy_pass http://api-host:8080;"},
		{"proxy_pass ${API_URL};", "proxy_pass http://api-url:8080;"},
		{"proxy_pass http://${UPSTREAM};", "proxy_pass http://upstream;"},
		{"fastcgi_pass ${PHP};", "fastcgi_pass php:9000;"},
		{"server unix:${APP_SOCKET};", "server unix:/run/app-socket.sock;"},
		{"proxy_set_header Host ${DOLLAR}host;", "proxy_set_header Host $host;"},
		{"listen ${PORT:-3000};", "listen 3000;"},
		{"set $BACKEND app; proxy_pass http://${BACKEND};", "set $BACKEND app; proxy_pass http://${BACKEND};"},
		{"proxy_set_header Host ${host}; add_header X $HOST;", "proxy_set_header Host ${host}; add_header X $HOST;"},
		{"server_name ${given};", "server_name given.example.org;"},
		{"limit_req_zone $binary_remote_addr zone=a:1m rate=${RATE_OF_API}r/s;", "limit_req_zone $binary_remote_addr zone=a:1m rate=1000r/s;"},
		{"client_max_body_size ${MAX_SIZE}m;", "client_max_body_size 10m;"},
		{"location /${STORE}/ {}", "location /store/ {}"},
		{"location ${MOUNT_ROOT} {}", "location /mount-root {}"},
		{"root /srv/${SITE};", "root /srv/site;"},
		{"proxy_pass ${WEB_SCHEME}shop;", "proxy_pass http://shop;"},
		{"proxy_pass ${WEB_SCHEME}://shop;", "proxy_pass http://shop;"},
		{"listen 80;\n  ${MORE_LINES}\n}", "listen 80;\n  \n}"},
		{"set_real_ip_from ${TRUSTED_ADDRESS};", "set_real_ip_from 198.18.0.0/15;"},
		{"set_escape_uri ${SAFE} $uri;", "set_escape_uri ${SAFE} $uri;"},
	} {
		got, _ := fill(c.text, "x", substitution{env: map[string]string{"given": "given.example.org"}})
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestMountsOf(t *testing.T) {
	compose := "services:\n  web:\n    volumes:\n      - ./nginx/a.conf:/etc/nginx/conf.d/default.conf:ro\n      - \"certs:/etc/certs\"\n" +
		"      - type: bind\n        source: ./b.conf\n        target: /etc/nginx/nginx.conf\n"
	docker := "FROM nginx\nCOPY --from=build /x /y\nCOPY c.conf d.conf /etc/nginx/conf.d/\nADD [\"e.conf\", \"/etc/nginx/nginx.conf\"]\n"
	stock := map[string]item{"nginx/a.conf": {}, "b.conf": {}, "c.conf": {}, "d.conf": {}, "e.conf": {}}
	got := map[string]string{}
	for _, m := range append(mountsOf("compose.yaml", compose), mountsOf("Dockerfile", docker)...) {
		m.each(keys(stock), func(from, to string) { got[from] = to })
	}
	want := map[string]string{"nginx/a.conf": "/etc/nginx/conf.d/default.conf", "b.conf": "/etc/nginx/nginx.conf",
		"c.conf": "/etc/nginx/conf.d/c.conf", "d.conf": "/etc/nginx/conf.d/d.conf", "e.conf": "/etc/nginx/nginx.conf"}
	for from, to := range want {
		if got[from] != to {
			t.Errorf("%s: got %q, want %q", from, got[from], to)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1.22.1", "1.25.1", true}, {"1.25.1", "1.25.1", false}, {"1.27.3", "1.25.1", false}, {"1.9.5", "1.10.0", true}, {"?", "1.2", false}} {
		if older(c.a, c.b) != c.want {
			t.Errorf("older(%s, %s) is not %v", c.a, c.b, c.want)
		}
	}
}

// The tables have the form that their readers take for granted.
func TestTables(t *testing.T) {
	for table, fields := range map[string]int{"modules": 4, "stream-modules": 4, "unpackaged": 2, "plus": 2, "versions": 2, "gone": 3} {
		for _, r := range rows(table) {
			if len(r) < fields || r[0] == "" {
				t.Errorf("%s: %q has not its %d fields", table, r, fields)
			}
		}
	}
	for _, m := range append(append([]module(nil), packaged...), packagedStream...) {
		if _, ok := moduleFile(m.needs); m.needs != "" && !ok {
			t.Errorf("%s needs %s, which is not in the table", m.so, m.needs)
		}
	}
}

// A link out of the user's folder is never followed: the folder may be untrusted.
func TestLoad_ReadsNoLinksOut(t *testing.T) {
	dir, secret := t.TempDir(), filepath.Join(t.TempDir(), "secret.conf")
	write(t, secret, "server { listen 80; }")
	write(t, filepath.Join(dir, "nginx.conf"), "events {}\nhttp { include conf.d/*.conf; server { listen 81; } }")
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "conf.d", "x.conf")); err != nil {
		t.Skip(err)
	}
	tree, err := Load(Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tree.All() {
		if strings.Contains(f.Data, "listen 80") {
			t.Errorf("%s has the text of a file outside", f.Path)
		}
	}
}

func TestLoad_Refuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "notes.txt"), "nothing here")
	for path, kind := range map[string]string{dir: "empty", filepath.Join(dir, "none"): "empty", os.DevNull: "empty"} {
		_, err := Load(Options{Path: path})
		var r *Refused
		if !errors.As(err, &r) || r.Kind != kind || r.Remedy == "" {
			t.Errorf("%s: got %v, want it refused as %s", path, err, kind)
		}
	}
}

// The user's own files go to the lab byte by byte; only a template's copy is filled.
func TestLoad_ChangesNoFile(t *testing.T) {
	text := "events {}\r\nhttp {\n\tserver { listen 80; # ${NOT_ME}\n } }\n"
	file := filepath.Join(t.TempDir(), "nginx.conf")
	write(t, file, text)
	tree, err := Load(Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	if got := find(tree, "/etc/nginx/nginx.conf"); got.Data != text {
		t.Errorf("got %q, want %q", got.Data, text)
	}
	if after, _ := os.ReadFile(file); string(after) != text {
		t.Errorf("the user's file changed to %q", after)
	}
}

// A sample beside the real files is not run; where it is all there is, it is.
func TestLoad_TakesSamplesLast(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "nginx.conf.example"), "events {}\nhttp { include conf.d/*.conf; server { listen 80; } }")
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "conf.d", "more.conf.sample"), "server { listen 81; }")
	tree, err := Load(Options{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	if tree.Main != "/etc/nginx/nginx.conf" || tree.Wrapper {
		t.Errorf("the main file is %s, wrapped: %v", tree.Main, tree.Wrapper)
	}
	if tree.has("/etc/nginx/conf.d/more.conf") {
		t.Error("the sample would be run")
	}
}

// Given variables are taken, and none is listed as made up.
func TestFill_GivenVariables(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "default.conf.template"), "server { listen ${PORT}; location / { proxy_pass http://${APP}; } }")
	tree, err := Load(Options{Path: filepath.Join(dir, "default.conf.template"), Env: map[string]string{"PORT": "81", "APP": "app:9"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := find(tree, "/etc/nginx/default.conf").Data; got != "server { listen 81; location / { proxy_pass http://app:9; } }" {
		t.Errorf("got %q", got)
	}
	for _, s := range tree.Supplied {
		if s.Kind == "variable" {
			t.Errorf("%s was made up though it was given", s.What)
		}
	}
}

func find(tree *Tree, path string) agentapi.File {
	for _, f := range tree.All() {
		if f.Path == path {
			return f
		}
	}
	return agentapi.File{}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// In a template a name in small letters is the environment's where nginx takes no variable.
func TestFill_Template(t *testing.T) {
	text := "upstream a { server ${node_ip}:443; } server { listen ${front_port}; server_name ${name}; return 200 ${host}$uri; }"
	for template, want := range map[bool]string{
		true:  "upstream a { server " + madeUpAddress("node_ip") + ":443; } server { listen 8080; server_name name.example.com; return 200 ${host}$uri; }",
		false: text,
	} {
		if got, _ := fill(text, "x", substitution{template: template}); got != want {
			t.Errorf("a template: %v: got %s, want %s", template, got, want)
		}
	}
}

// Servers that a template distinguishes by their ports stay apart.
func TestFill_Ports(t *testing.T) {
	f := substitution{ports: map[string]string{}}
	got, _ := fill("listen ${HTTP_PORT}; listen [::]:${HTTP_PORT}; listen ${HTTPS_PORT} ssl; listen ${ADMIN_PORT};", "a", f)
	if want := "listen 8080; listen [::]:8080; listen 8443 ssl; listen 8081;"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got, _ = fill("proxy_pass http://127.0.0.1:${ADMIN_PORT}; server app:${APP_PORT};", "b", f)
	if want := "proxy_pass http://127.0.0.1:8081; server app:8080;"; got != want {
		t.Errorf("another file: got %s, want %s", got, want)
	}
}

// In a sample, and where another file defines it, a name in capitals is nginx's own.
func TestFill_KeepsNginxVariables(t *testing.T) {
	tree, err := Load(Options{Path: "testdata/capitals"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"shop.conf.sample": "root $SHOP_DIR/web;",
		"app.template":     "root ${SHOP_DIR}/app-folder;",
	} {
		if got, _ := tree.fill(tree.text(name), name); !strings.Contains(got, want) {
			t.Errorf("%s became %q, want %q in it", name, got, want)
		}
	}
}

// A folder whose names say nothing is looked into.
func TestLoad_ByContent(t *testing.T) {
	for folder, want := range map[string]string{"sitename": "shop", "examplename": "shop.example"} {
		tree, err := Load(Options{Path: "testdata/" + folder})
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		if len(tree.Supplied) != 1 || tree.Supplied[0].What != want || len(tree.Notes) > 0 {
			t.Errorf("%s: supplied %v, notes %q; want a wrapper around %s", folder, tree.Supplied, tree.Notes, want)
		}
	}
	var r *Refused
	if _, err := Load(Options{Path: "testdata/noconfig"}); !errors.As(err, &r) || r.Kind != "empty" {
		t.Errorf("a folder with no config at all: %v", err)
	}
}

func TestTemplateOf(t *testing.T) {
	tree := &Tree{userFiles: map[string]item{"templates/ports.template": {}, "a/x.template": {}, "b/x.template": {}, "y.sample": {}, "z.conf": {}}}
	for file, want := range map[string]string{
		"/etc/nginx/conf.d/ports.active": "templates/ports.template",
		"/etc/nginx/x.active":            "", // which of the two?
		"/etc/nginx/y.active":            "",
		"/etc/nginx/z.active":            "",
	} {
		if got := tree.templateOf(file); got != want {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
}

// What the distribution has at /etc/nginx/sites-available is no site of a config that includes that folder.
func TestClear_SitesAvailable(t *testing.T) {
	for glob, cleared := range map[string]bool{"/etc/nginx/sites-available/*.conf": true, "/etc/nginx/conf.d/*.conf": false} {
		tree, err := Load(Options{Path: "testdata/sitename"})
		if err != nil {
			t.Fatal(err)
		}
		tree.image["/etc/nginx/sites-available/welcome.conf"] = "server { listen 80; }"
		tree.includeGlobs = []includeGlob{{glob: glob, context: "http"}}
		(&settler{t: tree}).clearDistribution()
		text, _, _ := tree.read("/etc/nginx/sites-available/welcome.conf")
		if (text == "") != cleared {
			t.Errorf("%s: the image's own site is now %q", glob, text)
		}
	}
}

func TestStartsBy_NotesAStartThatIsNotRun(t *testing.T) {
	for _, c := range []struct {
		path, argv string
		noted      bool
	}{
		{"deploy/nginx", "/docker-entrypoint.sh nginx", true},
		{"deploy/nginx", "tini -- nginx", false},
		{"deploy/nginx", "", false},
		{"", "/docker-entrypoint.sh nginx", false}, // it is run
	} {
		tree := &Tree{options: Options{Path: c.path}}
		tree.StartsBy(strings.Fields(c.argv), nil)
		if noted := len(tree.Notes) == 1 && strings.Contains(tree.Notes[0], "("+c.argv+") is not run"); noted != c.noted {
			t.Errorf("%q with %q: notes %q", c.argv, c.path, tree.Notes)
		}
	}
}

func TestFillFits(t *testing.T) {
	for text, want := range map[string]string{
		"proxy_buffers ${BUFS};":                                  "proxy_buffers 8 16k;",
		"proxy_buffers ${N} ${SIZE};":                             "proxy_buffers 8 10m;",
		"proxy_cache_path /c keys_zone=z:${ROOM_FOR_KEYS};":       "proxy_cache_path /c keys_zone=z:10m;",
		"proxy_cache_path /c keys_zone=z:1m inactive=${IDLE};":    "proxy_cache_path /c keys_zone=z:1m inactive=60s;",
		"proxy_ssl_verify_depth ${DEPTH};":                        "proxy_ssl_verify_depth 10;",
		"proxy_next_upstream_tries ${TRIES};":                     "proxy_next_upstream_tries 10;",
		"keepalive ${POOL};":                                      "keepalive 10;",
		"server app:80 max_fails=${FAILS} fail_timeout=${PAUSE};": "server app:80 max_fails=10 fail_timeout=60s;",
		"limit_req zone=a burst=${PEAK};":                         "limit_req zone=a burst=10;",
		"server ${APP_IP}:8080;":                                  "server " + madeUpAddress("APP_IP") + ":8080;",
		"proxy_pass http://${APP_IP}:8080;":                       "proxy_pass http://" + madeUpAddress("APP_IP") + ":8080;",
		"listen ${LISTEN_IP}:80;":                                 "listen 0.0.0.0:80;",
		"allow ${OFFICE_IP};":                                     "allow 198.18.0.0/15;",
		"return ${CODE};":                                         "return 503;",
		"limit_req_status ${TOO_MANY};":                           "limit_req_status 503;",
		"gzip_comp_level ${LEVEL};":                               "gzip_comp_level 5;",
		"fastcgi_pass ${PHP}:${PHP_PORT};":                        "fastcgi_pass php:8080;",
		"proxy_pass ${APP_URL}:${APP_PORT};":                      "proxy_pass http://app-url:8080;",
		"ssl_protocols ${TLS_OLDEST};":                            "ssl_protocols TLSv1.2;",
		"proxy_ssl_ciphers ${ALLOWED};":                           "proxy_ssl_ciphers HIGH;",
		"proxy_set_header X-Ip ${CLIENT_NAME};":                   "proxy_set_header X-Ip client-name;",
	} {
		if got, _ := fill(text, "x", substitution{}); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}

// Of several made-up values in a line nginx complains of the one in the directive that it names, or that it quotes.
func TestMadeUpFor(t *testing.T) {
	const text = "listen ${PORT}; server_tokens ${SHOWN}; location / { fastcgi_pass ${FPM}:${PORT}; limit_rate ${ALLOWED}; }"
	tree := &Tree{At: "/etc/nginx", userFiles: map[string]item{"a.conf": {text: text}}, origin: map[string]string{"/etc/nginx/a.conf": "a.conf"},
		Supplied: []audit.Supply{{Kind: "variable", What: "PORT", With: "80"}, {Kind: "variable", What: "SHOWN", With: "shown"},
			{Kind: "variable", What: "FPM", With: "fpm:80"}, {Kind: "variable", What: "ALLOWED", With: "allowed"}}}
	for says, want := range map[string]string{
		`"limit_rate" directive invalid value`:                    "ALLOWED",
		`invalid value "shown"`:                                   "SHOWN",
		`invalid port in upstream "fpm:80:80"`:                    "FPM",
		`invalid number of arguments in "listen" directive`:       "PORT",
		`invalid value "x" in "server_tokens" directive, it must`: "SHOWN",
	} {
		if got, ok := tree.madeUpFor(startupError{text: says, file: "/etc/nginx/a.conf", line: 1}); !ok || got.What != want {
			t.Errorf("%s: %q, not %q", says, got.What, want)
		}
	}
	tree.guessing = &guess{name: "PORT"}
	if got, _ := tree.madeUpFor(startupError{text: `invalid port in upstream "fpm:80:80"`, file: "/etc/nginx/a.conf", line: 1}); got.What != "PORT" {
		t.Errorf("%q, not the one that is being tried", got.What)
	}
}

// A file that is copied to the name of a folder that the image has goes into it, as Docker does it.
func TestCopyOntoFolder(t *testing.T) {
	for line, want := range map[string]string{
		"COPY site.conf /etc/nginx/conf.d":              "/etc/nginx/conf.d/site.conf",
		"COPY site.conf /etc/nginx/conf.d/":             "/etc/nginx/conf.d/site.conf",
		"ADD site.conf /etc/nginx/sites-enabled":        "/etc/nginx/sites-enabled/site.conf",
		"COPY site.conf /etc/nginx":                     "/etc/nginx/site.conf",
		"COPY site.conf /etc/nginx/conf.d/default.conf": "/etc/nginx/conf.d/default.conf",
		"COPY conf /etc/nginx/conf.d":                   "/etc/nginx/conf.d/a.conf",
	} {
		got := ""
		for _, m := range mountsOf("Dockerfile", "FROM nginx\n"+line+"\n") {
			m.each([]string{"conf/a.conf", "site.conf"}, func(_, to string) { got = to })
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestOneSlip(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"backend", "backed"}: true, {"backend", "bakcend"}: true, {"backend", "backand"}: true, {"backend", "backends"}: true,
		{"backend", "backend"}: false, {"app1", "app2"}: false, {"app-1", "app-12"}: false, {"web", "wep"}: false, {"backend", "frontend"}: false,
	} {
		if oneSlip(pair[0], pair[1]) != want || oneSlip(pair[1], pair[0]) != want {
			t.Errorf("%v: want %v", pair, want)
		}
	}
}
