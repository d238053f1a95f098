package provision

import (
	"regexp"
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
var candidateValues = []string{"on", "1", "60s", "10m", "1r/s", "198.18.0.1", "GET", "http://NAME:8080", "NAME:8080", "/NAME", ""}

// valueError are nginx's words for an argument that it can't take.
var valueError = regexp.MustCompile(`^(?:invalid|unknown|unsupported|no |host not found|"\S+" directive|"\S+" (?:must|value)|the )|must be|value|not a valid`)

// isSyntaxError reports whether no value of an argument can resolve an error.
func isSyntaxError(e startupError) bool {
	return strings.HasPrefix(e.text, "unknown directive") || strings.HasPrefix(e.text, "unexpected") ||
		strings.Contains(e.text, "is not allowed here") || strings.HasPrefix(e.text, "invalid number of arguments")
}

// madeUp are the variables with a made-up value in the directive that an error is about.
func (t *Tree) madeUp(e startupError) []audit.Supply {
	place := t.Place(e.file, e.line)
	lines := strings.Split(t.text(place.File), "\n")
	if e.file == "" || e.line < 1 || e.line > len(lines) {
		return nil
	}
	text := lines[e.line-1]
	for i := e.line - 2; i >= 0 && !strings.ContainsAny(lines[i], ";{}") && e.line-i < 8; i-- {
		text = lines[i] + text // nginx names the line on which a directive ends
	}
	var all []audit.Supply
	for _, s := range t.Supplied {
		if s.Kind == "variable" && (strings.Contains(text, "${"+s.What) || strings.Contains(text, "$"+s.What)) {
			all = append(all, s)
		}
	}
	return all
}

// tryNextValue gives a variable with a made-up value that nginx does not take another one.
func (st *settler) tryNextValue(e startupError) bool {
	t := st.t
	made := t.madeUp(e)
	if len(made) != 1 || isSyntaxError(e) || !valueError.MatchString(e.text) {
		return false
	}
	name := made[0].What
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
