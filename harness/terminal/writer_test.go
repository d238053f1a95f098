package terminal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// passed is what a Writer makes of a text that comes in these parts.
func passed(colour bool, parts ...string) string {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.Colour = colour
	for _, part := range parts {
		w.Write([]byte(part))
	}
	w.Flush()
	return out.String()
}

func TestWriter(t *testing.T) {
	for in, want := range map[string]string{
		"plain\n\tand tab ü é 世界\n":                        "plain\n\tand tab ü é 世界\n",
		"a\r\nb\rc":                                        "a\nb\\rc",
		"\x1b]0;title\x07":                                 `\x1b]0;title\a`,
		"\x1b[2J\x1b[8mgone\x1b[0m":                        `\x1b[2J\x1b[8mgone\x1b[0m`,
		"\u009b31m, \u202elarutan\u202c, a\u200bb, \ufeff": `\u009b31m, \u202elarutan\u202c, a\u200bb, \ufeff`,
		"\U000e0041\u2028\u3164\x7f":                       `\U000e0041\u2028\u3164\x7f`,
		"\xff\xfe ok":                                      "\uFFFD\uFFFD ok",
		"::error::x\n  ::set-output name=a::b":             `\x3a:error::x` + "\n" + `  \x3a:set-output name=a::b`,
		"\u00a0::stop-commands::x":                         "\u00a0" + `\x3a:stop-commands::x`,
		"saw ::error::\n::1 and [::1]\n: :\n:":             "saw ::error::\n::1 and [::1]\n: :\n:",
		"##[error]a ##vso[task.x] # ## #[":                 `\x23#[error]a \x23#vso[task.x] # ## #[`,
		"a ##teamcity[x":                                   `a \x23#teamcity[x`,
	} {
		if got := passed(false, in); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
		// However it is cut into pieces, it becomes the same.
		for i := range len(in) {
			if got := passed(false, in[:i], in[i:]); got != want {
				t.Errorf("%q and %q became %q, not %q", in[:i], in[i:], got, want)
			}
		}
	}
}

func TestWriterLetsInkPass(t *testing.T) {
	painted := Style(true).Red("red") + Style(true).Bold("bold") + Style(true).Faint("faint")
	if got := passed(true, painted); got != painted {
		t.Errorf("%q became %q", painted, got)
	}
	if got := passed(true, painted[:3], painted[3:]); got != painted {
		t.Errorf("%q in two parts became %q", painted, got)
	}
	if got := passed(true, "\x1b[8m\x1b[1;31m\x1b[31;8m"); got != `\x1b[8m`+"\x1b[1;31m"+`\x1b[31;8m` {
		t.Errorf("other codes became %q", got)
	}
	var out bytes.Buffer
	w := NewWriter(&out)
	w.Write([]byte("[1/2] a"))
	w.Erase()
	w.Write([]byte("::error::"))
	w.Flush()
	if got := out.String(); got != "[1/2] a\r\x1b[K"+`\x3a:error::` {
		t.Errorf("erased: %q", got)
	}
}

func TestWriterBoundsALine(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.Long = 10
	w.Write([]byte(strings.Repeat("x", 1000)))
	w.Write([]byte(strings.Repeat("ü", 10) + "\nshort\n1234567890é"))
	w.Flush()
	if got, want := out.String(), "xxxxxxxxxx… (1010 bytes more)\nshort\n1234567890… (2 bytes more)"; got != want {
		t.Errorf("became %q, not %q", got, want)
	}
}

func TestOneLine(t *testing.T) {
	if got := OneLine(" a\r\n\tb\u2028c \x1b[1m"); got != `a b\u2028c \x1b[1m` {
		t.Errorf("became %q", got)
	}
	for _, long := range []string{strings.Repeat("x", 1<<20), strings.Repeat("世", 1<<20), strings.Repeat("\x00", 1<<20)} {
		if got := OneLine(long); len(got) > longest+len("…") || !utf8.ValidString(got) {
			t.Errorf("a long one became %d bytes, valid: %v", len(got), utf8.ValidString(got))
		}
	}
}

func TestJSON(t *testing.T) {
	in := map[string]string{"\u202ekey": "\x1b \x7f \u009b \u202e \u200b \U000e0041 ##[error] \\##vso[ <b>&ü世"}
	var out bytes.Buffer
	if err := JSON(&out, in, " "); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); strings.ContainsFunc(s, hidden) || strings.Contains(s, "##[") || !strings.Contains(s, "<b>&ü世") {
		t.Errorf("wrote %q", s)
	}
	got := map[string]string{}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got["\u202ekey"] != in["\u202ekey"] {
		t.Errorf("read back: %q", got)
	}
	// What is JSON already needs no more cleaning on its way out.
	if s := out.String(); passed(false, s) != s {
		t.Errorf("the Writer makes %q of it", passed(false, s))
	}
}
