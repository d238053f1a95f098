package nginxconf

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
)

// Bounds on what one config may have, in its files and once its includes are put in: what is short in a file takes a hundred
// times its length in memory.
const (
	maxDirectives = 300_000
	maxWords      = 1_000_000
	maxDepth      = 100 // of includes and of blocks
)

// TooMuch is the error for a config that goes beyond the bounds.
type TooMuch struct {
	Place   Place
	Message string
	Remedy  string
}

func (e *TooMuch) Error() string {
	return fmt.Sprintf("%s:%d: %s: %s", e.Place.File, e.Place.Line, e.Message, e.Remedy)
}

func tooMuch(file string, line int, remedy, format string, args ...any) error {
	return &TooMuch{Place{file, line}, fmt.Sprintf(format, args...), remedy}
}

const smaller = "name a smaller part of the config"

// A quota is what may still be read.
type quota struct {
	whose             string
	directives, words int
	files             int // as often as they are included
}

func newQuota(whose string) *quota {
	return &quota{whose, maxDirectives, maxWords, maxDirectives}
}

// useFile takes off one file that is included.
func (a *quota) useFile(p Place) error {
	if a.files--; a.files < 0 {
		return tooMuch(p.File, p.Line, smaller, "%s more than %d files", a.whose, maxDirectives)
	}
	return nil
}

// use takes off what a token is: a word, or the end of a directive's head.
func (a *quota) use(file string, t token) error {
	what, most := "directives", maxDirectives
	left := &a.directives
	switch {
	case t.is("}"):
		return nil // as many as there are "{"
	case !t.is(";") && !t.is("{"):
		what, most, left = "words", maxWords, &a.words
	}
	if *left--; *left < 0 {
		return tooMuch(file, t.line, smaller, "%s more than %d %s", a.whose, most, what)
	}
	return nil
}

// Bounds on what it may take to follow the requests through one config, whatever stands in it. What is beyond them is not
// worked out, and says so.
const (
	// maxText is the longest value of a variable, URI or query that is followed: as much as nginx takes of a request's head by
	// default. https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers
	maxText = 4 * 8 << 10
	// maxHeld is how much the variables of one request may hold together.
	maxHeld = 1 << 20
	// maxWork is what all servers may take together, in units of one to two microseconds: three times what 2,000 ordinary
	// servers take. maxEntryWork is what one location may, so that one that leads in circles leaves enough for the others.
	maxWork      = 6_000_000
	maxEntryWork = 600_000
	minEntryWork = 4_000
)

// Why a route was not worked out.
const (
	entryExceeded  = "not worked out: following its requests takes more steps than one location may"
	configExceeded = "not worked out: following the requests of this config takes more steps than a config may"
)

// A budget is what is left of the work.
type budget struct {
	ctx   context.Context
	all   int // left for all
	entry int // left for the location at hand
	per   int // what each location has
	since int // spent since the context was last asked

	expressions []*atomic.Int64 // the steps of those that are kept
}

func newBudget(ctx context.Context, entries int) *budget {
	b := &budget{ctx: ctx, all: maxWork, per: min(maxEntryWork, max(minEntryWork, 4*maxWork/max(entries, 1)))}
	b.beginEntry()
	return b
}

// beginEntry gives the next location its share.
func (b *budget) beginEntry() { b.entry = b.per }

// spend takes n units; it reports whether the work may go on.
func (b *budget) spend(n int) bool {
	b.all -= n
	b.entry -= n
	if b.since += n; b.since > 1000 {
		b.since = 0
		if b.ctx.Err() != nil {
			b.all = 0
		}
	}
	for _, steps := range b.expressions {
		if steps.Load() > maxPrograms {
			b.all = 0
		}
	}
	return b.all > 0 && b.entry > 0
}

// exceeded is why the work ended, empty while it has not.
func (b *budget) exceeded() string {
	switch {
	case b.all <= 0:
		return configExceeded
	case b.entry <= 0:
		return entryExceeded
	}
	return ""
}

// matchCost is what looking for an expression in a text takes.
func matchCost(expression, text string) int { return 1 + len(expression)*len(text)/1000 }

// join puts the values of variables into a text; not known when one of them is not, or when the text becomes too long.
func (r *simulation) join(template string, value func(name string) (string, bool)) (text string, known bool) {
	if !strings.Contains(template, "$") {
		return template, true
	}
	all := pieces(template)
	if len(all) == 1 && all[0].name != "" { // no copy of what may be long
		return value(all[0].name)
	}
	var out strings.Builder
	known = true
	for _, p := range all {
		part, ok := p.text, true
		if p.name != "" {
			part, ok = value(p.name)
		}
		if known = known && ok; out.Len()+len(part) > maxText {
			r.out.tooLong = true
			return "", false
		}
		out.WriteString(part)
	}
	return out.String(), known
}
