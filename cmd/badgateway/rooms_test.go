package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rooms are the folders of harness; a file of one may import those of a lower number, and others of its own room. What is at
// the bottom is used by all. CONTRIBUTING.md says what each holds.
var rooms = map[string]int{
	"internal": 0, "hostfile": 0, "terminal": 0,
	"agentmain": 1, "gateway": 1,
	"lab":     2,
	"backend": 3, "fault": 3,
	"scenario": 4,
	"match":    5, "audit": 5,
}

func TestImports_RoomsOfHarnessRunOneWay(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "harness")
	files, err := filepath.Glob(filepath.Join(root, "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(filepath.Join(root, "*", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range append(files, deeper...) {
		if strings.HasSuffix(file, "_test.go") {
			continue // an example shows several rooms at once
		}
		rel, _ := filepath.Rel(root, file)
		from, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		seen[from] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if why := againstRooms(from, path); why != "" {
				t.Errorf("harness/%s imports %s: %s", rel, path, why)
			}
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("no Go file is in harness/%s", room)
		}
	}
}

// againstRooms says why a file of that room of harness may not import the package; empty when it may.
func againstRooms(from, path string) string {
	rest, ours := strings.CutPrefix(path, module+"/harness/")
	if !ours {
		return ""
	}
	to, _, _ := strings.Cut(rest, "/")
	above, known := rooms[from]
	below, there := rooms[to]
	switch {
	case !known || !there:
		return "one of the two rooms is not in the plan: see rooms in this test, and CONTRIBUTING.md"
	case from != to && above > 0 && below >= above, above == 0 && below > 0:
		return "rooms are used from above"
	}
	return ""
}

func TestImports_ARoomAboveIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"lab", "gateway/nginx", true},
		{"lab", "internal/docker", true},
		{"gateway", "lab", false},
		{"internal", "lab", false},
		{"internal", "terminal", true},
		{"fault", "backend", false},
		{"match", "scenario", true},
		{"audit", "match", false},
		{"audit", "audit/report", true},
		{"lab", "cellar", false},
	} {
		if why := againstRooms(c.from, module+"/harness/"+c.to); (why == "") != c.allowed {
			t.Errorf("harness/%s imports harness/%s: %q", c.from, c.to, why)
		}
	}
}
