package scenarios

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/scenarios/knowledge"
)

var updateDiagnosed = flag.Bool("update-diagnosed", false, "write with which causes the catalogue's evidence is diagnosed now")

// Each scenario's own evidence is recognised, and as what is a list that is read by eye when it changes.
func TestCatalogue_IsDiagnosedAsItself(t *testing.T) {
	t.Parallel()
	book := Book()
	var b strings.Builder
	b.WriteString("# With which causes the evidence of each scenario is diagnosed (go test ./scenarios -run Diagnosed -update-diagnosed makes it anew).\n")
	for _, s := range All() {
		for _, text := range Evidence(s) {
			all := book.Candidates(diagnose.ReadLine(text))
			if len(all) == 0 {
				t.Errorf("%s: nothing is known of its line %q", s.ID, text)
				continue
			}
			listed := func(c diagnose.Candidate) bool {
				return slices.ContainsFunc(c.Cause.Shown, func(sh diagnose.Shown) bool { return sh.ID == s.ID })
			}
			if !slices.ContainsFunc(all[:min(2, len(all))], listed) {
				t.Errorf("%s: its line %q is not diagnosed as itself, but as %s", s.ID, text, all[0].Cause.Slug)
			}
			if s.Expect.Status >= 500 && len(s.Expect.Log) > 0 && all[0].Cause.Healthy() {
				t.Errorf("%s: its line %q is said to be well (%s)", s.ID, text, all[0].Cause.Slug)
			}
		}
		fmt.Fprintf(&b, "%s: %s\n", s.ID, strings.Join(Diagnosed(book, s), " "))
	}
	golden := filepath.Join("testdata", "diagnose", "scenarios.txt")
	if *updateDiagnosed {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(want)) {
		if id, slugs, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			known[id] = slugs
		}
	}
	for line := range strings.Lines(b.String()) {
		id, slugs, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if was, there := known[id]; ok && there && was != slugs {
			t.Errorf("%s is diagnosed as %s, and was as %s", id, slugs, was)
		}
	}
}

// What gateways and backends log while they are well is no failure, line by line and read as whole logs.
func TestHealthyLines_AreNothingWrong(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(filepath.Join("testdata", "diagnose", "healthy", "*.txt"))
	lines := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, log, _ := strings.Cut(string(text), "\n") // the first line says what it is
		for line := range strings.Lines(log) {
			lines++
			for _, blamed := range Blamed(lab.Exchange{UpstreamLog: []string{strings.TrimSpace(line)}}) {
				t.Errorf("%s: %s", filepath.Base(name), blamed)
			}
		}
		r := Book().NewReport(diagnose.Filter{})
		if err := r.Read(strings.NewReader(log), name); err != nil {
			t.Fatal(err)
		}
		r.Finish()
		for _, c := range r.Causes {
			if !c.Cause.Healthy() {
				t.Errorf("%s, read whole, is diagnosed as %s: %s", filepath.Base(name), c.Cause.Slug, c.Evidence[0].Text)
			}
		}
	}
	if len(files) < 10 || lines < 200 {
		t.Errorf("only %d lines in %d files", lines, len(files))
	}
}

// The list of slugs is what others build on: it has all of them, and none of another side.
func TestSlugs_AreStable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "diagnose", "slugs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), "\t"); len(f) == 3 {
			listed[f[0]] = f[1]
		}
	}
	for _, c := range knowledge.Causes() {
		if side, ok := listed[c.Slug]; !ok {
			t.Errorf("slugs.txt lacks %s\t%s\t%s", c.Slug, c.Side, c.Says)
		} else if side != string(c.Side) {
			t.Errorf("%s is of the side %s, and slugs.txt says %s", c.Slug, c.Side, side)
		}
		delete(listed, c.Slug)
		if c.Says == "" || c.Source == "" || !c.Healthy() && (c.Confirm == "" || c.Remedy == "") && c.Slug != "client-scan" && c.Slug != "page-unknown" {
			t.Errorf("%s lacks a sentence, a source, a check or a remedy", c.Slug)
		}
	}
	for slug := range listed {
		t.Errorf("slugs.txt has %s, which no cause is", slug)
	}
}
