package knowledge

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/diagnose"
)

var updateMessages = flag.Bool("update-messages", false, "write with which causes nginx's messages are diagnosed now")

// What nginx can log of an upstream, but for what nothing from outside brings about, is known by name: level, message, phase and cause.
func TestNginxMessages_AreKnownByName(t *testing.T) {
	t.Parallel()
	b := book(t)
	file := filepath.Join(material, "nginx-messages.tsv")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var anew strings.Builder
	n := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) < 3 {
			anew.WriteString(line)
			continue
		}
		n++
		whole := fmt.Sprintf("2026/01/02 15:04:05 [%s] 12#12: *3 %s", f[0], f[1])
		if f[2] != "" {
			whole += " while " + f[2]
		}
		if f[0] != "emerg" {
			whole += `, client: 10.0.0.7, server: site.example, request: "GET / HTTP/1.1"`
			if strings.Contains(f[2], "upstream") {
				whole += `, upstream: "http://10.0.0.5:8080/"`
			}
			whole += `, host: "site.example"`
		}
		slug := "nothing"
		if all := b.Candidates(diagnose.ReadLine(whole)); len(all) > 0 {
			slug = all[0].Cause.Slug
		}
		if slug == "nothing" || len(f) > 3 && f[3] != slug && !*updateMessages {
			t.Errorf("%s is diagnosed as %s, want %v", whole, slug, f[3:])
		}
		fmt.Fprintf(&anew, "%s\t%s\t%s\t%s\n", f[0], f[1], f[2], slug)
	}
	t.Logf("%d messages of nginx", n)
	if *updateMessages {
		if err := os.WriteFile(file, []byte(anew.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkErrorLog(b *testing.B) {
	book := book(b)
	var log strings.Builder
	for i := 0; log.Len() < 8<<20; i++ {
		fmt.Fprintf(&log, "2026/01/02 15:%02d:%02d [error] 12#12: *%d upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.0.7, "+
			"server: site.example, request: \"GET /%d HTTP/1.1\", upstream: \"http://10.0.0.%d:8080/\", host: \"site.example\"\n", i/60%60, i%60, i, i%50, i%9)
	}
	b.SetBytes(int64(log.Len()))
	for b.Loop() {
		r := book.NewReport(diagnose.Filter{})
		if err := r.Read(strings.NewReader(log.String()), "error.log"); err != nil {
			b.Fatal(err)
		}
		r.Finish()
	}
}

// BenchmarkCount is what grep -c does over the same bytes, for a ratio.
func BenchmarkCount(b *testing.B) {
	line := "2026/01/02 15:04:05 [error] 12#12: *3 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 10.0.0.7\n"
	log := strings.Repeat(line, 8<<20/len(line))
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		n := 0
		for l := range strings.Lines(log) {
			if strings.Contains(l, "timed out") {
				n++
			}
		}
	}
}
