package gitread

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/hostfile"
)

var (
	suffix  = regexp.MustCompile(`(?:\^\{(?:commit)?\}|\^\d*|~\d*)$`)
	isHex   = regexp.MustCompile(`^[0-9a-fA-F]{4,64}$`)
	special = regexp.MustCompile(`^[A-Z_]*HEAD$`)
)

// maxSteps bounds the way from a name to its commit: refs that name refs, tags of tags, ^ and ~.
const maxSteps = 10_000

// Commit is the commit that a revision names: a branch, a tag, another ref, HEAD, or a hash or the beginning of one; with
// ^, ^2 and ~3 behind it.
func (r *Repository) Commit(revision string) (string, error) {
	var steps []string
	name := revision
	for m := suffix.FindString(name); m != ""; m = suffix.FindString(name) {
		name = strings.TrimSuffix(name, m)
		if !strings.Contains(m, "{") {
			steps = append(steps, m)
		}
	}
	id, err := r.named(name)
	if err != nil {
		return "", err
	}
	if id, err = r.peel(id); err != nil {
		return "", err
	}
	left := maxSteps
	for i := len(steps) - 1; i >= 0; i-- {
		n := 1
		if digits := steps[i][1:]; digits != "" {
			if n, err = strconv.Atoi(digits); err != nil {
				return "", fmt.Errorf("%s: %w", steps[i], err)
			}
		}
		first, times := n, 1
		if steps[i][0] == '~' {
			first, times = 1, n
		}
		for range times {
			if left--; left < 0 {
				return "", fmt.Errorf("%s is more than %d commits back", revision, maxSteps)
			}
			if id, err = r.parent(id, first); err != nil {
				return "", err
			}
		}
	}
	_, _, err = r.object(id, maxHeader) // a shallow clone knows the names of commits that it lacks
	return id, err
}

// named is the object that a name without a suffix means.
func (r *Repository) named(name string) (string, error) {
	if name == "@" {
		name = "HEAD"
	}
	if isHex.MatchString(name) && len(name) == 2*r.hash {
		return strings.ToLower(name), nil
	}
	if id, err := r.ref(name); err != nil || id != "" {
		return id, err
	}
	if isHex.MatchString(name) {
		return r.abbreviated(strings.ToLower(name))
	}
	switch {
	case strings.ContainsAny(name, "@:^{") || strings.Contains(name, ".."):
		return "", fmt.Errorf("%q is a way to name a revision that is not known here: give what git rev-parse says of it", name)
	case r.part == "shallow":
		return "", fmt.Errorf("there is no such revision, and this is a shallow clone: fetch it first, as in git fetch --depth 1 origin BRANCH:refs/remotes/origin/BRANCH")
	}
	return "", errors.New("there is no such branch, tag or commit")
}

// ref looks a name up where git does; empty for none.
func (r *Repository) ref(name string) (string, error) {
	if !validRef(name) {
		return "", nil
	}
	for range 6 {
		var names []string
		for _, form := range []string{"%s", "refs/%s", "refs/tags/%s", "refs/heads/%s", "refs/remotes/%s", "refs/remotes/%s/HEAD"} {
			if full := fmt.Sprintf(form, name); strings.HasPrefix(full, "refs/") || special.MatchString(full) {
				names = append(names, full)
			}
		}
		packed, err := r.packedRefs(names)
		if err != nil {
			return "", err
		}
		value := ""
		for _, full := range names {
			if value, err = r.looseRef(full); err != nil {
				return "", err
			}
			if value == "" {
				value = packed[full]
			}
			if value != "" {
				break
			}
		}
		to, symbolic := strings.CutPrefix(value, "ref: ")
		if !symbolic {
			return value, nil
		}
		if name = strings.TrimSpace(to); !strings.HasPrefix(name, "refs/") || !validRef(name) {
			return "", fmt.Errorf("%q is no name of a branch", name)
		}
	}
	return "", fmt.Errorf("%q leads from name to name without end", name)
}

// validRef reports whether a name may be a ref's: it becomes a path.
func validRef(name string) bool {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\ ~^:?*[\x00\x7f") || strings.Contains(name, "@{") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") || strings.Contains(part, "..") {
			return false
		}
	}
	return true
}

// looseRef is what a ref's own file says; empty for none.
func (r *Repository) looseRef(name string) (string, error) {
	root := r.common
	if special.MatchString(name) {
		root = r.own
	}
	if info, err := root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return "", nil
	}
	text, err := hostfile.ReadIn(root, name, 64<<10)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	value, _, _ := strings.Cut(string(text), "\n") // FETCH_HEAD has more
	if value = strings.TrimSpace(value); strings.HasPrefix(value, "ref: ") {
		return value, nil
	}
	value, _, _ = strings.Cut(value, "\t")
	if !r.isName(value) {
		return "", fmt.Errorf("%s does not name a commit", name)
	}
	return value, nil
}

// packedRefs looks these names up in packed-refs.
func (r *Repository) packedRefs(names []string) (map[string]string, error) {
	f, err := hostfile.OpenIn(r.common, "packed-refs")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading packed-refs: %w", err)
	}
	defer f.Close()
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	found := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if id, name, ok := strings.Cut(lines.Text(), " "); ok && wanted[name] && r.isName(id) {
			found[name] = id
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading packed-refs: %w", err)
	}
	return found, nil
}

// isName reports whether this is the full name of an object.
func (r *Repository) isName(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == r.hash
}

// peel follows tags to the commit that they name.
func (r *Repository) peel(id string) (string, error) {
	for range 10 {
		kind, data, err := r.object(id, maxHeader)
		if err != nil {
			return "", err
		}
		switch kind {
		case "commit":
			return id, nil
		case "tag":
			if id = field(data, "object"); !r.isName(id) {
				return "", errors.New("the tag names no object")
			}
		default:
			return "", fmt.Errorf("it names a %s, not a commit", kind)
		}
	}
	return "", errors.New("it is a tag of a tag of a tag, without end")
}

// parent is the nth parent of a commit; the 0th is itself.
func (r *Repository) parent(id string, n int) (string, error) {
	if n == 0 {
		return id, nil
	}
	kind, data, err := r.object(id, maxHeader)
	if err != nil {
		return "", err
	}
	if kind != "commit" {
		return "", fmt.Errorf("%s is a %s, not a commit", id, kind)
	}
	for l := range strings.Lines(string(data)) {
		value, is := strings.CutPrefix(l, "parent ")
		if l == "\n" {
			break
		}
		if !is {
			continue
		}
		if n--; n == 0 {
			if value = strings.TrimSpace(value); !r.isName(value) {
				return "", fmt.Errorf("commit %s can't be read", id)
			}
			return value, nil
		}
	}
	return "", fmt.Errorf("commit %s has not so many commits before it", id[:12])
}

// field is the value of the first line of that name in a commit's or tag's head.
func field(data []byte, name string) string {
	for l := range strings.Lines(string(data)) {
		if l == "\n" {
			break
		}
		if value, ok := strings.CutPrefix(l, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
