// Package markdown writes texts of others as Markdown, in the dialect that code hosts share (GFM).
package markdown

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/terminal"
)

// Text is a text of which nothing is taken for Markdown or HTML. A word that a code host makes something of (a name of
// somebody's who is then told, an address, an issue's number, a formula) stands as code, in which hosts look for nothing.
func Text(s string) string {
	all := strings.Fields(s)
	for i, word := range all {
		if active.MatchString(word) {
			all[i] = Code(word)
			continue
		}
		all[i] = markdownMarks.Replace(word)
		if i == 0 { // what begins a line may begin a list, or underline what is above
			all[i] = listed.ReplaceAllString(all[i], `$1\$2`)
		}
	}
	return strings.Join(all, " ")
}

var (
	active = regexp.MustCompile(`(?i)[@$]|:/|www\.|mailto:|xmpp:|[#!&%~^][\pL\d"{]|\bgh-\d`)
	listed = regexp.MustCompile(`^(\d*)([-+=.)]+)$`)
)

var markdownMarks = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "~", `\~`, "#", `\#`, "!", `\!`,
)

// Code is a text as it is, in a line. One that would end it, or a table's measurement, stands in HTML's.
func Code(s string) string {
	if s == "" || strings.ContainsAny(s, "`|\n") || strings.TrimSpace(s) != s || strings.HasSuffix(s, `\`) {
		return "<code>" + entities(s) + "</code>"
	}
	return "`" + s + "`"
}

// entities writes all but letters, digits and blanks as HTML's, so that nothing is left to be taken for Markdown.
func entities(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteByte(' ')
		case r == ' ', r > 0x7f, '0' <= r && r <= '9', 'a' <= r|0x20 && r|0x20 <= 'z':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return b.String()
}

// Fence is a block of text as it is, of a language or of none.
func Fence(language, s string) string {
	ticks := "```"
	for strings.Contains(s, ticks) {
		ticks += "`"
	}
	return ticks + language + "\n" + strings.TrimRight(terminal.Clean(s), "\n") + "\n" + ticks + "\n"
}
