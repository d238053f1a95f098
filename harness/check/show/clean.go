package show

import (
	"strconv"
	"strings"
	"unicode"
)

// clean makes the control characters in s visible, except line breaks: what an upstream sends or logs must not be able
// to drive the reader's terminal.
func clean(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\r\n", "\n"), "\uFFFD")
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteString("    ")
		case hidden(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden tells whether a character is one that a terminal obeys: control characters, and marks that turn the direction.
func hidden(r rune) bool {
	return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// oneLine is clean, on a single line.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }

// lines are the lines of a text, clean, without the empty end.
func lines(text string) []string {
	text = strings.TrimRight(clean(text), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
