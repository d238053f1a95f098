package gitread

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// forged is a repository that no git made: objects as they are given, under the names that are given.
type forged struct {
	t   *testing.T
	dir string
}

func newForged(t *testing.T) forged {
	f := forged{t, t.TempDir()}
	f.write("HEAD", []byte("ref: refs/heads/main\n"))
	f.write("refs/heads/main", []byte(strings.Repeat("a", 40)+"\n"))
	return f
}

func (f forged) write(name string, data []byte) {
	f.t.Helper()
	full := filepath.Join(f.dir, ".git", name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(full, data, 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func packedBytes(data []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(data)
	z.Close()
	return out.Bytes()
}

// loose writes an object, and gives its name.
func (f forged) loose(kind string, data []byte) string {
	whole := append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...)
	sum := sha1.Sum(whole)
	id := hex.EncodeToString(sum[:])
	f.write("objects/"+id[:2]+"/"+id[2:], packedBytes(whole))
	return id
}

func (f forged) find() *Repository {
	f.t.Helper()
	r, err := Find(f.dir)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { r.Close() })
	return r
}

// entryOf is an object of a pack: its head, what stands between, its bytes.
func entryOf(kind, size int, between, data []byte) []byte {
	c := byte(kind<<4 | size&15)
	out := []byte{}
	for size >>= 4; size > 0; size >>= 7 {
		out = append(out, c|0x80)
		c = byte(size & 0x7f)
	}
	return append(append(append(out, c), between...), packedBytes(data)...)
}

// pack writes a pack of these entries, under these names.
func (f forged) pack(entries map[string][]byte, order ...string) {
	body := []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	places := map[string]uint32{}
	for _, id := range order {
		places[id] = uint32(len(body))
		body = append(body, entries[id]...)
	}
	var index bytes.Buffer
	index.WriteString("\xfftOc\x00\x00\x00\x02")
	var sorted []string
	for b := range 256 {
		for _, id := range order {
			if strings.HasPrefix(id, fmt.Sprintf("%02x", b)) {
				sorted = append(sorted, id)
			}
		}
		if err := binary.Write(&index, binary.BigEndian, uint32(len(sorted))); err != nil {
			f.t.Fatal(err)
		}
	}
	for _, id := range sorted {
		raw, _ := hex.DecodeString(id)
		index.Write(raw)
	}
	index.Write(make([]byte, 4*len(sorted)))
	for _, id := range sorted {
		if err := binary.Write(&index, binary.BigEndian, places[id]); err != nil {
			f.t.Fatal(err)
		}
	}
	index.Write(make([]byte, 40))
	f.write("objects/pack/pack-x.pack", append(body, make([]byte, 20)...))
	f.write("objects/pack/pack-x.idx", index.Bytes())
}

func name(c string) string { return strings.Repeat(c, 40) }

func raw(id string) []byte { b, _ := hex.DecodeString(id); return b }

// size is a number as deltas have it.
func size(n int) (b []byte) {
	for ; n > 0x7f; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// Packs that were made to keep a reader busy, to fill its memory, or to make it read what is not theirs.
func TestForgedPacks(t *testing.T) {
	delta := func(from, to int, ops ...byte) []byte { return append(append(size(from), size(to)...), ops...) }
	for what, c := range map[string]struct {
		entries map[string][]byte
		order   []string
		want    string
	}{
		"a delta on itself": {map[string][]byte{name("a"): entryOf(namedDelta, 3, raw(name("a")), delta(1, 1, 0))}, []string{name("a")}, "deltas on one another"},
		"deltas in a circle": {map[string][]byte{name("a"): entryOf(namedDelta, 3, raw(name("b")), delta(1, 1, 0)),
			name("b"): entryOf(namedDelta, 3, raw(name("a")), delta(1, 1, 0))}, []string{name("a"), name("b")}, "deltas on one another"},
		"a delta on what is not there":     {map[string][]byte{name("a"): entryOf(namedDelta, 3, raw(name("c")), delta(1, 1, 0))}, []string{name("a")}, "damaged"},
		"a delta on what is before all":    {map[string][]byte{name("a"): entryOf(offsetDelta, 3, []byte{0x7f}, delta(1, 1, 0))}, []string{name("a")}, "damaged"},
		"a delta on its own place":         {map[string][]byte{name("a"): entryOf(offsetDelta, 3, []byte{0}, delta(1, 1, 0))}, []string{name("a")}, "damaged"},
		"an unknown kind":                  {map[string][]byte{name("a"): entryOf(5, 1, nil, []byte("x"))}, []string{name("a")}, "damaged"},
		"a name that is not its content's": {map[string][]byte{name("a"): entryOf(1, 1, nil, []byte("x"))}, []string{name("a")}, "is damaged"},
		"more than it says":                {map[string][]byte{name("a"): entryOf(1, 4, nil, make([]byte, 1<<20))}, []string{name("a")}, "its size is not what it says"},
		"less than it says":                {map[string][]byte{name("a"): entryOf(1, 1<<20, nil, []byte("x"))}, []string{name("a")}, "its size is not what it says"},
		"a head of a terabyte":             {map[string][]byte{name("a"): entryOf(1, 1<<40, nil, []byte("x"))}, []string{name("a")}, "too much"},
		"a base of a gigabyte": {map[string][]byte{name("b"): entryOf(3, 1<<30, nil, []byte("x")), name("a"): entryOf(namedDelta, 7, raw(name("b")), delta(1<<30, 1, 1, 'x'))},
			[]string{name("b"), name("a")}, "too much"},
		"a result of a gigabyte": {map[string][]byte{name("b"): entryOf(1, 1, nil, []byte("x")), name("a"): entryOf(namedDelta, 8, raw(name("b")), delta(1, 1<<30, 1, 'x', 0))},
			[]string{name("b"), name("a")}, "too much"},
		"a copy from beyond the base": {map[string][]byte{name("b"): entryOf(1, 1, nil, []byte("x")),
			name("a"): entryOf(namedDelta, 7, raw(name("b")), delta(1, 100, 0x91, 0, 100, 0, 0))}, []string{name("b"), name("a")}, ""},
		"an insert beyond the delta": {map[string][]byte{name("b"): entryOf(1, 1, nil, []byte("x")),
			name("a"): entryOf(namedDelta, 3, raw(name("b")), delta(1, 100, 100))}, []string{name("b"), name("a")}, "damaged"},
		"no compressed bytes": {map[string][]byte{name("a"): {0x11, 'n', 'o'}}, []string{name("a")}, ""},
	} {
		f := newForged(t)
		f.pack(c.entries, c.order...)
		got, err := f.find().Commit("main")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v, want an error with %q", what, got, err, c.want)
		}
	}
}

func TestForgedObjects(t *testing.T) {
	for what, data := range map[string][]byte{
		"no head":              packedBytes([]byte("commit")),
		"a head without end":   packedBytes(bytes.Repeat([]byte("x"), 1<<20)),
		"no size":              packedBytes([]byte("commit x\x00")),
		"a size below zero":    packedBytes([]byte("commit -1\x00")),
		"a size of an exbi":    packedBytes([]byte("commit 1152921504606846976\x00")),
		"more than it says":    packedBytes(append([]byte("commit 4\x00"), make([]byte, 1<<20)...)),
		"nothing compressed":   []byte("commit 4\x00abcd"),
		"nothing at all":       nil,
		"another's content":    packedBytes([]byte("commit 1\x00x")),
		"a kind of its own":    packedBytes([]byte("evil 1\x00x")),
		"a tree, not a commit": packedBytes([]byte("tree 0\x00")),
	} {
		f := newForged(t)
		f.write("objects/aa/"+name("a")[2:], data)
		if got, err := f.find().Commit("main"); err == nil {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// A tree of 12 folders, each of which has ten times the next, has 10^12 files and a few objects. Names that lead out are
// left out.
func TestForgedTrees(t *testing.T) {
	f := newForged(t)
	entry := func(mode, name, id string) string { return mode + " " + name + "\x00" + string(raw(id)) }
	blob := f.loose("blob", []byte("text"))
	tree := f.loose("tree", []byte(entry("100644", "file", blob)))
	evil := ""
	for _, n := range []string{"..", ".", ".git", ".GIT", "a/b", `a\b`, "../../etc", "\xff"} {
		evil += entry("100644", n, blob) + entry("40000", n, tree)
	}
	evil += entry("100644", "file", blob) + entry("120000", "file", blob) + entry("777", "odd", blob) + entry("160000", "sub", blob)
	commit := f.loose("commit", []byte("tree "+f.loose("tree", []byte(evil))+"\n"))
	files, err := f.find().Files(commit)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	_ = fs.WalkDir(files, ".", func(name string, _ fs.DirEntry, err error) error {
		names = append(names, fmt.Sprint(name, err))
		return nil
	})
	if got := strings.Join(names, " "); got != ".<nil> file<nil> sub<nil>" {
		t.Errorf("got %q", got)
	}
	for _, n := range []string{"../x", "/etc/passwd", "file/x", "sub/x", "", "a/../file", ".git"} {
		if _, err := files.Lstat(n); err == nil {
			t.Errorf("%q is there", n)
		}
	}
	cut := f.loose("commit", []byte("tree "+f.loose("tree", []byte("100644 x\x00short"))+"\n"))
	if _, err := f.find().Files(cut); err == nil {
		t.Error("a tree that is cut off was read")
	}
	if _, err := f.find().Files(f.loose("commit", []byte("tree ../../x\n"))); err == nil {
		t.Error("a commit without a tree was read")
	}
}

func FuzzApply(f *testing.F) {
	f.Add([]byte("base"), []byte{4, 4, 0x90, 4})
	f.Add([]byte("base"), []byte{4, 2, 2, 'x', 'y'})
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		r := &Repository{hash: 20}
		if out, err := r.apply(base, delta); err == nil && len(out) > maxPiece {
			t.Errorf("%d bytes", len(out))
		}
	})
}

func FuzzTree(f *testing.F) {
	f.Add([]byte("100644 x\x0012345678901234567890"))
	f.Fuzz(func(t *testing.T, data []byte) {
		one := newForged(t)
		commit := one.loose("commit", []byte("tree "+one.loose("tree", data)+"\n"))
		files, err := one.find().Files(commit)
		if err != nil {
			return
		}
		_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if name != "." && (strings.ContainsAny(name, "/\\\x00") || strings.EqualFold(name, ".git") || name == "..") {
				t.Errorf("%q", name)
			}
			return nil
		})
	})
}

func FuzzPack(f *testing.F) {
	f.Add([]byte("\xfftOc\x00\x00\x00\x02"), []byte("PACK"))
	f.Fuzz(func(t *testing.T, index, data []byte) {
		one := newForged(t)
		one.write("objects/pack/pack-x.idx", index)
		one.write("objects/pack/pack-x.pack", data)
		_, _ = one.find().Commit("main")
		_, _ = one.find().Commit("aaaa")
	})
}
