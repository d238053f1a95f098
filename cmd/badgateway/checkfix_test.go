package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
)

// fixed is a report with one proven mend of a file in a folder of its own, which is a repository's root.
func fixed(t *testing.T) (file string, report *audit.Report) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "conf", "nginx.conf")
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("events {}\nhttp {\n}\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	r := measuredReport(time.Minute)
	r.Findings[0].Proof = "504 after 60 s before, 504 after 5 s with it"
	r.Fix = []audit.FileChange{{File: file, Before: "events {}\nhttp {\n}\n", After: "events {}\nhttp {\n    server_tokens off;\n}\n"}}
	return file, r
}

func TestCheckFix_IsADiffFromTheRepositorysRoot(t *testing.T) {
	g := NewWithT(t)
	file, r := fixed(t)
	out, _, err := checked(t, []string{file, "--fix"}, r)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(Equal("--- a/conf/nginx.conf\n+++ b/conf/nginx.conf\n@@ -1,3 +1,4 @@\n events {}\n http {\n+    server_tokens off;\n }\n"))
	now, _ := os.ReadFile(file)
	g.Expect(string(now)).To(Equal("events {}\nhttp {\n}\n"), "the file itself stays")
}

func TestCheckFix_Writes(t *testing.T) {
	g := NewWithT(t)
	file, r := fixed(t)
	out, _, err := checked(t, []string{file, "--fix", "--write"}, r)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out).To(BeEmpty())
	now, _ := os.ReadFile(file)
	g.Expect(string(now)).To(Equal(r.Fix[0].After))
	info, _ := os.Stat(file)
	g.Expect(info.Mode().Perm()).To(Equal(os.FileMode(0o640)))

	_, _, err = checked(t, []string{file, "--fix", "--write"}, r)
	g.Expect(err).To(MatchError(ContainSubstring("was changed since it was checked")))
	file, r = fixed(t)
	link := filepath.Join(filepath.Dir(file), "link.conf")
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err)
	}
	r.Fix[0].File = link
	_, _, err = checked(t, []string{file, "--fix", "--write"}, r)
	g.Expect(err).To(MatchError(ContainSubstring("is a link")))
}

func TestCheckFix_GoesAlone(t *testing.T) {
	for _, flags := range [][]string{{"--write"}, {"--fix", "--static"}, {"--fix", "--init"}, {"--fix", "--json"}} {
		if _, _, err := checked(t, append([]string{"conf"}, flags...)); err == nil {
			t.Errorf("%v is taken", flags)
		}
	}
}
