package diagnose

import (
	"errors"
	"fmt"
	"slices"
)

// A Book is what is known: causes, and the patterns that they are recognised by. It may be used by many at once.
type Book struct {
	causes []*Cause
	bySlug map[string]*Cause
	rules  []*rule // of all causes, in their order
	index  *index
}

// NewBook makes a book of causes. The error names the patterns that can't be read, and slugs that are there twice.
func NewBook(causes []Cause) (*Book, error) {
	b := &Book{bySlug: map[string]*Cause{}}
	var bad []error
	for _, c := range causes {
		if b.bySlug[c.Slug] != nil {
			bad = append(bad, fmt.Errorf("the cause %q is there twice", c.Slug))
		}
		one := &c
		b.causes = append(b.causes, one)
		b.bySlug[c.Slug] = one
		for _, text := range c.Match {
			p, err := parsePattern(text)
			if err != nil {
				bad = append(bad, fmt.Errorf("%s: %w", c.Slug, err))
				continue
			}
			b.rules = append(b.rules, &rule{p, one})
		}
	}
	b.index = newIndex(b.rules)
	return b, errors.Join(bad...)
}

// Causes are all causes of the book, in its order.
func (b *Book) Causes() []*Cause { return b.causes }

// Cause is the one with a slug; nil where there is none.
func (b *Book) Cause(slug string) *Cause { return b.bySlug[slug] }

// sureInPath is how sure mere words are at the most in an access log's line of a request that went well: its path, referrer and
// browser can have any.
const sureInPath = 40

// Candidates are the causes that a line can have, the surest first; each cause once.
func (b *Book) Candidates(l *Line) []Candidate {
	var all []Candidate
	try := func(r *rule) {
		i := slices.IndexFunc(all, func(c Candidate) bool { return c.Cause == r.cause })
		if i >= 0 && all[i].Sure >= r.sure || !r.fits(l) {
			return
		}
		sure := r.sure
		if l.cut > 0 && !r.whole(l) {
			sure = min(sure, sureBegun)
		}
		if l.cut > 0 && len(r.not) > 0 && r.cause.Side == Nobody { // the rest may tell of a failure
			sure = min(sure, sureInPath)
		}
		if r.form == "" && r.status == nil && r.cause.Side != Nobody && r.cause.Side != Client && l.wellServed() {
			sure = min(sure, sureInPath)
		}
		if i < 0 {
			all = append(all, Candidate{r.cause, sure, r.anchor})
		} else if all[i].Sure < sure {
			all[i].Sure, all[i].By = sure, r.anchor
		}
	}
	b.index.found(l.low, try)
	if known := len(all); l.cut > 0 {
		if b.index.begun(l, try); len(all) > known+2 { // too many ways in which it may go on
			all = all[:known]
		}
	}
	for _, r := range b.index.loose {
		try(r)
	}
	return ranked(all)
}
