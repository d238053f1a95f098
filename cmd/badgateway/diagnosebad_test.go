package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What can't be diagnosed is told with what helps.
func TestDiagnose_TellsWhatHelpsWithABadArgument(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "syslog")
	if err := os.WriteFile(file, []byte("Jan  2 15:04:05 web1 kernel: Out of memory: Killed process 1 (x)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   []string
		want   string
		nobody bool // nothing recognised, which is no bad input
	}{
		{[]string{"https://shop.example/api", "502"}, "--explain-config", false},
		{[]string{"502"}, "--explain-config", false},
		{[]string{""}, "an argument is empty", false},
		{[]string{filepath.Join(folder, "none.log")}, "in quotes", false},
		{[]string{folder}, "is a directory", false},
		{[]string{"--until", "1999-01-01", file}, "of another time", true},
	} {
		command := diagnoseCommand()
		var out bytes.Buffer
		command.SetOut(&out)
		command.SetErr(&out)
		command.SetArgs(c.args)
		err := command.Execute()
		switch {
		case err == nil, errors.Is(err, errDiffers) != c.nobody:
			t.Errorf("%q: %v", c.args, err)
		case !strings.Contains(out.String()+err.Error(), c.want):
			t.Errorf("%q: %v\n%s", c.args, err, out.String())
		}
	}
}
