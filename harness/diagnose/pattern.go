package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Pattern is what a text must have to be evidence of a cause. It is written as terms joined by " & ", all in lower case:
//
//	connecting to    the text holds this
//	^worker          the text, or a line of a page, begins so
//	!unix:           the text does not hold this
//	~\bpid \d+       the text matches this regular expression
//	#110,60          its error number is one of these, those of Linux
//	=502,504         its status is one of these
//	*SC,sC           its flags of a session begin with one of these
//	@nginx-error     it is of this form, or of one that begins so
//	%70              how sure that is, 1 to 99; 90 where it is not said
//
// One term of the first two kinds should have four bytes or more: by these, patterns are found fast.
type Pattern struct {
	has, not []string
	begins   string
	match    []*regexp.Regexp
	errno    []int
	status   []int
	flags    []string
	form     string
	sure     int
	anchor   string
}

// parsePattern reads a pattern.
func parsePattern(text string) (*Pattern, error) {
	p := &Pattern{sure: 90}
	for _, term := range strings.Split(text, "& ") {
		term = strings.TrimSuffix(term, " ")
		if term == "" {
			return nil, fmt.Errorf("the pattern %q has an empty term", text)
		}
		rest := term[1:]
		var err error
		switch term[0] {
		case '^':
			p.begins = rest
		case '!':
			p.not = append(p.not, rest)
		case '~':
			var re *regexp.Regexp
			if re, err = regexp.Compile(rest); err == nil {
				p.match = append(p.match, re)
			}
		case '#':
			p.errno, err = integers(rest)
		case '=':
			p.status, err = integers(rest)
		case '*':
			p.flags = strings.Split(rest, ",")
		case '@':
			p.form = rest
		case '%':
			p.sure, err = strconv.Atoi(rest)
		default:
			p.has = append(p.has, term)
		}
		if err != nil {
			return nil, fmt.Errorf("the pattern %q: %w", text, err)
		}
	}
	for _, s := range append([]string{p.begins}, p.has...) {
		if len(s) > len(p.anchor) {
			p.anchor = s
		}
	}
	if len(p.anchor) < gram {
		if p.anchor = ""; p.form == "" {
			return nil, fmt.Errorf("the pattern %q has neither a text of %d bytes nor a form", text, gram)
		}
	}
	return p, nil
}

func integers(s string) (all []int, err error) {
	for _, part := range strings.Split(s, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// fits reports whether the pattern fits a line.
func (p *Pattern) fits(l *Line) bool {
	if p.form != "" && !strings.HasPrefix(l.Form, p.form) && p.form != l.also && p.form != l.Gateway ||
		p.begins != "" && !strings.HasPrefix(l.low, p.begins) && (l.Form != "page" || !strings.Contains(l.low, "\n"+p.begins)) ||
		len(p.status) > 0 && !slices.Contains(p.status, l.Status) ||
		len(p.errno) > 0 && !slices.Contains(p.errno, l.Errno) {
		return false
	}
	if len(p.flags) > 0 && !slices.ContainsFunc(p.flags, func(f string) bool { return hasFlags(l.Flags, f) }) {
		return false
	}
	for _, s := range p.has {
		if !strings.Contains(l.low, s) && !l.begins(s) {
			return false
		}
	}
	for _, s := range p.not {
		if strings.Contains(l.low, s) {
			return false
		}
	}
	for _, re := range p.match {
		if !re.MatchString(l.low) {
			return false
		}
	}
	return true
}

// whole reports whether a line has all terms to their end.
func (p *Pattern) whole(l *Line) bool {
	return !slices.ContainsFunc(p.has, func(s string) bool { return !strings.Contains(l.low, s) })
}

// sureBegun is how sure a pattern is at the most, of which a line has but the beginning of a term: not high.
const sureBegun = 79

// leastBegun is how much of a term must stand where a line was cut, to be taken for its beginning.
const leastBegun = 11

// begins reports whether a line was cut in the midst of a term.
func (l *Line) begins(term string) bool {
	for n := min(len(term)-1, l.cut); n >= leastBegun; n-- {
		if l.low[l.cut-n:l.cut] == term[:n] {
			return true
		}
	}
	return false
}

// hasFlags reports whether a session ended with these flags, or with some that begin so, as HAProxy's SC-- does with SC.
func hasFlags(flags, want string) bool {
	return flags == want || len(want) == 2 && strings.HasPrefix(flags, want)
}

// gram is how many bytes of an anchor are looked up at once.
const gram = 4

// An index finds the patterns whose anchor a text holds, in one pass over the text.
type index struct {
	bits    [1 << 13]byte       // of 16 bits of a hash, which grams begin an anchor
	anchors map[uint32][]anchor // by their first gram
	loose   []*rule             // those without an anchor
}

type anchor struct {
	text  string
	rules []*rule
}

// A rule is a pattern of a cause.
type rule struct {
	*Pattern
	cause *Cause
}

func gramAt(s string, i int) uint32 {
	return uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24
}

func bit(g uint32) uint32 { return g * 0x9E3779B1 >> 16 }

func newIndex(rules []*rule) *index {
	x := &index{anchors: map[uint32][]anchor{}}
next:
	for _, r := range rules {
		if r.anchor == "" {
			x.loose = append(x.loose, r)
			continue
		}
		g := gramAt(r.anchor, 0)
		x.bits[bit(g)>>3] |= 1 << (bit(g) & 7)
		for i, a := range x.anchors[g] {
			if a.text == r.anchor {
				x.anchors[g][i].rules = append(a.rules, r)
				continue next
			}
		}
		x.anchors[g] = append(x.anchors[g], anchor{r.anchor, []*rule{r}})
	}
	return x
}

// begun calls each with all rules whose anchor has its beginning at the end of a line that was cut.
func (x *index) begun(l *Line, each func(*rule)) {
	for i := max(0, l.cut-longestTerm); i+leastBegun <= l.cut; i++ {
		for _, a := range x.anchors[gramAt(l.low, i)] {
			if n := l.cut - i; n < len(a.text) && a.text[:n] == l.low[i:l.cut] {
				for _, r := range a.rules {
					each(r)
				}
			}
		}
	}
}

// longestTerm is how far before the end of a line that was cut a term is looked for.
const longestTerm = 200

// found calls each with all rules whose anchor is in s; with the same one more than once where it is there more than once.
func (x *index) found(s string, each func(*rule)) {
	for i := 0; i+gram <= len(s); i++ {
		g := gramAt(s, i)
		if b := bit(g); x.bits[b>>3]&(1<<(b&7)) == 0 {
			continue
		}
		for _, a := range x.anchors[g] {
			if strings.HasPrefix(s[i:], a.text) {
				for _, r := range a.rules {
					each(r)
				}
			}
		}
	}
}
