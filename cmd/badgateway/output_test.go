package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The test's program is the command itself, for those who start it with this variable.
func TestMain(m *testing.M) {
	if os.Getenv("BADGATEWAY_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command runs this program's command, and returns what it prints and its exit code.
func ran(t *testing.T, in string, words ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	c := exec.Command(os.Args[0], words...)
	c.Dir, c.Env = in, append(os.Environ(), "BADGATEWAY_COMMAND=1")
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// hostileText is what somebody may name a thing.
const hostileText = "\x1b]0;owned\x07\u202e\u200b\u009b2J\r\n::error::x\n##vso[task.complete]"

func TestOutput_RefusalsAreEscaped(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "spec.json"), []byte(`[{"listen":"127.0.0.1:0","protocol":"`+"\u202e"+`\u001b[2J\n::error::"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "badgateway.yaml"), []byte("all:\n  ? \"\\e[2J\\u202e\\n::error::x\"\n  : 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte("events {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{
		{hostileText}, {"help", hostileText}, {"list", hostileText}, {"list", "causes", hostileText}, {"run", hostileText}, {"run", "fpm-dead", "--twin", hostileText}, {"run", "fpm-dead", "--config", hostileText},
		{"run", "fpm-dead", "--shard", hostileText}, {"lab", hostileText}, {"lab", "fpm-dead", "--listen", hostileText}, {"completion", hostileText},
		{"check", hostileText, hostileText}, {"check", "nginx.conf"}, {"check", "nginx.conf", "--policy", hostileText}, {"check", "nginx.conf", "--format", hostileText},
		{"check", "nginx.conf", "--init", "--against", hostileText}, {"check", "nginx.conf", "--env", hostileText + "=1"}, {"check", "nginx.conf", "--env-file", hostileText},
		{"check", "nginx.conf", "--reports", "nginx.conf/" + hostileText}, {"fake", hostileText}, {"fake", "--" + hostileText}, {"fake", "--spec", hostileText},
		{"fake", "--spec", "spec.json"}, {"fake", "--listen", hostileText}, {"fake", "--listen", ":0", "--do", hostileText}, {"images", hostileText},
		{"--" + hostileText},
	} {
		out, errs, code := ran(t, dir, words...)
		if code != exitBadInput {
			t.Errorf("%q: exit code %d, %q", words, code, errs)
		}
		for _, raw := range []string{"\x1b", "\x07", "\u202e", "\u200b", "\u009b", "\r", "##vso["} {
			if strings.Contains(out+errs, raw) {
				t.Errorf("%q: %q is printed as it came: %q", words, raw, out+errs)
			}
		}
		for line := range strings.Lines(out + "\n" + errs) {
			if strings.HasPrefix(strings.TrimSpace(line), "::error") {
				t.Errorf("%q: a line is a command to a CI system: %q", words, line)
			}
		}
	}
}

func TestOutput_RefusalsAreBounded(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	if _, errs, _ := ran(t, t.TempDir(), "list", long); len(errs) > 17<<10 || !strings.Contains(errs, "bytes more)") {
		t.Errorf("%d bytes for an argument of %d", len(errs), len(long))
	}
}

// What is printed goes through an output: one who names the files of the process, or prints without saying where, goes past it.
func TestOutput_IsTheOnlyWayOut(t *testing.T) {
	allowed := map[string]string{
		"cmd/badgateway/output.go":         "it is the output",
		"harness/agentmain/agent_other.go": "a text of our own",
		"harness/internal/example/":        "for tests alone, no part of the command",
		"harness/internal/agent/":          "speaks to the driving program, inside of the container",
		"harness/internal/docker/reap.go":  "the watcher of a run that is gone: nobody reads it",
		"harness/internal/docker/find.go":  "compares, and writes nothing",
	}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		name = filepath.ToSlash(name)
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		for place := range allowed {
			if strings.HasPrefix(name, place) {
				return nil
			}
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if !ok {
					return true
				}
				switch what := x.Name + "." + n.Sel.Name; what {
				case "os.Stdout", "os.Stderr", "fmt.Print", "fmt.Printf", "fmt.Println", "syscall.Stdout", "syscall.Stderr":
					t.Errorf("%s:%d: %s goes past the output (output.go)", name, files.Position(n.Pos()).Line, what)
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "print" || f.Name == "println") {
					t.Errorf("%s:%d: %s goes past the output (output.go)", name, files.Position(n.Pos()).Line, f.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
