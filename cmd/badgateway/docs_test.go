package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const checkout = "../.."

// page is one of the texts at the top of the checkout.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// allTests is the text of all tests of the project.
func allTests(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(checkout, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestSecurity_NamesTestsThatExist(t *testing.T) {
	_, proofs, found := strings.Cut(page(t, "SECURITY.md"), "\n## Which test proves it\n")
	if !found {
		t.Fatal("SECURITY.md no longer says which test proves what")
	}
	proofs, _, _ = strings.Cut(proofs, "\n## ")
	tests, rows := allTests(t), 0
	for line := range strings.Lines(proofs) {
		cells := strings.Split(line, " | ")
		if len(cells) != 2 || !strings.Contains(cells[1], "`") {
			continue
		}
		rows++
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			if name := m[1]; !strings.Contains(tests, `"`+name+`"`) && !strings.Contains(tests, "\nfunc "+name+"(t ") {
				t.Errorf("there is no test %q", name)
			}
		}
	}
	if rows == 0 {
		t.Error("no line names a test")
	}
}

func TestPages_LinkToWhatExists(t *testing.T) {
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)[^):]*\)`).FindAllStringSubmatch(page(t, name), -1) {
			if _, err := os.Stat(filepath.Join(checkout, m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}

// What is added to the catalogue has no line to change in these pages.
func TestPages_DoNotCountTheCatalogue(t *testing.T) {
	count := regexp.MustCompile(`\d+ (scenarios|runs|families)\b|\b\d{2,3} of \d{2,3}\b`)
	for _, name := range []string{"README.md", "CHANGELOG.md"} {
		for _, found := range count.FindAllString(page(t, name), -1) {
			t.Errorf("%s says %q, which is untrue with the next scenario", name, found)
		}
	}
}
