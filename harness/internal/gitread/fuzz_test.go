package gitread

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// put writes an object as git does, each in a file of its own, and gives its name.
func put(t *testing.T, dir, kind string, data []byte) string {
	t.Helper()
	text := append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...)
	id := fmt.Sprintf("%x", sha1.Sum(text))
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(text)
	z.Close()
	write(t, filepath.Join(dir, ".git/objects", id[:2], id[2:]), out.Bytes())
	return id
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzRepository holds that no commit, tree, branch, setting or pack makes the reading fall over or go on without end, and that no
// name of a file leads out of the folder.
func FuzzRepository(f *testing.F) {
	f.Add("ref: refs/heads/main\n", "# pack-refs with: peeled\n", "[core]\n\tbare = false\n", "author x\n\n", []byte("100644 nginx.conf\x00aaaaaaaaaaaaaaaaaaaa"), []byte("\xfftOc\x00\x00\x00\x02"), []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x00"))
	f.Add("main", "x refs/heads/main\n^y\n", "[extensions]\n\tobjectFormat = sha256\n[a \"b\\\"\"]\n\tc = \"d\\n\n", "parent x\n", []byte("40000 ..\x00aaaaaaaaaaaaaaaaaaaa120000 .git\x00aaaaaaaaaaaaaaaaaaaa160000 a/b\x00aaaaaaaaaaaaaaaaaaaa"), bytes.Repeat([]byte{0xff}, 2000), []byte("PACK"))
	f.Fuzz(func(t *testing.T, head, refs, settings, commit string, tree, index, data []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, ".git/HEAD"), []byte(head))
		write(t, filepath.Join(dir, ".git/packed-refs"), []byte(refs))
		write(t, filepath.Join(dir, ".git/config"), []byte(settings))
		write(t, filepath.Join(dir, ".git/objects/pack/pack-x.idx"), index)
		write(t, filepath.Join(dir, ".git/objects/pack/pack-x.pack"), data)
		root := put(t, dir, "tree", tree)
		id := put(t, dir, "commit", []byte("tree "+root+"\n"+commit))
		write(t, filepath.Join(dir, ".git/refs/heads/main"), []byte(id+"\n"))
		r, err := Find(dir)
		if err != nil {
			return
		}
		defer r.Close()
		for _, revision := range []string{"HEAD", "main", "main^", "main~3", id, id[:7], commit} {
			at, err := r.Commit(revision)
			if err != nil {
				continue
			}
			files, err := r.Files(at)
			if err != nil {
				continue
			}
			seen := 0
			_ = fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, err error) error {
				if seen++; !fs.ValidPath(name) || seen > len(tree)+10 {
					t.Fatalf("the file %d is called %q", seen, name)
				}
				_, _ = files.ReadLink(name)
				if file, err := files.Open(name); err == nil {
					file.Close()
				}
				return nil
			})
		}
	})
}

// FuzzDelta holds that what is made of an object and a delta has the size that the delta says, which is bounded.
func FuzzDelta(f *testing.F) {
	f.Add([]byte("abcdef"), []byte("\x06\x03\x90\x03"))
	f.Add([]byte("abcdef"), []byte("\x06\x04\x02xy\x91\x04\x02"))
	f.Add([]byte(""), []byte("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x80"))
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		r := &Repository{}
		out, err := r.apply(base, delta)
		if err == nil && int64(len(out)) > maxPiece || len(out) > len(delta)*max(len(base), 127) {
			t.Fatalf("%d and %d bytes make %d", len(base), len(delta), len(out))
		}
	})
}
