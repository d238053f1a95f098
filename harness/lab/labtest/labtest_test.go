package labtest_test

import (
	"os"
	"strings"
	"testing"
)

// What the README shows is a whole file, and this package has it: it is compiled, and run where an engine is.
func TestReadme_ShowsTheExample(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	if shown := "```go\n" + string(example) + "```\n"; !strings.Contains(string(readme), shown) {
		t.Error("the README does not show example_readme_test.go as it is: copy the whole file into its block of Go")
	}
}
