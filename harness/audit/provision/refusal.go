package provision

import (
	"regexp"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// refusalOf is the refusal of what nginx itself refuses.
func (t *Tree) refusalOf(e startupError) *Refused {
	place := t.Place(e.file, e.line)
	if place.File == "" {
		place = t.Place(t.Main, 0)
	}
	r := t.mistake(e, place)
	if link, to, ok := t.linkOf(e.file); ok {
		r = refuse("undefined", nginxconf.Place{File: link}, copyLinks, "%s is a link to %s, which is not in the folder that is read, and the lab's own file there does not load: %s", link, to, e.text)
	} else if s, ok := t.madeUpFor(e); ok { // it may be what was made up that nginx refuses
		r = refuse("undefined", place, "give the value that it has in production: --env "+s.What+"=...",
			"%s has no value here, and with %q in its place nginx says: %s", s.What, s.With, e.text)
	}
	r.Refusal.Nginx = e.String()
	return r
}

// mistake is the refusal of what nobody but the user can mend, with as much as is known of why.
func (t *Tree) mistake(e startupError, place nginxconf.Place) *Refused {
	if word := t.placeholder(e); word != "" {
		return refuse("template", place, "put the value in, then check again", "%s looks like a placeholder: %s", word, e.text)
	}
	remedy := "mend it there, or, where your nginx takes it, check with --image and the image that you run: this one is " + t.Version
	switch {
	case strings.HasPrefix(e.text, "unknown directive"):
		remedy = "mend it there if it is misspelt; perhaps it is of a patched build or of a module of your own: name your image with --image"
	case t.Wrapper && strings.HasSuffix(e.text, "is not allowed here"):
		remedy = "check it together with the file that includes it: which block that does it in, the lab had to guess"
	case onAnyMachine.MatchString(e.text):
		remedy = "mend it there: nginx refuses it on any machine"
	}
	return refuse("mistake", place, remedy, "%s", e.text)
}

// onAnyMachine are the complaints that go by the form of a config alone, whatever nginx reads it.
var onAnyMachine = regexp.MustCompile(`^unexpected |is not terminated|^invalid number of arguments|^directive "\w+" has no opening|is not allowed here$|` +
	`^duplicate |^a duplicate |directive is duplicate|^too (?:long|many) |^unknown "\w+" variable|includes itself`)

var (
	capitals      = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b(?:CHANGE_?ME|REPLACE_?ME|TODO|FIXME|XXX+|PLACEHOLDER)\b`)
	spelledOut    = regexp.MustCompile(`(?i)\b(?:your|change|replace|insert|example)[-_](?:me\b|[a-z]+[-_a-z]*)`)
	quotedInError = regexp.MustCompile(`"([^"]+)"`)
)

// placeholder is the word of what nginx complains of that somebody was to put a value for; empty where there is none. What the
// lab made up is not the user's.
func (t *Tree) placeholder(e startupError) string {
	if t.origin[e.file] == "" && t.Place(e.file, e.line).File == e.file || strings.HasPrefix(e.text, "unknown directive") {
		return ""
	}
	var words []string
	for _, m := range quotedInError.FindAllStringSubmatch(e.text, -1) {
		words = append(words, m[1])
	}
	if strings.HasSuffix(e.text, "invalid value") { // which nginx does not quote
		words = append(words, t.complained(e))
	}
	for _, w := range words {
		for _, shape := range []*regexp.Regexp{capitals, spelledOut} {
			if word := shape.FindString(w); word != "" && !strings.Contains(w, "$") {
				return word
			}
		}
	}
	return ""
}

func (e startupError) refusal(t *Tree, kind, remedy, message string, args ...any) *Refused {
	r := refuse(kind, t.Place(e.file, e.line), remedy, message, args...)
	r.Refusal.Nginx = e.String()
	return r
}

// plusFirst gives a refusal for the version or the build its better reason, where the config asks for NGINX Plus at another place:
// no version of the open nginx would do.
func (t *Tree) plusFirst(r *Refused) *Refused {
	if r.Kind != "version" && r.Kind != "build" && r.Kind != "module" {
		return r
	}
	c, err := t.Config()
	if err != nil || c == nil {
		return r
	}
	var found *nginxconf.Directive
	what := ""
	var walk func([]*nginxconf.Directive)
	walk = func(all []*nginxconf.Directive) {
		for _, d := range all {
			if found != nil {
				return
			}
			if row := findRow("plus", d.Name); row != nil && row[1] == "-" && !ambiguous[d.Name] {
				found, what = d, d.Name+" is a directive"
			}
			if d.Name == "server" && d.Block == nil {
				for _, a := range d.Args[min(1, len(d.Args)):] {
					key, _, isPair := strings.Cut(a, "=")
					if isPair {
						key += "="
					}
					if row := findRow("plus", key); row != nil && row[1] == "-" && !strings.Contains(key, "_pass") {
						found, what = d, key+" of an upstream's server is a parameter"
					}
				}
			}
			if !literalBlocks[d.Name] {
				walk(d.Block)
			}
		}
	}
	walk(c.Main)
	if found == nil {
		return r
	}
	plus := refuse("plus", found.Place, "check with --image and your own image of NGINX Plus", "%s of NGINX Plus, the commercial nginx", what)
	plus.Refusal.Nginx = r.Refusal.Nginx
	return plus
}

// ambiguous are names of NGINX Plus's directives that modules of others have too.
var ambiguous = map[string]bool{"match": true, "state": true, "queue": true, "status": true, "api": true, "hls": true}

// literalBlocks hold no directives.
var literalBlocks = map[string]bool{"map": true, "geo": true, "types": true, "split_clients": true, "charset_map": true}
