package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// errnoNames are the numbers that gateways log, with their names and what they mean for a connection.
var errnoNames = map[int]string{
	enoent: "ENOENT, no such file or directory", eacces: "EACCES, permission denied", eagain: "EAGAIN, resource temporarily unavailable: of a unix socket, its listen queue is full",
	enomem: "ENOMEM, no memory", einval: "EINVAL, invalid argument", enfile: "ENFILE, too many open files in the system", emfile: "EMFILE, too many open files of the process",
	enospc: "ENOSPC, no space left on device", erofs: "EROFS, read-only file system", epipe: "EPIPE, broken pipe: the other side had closed before this was written",
	eprototype: "EPROTOTYPE, protocol wrong type for socket", enoprotoopt: "ENOPROTOOPT, protocol not available", eaddrinuse: "EADDRINUSE, address already in use",
	eaddrnotavail: "EADDRNOTAVAIL, cannot assign requested address", enetunreach: "ENETUNREACH, network is unreachable", econnaborted: "ECONNABORTED, software caused connection abort",
	econnreset: "ECONNRESET, connection reset by peer: it broke the connection", etimedout: "ETIMEDOUT, connection timed out: what was waited for tells the phase",
	econnrefused: "ECONNREFUSED, connection refused: a reset in answer to the SYN", ehostdown: "EHOSTDOWN, host is down", ehostunreach: "EHOSTUNREACH, no route to host",
	eio: "EIO, input/output error",
}

// shortCode is one of Apache's codes, typed without the zeros that it begins with.
var shortCode = regexp.MustCompile(`(?i)^ah0*(\d{3,5})$`)

// About finds the causes that a word is evidence of: an errno by number or name, a status, a phase, a flag, a code or a directive of nginx. The note says what kind
// of word it is; empty where nothing is known.
func (b *Book) About(word string) (note string, found []*Cause) {
	if m := shortCode.FindStringSubmatch(word); m != nil {
		word = "AH" + strings.Repeat("0", 5-len(m[1])) + m[1]
	}
	number, note := numberOf(word)
	var sure func(*rule) int
	switch {
	case errnoNames[number] != "":
		sure = aboutErrno(number)
		note = cmp.Or(note, fmt.Sprintf("errno %d, %s.", number, errnoNames[number]))
	case number >= 100 && number < 1000:
		sure = aboutStatus(number)
		note = "a status that visitors get. By itself it names no cause; these are what it comes of, first what most scenarios show."
	case number != 0:
		return "", nil
	case isFlags(word):
		sure = aboutFlags(word)
		note = "how a session ended, as a gateway's log says it."
	default:
		if found = b.decidedBy(word); len(found) > 0 {
			return "a directive of nginx's config. It decides these.", found
		}
		sure = aboutWords(strings.ToLower(word))
		note = "words of a log line."
	}
	best := map[*Cause]int{}
	for _, r := range b.rules {
		if n := sure(r); n != 0 {
			if was, known := best[r.cause]; !known {
				found = append(found, r.cause)
				best[r.cause] = n
			} else {
				best[r.cause] = max(was, n)
			}
		}
	}
	shown := func(c *Cause) (n int) {
		if c.Side == Unknown { // it says no more than the word itself
			return -1
		}
		for _, s := range c.Shown {
			if number > 0 && s.Status == number { // no errno is a status
				n++
			}
		}
		return n
	}
	// How sure the pattern of a whole line is says little of what a word comes of: of two that are about as sure, the one that more scenarios show.
	slices.SortStableFunc(found, func(a, b *Cause) int {
		return cmp.Or(cmp.Compare(shown(b), shown(a)), cmp.Compare(best[b]/20, best[a]/20), cmp.Compare(len(b.Shown), len(a.Shown)))
	})
	return note, found
}

// decidedBy are the causes that a directive of nginx's config decides, those of which it is the first first.
func (b *Book) decidedBy(directive string) (found []*Cause) {
	rank := func(c *Cause) int {
		return slices.IndexFunc(c.Directives, func(d string) bool {
			rest, byProtocol := strings.CutPrefix(d, "{proxy}_")
			prefix, name, _ := strings.Cut(directive, "_")
			return d == directive || byProtocol && name == rest && Prefix(prefix) == prefix
		})
	}
	for _, c := range b.causes {
		if rank(c) >= 0 {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, func(a, b *Cause) int { return cmp.Compare(rank(a), rank(b)) })
	return found
}

// numberOf is the number that a word is, or that an errno of that name has, as Linux counts; 0 for none. The note tells of another system's.
func numberOf(word string) (number int, note string) {
	number, err := strconv.Atoi(word)
	if err != nil {
		for n, name := range errnoNames {
			if short, _, _ := strings.Cut(name, ","); strings.EqualFold(short, word) {
				number = n
			}
		}
	}
	if linux := foreign[number]; linux != 0 && errnoNames[number] == "" {
		return linux, fmt.Sprintf("the errno of another system (BSD, macOS, Windows) for Linux's %d: %s.", linux, errnoNames[linux])
	}
	return number, ""
}

// isFlags reports whether a word is written as HAProxy and Envoy write how a session ended.
func isFlags(word string) bool {
	return len(word) >= 2 && len(word) <= 4 && word != strings.ToLower(word) || strings.HasSuffix(word, "--")
}

// These say how sure a word makes the cause of a rule; 0 where the rule does not speak of it. Half of what a rule takes is less than all.

func aboutErrno(number int) func(*rule) int {
	return func(r *rule) int {
		if slices.Contains(r.errno, number) {
			return r.sure
		}
		return 0
	}
}

func aboutStatus(status int) func(*rule) int {
	return func(r *rule) int {
		switch {
		case slices.Contains(r.status, status) && (r.cause.Status == status || len(r.flags) == 0 && r.cause.Status == 0):
			return r.sure
		case r.cause.Status == status:
			return r.sure - 40
		case slices.Contains(r.status, status) && len(r.flags) == 0: // it may be, and mostly is another
			return max(r.sure-60, 1)
		}
		return 0
	}
}

func aboutFlags(flags string) func(*rule) int {
	return func(r *rule) int {
		switch {
		case !slices.ContainsFunc(r.flags, func(f string) bool { return f == flags || len(flags) == 4 && hasFlags(flags, f) }):
			return 0
		case len(r.has) > 0:
			return r.sure - 20
		}
		return r.sure
	}
}

func aboutWords(low string) func(*rule) int {
	return func(r *rule) int {
		says := func(s string) bool {
			bare := strings.TrimPrefix(s, "while ")
			return strings.Contains(s, low) || len(bare) >= 8 && strings.HasPrefix(low, bare) || len(bare) >= 10 && strings.Contains(low, bare)
		}
		switch {
		case len(low) < 4 || !says(r.begins) && !slices.ContainsFunc(r.has, says):
			return 0
		case len(r.errno) > 0:
			return r.sure - 40
		}
		return r.sure
	}
}
