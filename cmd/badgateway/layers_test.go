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

// A plan orders folders: what stands in one may import those of a lower number, and others of its own folder. Those at 0 are
// used by all, each other included. CONTRIBUTING.md says what each holds.
type plan struct {
	root  string         // of the folders, below the module; empty for the top
	order map[string]int // by folder
	tests bool           // tests count, too; where they do not, an example may show several folders at once
	rule  string
}

var plans = []plan{
	{
		order: map[string]int{"fakeupstream": 0, "harness": 1, "scenarios": 2, "suites": 3, "cmd": 3}, tests: true,
		rule: "imports run cmd, suites -> scenarios -> harness -> fakeupstream",
	},
	{
		root: "harness/",
		order: map[string]int{
			"internal": 0, "hostfile": 0, "terminal": 0,
			"agentmain": 1, "gateway": 1,
			"diagnose": 2, "lab": 2,
			"backend": 3, "fault": 3,
			"scenario": 4,
			"match":    5, "audit": 5,
			"live": 6,
		},
		rule: "the rooms of harness are used from above",
	},
}

// Every file counts, for whatever system and with whatever build tag.
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
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(file) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, p := range plans {
			from, in := p.folder(rel)
			if !in || !p.tests && strings.HasSuffix(rel, "_test.go") {
				continue
			}
			seen[p.root+from] = true
			for _, i := range parsed.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					return err
				}
				if why := p.against(from, path); why != "" {
					t.Errorf("%s imports %s: %s", rel, path, why)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range plans {
		for folder := range p.order {
			if !seen[p.root+folder] {
				t.Errorf("no Go file is in %s", p.root+folder)
			}
		}
	}
}

// folder is the one of the plan that holds a path below the module, if one may.
func (p plan) folder(path string) (name string, in bool) {
	rest, in := strings.CutPrefix(path, p.root)
	name, _, deeper := strings.Cut(rest, "/")
	return name, in && deeper
}

// against says why a file of that folder may not import the package; empty when it may.
func (p plan) against(from, path string) string {
	rest, ours := strings.CutPrefix(path, module+"/"+p.root)
	if !ours {
		return ""
	}
	to, _, _ := strings.Cut(rest, "/")
	above, known := p.order[from]
	below, there := p.order[to]
	switch {
	case !known || !there:
		return "the plan has no place for one of the two: see plans in this test, and CONTRIBUTING.md"
	case from != to && (above > 0 || below > 0) && below >= above:
		return p.rule
	}
	return ""
}

func TestImports_TheOtherWayIsAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plan       plan
		from, path string
		allowed    bool
	}{
		{plans[0], "fakeupstream", "net/http", true},
		{plans[0], "fakeupstream", module + "/harness/hostfile", false},
		{plans[0], "harness", module + "/fakeupstream", true},
		{plans[0], "harness", module + "/harness/internal/agentapi", true},
		{plans[0], "harness", module + "/scenarios", false},
		{plans[0], "scenarios", module + "/harness", true},
		{plans[0], "scenarios", module + "/cmd/badgateway", false},
		{plans[0], "suites", module + "/cmd/badgateway", false},
		{plans[0], "cmd", module + "/harness/audit/review", true},
		{plans[0], "cmd", module + "/elsewhere", false},
		{plans[1], "lab", module + "/harness/gateway/nginx", true},
		{plans[1], "lab", module + "/harness/internal/docker", true},
		{plans[1], "gateway", module + "/harness/lab", false},
		{plans[1], "internal", module + "/harness/lab", false},
		{plans[1], "internal", module + "/harness/terminal", true},
		{plans[1], "fault", module + "/harness/backend", false},
		{plans[1], "match", module + "/harness/scenario", true},
		{plans[1], "audit", module + "/harness/match", false},
		{plans[1], "audit", module + "/harness/audit/report", true},
		{plans[1], "lab", module + "/harness/cellar", false},
	} {
		if why := c.plan.against(c.from, c.path); (why == "") != c.allowed {
			t.Errorf("%s%s imports %s: %q", c.plan.root, c.from, c.path, why)
		}
	}
}
