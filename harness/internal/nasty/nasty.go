// Package nasty is for tests: it fills every text of a value with what would break out of some form of report, and finds what
// did. A field that is added to the value is filled too, so that one that is printed as it came does not go unnoticed.
package nasty

import (
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Text tries to break out of every form: a terminal's, HTML's, XML's, Markdown's, a CI system's log, a shell's.
const Text = "\x1b[2J\x1b]0;owned\x07\u009b2J\u202e\u2066\u200b\ufeff\u2028\U000e0041\x00\x7f\xff\r\n" +
	"::error::owned\n##vso[task.complete]\n##[error]\n]]></pre></style></title><script>alert(1)</script>\"'><img src=x onerror=alert(2)>" +
	"<!-- --> {{.}} &lt; javascript:alert(3) @somebody @some/team https://owned.example/ www.owned.example owned@owned.example " +
	"[owned](https://owned.example) [owned](1) ![owned](https://owned.example/x.png) `x` ``` ~~~ | $x$ #1 !1 GH-1 *b* __b__\n" +
	"# owned\n- owned\n\n---\n'; owned; '"

// Fill sets every text in what p points to, every key of a map, and at least one element of every list, to text. Numbers become 1,
// so that what is shown only when it is not 0 is; what is true or false, and what a pointer leads to, stay as they are: a test
// has a case for each.
func Fill(p any, text string) { fill(reflect.ValueOf(p).Elem(), text, 0) }

func fill(v reflect.Value, text string, depth int) {
	if depth > 20 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		if v.IsZero() {
			v.SetInt(1)
		}
	case reflect.Struct:
		if v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), text, depth+1)
		}
	case reflect.Slice:
		if v.Len() == 0 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		}
		for i := range v.Len() {
			fill(v.Index(i), text, depth+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text, depth+1)
		fill(value, text, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), text, depth+1)
		}
	}
}

// raw are characters that no form may hold, however it is meant to be read.
var raw = regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")

// Raw is the place of a character that drives or deceives whoever reads it, with what stands around it; empty when there is none.
func Raw(s string) string {
	if at := raw.FindStringIndex(s); at != nil {
		return around(s, at[0])
	}
	if !utf8.ValidString(s) {
		return around(s, strings.IndexRune(s, utf8.RuneError))
	}
	return ""
}

// command is what a CI system takes for a command.
var command = regexp.MustCompile(`(?m)^\s*::[a-zA-Z]|##\[|##vso\[|##teamcity\[`)

// Command is the place of what a CI system takes for a command; empty when there is none.
func Command(s string) string {
	if at := command.FindStringIndex(s); at != nil {
		return around(s, at[0])
	}
	return ""
}

func around(s string, at int) string {
	at = max(at, 0)
	return strings.ToValidUTF8(s[max(at-120, 0):min(at+60, len(s))], "?")
}
