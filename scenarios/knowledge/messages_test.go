package knowledge

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/diagnose"
	"github.com/badgateway/badgateway/harness/gateway/apache"
)

var updateMessages = flag.Bool("update-messages", false, "write with which causes the messages of servers are diagnosed now")

// What a server can log of an upstream, but for what nothing from outside brings about, is known by name. A table has a message a line, in
// columns, the last of which is the cause; whole makes the line of the log that it comes in.
func knownByName(t *testing.T, table string, columns int, whole func(column []string) string) {
	t.Helper()
	t.Parallel()
	b := book(t)
	file := filepath.Join(material, table)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var anew strings.Builder
	n := 0
	for row := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(row, "\n"), "\t")
		if strings.HasPrefix(row, "#") {
			anew.WriteString(row)
			continue
		}
		if len(f) != columns {
			t.Fatalf("%s: want %d columns in %q", table, columns, row)
		}
		n++
		line, want := whole(f), f[columns-1]
		slug := "nothing"
		if all := b.Candidates(diagnose.ReadLine(line)); len(all) > 0 {
			slug = all[0].Cause.Slug
		}
		if slug == "nothing" || want != slug && !*updateMessages {
			t.Errorf("%s is diagnosed as %s, want %s", line, slug, want)
		}
		if c := b.Cause(want); c != nil && c.Side == diagnose.Unknown {
			t.Errorf("%s: %s is of no side", table, line)
		}
		f[columns-1] = slug
		anew.WriteString(strings.Join(f, "\t") + "\n")
	}
	if n == 0 {
		t.Fatalf("%s has no messages", table)
	}
	t.Logf("%d messages", n)
	if *updateMessages {
		if err := os.WriteFile(file, []byte(anew.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNginxMessages_AreKnownByName(t *testing.T) {
	knownByName(t, "nginx-messages.tsv", 4, func(f []string) string {
		line := fmt.Sprintf("2026/01/02 15:04:05 [%s] 12#12: *3 %s", f[0], f[1])
		if f[2] != "" {
			line += " while " + f[2]
		}
		if f[0] == "emerg" {
			return line
		}
		line += `, client: 10.0.0.7, server: site.example, request: "GET / HTTP/1.1"`
		if strings.Contains(f[2], "upstream") {
			line += `, upstream: "http://10.0.0.5:8080/"`
		}
		return line + `, host: "site.example"`
	})
}

func TestApacheMessages_AreKnownByName(t *testing.T) {
	knownByName(t, "apache-messages.tsv", 5, func(f []string) string {
		failed := f[2]
		if failed != "" {
			failed += ": "
		}
		return fmt.Sprintf("[Fri Jan 02 15:04:05.123456 2026] [%s:%s] [pid 12:tid 34] %s%s", f[0], f[1], failed, f[3])
	})
}

// Apache 2.2 wrote its messages without a number; they mean the same.
func TestApacheMessages_AreKnownWithoutNumber(t *testing.T) {
	t.Parallel()
	b := book(t)
	text, err := os.ReadFile(filepath.Join(material, "apache-messages.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	numbered := regexp.MustCompile(`AH\d{5}: `)
	n := 0
	for row := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(row, "\n"), "\t")
		if strings.HasPrefix(row, "#") || !numbered.MatchString(f[3]) {
			continue
		}
		message := numbered.ReplaceAllString(f[3], "")
		if apache.Code(strings.ToLower(message)) == "" {
			continue
		}
		n++
		if f[2] != "" {
			message = f[2] + ": " + message
		}
		all := b.Candidates(diagnose.ReadLine("[Fri Jan 02 15:04:05 2026] [error] " + message))
		if len(all) == 0 || all[0].Cause.Slug != f[4] {
			t.Errorf("%s: want %s, got %v", message, f[4], all)
		}
	}
	if n < 100 {
		t.Errorf("%d messages are tried, want 100 or more", n)
	}
}

func TestHAProxySessions_AreKnownByName(t *testing.T) {
	knownByName(t, "haproxy-sessions.tsv", 4, func(f []string) string {
		flags := f[0]
		if flags != "----" {
			flags += "--"
		}
		return fmt.Sprintf(`Jan  2 15:04:05 lb haproxy[12]: 10.0.0.7:40000 [02/Jan/2026:15:04:05.123] fe %s 0/0/1/-1/20 %s 212 - - %s 1/1/0/0/0 0/0 "GET / HTTP/1.1"`, f[2], f[1], flags)
	})
}

func TestFPMMessages_AreKnownByName(t *testing.T) {
	knownByName(t, "fpm-messages.tsv", 3, func(f []string) string {
		if f[0] == "-" { // PHP's own
			return "[02-Jan-2026 15:04:05 UTC] " + f[1]
		}
		return fmt.Sprintf("[02-Jan-2026 15:04:05] %s: %s", f[0], f[1])
	})
}
