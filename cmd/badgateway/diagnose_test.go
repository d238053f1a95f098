package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/scenarios"
)

// on80 is what is said of texts on a terminal of 80 columns.
func on80(t *testing.T, text string, whole bool) (string, *diagnose.Report) {
	t.Helper()
	r := scenarios.Book().NewReport(diagnose.Filter{})
	if err := r.Read(strings.NewReader(text), "line"); err != nil {
		t.Fatal(err)
	}
	if r.Finish(); len(r.Causes) == 0 {
		return "", r
	}
	return diagnosisText(r, 80, 3, whole), r
}

func checkCurt(t *testing.T, name, text string) {
	t.Helper()
	if n := strings.Count(text, "\n"); n > curtLines {
		t.Errorf("%s takes %d lines:\n%s", name, n, text)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%s: a line takes %d columns: %s", name, n, line)
		}
	}
}

func TestDiagnose_IsCurtWhereTheLineIsClear(t *testing.T) {
	clear := 0
	files, _ := filepath.Glob(filepath.Join(checkout, "scenarios", "testdata", "diagnose", "lines", "*.txt"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
				continue
			}
			if said, r := on80(t, line, false); said != "" && r.Causes[0].Confidence() == diagnose.High {
				clear++
				checkCurt(t, strings.TrimSpace(line), said)
			}
		}
	}
	if clear < 100 {
		t.Errorf("only %d lines of the material are clear", clear)
	}
}

// Each cause fits, whatever line it is seen in: one of an address of usual length.
func TestDiagnose_HasTextsThatFit(t *testing.T) {
	line := diagnose.ReadLine(`2026/01/02 15:04:05 [error] 12#12: *3 something (111: Connection refused) while connecting to upstream, client: 203.0.113.70, ` +
		`server: shop.example, request: "GET / HTTP/1.1", upstream: "fastcgi://10.20.30.40:8080", host: "shop.example"`)
	for _, c := range scenarios.Book().Causes() {
		r := scenarios.Book().NewReport(diagnose.Filter{})
		r.Lines = 1
		r.Causes = []*diagnose.Count{{Cause: c, Sure: 95, N: 1, Line: line}}
		checkCurt(t, c.Slug, diagnosisText(r, 80, 3, false))
	}
}
