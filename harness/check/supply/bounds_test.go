package supply

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A config whose includes are nowhere is refused where they become too many, and does not look for each among all files.
func TestTooManyMissingIncludesAreRefused(t *testing.T) {
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
