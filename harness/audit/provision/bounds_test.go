package provision

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A config whose includes are nowhere is refused where they become too many, and does not look for each among all files.
func TestLoad_BoundsMissingIncludes(t *testing.T) {
	root := t.TempDir()
	var main strings.Builder
	main.WriteString("events {}\nhttp {\n")
	for i := range maxMissing + 1 {
		fmt.Fprintf(&main, "include /srv/gone/%d.inc;\ninclude /srv/gone/0.inc;\n", i)
	}
	main.WriteString("}\n")
	files := map[string]string{"nginx.conf": main.String()}
	for i := range 500 {
		files[fmt.Sprintf("other/%d.txt", i)] = "text"
	}
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Load(Options{Path: root})
	var r *Refused
	if !errors.As(err, &r) {
		t.Fatalf("gave %v, want a refusal", err)
	}
	want := fmt.Sprintf("the first beyond is /srv/gone/%d.inc", maxMissing)
	if got := r.Refusal; !strings.Contains(got.Message, want) ||
		got.Kind != "limit" || got.Place.File != "nginx.conf" || got.Place.Line != 2*maxMissing+3 || got.Remedy == "" {
		t.Errorf("refused with %+v", got)
	}
}

// The error pages of a block are looked for once each, and those of all blocks up to a bound that is noted.
func TestSettle_BoundsErrorPages(t *testing.T) {
	for name, c := range map[string]struct {
		format string
		wishes int
		notes  int
	}{"one page": {"error_page %[1]d /x.html;\n", 1, 0}, "many pages": {"error_page 404 /x%[1]d.html;\n", maxPages, 1}} {
		var pages strings.Builder
		for i := range maxPages + 100 {
			fmt.Fprintf(&pages, c.format, i)
		}
		config, err := nginxconf.Read(nginxconf.Map(map[string]string{
			"nginx.conf": "events {}\nhttp {\n" + pages.String() + "server { listen 80; root /srv; }\n}\n"}), "nginx.conf", "/etc/nginx")
		if err != nil {
			t.Fatal(err)
		}
		st := &settler{t: &Tree{}}
		st.errorPages(config)
		if len(st.needed) != c.wishes || len(st.t.Notes) != c.notes {
			t.Errorf("%s: %d wishes, want %d; notes %q", name, len(st.needed), c.wishes, st.t.Notes)
		}
	}
}
