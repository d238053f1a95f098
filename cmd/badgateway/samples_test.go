package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands print now into the README")

// printedBy is what stands in a page under the command that prints it, until an empty line.
var printedBy = regexp.MustCompile(`(?m)^<!-- badgateway (.+) -->\n((?:.+\n)+)`)

// fence stands around what is no table.
const fence = "```\n"

func TestReadme_ShowsWhatCommandsPrint(t *testing.T) {
	text := page(t, "README.md")
	found := printedBy.FindAllStringSubmatch(text, -1)
	if len(found) == 0 {
		t.Fatal("no table names the command that prints it")
	}
	for _, m := range found {
		command, shown := m[1], m[2]
		now := said(t, strings.Fields(command)...)
		if strings.HasPrefix(shown, fence) {
			now = fence + now + fence
		}
		if shown == now {
			continue
		}
		if !*update {
			t.Errorf("README.md does not show what badgateway %s prints; go test ./cmd/badgateway -run Readme -update puts it there:\n%s", command, now)
		}
		text = strings.Replace(text, m[0], "<!-- badgateway "+command+" -->\n"+now, 1)
	}
	if *update {
		if err := os.WriteFile(filepath.Join(checkout, "README.md"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
