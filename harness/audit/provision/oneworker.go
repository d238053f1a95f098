package provision

import (
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// OneWorker makes the config run with one worker process, by a change to the lab's copy of it. What a worker knows of the
// peers of an upstream without a zone, it knows alone, and which of several takes a client is chance: no measurement would be
// the same twice. It is for a config that Settle has proven, so that a mistake in these lines is reported as any other. No line
// moves, and what a worker may take (worker_connections, worker_rlimit_nofile) stays.
func (t *Tree) OneWorker() {
	one := func(d []token) (with string, changed bool) {
		return "worker_processes 1;", len(d) == 3 && d[1].text != "1"
	}
	had := t.changeDirective("worker_processes", one)
	if had == "" {
		return
	}
	note := "one worker process runs here in place of " + had + ": on your server each worker has its own state of the peers of an upstream without " +
		"zone (failures, whose turn it is, kept connections)"
	// The masks are those of several workers, and may name processors that the lab does not have.
	if pinned := t.changeDirective("worker_cpu_affinity", func([]token) (string, bool) { return "", true }); pinned != "" {
		note += "; " + pinned + " is left out"
	}
	t.Notes = append(t.Notes, note)
}

// changeDirective gives a directive of the main context another text, wherever the config or nginx's arguments have it, and says what
// it was and where; empty where nothing was changed.
func (t *Tree) changeDirective(name string, to func(d []token) (with string, changed bool)) (was string) {
	for _, key := range keys(t.admitted) {
		file, main := strings.CutSuffix(key, "\x00main")
		if !main {
			continue
		}
		text, real, ok := t.read(file)
		if !ok {
			continue
		}
		now, directive, line := withChange(text, name, to)
		if directive == "" {
			continue
		}
		f := agentapi.File{Path: real}
		if i, ours := t.index[real]; ours {
			f = t.Files[i] // with its owner and mode
		}
		f.Data = now
		t.put(f)
		was = fmt.Sprintf("%q (%s)", directive, t.Place(real, line))
	}
	for i := 1; i < len(t.Args); i++ {
		if text, directive, _ := withChange(t.Args[i], name, to); t.Args[i-1] == "-g" && directive != "" {
			t.Args[i], was = text, fmt.Sprintf("%q (in nginx's arguments)", directive)
		}
	}
	return was
}

// withChange is a text with another text in place of a directive at its outermost level, and what that was. Line ends within it
// stay.
func withChange(text, name string, to func(d []token) (with string, changed bool)) (now, was string, line int) {
	depth, start := 0, 0
	tokens := scan(text)
	for i, t := range tokens {
		if !t.sign {
			continue
		}
		d := tokens[start : i+1]
		start = i + 1
		switch t.text {
		case "{":
			depth++
		case "}":
			depth--
		case ";":
			if depth != 0 || d[0].text != name {
				continue
			}
			with, ok := to(d)
			if !ok {
				continue
			}
			from := d[0].from
			var words []string
			for _, word := range d[:len(d)-1] {
				words = append(words, word.text)
			}
			return text[:from] + with + strings.Repeat("\n", strings.Count(text[from:t.to], "\n")) + text[t.to:], strings.Join(words, " "), d[0].line
		}
	}
	return text, "", 0
}
