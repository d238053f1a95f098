package terminal

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A Writer passes text on, and makes visible whatever the terminal or the CI system that shows it would obey: control
// characters other than tab and line break, marks that turn the direction, and the commands that CI systems look for in the
// output of a program ("::error::" at the beginning of a line, "##[" and "##vso[" anywhere). Every text of a program goes through
// one, so that a text of a stranger's that nobody thought of cleaning does no harm. It can be used by several goroutines.
type Writer struct {
	// Colour lets the codes of [Style] pass.
	Colour bool
	// Long is how many bytes of a line pass; 0 for all.
	Long int

	to io.Writer

	mu    sync.Mutex
	held  []byte // what can't be judged before more has come: less than a code or a character
	begun bool   // something other than white space stands on the line
	wrote int    // bytes of the line
	lost  int    // bytes of the line beyond Long
	out   bytes.Buffer
}

// NewWriter is a Writer that passes text on to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Write passes text on. The error is the other writer's.
func (w *Writer) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(b), w.pass(b, false)
}

// Flush passes on what was held back because it may have been the beginning of something.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(nil, true)
}

// Erase clears the line that the cursor is on.
func (w *Writer) Erase() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.pass(nil, true); err != nil {
		return err
	}
	w.end()
	_, err := io.WriteString(w.to, "\r\x1b[K")
	return err
}

func (w *Writer) pass(b []byte, last bool) error {
	w.held = append(w.held, b...)
	rest := w.held
	for len(rest) > 0 {
		n := w.next(rest, last)
		if n == 0 {
			break
		}
		rest = rest[n:]
	}
	w.held = append(w.held[:0], rest...)
	if last {
		w.tellLost()
	}
	if w.out.Len() == 0 {
		return nil
	}
	_, err := w.to.Write(w.out.Bytes())
	w.out.Reset()
	return err
}

// ciMarks begin a command of a CI system wherever they stand on a line.
var ciMarks = []string{"##[", "##vso[", "##teamcity["}

// inkCode is what Ink writes, and inkBegun the beginning of it.
var (
	inkCode  = regexp.MustCompile(`^\x1b\[(0|1|2|31|32|33)(;(0|1|2|31|32|33))*m`)
	inkBegun = regexp.MustCompile(`^\x1b(\[[0-9;]{0,12})?$`)
)

// next passes on the beginning of b, and returns how much that was: 0 when more has to come before it can be told what it is.
func (w *Writer) next(b []byte, last bool) int {
	if n := w.plain(b); n > 0 {
		w.emit(string(b[:n]))
		return n
	}
	switch c := b[0]; {
	case c == '\n':
		w.tellLost()
		w.out.WriteByte('\n')
		w.end()
		return 1
	case c == '\r' && len(b) == 1 && !last:
		return 0
	case c == '\r' && len(b) > 1 && b[1] == '\n':
		return 1
	case c == 0x1b && w.Colour:
		if code := inkCode.Find(b); code != nil {
			w.out.Write(code)
			return len(code)
		}
		if inkBegun.Match(b) && !last {
			return 0
		}
	case c == ':' && !w.begun:
		if len(b) < 3 && !last && strings.HasPrefix("::", string(b)) {
			return 0
		}
		if len(b) > 2 && b[1] == ':' && (b[2]|0x20 >= 'a' && b[2]|0x20 <= 'z') {
			w.emit(`\x3a`)
		} else {
			w.emit(":")
		}
		return 1
	case c == '#':
		for _, mark := range ciMarks {
			if !last && len(b) < len(mark) && strings.HasPrefix(mark, string(b)) {
				return 0
			}
			if bytes.HasPrefix(b, []byte(mark)) {
				w.emit(`\x23`)
				return 1
			}
		}
		w.emit("#")
		return 1
	}
	if !last && !utf8.FullRune(b) {
		return 0
	}
	r, n := utf8.DecodeRune(b)
	if hidden(r) && r != '\t' {
		w.emit(escaped(r))
	} else {
		w.emit(string(r))
	}
	return n
}

// plain is how many bytes at the beginning of b are letters, digits and the like, of which nothing has to be thought.
func (w *Writer) plain(b []byte) int {
	for i, c := range b {
		if c < ' ' || c > '~' || c == '#' || c == ':' && !w.begun {
			return i
		}
		if c != ' ' {
			w.begun = true
		}
	}
	return len(b)
}

// emit puts a text on the line, unless the line is full.
func (w *Writer) emit(s string) {
	if !w.begun && strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsSpace(r) }) {
		w.begun = true
	}
	if w.Long > 0 {
		fits := max(min(w.Long-w.wrote, len(s)), 0)
		if fits < len(s) && !utf8.ValidString(s[:fits]) { // never half a character
			fits = 0
		}
		if w.lost > 0 {
			fits = 0
		}
		w.lost += len(s) - fits
		s = s[:fits]
	}
	w.wrote += len(s)
	w.out.WriteString(s)
}

func (w *Writer) tellLost() {
	if w.lost > 0 {
		fmt.Fprintf(&w.out, "… (%d bytes more)", w.lost)
		w.lost = 0
	}
}

func (w *Writer) end() { w.begun, w.wrote, w.lost = false, 0, 0 }
