package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/scenario"
)

const evidenceDir = "../../harness/scenario/report/testdata/evidence"

// judgeOf runs the command, and returns what it prints, its error's text and its exit code.
func judgeOf(in io.Reader, words ...string) (out, says string, code int) {
	var b bytes.Buffer
	c := root()
	c.SetIn(in)
	c.SetOut(&b)
	c.SetErr(&b)
	c.SetArgs(append([]string{"judge"}, words...))
	err := c.Execute()
	if err != nil {
		says = err.Error()
	}
	return b.String(), says, exitCode(err)
}

func storedFile(name string) string { return filepath.Join(evidenceDir, name) }

func TestJudge_ExitCodes(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile(storedFile("passed-status.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	old := write("old.json", strings.Replace(string(good), "badgateway.run/2", "badgateway.run/1", 1))
	half := write("half.json", string(good[:len(good)/2]))
	forged := write("forged.json", strings.Replace(string(good), `"errno": 111,`+"\n            \"errno_text\"", `"errno": 110,`+"\n            \"errno_text\"", 1))
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "endless")); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		words []string
		in    string
		code  int
		out   string
		says  string
	}{
		"passed":              {[]string{storedFile("passed-status.json")}, "", 0, "fpm-dead (real)  passed", ""},
		"a table of several":  {[]string{storedFile("passed-status.json"), storedFile("passed-wait.json"), storedFile("passed-cut.json"), storedFile("passed-no-log.json")}, "", 0, "7 passed, 0 failed\n" + storedFile("passed-status.json") + ": nginx/1.22.1 in ", ""},
		"run twice":           {[]string{storedFile("passed-status.json"), storedFile("passed-status.json")}, "", 0, "fpm-dead (real), nginx/1.22.1  2/2 passed\nfpm-dead (fake), nginx/1.22.1  2/2 passed\n\n", ""},
		"failed":              {[]string{storedFile("failed-wait.json")}, "", 1, "expected 60 s", "something differs"},
		"an error":            {[]string{storedFile("error.json")}, "", 1, "ERROR", "something differs"},
		"skipped":             {[]string{storedFile("skipped.json")}, "", 2, "skipped", "nothing is proven: all was skipped, as a limit on a container's memory is missing"},
		"standard input":      {[]string{"-"}, string(good), 0, "on a fake: the same, after 1 ms; took 80 ms", ""},
		"nothing to read":     {[]string{"-"}, "", 2, "", "standard input: it is empty"},
		"no file":             {nil, "", 2, "", "name a file of evidence"},
		"one that is missing": {[]string{filepath.Join(dir, "none.json")}, "", 2, "", "none.json: no such file"},
		"an old schema":       {[]string{storedFile("passed-status.json"), old}, "", 2, "", "old.json: its schema is badgateway.run/1"},
		"a truncated one":     {[]string{half}, "", 2, "", "half.json: it ends in the middle"},
		"a forged one":        {[]string{forged}, "", 2, "FAILED", "forged.json: fpm-dead (real) is told as passed, and its evidence says failed (log: expected [error] connect() failed (111)"},
		"a folder":            {[]string{dir}, "", 2, "", "this is no regular file"},
		"a device":            {[]string{filepath.Join(dir, "endless")}, "", 2, "", "this is no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, says, code := judgeOf(strings.NewReader(c.in), c.words...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(says, c.says) || c.out == "" && out != "" {
				t.Errorf("code %d, want %d; it says %q, want %q; it prints\n%s", code, c.code, says, c.says, out)
			}
		})
	}
}

func TestJudge_JSONAndReports(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "report")
	out, says, code := judgeOf(nil, "--json", "--reports", dir, storedFile("passed-attempts.json"), storedFile("failed-log.json"))
	if code != exitDiffers {
		t.Errorf("code %d: %s", code, says)
	}
	var verdicts []string
	for line := range strings.Lines(out) {
		var e scenario.Evidence
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		verdicts = append(verdicts, e.Verdict)
	}
	if got := strings.Join(verdicts, " "); got != "passed passed failed" {
		t.Errorf("the verdicts are %s", got)
	}
	for _, name := range []string{"junit.xml", "index.html", "evidence.json"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	// What it writes it can judge.
	if out, says, code := judgeOf(nil, filepath.Join(dir, "evidence.json")); code != exitDiffers || !strings.Contains(out, "nginx") {
		t.Errorf("code %d: %s\n%s", code, says, out)
	}
}
