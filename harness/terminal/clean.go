package terminal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes the characters in s visible that a terminal would obey or hide, except line breaks: what a config, an upstream or a
// log holds must not drive the reader's terminal, nor read otherwise than it is.
func Clean(s string) string {
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
			b.WriteString(escaped(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// escaped is a character as Go writes it in a string: \x1b, \u202e.
func escaped(r rune) string { return strings.Trim(strconv.QuoteRuneToASCII(r), "'") }

// hidden reports whether a character is one that a terminal obeys or that nobody sees: control characters, marks that turn the
// direction, what has no width, and line breaks other than \n.
func hidden(r rune) bool {
	if r < 0x7f {
		return r < ' ' && r != '\n'
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// longest is how long OneLine lets a text be, in bytes. nginx takes no word and writes no log line that is longer.
const longest = 4 << 10

// OneLine is Clean, on a single line, of which the end is left out if it is very long.
func OneLine(s string) string {
	if len(s) > 4*longest { // so that what is cleaned is bounded too
		s = s[:4*longest]
	}
	s = strings.Join(strings.Fields(Clean(s)), " ")
	if len(s) <= longest {
		return s
	}
	end := longest
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
