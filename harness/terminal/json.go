package terminal

import (
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
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, harmless(out.String()))
	return err
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
