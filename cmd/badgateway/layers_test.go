package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/badgateway/badgateway"

// layers are the top folders; what stands in one may import those of a lower number, and others of its own folder.
var layers = map[string]int{"fakeupstream": 0, "harness": 1, "scenarios": 2, "suites": 3, "cmd": 3}

// Every file counts, for whatever system and with whatever build tag, tests included.
func TestImports_RunOneWay(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		from, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		seen[from] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range parsed.Imports {
			path, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if why := against(from, path); why != "" {
				t.Errorf("%s imports %s: %s", rel, path, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for folder := range layers {
		if !seen[folder] {
			t.Errorf("no Go file is in %s", folder)
		}
	}
}

// against says why a file of that top folder may not import the package; empty when it may.
func against(from, path string) string {
	rest, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return ""
	}
	to, _, _ := strings.Cut(rest, "/")
	above, known := layers[from]
	below, there := layers[to]
	switch {
	case !known || !there:
		return "the layers have no place for one of the two"
	case from != to && below >= above:
		return "imports run cmd, suites -> scenarios -> harness -> fakeupstream"
	}
	return ""
}

func TestImports_TheOtherWayIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, path string
		allowed    bool
	}{
		{"fakeupstream", "net/http", true},
		{"fakeupstream", module + "/harness/hostfile", false},
		{"harness", module + "/fakeupstream", true},
		{"harness", module + "/harness/internal/agentapi", true},
		{"harness", module + "/scenarios", false},
		{"scenarios", module + "/harness", true},
		{"scenarios", module + "/cmd/badgateway", false},
		{"suites", module + "/cmd/badgateway", false},
		{"cmd", module + "/scenarios", true},
		{"cmd", module + "/elsewhere", false},
	} {
		if why := against(c.from, c.path); (why == "") != c.allowed {
			t.Errorf("%s imports %s: %q", c.from, c.path, why)
		}
	}
}
