package terminal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/badgateway/badgateway/harness/internal/nasty"
)

// FuzzWriter holds that nothing that drives or deceives gets through, however it is cut, and that what got through once stays.
func FuzzWriter(f *testing.F) {
	for _, s := range []string{nasty.Text, "\x1b[1mbold\x1b[0m", "a\r\n::x\r", "##\n##[", "\xe4\xb8", ":\n::"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, text string, cut int) {
		out := passed(false, text)
		if at := nasty.Raw(out) + nasty.Command(out); at != "" {
			t.Fatalf("%q became %q", text, out)
		}
		if cut = max(0, min(cut, len(text))); passed(false, text[:cut], text[cut:]) != out {
			t.Fatalf("%q, cut at %d, became another", text, cut)
		}
		if again := passed(false, out); again != out {
			t.Fatalf("%q became %q the second time", out, again)
		}
		if len(out) > 10*len(text) {
			t.Fatalf("%d bytes became %d", len(text), len(out))
		}
	})
}

// FuzzClean holds the same of what is cleaned in one piece, and that a line is one, and short.
func FuzzClean(f *testing.F) {
	f.Add(nasty.Text)
	f.Add(strings.Repeat("世", 5000))
	f.Fuzz(func(t *testing.T, text string) {
		clean, line := Clean(text), OneLine(text)
		if at := nasty.Raw(clean) + nasty.Raw(line); at != "" {
			t.Fatalf("%q became %q and %q", text, clean, line)
		}
		if strings.Contains(line, "\n") || len(line) > longest+len("…") || !utf8.ValidString(line) {
			t.Fatalf("%q is no line: %q", text, line)
		}
		for _, part := range Wrap(line, 20) {
			if strings.Contains(part, "\n") {
				t.Fatalf("%q wrapped: %q", text, part)
			}
		}
		var out bytes.Buffer
		if err := JSON(&out, text, ""); err != nil {
			t.Fatal(err)
		}
		if at := nasty.Raw(out.String()) + nasty.Command(out.String()); at != "" {
			t.Fatalf("%q in JSON: %q", text, out.String())
		}
		var back string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != strings.ToValidUTF8(text, "\uFFFD") && utf8.ValidString(text) {
			t.Fatalf("%q in JSON reads back as %q: %v", text, back, err)
		}
	})
}
