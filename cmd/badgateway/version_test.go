package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command says of what version it is, and whatever else it takes is not asked for.
func TestVersion_IsSaidByEveryCommand(t *testing.T) {
	var all [][]string
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		all = append(all, path)
		for _, sub := range c.Commands() {
			walk(sub, append(path[:len(path):len(path)], sub.Name()))
		}
	}
	walk(root(), nil)
	for _, path := range all {
		c := root()
		var out strings.Builder
		c.SetOut(&out)
		c.SetErr(&out)
		c.SetArgs(append(path, "--version"))
		if err := c.Execute(); err != nil || out.String() != versionText() {
			t.Errorf("%q: %q, %v", path, out.String(), err)
		}
	}
	if v := version(); v == "" || strings.ContainsAny(v, "() \n") {
		t.Errorf("the version is %q", v)
	}
}
