// Package terminal writes texts for people at a terminal: painted, broken into lines, and free of what a terminal would obey.
package terminal

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Wrap breaks a text at its spaces, and words that are longer than the width, in columns, where they stand, after a hyphen or
// a slash if they have one.
func Wrap(s string, width int) []string {
	wide := text.StringWidthWithoutEscSequences
	var all []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" {
			if joined := line + " " + word; wide(joined) <= width {
				line = joined
				continue
			}
			all = append(all, line)
		}
		for wide(word) > width {
			head := text.Trim(word, width)
			if head == "" { // not even one character is as narrow
				break
			}
			if i := strings.LastIndexAny(head, "-/"); i > 0 {
				head = head[:i+1]
			}
			all, word = append(all, head), word[len(head):]
		}
		line = word
	}
	if line != "" {
		all = append(all, line)
	}
	return all
}

// Style paints texts, or leaves them as they are.
type Style bool

func (i Style) paint(code, s string) string {
	if !i || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Plain leaves a text as it is; the others paint it, where ink is to be used.
func (i Style) Plain(s string) string { return s }

// Bold writes a text in bold.
func (i Style) Bold(s string) string { return i.paint("1", s) }

// Red is for what is wrong.
func (i Style) Red(s string) string { return i.paint("31", s) }

// Green is for what is well.
func (i Style) Green(s string) string { return i.paint("32", s) }

// Yellow is for what deserves a look.
func (i Style) Yellow(s string) string { return i.paint("33", s) }

// Faint is for what stands beside.
func (i Style) Faint(s string) string { return i.paint("2", s) }

// Quote is a word as a shell takes it.
func Quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
