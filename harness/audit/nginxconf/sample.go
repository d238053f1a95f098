package nginxconf

import (
	"math/rand/v2"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// samples makes texts that an expression matches, the plainest first, at most that many. Those that need what was left
// out (look-around) are sorted out by matching. The same expression gives the same texts.
func (p *pattern) samples(most int) []string {
	var out []string
	for _, tree := range p.trees() {
		for k := range 6 * most {
			g := sampler{plain: k == 0, rng: rand.New(rand.NewPCG(uint64(k), 7))}
			g.write(tree)
			text := g.out.String()
			if !g.failed && !slices.Contains(out, text) && p.matches(text) {
				out = append(out, text)
			}
			if len(out) == most {
				return out
			}
		}
	}
	return out
}

// trees reads the expression in variants: without its look-around, and with what it looks for ahead written out.
func (p *pattern) trees() []*syntax.Regexp {
	if len(p.text) > maxPattern {
		return nil
	}
	flags := syntax.Perl
	if p.fold {
		flags |= syntax.FoldCase
	}
	var out []*syntax.Regexp
	seen := map[string]bool{}
	for _, text := range []string{p.text, withoutLookaround(p.text, false), withoutLookaround(p.text, true)} {
		if seen[text] {
			continue
		}
		seen[text] = true
		if tree, err := syntax.Parse(text, flags); err == nil {
			out = append(out, tree)
		}
	}
	return out
}

// withoutLookaround drops look-around, or keeps what is looked for ahead, and makes plain groups of atomic ones.
func withoutLookaround(text string, keepAhead bool) string {
	text = strings.ReplaceAll(possessive(text), "(?>", "(?:")
	for _, look := range []string{"(?<=", "(?<!", "(?!", "(?="} {
		for from := 0; ; {
			i := strings.Index(text[from:], look)
			if i < 0 {
				break
			}
			i += from
			if look == "(?=" && keepAhead {
				text = text[:i] + "(?:" + text[i+len(look):]
				from = i + 3
				continue
			}
			text, from = text[:i]+text[groupEnd(text, i):], i
		}
	}
	return text
}

// groupEnd is the index behind the group that begins at an index.
func groupEnd(text string, at int) int {
	depth, class := 0, false
	for ; at < len(text); at++ {
		switch c := text[at]; {
		case c == '\\':
			at++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return at + 1
			}
		}
	}
	return len(text)
}

// maxSample bounds a sample: x{1000} in x{1000} is no path that anybody asks for.
const maxSample = 2000

type sampler struct {
	out    strings.Builder
	plain  bool
	rng    *rand.Rand
	failed bool
}

// choose is 0 for the plainest sample, else below n.
func (g *sampler) choose(n int) int {
	if g.plain || n < 2 {
		return 0
	}
	return g.rng.IntN(n)
}

func (g *sampler) write(t *syntax.Regexp) {
	if g.failed || g.out.Len() > maxSample {
		g.failed = true
		return
	}
	switch t.Op {
	case syntax.OpLiteral:
		for _, r := range t.Rune {
			if t.Flags&syntax.FoldCase != 0 {
				r = unicode.ToLower(r)
			}
			g.out.WriteRune(r)
		}
	case syntax.OpCharClass:
		g.class(t.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.out.WriteByte("xab1"[g.choose(4)])
	case syntax.OpCapture:
		g.write(t.Sub[0])
	case syntax.OpConcat:
		for _, sub := range t.Sub {
			g.write(sub)
		}
	case syntax.OpAlternate:
		g.write(t.Sub[g.choose(len(t.Sub))])
	case syntax.OpStar:
		g.repeat(t.Sub[0], (1+g.choose(3))%3)
	case syntax.OpPlus:
		g.repeat(t.Sub[0], 1+g.choose(3))
	case syntax.OpQuest:
		g.repeat(t.Sub[0], g.choose(2))
	case syntax.OpRepeat:
		most := t.Max
		if most < 0 || most > t.Min+2 {
			most = t.Min + 2
		}
		g.repeat(t.Sub[0], t.Min+g.choose(most-t.Min+1))
	case syntax.OpNoMatch:
		g.failed = true
	}
}

func (g *sampler) repeat(t *syntax.Regexp, times int) {
	for range times {
		if g.write(t); g.failed {
			return
		}
	}
}

// class picks a character that reads well in a path, or the first that can be printed.
func (g *sampler) class(ranges []rune) {
	in := func(r rune) bool {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= r && r <= ranges[i+1] {
				return true
			}
		}
		return false
	}
	var fit []rune
	for _, r := range "xab1205-_./" {
		if in(r) {
			fit = append(fit, r)
		}
	}
	if len(fit) > 0 {
		g.out.WriteRune(fit[g.choose(len(fit))])
		return
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		if hi := ranges[i+1]; hi > ' ' {
			g.out.WriteRune(max(ranges[i], '!'))
			return
		}
	}
	g.failed = true
}

// enumerate lists all texts that a part of an expression can match; not ok when they are many or without end.
func enumerate(t *syntax.Regexp, most int) (texts []string, ok bool) {
	switch t.Op {
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(t.Rune))}, true
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return []string{""}, true
	case syntax.OpCapture:
		return enumerate(t.Sub[0], most)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(t.Rune); i += 2 {
			if t.Rune[i+1]-t.Rune[i] > rune(most) {
				return nil, false
			}
			for r := t.Rune[i]; r <= t.Rune[i+1]; r++ {
				texts = append(texts, string(r))
			}
		}
		return texts, len(texts) <= most
	case syntax.OpQuest:
		texts, ok = enumerate(t.Sub[0], most)
		return append(texts, ""), ok
	case syntax.OpAlternate:
		for _, sub := range t.Sub {
			more, ok := enumerate(sub, most)
			if texts = append(texts, more...); !ok || len(texts) > most {
				return nil, false
			}
		}
		return texts, true
	case syntax.OpConcat:
		texts = []string{""}
		for _, sub := range t.Sub {
			more, ok := enumerate(sub, most)
			if !ok || len(texts)*len(more) > most {
				return nil, false
			}
			var next []string
			for _, a := range texts {
				for _, b := range more {
					next = append(next, a+b)
				}
			}
			texts = next
		}
		return texts, true
	}
	return nil, false
}

// group lists all texts of a group, by name or number; not ok when they have no end.
func (p *pattern) group(name string, most int) ([]string, bool) {
	for _, tree := range p.trees() {
		if g := findGroup(tree, name); g != nil {
			return enumerate(g, most)
		}
	}
	return nil, false
}

func findGroup(t *syntax.Regexp, name string) *syntax.Regexp {
	if t.Op == syntax.OpCapture && (t.Name == name || name == itoa(t.Cap)) {
		return t
	}
	for _, sub := range t.Sub {
		if g := findGroup(sub, name); g != nil {
			return g
		}
	}
	return nil
}
