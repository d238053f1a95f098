package provision

import (
	"path"
	"slices"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

const (
	// maxMissing bounds the files that a config includes and that are nowhere: a config of more is not all here.
	maxMissing = 2_000
	// maxGlobbed bounds the names that are compared with the includes that have wildcards.
	maxGlobbed = 50_000_000
)

// noteMissing notes an included file that is nowhere among the user's.
func (t *Tree) noteMissing(file string, asked nginxconf.Place) error {
	if t.missing == nil {
		t.missing = map[string]bool{}
	}
	if t.missing[file] = true; len(t.missing) > maxMissing {
		return refuse("limit", asked, "check it together with the files that it includes",
			"more than %d files are included that are not here; the first beyond is %s", maxMissing, file)
	}
	return nil
}

// keep takes a file that was read after the folder was.
func (t *Tree) keep(name string, it item) {
	if _, known := t.userFiles[name]; !known && t.names != nil {
		t.addName(name)
	}
	t.userFiles[name] = it
	delete(t.unread, name)
}

// filesNamed gives the user's files of that name, or that are filled to one of that name, sorted by their path.
func (t *Tree) filesNamed(base string) []string {
	if t.names == nil {
		t.names = map[string][]string{}
		for _, name := range keys(t.userFiles) {
			t.addName(name)
		}
	}
	return t.names[base]
}

func (t *Tree) addName(name string) {
	plain, _ := target(name)
	t.insertName(path.Base(name), name)
	if path.Base(plain) != path.Base(name) {
		t.insertName(path.Base(plain), name)
	}
}

func (t *Tree) insertName(base, name string) {
	at, _ := slices.BinarySearch(t.names[base], name)
	t.names[base] = slices.Insert(t.names[base], at, name)
}
