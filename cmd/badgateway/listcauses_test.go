package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/badgateway/badgateway/scenarios"
)

// said is what a command prints.
func said(t *testing.T, words ...string) string {
	t.Helper()
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs(words)
	if err := c.Execute(); err != nil {
		t.Fatalf("%q: %v", words, err)
	}
	return out.String()
}

func TestListCauses(t *testing.T) {
	overview := said(t, "list", "causes")
	lines := strings.Split(strings.TrimSpace(said(t, "list", "causes", "--json")), "\n")
	if len(lines) != len(scenarios.Causes()) {
		t.Errorf("%d lines of JSON for %d causes", len(lines), len(scenarios.Causes()))
	}
	for _, line := range lines {
		var l causeListing
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if l.ID == "" || l.Group == "" || l.Title == "" || len(l.Components) == 0 || l.Scenarios == nil || l.Faults == nil ||
			(len(l.Scenarios) == 0) != (l.Missing != "") {
			t.Errorf("not all is said: %s", line)
		}
		if !strings.Contains(overview, " "+l.ID+" ") {
			t.Errorf("%s is not in the table", l.ID)
		}
		one := said(t, "list", "causes", strings.ToLower(l.ID))
		for _, word := range slices.Concat(l.Scenarios, l.Faults, l.Components, []string{l.ID, l.Group}) {
			if !strings.Contains(one, word) {
				t.Errorf("%s: %q is not in %s", l.ID, word, one)
			}
		}
	}
}

func TestCausesOf_UnknownID(t *testing.T) {
	if _, err := causesOf([]string{"A1", "Z9"}); err == nil || !strings.Contains(err.Error(), `"Z9"`) {
		t.Errorf("got %v", err)
	}
}

func TestCausesTable_FitsIntoEveryTerminal(t *testing.T) {
	for _, width := range []int{60, 80, 119, 120, 160, 400} {
		for line := range strings.Lines(causesTable(scenarios.Causes(), width)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width && !strings.Contains(line, "documented") {
				t.Fatalf("at %d a line of %d: %s", width, n, line)
			}
		}
	}
}

func TestCompleteCauses(t *testing.T) {
	all, _ := completeCauses(nil, nil, "")
	some, _ := completeCauses(nil, nil, "b")
	if len(all) != len(scenarios.Causes()) || len(some) != 6 || !strings.HasPrefix(some[0], "B1\t") {
		t.Errorf("%d, %q", len(all), some)
	}
}
