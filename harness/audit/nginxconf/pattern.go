package nginxconf

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dlclark/regexp2"
)

// matchTime bounds one search with a regular expression that only a backtracking engine can read, and maxLate how many of one
// config may reach that bound: an expression that did matches nothing from then on, and when there were so many, none of
// that kind does.
const (
	matchTime = 20 * time.Millisecond
	maxLate   = 100
)

// A pattern is a regular expression of nginx (PCRE), as far as it can be read. Go's engine takes most; those with
// look-around, atomic groups or back references go to one that backtracks as PCRE does.
type pattern struct {
	text string
	fold bool
	once sync.Once
	head string // what all matches begin with
	fast *regexp.Regexp
	slow *regexp2.Regexp
	late *atomic.Int32 // searches of the config that took too long; nil for none that are counted
	all  *atomic.Int64 // steps of all expressions that were compiled with it; nil for none that are counted

	sized sync.Once
	size  int
}

// newPattern never fails: what no engine can read matches nothing.
func newPattern(text string, fold bool) *pattern { return &pattern{text: text, fold: fold} }

// pattern is one of the config's own.
func (c *Config) pattern(text string, fold bool) *pattern {
	return &pattern{text: text, fold: fold, late: &c.late, all: &c.steps}
}

// compile is done when something is first looked for: most expressions of a large config are never needed.
func (p *pattern) compile() {
	prefix := ""
	if p.fold {
		prefix = "(?i)"
	}
	if steps := p.steps(); steps > maxProgram || p.all != nil && p.all.Add(int64(ownSteps+steps)) > maxPrograms {
		return
	}
	var err error
	if p.fast, err = regexp.Compile(prefix + p.text); err == nil {
		p.head = head(prefix + p.text)
		return
	}
	p.fast = nil
	if p.slow, err = regexp2.Compile(prefix+strings.ReplaceAll(possessive(p.text), "(?P<", "(?<"), regexp2.None); err != nil {
		p.slow = nil
		return
	}
	p.slow.MatchTimeout = matchTime
}

// steps is how long the expression's program is once its repetitions are written out, and so what it takes of memory and, for each
// character, of time. One that is too long to be looked at has more than maxProgram.
func (p *pattern) steps() int {
	p.sized.Do(func() {
		if p.size = len(p.text); p.size > maxPattern {
			p.size = maxProgram + 1
		} else if tree, err := syntax.Parse(p.text, syntax.Perl); err == nil {
			p.size = size(tree)
		}
	})
	return p.size
}

// size is about how many steps the program of an expression has.
func size(t *syntax.Regexp) int {
	n := 1 + len(t.Rune)
	for _, sub := range t.Sub {
		n += size(sub)
	}
	if t.Op == syntax.OpRepeat {
		n *= max(t.Min, t.Max, 1)
	}
	return min(n, 1<<30)
}

// head is the plain text that an anchored expression begins with.
func head(text string) string {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil || tree.Op != syntax.OpConcat || len(tree.Sub) < 2 || tree.Sub[0].Op != syntax.OpBeginText {
		return ""
	}
	if literal := tree.Sub[1]; literal.Op == syntax.OpLiteral && literal.Flags&syntax.FoldCase == 0 {
		return string(literal.Rune)
	}
	return ""
}

// maxPattern is the longest expression that is looked at, maxProgram what it may become when it is compiled, and maxPrograms
// what all of a config may, each with ownSteps beside its program: they are kept.
const (
	maxPattern  = 16 << 10
	maxProgram  = 32 << 10
	maxPrograms = 1_000_000
	ownSteps    = 64
)

// possessive takes the plus off the quantifiers that give nothing back (a++): they match less, but what they match the
// others do too.
func possessive(text string) string {
	for _, q := range []string{"+", "*", "?", "}"} {
		var out strings.Builder
		for i := 0; i < len(text); i++ {
			out.WriteByte(text[i])
			if text[i] == '\\' && i+1 < len(text) {
				i++
				out.WriteByte(text[i])
			} else if text[i:i+1] == q && i > 0 && i+1 < len(text) && text[i+1] == '+' {
				i++
			}
		}
		text = out.String()
	}
	return text
}

// match gives the groups by their number and by their name; nil when the text does not match.
func (p *pattern) match(text string) map[string]string {
	p.once.Do(p.compile)
	switch {
	case p.fast != nil:
		found := p.fast.FindStringSubmatch(text)
		if found == nil {
			return nil
		}
		groups := make(map[string]string, len(found))
		for i, name := range p.fast.SubexpNames() {
			groups[strconv.Itoa(i)] = found[i]
			if name != "" {
				groups[name] = found[i]
			}
		}
		return groups
	case p.slow != nil:
		if p.late != nil && p.late.Load() > maxLate {
			return nil
		}
		found, err := p.slow.FindStringMatch(text)
		if err != nil && p.late != nil {
			p.late.Add(1)
			p.slow = nil
		}
		if err != nil || found == nil {
			return nil
		}
		groups := make(map[string]string)
		for _, g := range found.Groups() {
			groups[g.Name] = g.String()
		}
		return groups
	}
	return nil
}

func (p *pattern) matches(text string) bool {
	p.once.Do(p.compile)
	if !strings.HasPrefix(text, p.head) {
		return false
	}
	if p.fast != nil {
		return p.fast.MatchString(text)
	}
	return p.match(text) != nil
}

// locationRegex gives the regular expression of a location.
func locationRegex(d *Directive) (text string, fold, ok bool) {
	if d.Name != "location" || len(d.Args) == 0 {
		return "", false, false
	}
	first := d.Args[0]
	if len(d.Args) > 1 {
		switch first {
		case "~":
			return d.Args[1], false, true
		case "~*":
			return d.Args[1], true, true
		}
		return "", false, false
	}
	if rest, is := strings.CutPrefix(first, "~*"); is { // nginx takes it without a space too
		return rest, true, true
	}
	if rest, is := strings.CutPrefix(first, "~"); is {
		return rest, false, true
	}
	return "", false, false
}

// groupNames are the names of the groups of an expression, in PCRE's three notations.
var groupName = regexp.MustCompile(`\(\?(?:P?<|')([A-Za-z_]\w*)[>']`)

func groupNames(text string) []string {
	var names []string
	for _, m := range groupName.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(names, m[1]) {
			names = append(names, m[1])
		}
	}
	return names
}
