package main

import (
	"context"
	"encoding/json"
	"errors"

	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

// measuredReport is what the runner may give: a route that keeps clients waiting for so long.
func measuredReport(wait time.Duration) *audit.Report {
	place := nginxconf.Place{File: "nginx.conf", Line: 5}
	r := &audit.Report{
		Schema: audit.Schema, Config: "conf", Main: "nginx.conf", Gateway: "nginx/1.26.3", Clock: "moved", Verdict: audit.Passed,
		Faults: []audit.FaultInfo{{ID: "silent", Title: "silent", Claim: "the upstream says nothing"}},
		Routes: []audit.Route{{
			ID: "example.com/", Location: "/", Role: nginxconf.Content, Protocol: "http", Pass: "http://app", Place: place, Reached: true,
			Endpoints: []audit.Endpoint{{Name: "app:80"}}, Healthy: audit.Outcome{Status: 200, Page: "upstream"},
			Measurements: []audit.Measurement{{Fault: "silent", Method: "GET", Outcome: audit.Outcome{Status: 504, Page: "nginx", Waited: wait}}},
		}},
	}
	if wait >= time.Minute {
		r.Findings = []audit.Finding{{Rule: "long-wait", Severity: "medium", Title: "visitors wait", Place: place, Routes: []string{"example.com/"}, Faults: []string{"silent"}}}
	}
	return r
}

// checked runs the command with a runner that gives these reports, one after the other, under the policy that it is given.
func checked(t *testing.T, args []string, reports ...*audit.Report) (out string, asked []measure.Options, err error) {
	t.Helper()
	c := newCheckCommand(func(_ context.Context, o measure.Options) (*audit.Report, error) {
		if len(asked) == len(reports) {
			t.Fatal("the runner is called too often")
		}
		r := reports[len(asked)]
		asked = append(asked, o)
		o.Policy.Apply(r, time.Now())
		return r, nil
	})
	var b strings.Builder
	c.SetOut(&b)
	c.SetErr(&strings.Builder{})
	c.SetArgs(args)
	c.SilenceErrors, c.SilenceUsage = true, true
	err = c.ExecuteContext(context.Background())
	return b.String(), asked, err
}

// --static asks no runner, and so no engine: it reads, says that nothing was measured, and fails as findings do.
func TestCheck_Static(t *testing.T) {
	bad := t.TempDir()
	conf := "events {}\nhttp {\nserver {\nlisten 80;\nlocation /files {\nalias /srv/files/;\n}\nlocation / {\nproxy_pass http://app:8080;\n}\n}\n}\n"
	if err := os.WriteFile(filepath.Join(bad, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	out, asked, err := checked(t, []string{"--static", bad})
	if !errors.Is(err, errDiffers) || len(asked) != 0 {
		t.Errorf("%v, asked %v", err, asked)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("it took %s", took)
	}
	for _, want := range []string{"HIGH", "[alias-traversal]", "nginx.conf:6", "advice   alias /srv/files;", "findings: 1 high in 1 route; nothing was measured"} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in\n%s", want, out)
		}
	}
	good := filepath.Join(t.TempDir(), "nginx.conf")
	if err := os.WriteFile(good, []byte(strings.Replace(conf, "/files {", "/files/ {", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _, err := checked(t, []string{"--static", good}); err != nil || !strings.Contains(out, "read: nothing to object to in 1 route; nothing was measured") {
		t.Errorf("%v\n%s", err, out)
	}
	// What nobody waives fails; what the policy waives does not.
	policy := filepath.Join(bad, "badgateway.yaml")
	if err := os.WriteFile(policy, []byte("waive:\n- {rule: alias-traversal, reason: nothing is above, until: 2999-01-01}\nroutes:\n  ':80/': {status: [200]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _, err := checked(t, []string{"--static", bad}); err != nil || !strings.Contains(out, "1 waived") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, flag := range []string{"--keep", "--init", "--against=x", "--repeat=2", "--image=x", "--fault=silent"} {
		if _, _, err := checked(t, []string{"--static", good, flag}); err == nil || !strings.Contains(err.Error(), "--static only reads") {
			t.Errorf("%s: %v", flag, err)
		}
	}
	broken := filepath.Join(t.TempDir(), "nginx.conf")
	if err := os.WriteFile(broken, []byte("http {\nserver {\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var refused refusedCheck
	if _, _, err := checked(t, []string{"--static", broken}); !errors.As(err, &refused) {
		t.Error(err)
	}
}

// configFolderOf makes a folder with a config.
func configFolderOf(t *testing.T) string {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte("events {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestCheck_ExitCodes(t *testing.T) {
	dir := configFolderOf(t)
	refused := &audit.Report{Config: "conf", Refused: &audit.Refusal{Message: "unknown directive \"foo\"", Place: nginxconf.Place{File: "nginx.conf", Line: 3}, Remedy: "mend it"}}
	for name, c := range map[string]struct {
		args   []string
		report *audit.Report
		want   int
	}{
		"within the policy":    {nil, measuredReport(time.Second), exitOK},
		"a finding":            {nil, measuredReport(time.Minute), exitDiffers},
		"a finding let pass":   {[]string{"--fail-on", "high"}, measuredReport(time.Minute), exitOK},
		"the config refused":   {nil, refused, exitBadInput},
		"refused, as JSON too": {[]string{"--json"}, refused, exitBadInput},
	} {
		_, _, err := checked(t, append([]string{dir}, c.args...), c.report)
		if got := exitCode(err); got != c.want {
			t.Errorf("%s: %d, want %d (%v)", name, got, c.want, err)
		}
	}
	_, _, err := checked(t, []string{dir}, refused)
	if err == nil || err.Error() != `conf can't be loaded: nginx.conf:3: unknown directive "foo"` {
		t.Errorf("a refused config says %v", err)
	}
	if got := exitCode(checkError(&measure.NoLab{Err: errors.New("no engine")})); got != exitNoLab {
		t.Errorf("no lab: %d", got)
	}
	if got := exitCode(checkError(&measure.NoLab{Err: &lab.NoNginxError{Version: "1.2"}})); got != exitBadInput {
		t.Errorf("a version that there is not: %d", got)
	}
}

func TestCheck_RefusesBadFlagsFirst(t *testing.T) {
	dir := configFolderOf(t)
	for want, args := range map[string][]string{
		"name a config":               {},
		"name one config":             {"a", "b"},
		"--format is":                 {dir, "--format", "xml"},
		"--fail-on is":                {dir, "--fail-on", "all"},
		"leave out --nginx":           {dir, "--image", "nginx:1.29", "--nginx", "1.22"},
		"one --route and one --fault": {dir, "--keep", "--route", "a"},
		"leave out --route":           {dir, "--init", "--route", "a"},
		"--image nginx::1: invalid":   {"--image", "nginx::1"},
		"three different things":      {dir, "--init", "--against", "b"},
		"goes with --init":            {dir, "--force"},
		"--env =x: a variable":        {dir, "--env", "=x"},
		"reading the policy":          {dir, "--policy", filepath.Join(dir, "none.yaml")},
		"the old config":              {dir, "--against", filepath.Join(dir, "none")},
		"nothing after the colon":     {dir, "--against", "git:"},
		"name a config)":              {"--image", "x", "--against", "git:main"},
		"name its file with --policy": {"--image", "x", "--init"},
	} {
		want = strings.TrimSuffix(want, ")")
		if _, asked, err := checked(t, args); err == nil || !strings.Contains(err.Error(), want) || len(asked) > 0 {
			t.Errorf("%v: %v, want %q", args, err, want)
		} else if got := exitCode(err); got != exitBadInput {
			t.Errorf("%v: exit code %d", args, got)
		}
	}
}

func TestCheck_Formats(t *testing.T) {
	dir := configFolderOf(t)
	out, asked, err := checked(t, []string{dir, "--nginx", "1.26", "--env", "A=b=c", "--real-time"}, measuredReport(time.Minute))
	if !errors.Is(err, errDiffers) {
		t.Errorf("got %v", err)
	}
	contains(t, out, "What visitors get", "MEDIUM   visitors wait [long-wait]", "--nginx 1.26 --env A --real-time --route example.com/ --fault silent\n")
	if strings.Contains(out, "b=c") {
		t.Error("a value of the environment is in the report")
	}
	if o := asked[0]; o.Path != dir || o.Nginx != "1.26" || !o.RealTime || o.Env["A"] != "b=c" || len(o.FaultList) == 0 || len(o.Rules) == 0 {
		t.Errorf("asked for %+v", o)
	}
	one, asked, _ := checked(t, []string{dir, "--route", "/", "--fault", "silent"}, measuredReport(time.Minute))
	contains(t, one, "fault       silent: the upstream says nothing\n", "visitor     504 Gateway Timeout after 60 s\n")
	if !reflect.DeepEqual(asked[0].Routes, []string{"/"}) || !reflect.DeepEqual(asked[0].Faults, []string{"silent"}) {
		t.Errorf("asked for %+v", asked[0])
	}
	markdown, _, _ := checked(t, []string{dir, "--format", "markdown"}, measuredReport(time.Minute))
	contains(t, markdown, "### medium: visitors wait\n")
	text, _, _ := checked(t, []string{dir, "--json"}, measuredReport(time.Minute))
	var r audit.Report
	if err := json.Unmarshal([]byte(text), &r); err != nil || r.Schema != audit.Schema || r.FailOn != "medium" || !strings.HasPrefix(r.Command, "badgateway") && !strings.Contains(r.Command, " check ") {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestCheck_AppliesThePolicyBesideTheConfig(t *testing.T) {
	dir := configFolderOf(t)
	file := filepath.Join(dir, audit.PolicyName)
	out, _, err := checked(t, []string{dir, "--init"}, measuredReport(5*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, file+" holds what visitors get now")
	if _, _, err := checked(t, []string{dir}, measuredReport(5*time.Second)); err != nil {
		t.Errorf("under the policy that was made of it: %v", err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "nginx.conf")} {
		out, asked, err := checked(t, []string{path}, measuredReport(50*time.Second))
		if !errors.Is(err, errDiffers) || asked[0].Policy.File != file {
			t.Errorf("%s, with another wait: %v", path, err)
		}
		contains(t, out, "Against "+file)
	}
	if _, asked, err := checked(t, []string{dir, "--init"}); err == nil || !strings.Contains(err.Error(), "--force overwrites it") || len(asked) > 0 {
		t.Errorf("a second --init: %v", err)
	}
	if _, _, err := checked(t, []string{dir, "--init", "--force"}, measuredReport(50*time.Second)); err != nil {
		t.Error(err)
	}
	if _, _, err := checked(t, []string{dir}, measuredReport(50*time.Second)); err != nil {
		t.Errorf("after --init --force: %v", err)
	}
}

func TestCheck_WritesReports(t *testing.T) {
	dir, reports := configFolderOf(t), filepath.Join(t.TempDir(), "deep", "report")
	r := measuredReport(time.Minute)
	r.Config = dir
	if err := os.Mkdir(filepath.Join(dir, "..", ".git"), 0o755); err != nil { // the repository's root
		t.Fatal(err)
	}
	if _, _, err := checked(t, []string{dir, "--reports", reports}, r); !errors.Is(err, errDiffers) {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"report.html": "<!DOCTYPE html>", "report.json": `"schema": "badgateway.check/1"`, "junit.xml": "<testsuites",
		"report.sarif": `"uri": "` + filepath.Base(dir) + `/nginx.conf"`,
	} {
		text, err := os.ReadFile(filepath.Join(reports, name))
		if err != nil {
			t.Error(err)
		}
		contains(t, string(text), want)
	}
}

func TestEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("# names\nA=1\n\n B=two words \"\nFROM_OUTSIDE\nNOT_THERE_AT_ALL\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FROM_OUTSIDE", "x")
	got, err := environment(t.Context(), file, []string{"A=2", "C="})
	if want := map[string]string{"A": "2", "B": `two words "`, "FROM_OUTSIDE": "x", "C": ""}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.WriteFile(file, []byte("A=1\n=x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := environment(t.Context(), file, nil); err == nil || !strings.HasPrefix(err.Error(), file+":2: ") {
		t.Errorf("a bad line: %v", err)
	}
}

func TestCheck_Against(t *testing.T) {
	dir, other := configFolderOf(t), configFolderOf(t)
	out, asked, err := checked(t, []string{dir, "--against", other}, measuredReport(5*time.Second), measuredReport(50*time.Second))
	if !errors.Is(err, errDiffers) || asked[0].Path != other || asked[1].Path != dir {
		t.Errorf("%v, asked for %+v", err, asked)
	}
	contains(t, out, other+" -> ", "Worse\n- example.com/, upstream silent: 504 after 5 s before, after 50 s now")
	if _, _, err := checked(t, []string{dir, "--against", other}, measuredReport(50*time.Second), measuredReport(5*time.Second)); err != nil {
		t.Errorf("a change for the better: %v", err)
	}
	_, asked, _ = checked(t, []string{dir, "--nginx", "1.30", "--against", "nginx:1.22"}, measuredReport(0), measuredReport(0))
	if asked[0].Nginx != "1.22" || asked[0].Path != dir || asked[1].Nginx != "1.30" {
		t.Errorf("two versions: %+v", asked)
	}
	_, asked, _ = checked(t, []string{"--image", "mine:2", "--against", "image:mine:1"}, measuredReport(0), measuredReport(0))
	if asked[0].Image != "mine:1" || asked[1].Image != "mine:2" || asked[0].Path != "" {
		t.Errorf("two images: %+v", asked)
	}
	out, _, _ = checked(t, []string{dir, "--against", other, "--format", "markdown"}, measuredReport(5*time.Second), measuredReport(50*time.Second))
	contains(t, out, "### Worse\n\n- `example.com/`, upstream silent")
}

// What the lab failed to measure is not known: nobody takes that for proof, on whichever side of a comparison it is. What is known to
// be worse goes before it.
func TestCheck_TheLabFailed(t *testing.T) {
	failed := func(wait time.Duration) *audit.Report {
		r := measuredReport(wait)
		lost := audit.Measurement{Fault: "silent", Method: "POST", Error: "the sandbox was killed"}
		r.Routes[0].Measurements = append(r.Routes[0].Measurements, lost)
		return r
	}
	unreached := func() *audit.Report {
		r := measuredReport(0)
		r.Routes[0].Reached, r.Routes[0].Measurements = false, nil
		return r
	}
	dir, other := configFolderOf(t), configFolderOf(t)
	measured := measuredReport(5 * time.Second)
	for _, c := range []struct {
		args    []string
		reports []*audit.Report
		want    int
	}{
		{nil, []*audit.Report{failed(0)}, exitNoLab},
		{[]string{"--against", other}, []*audit.Report{measured, failed(5 * time.Second)}, exitNoLab},
		{[]string{"--against", other}, []*audit.Report{failed(5 * time.Second), measured}, exitNoLab},
		{[]string{"--against", other}, []*audit.Report{failed(5 * time.Second), failed(5 * time.Second)}, exitNoLab},
		{[]string{"--against", other}, []*audit.Report{measured, failed(50 * time.Second)}, exitDiffers},
		{[]string{"--against", other}, []*audit.Report{unreached(), unreached()}, exitDiffers},
		{[]string{"--against", other}, []*audit.Report{measured, measured}, exitOK},
		{[]string{"--repeat", "2"}, []*audit.Report{failed(0), failed(0)}, exitNoLab},
		{[]string{"--repeat", "2"}, []*audit.Report{measuredReport(0), failed(0)}, exitDiffers},
		{[]string{"--fix"}, []*audit.Report{failed(0)}, exitNoLab},
		{[]string{"--init"}, []*audit.Report{failed(0)}, exitNoLab},
	} {
		out, _, err := checked(t, append([]string{dir}, c.args...), c.reports...)
		if got := exitCode(err); got != c.want {
			t.Errorf("%v: %d, want %d (%v)\n%s", c.args, got, c.want, err, out)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, audit.PolicyName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a policy was written of what was not measured: %v", err)
	}
}

// The old revision is read where it is, in the repository: nothing of it is put on the disk.
func TestCheck_AgainstRevision(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	folder := t.TempDir()
	out, asked, err := checked(t, []string{folder, "--against", "git:origin/main"}, measuredReport(0), measuredReport(0))
	if err != nil || len(asked) != 2 || asked[0].Path != folder || asked[0].Revision != "origin/main" || asked[1].Path != folder || asked[1].Revision != "" {
		t.Errorf("%v, %+v", err, asked)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	contains(t, out, "git:origin/main:", "visitors would notice no difference")
}
