package audit

import (
	"regexp"
	"strings"
	"time"
)

// PolicyName is the policy's file beside the config.
const PolicyName = "badgateway.yaml"

// PolicyRule is the rule of findings about the policy file itself: a waiver that has ended, a route that there is not.
const PolicyRule = "policy"

// Healthy is the column of the matrix in which nothing is broken; a policy's faults name it so too.
const Healthy = "healthy"

// A Policy says what may happen. What it does not speak of is left to the findings.
//
// In a file, the limits under all hold for every route, those of a pattern under routes for those that it matches, in the
// order of the file, and those of a route's own id before any other; within each, a fault's before the route's.
type Policy struct {
	// File is where it was read; empty for the default.
	File string
	// FailOn is the least severity of a finding that fails: "high", "medium" or "low".
	FailOn string
	// Waivers are findings that are accepted for a time.
	Waivers []Waiver

	all      scope
	routes   []scope
	requests []request
}

// DefaultPolicy is the policy without a file: no limits of its own, and findings of weight fail.
func DefaultPolicy() *Policy { return &Policy{FailOn: "medium"} }

// A Waiver accepts what a rule finds, on some routes or on all, until a day.
type Waiver struct {
	Rule   string
	Routes []string // ids or patterns; all when empty
	Reason string
	Until  time.Time // the last day
	Line   int
}

// A Request is the user's own request for a route, where none can be worked out from the config.
type Request struct {
	Method string
	URL    string // whole ("https://example.com/x"), or empty
	Path   string // path and query, with the route's own address and host; empty when URL is given
	Header map[string]string
}

type request struct {
	Request
	route string
	line  int
}

// Request is what the policy gives as the request for a route; false when it gives none.
func (p *Policy) Request(route string) (Request, bool) {
	for _, r := range p.requests {
		if r.route == route {
			return r.Request, true
		}
	}
	return Request{}, false
}

// Application is what the policy says is behind a route ("Puma", OtherApplication); empty when it says nothing.
func (p *Policy) Application(route string) (name string) {
	for _, s := range p.lookup().scopes(route) {
		if s.application.name != "" {
			name = s.application.name
		}
	}
	return name
}

// A scope is what is said for some routes: limits, by fault or for all.
type scope struct {
	route    string // an id or a pattern; empty for all
	line     int
	limits   limits
	faults   []faultLimits
	survives []named
	// application is what is behind the route, by which the faults are chosen that some applications have and others not.
	application named
}

type faultLimits struct {
	named
	limits limits
}

// A named is a name in the file, such as that of a fault.
type named struct {
	name string
	line int
}

// limits are what may happen in a measurement. What is nil is not limited.
type limits struct {
	status           []string // "502", "none" (no answer), "not-started", "served" (a stream)
	page             []string // "nginx", "config", "upstream", "none"
	tries            []int
	wait             *span
	errors           *span // for how long errors go on after recovery
	repeated         *int  // how often more than once a POST may be sent; -1 for any
	silentTruncation *bool // whether a cut answer may pass as whole
}

// over lays what is more specific over l.
func (l limits) over(more limits) limits {
	if more.status != nil {
		l.status = more.status
	}
	if more.page != nil {
		l.page = more.page
	}
	if more.tries != nil {
		l.tries = more.tries
	}
	if more.wait != nil {
		l.wait = more.wait
	}
	if more.errors != nil {
		l.errors = more.errors
	}
	if more.repeated != nil {
		l.repeated = more.repeated
	}
	if more.silentTruncation != nil {
		l.silentTruncation = more.silentTruncation
	}
	return l
}

// A span is a length of time that is allowed: up to a longest one, or about one that was measured.
type span struct {
	value time.Duration // forever for "endless"
	about bool
}

// holds allows for what measuring varies.
func (s span) holds(d, noise time.Duration) bool {
	if s.value == forever || d == forever {
		return d == s.value || s.value == forever && !s.about
	}
	grace := noise + max(s.value, d)/50
	return d <= s.value+grace && (!s.about || d >= s.value-grace)
}

func (s span) String() string {
	text := "endless"
	if s.value != forever {
		text = Long(s.value)
	}
	if s.about {
		return "about " + text
	}
	return text
}

// matchRoute reports whether an id is the pattern, or matches it with * for any text.
func matchRoute(pattern, id string) bool {
	if pattern == id {
		return true
	}
	if !strings.Contains(pattern, "*") {
		return false
	}
	parts := strings.Split(pattern, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + `$`).MatchString(id)
}

// limitsOf are the limits of a measurement by the scopes of its route, and whether it has to be survived. What a route may do under
// all faults is said of upstreams that fail: for what visitors do, alone is that which is said by its name.
func limitsOf(scopes []scope, fault, method string, visitor bool) (limits, bool) {
	var l limits
	survive := false
	for _, s := range scopes {
		if fault != Healthy && !visitor {
			l = l.over(s.limits)
		}
		for _, name := range []string{fault, fault + " " + method} {
			for _, f := range s.faults {
				if f.name == name {
					l = l.over(f.limits)
				}
			}
			for _, f := range s.survives {
				survive = survive || f.name == name
			}
		}
	}
	return l, survive
}

// A lookup finds the scopes of a route.
type lookup struct {
	all      scope
	patterns []scope
	ids      map[string]scope // patterns too, as an id may hold a star
}

func (p *Policy) lookup() lookup {
	l := lookup{all: p.all, ids: make(map[string]scope, len(p.routes))}
	for _, s := range p.routes {
		l.ids[s.route] = s
		if strings.Contains(s.route, "*") {
			l.patterns = append(l.patterns, s)
		}
	}
	return l
}

// scopes are those of a route, the most specific last.
func (l lookup) scopes(route string) []scope {
	all := []scope{l.all}
	for _, s := range l.patterns {
		if s.route != route && matchRoute(s.route, route) {
			all = append(all, s)
		}
	}
	if own, ok := l.ids[route]; ok {
		all = append(all, own)
	}
	return all
}
