package provision

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A guess is a search for a value that nginx takes where a variable has none.
type guess struct {
	name string
	next int
}

// candidateValues are tried in turn, with the variable's own name in lower case for NAME. The kinds that nginx knows are few: a flag, a
// number, a time, a size, an address, an upstream.
var candidateValues = []string{"on", "1", "60s", "10m", "8 16k", "1r/s", "198.18.0.1", "403", "GET", "http://NAME:8080", "NAME:8080", "/NAME", ""}

// valueError are nginx's words for an argument that it can't take.
var valueError = regexp.MustCompile(`^(?:invalid|unknown|unsupported|no |host not found|"\S+" directive|"\S+" (?:must|value)|the )|must be|value|not a valid`)

// isSyntaxError reports whether no value of an argument can resolve an error.
func isSyntaxError(e startupError) bool {
	return strings.HasPrefix(e.text, "unknown directive") || strings.HasPrefix(e.text, "unexpected") ||
		strings.Contains(e.text, "is not allowed here")
}

// complained is what the user's own text has where nginx complains: the directive that it names, where there is one on the line, else
// the whole line.
func (t *Tree) complained(e startupError) string {
	place := t.Place(e.file, e.line)
	lines := strings.Split(t.text(place.File), "\n")
	if e.file == "" || place.Line < 1 || place.Line > len(lines) {
		return ""
	}
	text := lines[place.Line-1]
	for i := place.Line - 2; i >= 0 && !strings.ContainsAny(lines[i], ";{}") && place.Line-i < 8; i-- {
		text = lines[i] + text // nginx names the line on which a directive ends
	}
	for _, m := range quotedInError.FindAllStringSubmatch(e.text, -1) {
		if !directiveName.MatchString(m[1]) {
			continue
		}
		// The braces of variables end no directive.
		own := regexp.MustCompile(`(?:^|[;{}]|\s)` + m[1] + `\s+((?:\$\{[^{}]*\}|[^;{}])*)`)
		if found := own.FindStringSubmatch(text); found != nil {
			return found[1]
		}
	}
	return text
}

// directiveName is what a directive's name looks like.
var directiveName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// madeUp are the variables with a made-up value in the directive that an error is about.
func (t *Tree) madeUp(e startupError) []audit.Supply {
	text := t.complained(e)
	var all []audit.Supply
	for _, s := range t.Supplied {
		if s.Kind == "variable" && (strings.Contains(text, "${"+s.What) || strings.Contains(text, "$"+s.What)) {
			all = append(all, s)
		}
	}
	return all
}

// madeUpFor is the variable whose made-up value nginx complains of: of several, the one that is being tried, or
// whose value it quotes, and of those the longest, which is not part of another by chance.
func (t *Tree) madeUpFor(e startupError) (audit.Supply, bool) {
	all := t.madeUp(e)
	if len(all) > 1 {
		var some []audit.Supply
		for _, s := range all {
			if s.With != "nothing" && strings.Contains(e.text, s.With) || t.guessing != nil && t.guessing.name == s.What {
				some = append(some, s)
			}
		}
		if len(some) > 0 {
			tried := func(s audit.Supply) int { return b2i(t.guessing != nil && t.guessing.name == s.What) }
			slices.SortStableFunc(some, func(a, b audit.Supply) int { return cmp.Or(tried(b)-tried(a), len(b.With)-len(a.With)) })
			all = some
		}
	}
	if len(all) == 0 || isSyntaxError(e) && (t.guessing == nil || t.guessing.name != all[0].What) {
		return audit.Supply{}, false
	}
	return all[0], true
}

// tryNextValue gives a variable with a made-up value that nginx does not take another one.
func (st *settler) tryNextValue(e startupError) bool {
	t := st.t
	made, ok := t.madeUpFor(e)
	if !ok || !valueError.MatchString(e.text) {
		return false
	}
	name := made.What
	if t.guessing == nil || t.guessing.name != name {
		if _, before := t.guessed[name]; before {
			return false // it was taken elsewhere, or nothing was
		}
		t.guessing = &guess{name: name}
	}
	g := t.guessing
	if g.next >= len(candidateValues) {
		return false
	}
	value := strings.ReplaceAll(candidateValues[g.next], "NAME", strings.ToLower(strings.ReplaceAll(strings.Trim(name, "_"), "_", "-")))
	g.next++
	if t.guessed == nil {
		t.guessed = map[string]string{}
	}
	t.guessed[name] = value
	for i, s := range t.Supplied {
		if s.Kind == "variable" && s.What == name {
			t.Supplied[i].With = value
			if value == "" {
				t.Supplied[i].With = "nothing"
			}
		}
	}
	for real, user := range t.origin {
		if text := t.text(user); strings.Contains(text, name) && t.has(real) {
			filled, _ := t.fill(text, user)
			t.put(agentapi.File{Path: real, Data: filled})
		}
	}
	return true
}
