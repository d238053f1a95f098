package nginxconf_test

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// written is a config as it was read, every word in quotes.
func written(block []*nginxconf.Directive) string {
	var b strings.Builder
	for _, d := range block {
		for _, word := range append([]string{d.Name}, d.Args...) {
			b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `" `)
		}
		if d.Block == nil {
			b.WriteString(";\n")
			continue
		}
		b.WriteString("{\n" + written(d.Block) + "}\n")
	}
	return b.String()
}

// FuzzReadAgain holds that a config that is read and written down is read as the same.
func FuzzReadAgain(f *testing.F) {
	for _, text := range []string{
		`http { server { listen 80; location ~ "^/a{2}\.php$" { return 200 'it''s'; } } }`, `a "b\"c" 'd\'e' f\ g h\;i "\t\n\\";`, "a # b\nc;", `a ${b}c{d;}`, `"" '' ;`, "a {} b {c;}",
		`map $a $b { "~^(?<n>\d+)$" $n; default ""; }`, `if ($a ~* "x") { break; }`, "include x.conf;", "a b", "a {", "}", ";", "\r\na\r\n;", "\ufeffa;",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "include") || strings.Contains(text, "lua") { // whose words are not words any more
			return
		}
		read := func(text string) (*nginxconf.Config, error) {
			return nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
		}
		c, err := read(text)
		if err != nil {
			return
		}
		first := written(c.Main)
		again, err := read(first)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, first, err)
		}
		if second := written(again.Main); second != first {
			t.Fatalf("%q is written as %q and then as %q", text, first, second)
		}
	})
}

// FuzzFiles holds that includes, of files that include each other and that are not there, come to an end.
func FuzzFiles(f *testing.F) {
	f.Add("include a.conf; include b.conf;", "include b.conf;", "include a.conf;")
	f.Add("http { include *.conf; }", "include /etc/nginx/*;", "server { include a.conf; }")
	f.Add("include [; include nginx.conf;", "include ../nginx.conf;", "include ;")
	f.Fuzz(func(t *testing.T, main, a, b string) {
		files := nginxconf.Map(map[string]string{"nginx.conf": main, "a.conf": a, "b.conf": b})
		if c, err := nginxconf.Read(files, "nginx.conf", "/etc/nginx"); err == nil {
			c.Routes(t.Context())
		}
	})
}

// FuzzUnits holds that what is taken for a time or a size is one.
func FuzzUnits(f *testing.F) {
	for _, s := range []string{"60", "60s", "1m30s", "500ms", "1y", "1M", "10k", "9223372036854775807", "1d 2h", "-1", "1g", "", "s", "99999999999999999999y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := nginxconf.Duration(s); err == nil && d < 0 {
			t.Fatalf("%q is %v", s, d)
		}
		if n, err := nginxconf.Size(s); err == nil && n < 0 {
			t.Fatalf("%q is %d", s, n)
		}
	})
}
