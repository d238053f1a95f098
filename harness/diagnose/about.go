package diagnose

import (
	"cmp"
	"fmt"
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

// About finds the causes that a word is evidence of: an errno by number or name, a status, a phase, a flag or a code. The note says what kind
// of word it is; empty where nothing is known.
func (b *Book) About(word string) (note string, found []*Cause) {
	low := strings.ToLower(word)
	number, err := strconv.Atoi(word)
	if err != nil {
		for n, name := range errnoNames {
			if short, _, _ := strings.Cut(name, ","); strings.EqualFold(short, word) {
				number = n
			}
		}
	}
	if linux := foreign[number]; linux != 0 && errnoNames[number] == "" {
		note = fmt.Sprintf("the errno of another system (BSD, macOS, Windows) for Linux's %d: %s.", linux, errnoNames[linux])
		number = linux
	}
	type hit struct {
		cause *Cause
		sure  int
	}
	var hits []hit
	add := func(c *Cause, sure int) {
		for i, h := range hits {
			if h.cause == c {
				hits[i].sure = max(h.sure, sure)
				return
			}
		}
		hits = append(hits, hit{c, sure})
	}
	isErrno := errnoNames[number] != ""
	isFlag := len(word) <= 4 && len(word) >= 2 && word != low && number == 0 || strings.HasSuffix(word, "--")
	for _, c := range b.causes {
		for _, text := range c.Match {
			p, err := parsePattern(text)
			if err != nil {
				continue
			}
			switch {
			case isErrno:
				if has(p.errno, number) {
					add(c, p.sure)
				}
			case number >= 100 && number < 1000:
				if has(p.status, number) && len(p.flags) == 0 || c.Status == number {
					add(c, p.sure-boolTo(!has(p.status, number), 40))
				}
			case isFlag:
				for _, f := range p.flags {
					if f == word || len(f) == 2 && len(word) == 4 && strings.HasPrefix(word, f) {
						add(c, p.sure-boolTo(len(p.has) > 0, 20))
					}
				}
			}
			if number == 0 && len(low) >= 4 && !isFlag {
				for _, s := range append([]string{p.begins}, p.has...) {
					bare := strings.TrimPrefix(s, "while ")
					if strings.Contains(s, low) || len(bare) >= 8 && strings.HasPrefix(low, bare) || len(bare) >= 10 && strings.Contains(low, bare) {
						add(c, p.sure-boolTo(len(p.errno) > 0, 40))
					}
				}
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(b.sure, a.sure) })
	for _, h := range hits {
		found = append(found, h.cause)
	}
	switch {
	case note != "":
	case isErrno:
		note = fmt.Sprintf("errno %d, %s.", number, errnoNames[number])
	case number >= 100 && number < 1000:
		note = "a status that visitors get. By itself it names no cause; these are what it comes of, the likeliest first."
	case isFlag:
		note = "how a session ended, as a gateway's log says it."
	default:
		note = "words of a log line."
	}
	return note, found
}

func boolTo(b bool, n int) int {
	if b {
		return n
	}
	return 0
}
