package terminal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
)

// JSON writes a value as JSON, with this indent, and a line break. Nothing in it drives or deceives the terminal or the CI system
// that it may be shown by: it reads as the same values, but what a terminal obeys or hides stands as \u202e. Characters of HTML
// stay as they are, as log lines and pages are full of them. The error is the writer's, or that the value has no JSON.
func JSON(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(lines{w})
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// lines passes a whole JSON text on, line by line, as a copy of all of it may be too much.
type lines struct{ to io.Writer }

func (l lines) Write(text []byte) (int, error) {
	out := bufio.NewWriterSize(l.to, 64<<10)
	for line := range bytes.Lines(text) {
		if _, err := out.WriteString(harmless(string(line))); err != nil {
			return 0, err
		}
	}
	return len(text), out.Flush()
}

// harmless escapes characters of a JSON text that stand in its strings: no other place can have them.
func harmless(s string) string {
	for _, mark := range ciMarks {
		s = strings.ReplaceAll(s, mark, `\u0023`+mark[1:])
	}
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
