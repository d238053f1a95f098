package gitread

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/hostfile"
)

// The bounds of what is unpacked.
const (
	maxHeader = 4 << 20  // a commit, a tag
	maxTree   = 16 << 20 // a folder's list: some 300,000 names
	maxPiece  = 64 << 20 // what a delta is applied to, which may be a larger file's older form
	maxWork   = 4 << 30  // all together
	maxChain  = 4096     // deltas on one another; git itself makes at most 4095
)

// errMissing says that an object is not here.
var errMissing = errors.New("it is not in the repository")

// A tooBig is an object over the bound that was asked for.
type tooBig struct{ size int64 }

func (e tooBig) Error() string { return fmt.Sprintf("it has %d bytes, which is too much", e.size) }

// object reads an object of at most a size, and holds it against its name.
func (r *Repository) object(id string, most int64) (kind string, data []byte, err error) {
	kind, data, err = r.loose(id, most)
	if errors.Is(err, errMissing) {
		kind, data, err = r.packed(id, most)
	}
	if err != nil {
		return "", nil, r.explain(id, err)
	}
	if r.sum(kind, data) != id {
		return "", nil, fmt.Errorf("object %s is damaged", id)
	}
	return kind, data, nil
}

// size is an object's size, without reading all of it.
func (r *Repository) size(id string) (int64, error) {
	_, _, err := r.loose(id, -1)
	if errors.Is(err, errMissing) {
		_, _, err = r.packed(id, -1)
	}
	var told tooBig
	if errors.As(err, &told) {
		return told.size, nil
	}
	return 0, r.explain(id, err)
}

func (r *Repository) explain(id string, err error) error {
	if errors.Is(err, errMissing) {
		switch r.part {
		case "shallow":
			return fmt.Errorf("object %s is not here, as this is a shallow clone: git fetch --unshallow, or fetch that revision", id)
		case "partial":
			return fmt.Errorf("object %s is not here, as this is a partial clone, and nothing is fetched; %s", id, elsewhere)
		case "borrowing":
			return fmt.Errorf("object %s is not here, and other repositories that this one borrows from (objects/info/alternates) are not read; %s", id, elsewhere)
		}
	}
	return fmt.Errorf("object %s: %w", id, err)
}

func (r *Repository) sum(kind string, data []byte) string {
	whole := slices.Concat([]byte(kind+" "+strconv.Itoa(len(data))+"\x00"), data)
	if r.hash == sha256.Size {
		s := sha256.Sum256(whole)
		return hex.EncodeToString(s[:])
	}
	s := sha1.Sum(whole)
	return hex.EncodeToString(s[:])
}

// loose reads an object that has a file of its own.
func (r *Repository) loose(id string, most int64) (kind string, data []byte, err error) {
	f, err := hostfile.OpenIn(r.common, "objects/"+id[:2]+"/"+id[2:])
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, errMissing
	}
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	z, err := zlib.NewReader(f)
	if err != nil {
		return "", nil, err
	}
	in := bufio.NewReader(z)
	head, err := in.ReadSlice(0)
	if err != nil {
		return "", nil, fmt.Errorf("its head: %w", err)
	}
	kind, digits, _ := strings.Cut(string(head[:len(head)-1]), " ")
	size, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || size < 0 {
		return "", nil, errors.New("its head can't be read")
	}
	if size > most {
		return "", nil, tooBig{size}
	}
	data, err = r.take(in, size)
	return kind, data, err
}

// take reads exactly so many bytes, and counts them.
func (r *Repository) take(in io.Reader, size int64) ([]byte, error) {
	if r.worked += size; r.worked > maxWork {
		return nil, fmt.Errorf("more than %d GiB would have to be unpacked", int64(maxWork)>>30)
	}
	var out bytes.Buffer // grows with what comes, not with what was promised
	n, err := io.Copy(&out, io.LimitReader(in, size+1))
	if err != nil {
		return nil, err
	}
	if n != size {
		return nil, errors.New("its size is not what it says")
	}
	return out.Bytes(), nil
}

// abbreviated finds the one object whose name begins so.
func (r *Repository) abbreviated(begin string) (string, error) {
	found := map[string]bool{}
	if dir, err := r.common.Open("objects/" + begin[:2]); err == nil {
		names, _ := dir.Readdirnames(1 << 20)
		dir.Close()
		for _, n := range names {
			if id := begin[:2] + n; strings.HasPrefix(id, begin) && r.isName(id) {
				found[id] = true
			}
		}
	}
	if err := r.list(); err != nil {
		return "", err
	}
	for _, p := range r.packs {
		if err := p.begins(begin, func(id string) { found[id] = true }); err != nil {
			return "", err
		}
	}
	var commits []string
	for id := range found {
		if kind, _, err := r.object(id, maxHeader); err == nil && (kind == "commit" || kind == "tag") {
			commits = append(commits, id)
		}
	}
	switch len(commits) {
	case 0:
		return "", errors.New("there is no such branch, tag or commit")
	case 1:
		return commits[0], nil
	}
	return "", fmt.Errorf("%d commits begin with %s: give more of it", len(commits), begin)
}
