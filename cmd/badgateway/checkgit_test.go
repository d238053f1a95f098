package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// A revision may be a stranger's: nothing of it gets out of the folder that it is unpacked into.
func TestUnpackStaysInside(t *testing.T) {
	outside := t.TempDir()
	for name, headers := range map[string][]tar.Header{
		"a name":                 {{Name: "../escaped", Typeflag: tar.TypeReg}},
		"an absolute name":       {{Name: filepath.Join(outside, "escaped"), Typeflag: tar.TypeReg}},
		"through a link":         {{Name: "out", Linkname: outside, Typeflag: tar.TypeSymlink}, {Name: "out/escaped", Typeflag: tar.TypeReg}},
		"through a relative one": {{Name: "up", Linkname: "..", Typeflag: tar.TypeSymlink}, {Name: "up/escaped", Typeflag: tar.TypeReg}},
	} {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, h := range headers {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		dir := filepath.Join(parent, "in")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unpack(&archive, dir); err == nil {
			t.Errorf("%s: no error", name)
		}
		for _, place := range []string{parent, outside} {
			if _, err := os.Stat(filepath.Join(place, "escaped")); err == nil {
				t.Errorf("%s: a file got out to %s", name, place)
			}
		}
	}
}
