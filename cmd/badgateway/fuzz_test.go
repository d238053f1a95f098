package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzEnvironment holds that a file of variables gives names that are names, each from a line of its own, or a short refusal.
func FuzzEnvironment(f *testing.F) {
	for _, text := range []string{"A=b\n# c\n\n D=e=f\nPATH\n", "=x", "a b=c", "A=\x00\xff", "A='b'\r\n", strings.Repeat("x", 70000), "\ufeffA=b"} {
		f.Add(text)
	}
	file := filepath.Join(f.TempDir(), "env")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := environment(t.Context(), file, nil)
		if err != nil {
			if n := len(err.Error()); n > 4096+4*len(text) {
				t.Fatalf("%d bytes are refused in %d", len(text), n)
			}
			return
		}
		if lines := 1 + strings.Count(text, "\n"); len(all) > lines {
			t.Fatalf("%d variables of %d lines", len(all), lines)
		}
		for name, value := range all {
			if name == "" || strings.ContainsAny(name, " \t\n=") || strings.Contains(value, "\n") && os.Getenv(name) != value {
				t.Fatalf("%q is %q", name, value)
			}
		}
	})
}
