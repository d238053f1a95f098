package provision

import (
	"path"
	"strings"
	"testing"
)

// FuzzTemplate holds that no text makes the filling of templates fall over, that what is filled is bounded, and that what stays is
// the text's own: where nothing is filled, not a byte changes.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		"server { listen ${PORT}; server_name ${HOST:-example.com}; location / { proxy_pass http://$BACKEND:8080/${A}${A}; } }",
		"set $A 1; map $x $B { default ${C}; } listen $HTTPS_PORT; # ${D}", "{{ .Values.x }}", "{% if a %}", "<%= a %>", "__A_B__ @A@ %%a%% %ABC%", "${a.b} ${A", "${X:-${Y}}", "${",
		"content_by_lua_block { local a = '${A}' -- } \n }", "'", "\"\\", "a{b{c{;}", "$A$B$C\n", "${DOLLAR}host ${DS}", "proxy_pass ${SCHEME}app;", "expires ${TTL}s;",
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, template bool) {
		_ = foreign(text, "x.conf")
		outline(text)
		if bare := code(text); len(bare) != len(text) || strings.Count(bare, "\n") != strings.Count(text, "\n") {
			t.Fatalf("without its comments %q is %q: places would be others", text, bare)
		}
		filled, made := fill(text, "x.conf", substitution{env: map[string]string{"BACKEND": "app"}, ports: map[string]string{}, template: template})
		if len(filled) > 64*(len(text)+1) || len(made) > len(text) {
			t.Fatalf("%d bytes become %d, with %d supplied", len(text), len(filled), len(made))
		}
		if len(made) == 0 && !strings.Contains(text, "BACKEND") && filled != text {
			t.Fatalf("%q becomes %q though nothing is supplied", text, filled)
		}
	})
}

// FuzzDeployment holds that whatever a Dockerfile or a Compose file says, where files go is a clean path, absolute in the container.
func FuzzDeployment(f *testing.F) {
	for _, text := range []string{
		"FROM nginx\nCOPY nginx.conf /etc/nginx/\nADD [\"a b\", \"/x\"]\nCOPY --from=x a /b\nCOPY a \\\n b /c/\nCOPY ../../etc /d/../../e",
		"services:\n  web:\n    volumes:\n    - ./a:/etc/nginx:ro\n    - \"${PWD}/b:/c\"\n    - type: bind\n      source: ./d\n      target: /e\n    - ../../x:/../y\n",
		"COPY /\x00 /\nCOPY", "- a:/b", strings.Repeat("COPY a b /c\n", 100),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"Dockerfile", "a/b/Dockerfile.prod", "compose.yaml", "x/docker-compose.yml"} {
			all := mountsOf(name, text)
			if len(all) > 2*len(text) {
				t.Fatalf("%s of %d bytes has %d mounts", name, len(text), len(all))
			}
			for _, m := range all {
				if to := strings.ReplaceAll(m.to, "\x00", ""); !strings.HasPrefix(m.to, "/") || path.Clean(to) != to {
					t.Fatalf("%s: %q goes to %q", name, m.from, m.to)
				}
				m.each([]string{"a/b.conf", "nginx.conf"}, func(from, to string) {
					if !strings.HasPrefix(to, "/") {
						t.Fatalf("%q goes to %q", from, to)
					}
				})
			}
		}
	})
}
