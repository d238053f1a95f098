package fakeupstream

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Rule says what requests meet that fit it, on whichever connection they come. What is not set makes no difference: a Rule
// with Nth 3 and nothing else is for the third request of all.
//
// A Rule counts each request that fits it, whether or not it takes it, since the upstream was made. Of requests that come at
// once on several connections, the one whose head was read first counts first.
type Rule struct {
	// Method is that of the request: "POST".
	Method string `json:"method,omitempty"`
	// Path is that of the request target as it was sent, without the query: "/pay"; with a "*" at its end it is for all that
	// begin so: "/api/*". In gRPC it names the call, "/shop.Cart/Add", and in memcached the keys.
	Path string `json:"path,omitempty"`
	// Headers are lines such as "X-Debug: 1", or names alone, and the request has to have all of them. In FastCGI, uwsgi and
	// SCGI they are looked for among the parameters (HTTP_X_DEBUG), and in HTTP/2 Host is :authority. Of a
	// long head the first 64 KiB are looked at.
	Headers []string `json:"headers,omitempty"`
	// Nth takes the Nth of these requests alone, 1 being the first. First takes so many, the first of them. Without either all
	// are taken.
	Nth   int `json:"nth,omitempty"`
	First int `json:"first,omitempty"`
	// Then is what they meet. It cannot act at AtAccept, as the head of the request is read by then, and not be a state of the
	// whole listener.
	Then Behaviour `json:"then,omitempty"`
}

// check reports what is wrong with the rule.
func (r Rule) check(on Endpoint) error {
	switch {
	case on.Protocol == Stream && (r.Method != "" || r.Path != "" || len(r.Headers) > 0):
		return errors.New("a stream has no method, path or header; give nth or first alone")
	case len(r.Headers) > 0 && !hasHeader(on.Protocol):
		return fmt.Errorf("headers: %s has no header; remove them", title(on.Protocol))
	case r.Path != "" && r.Path[0] != '/' && r.Path != "*" && !on.may(Memcached) && !on.may(Redis) && !on.may(MySQL) && !on.may(DNS):
		return fmt.Errorf(`path: %q does not begin with a slash; write "/%[1]s"`, r.Path)
	case strings.Contains(r.Path, "?"):
		return fmt.Errorf("path: %q has a query, which is not looked at; leave it out", r.Path)
	case r.Nth != 0 && r.First != 0:
		return errors.New("nth: give one of nth and first")
	case r.Then == nil:
		return errors.New(`then: missing; say what the request meets, such as {"do":"reset"}`)
	}
	for i, line := range r.Headers {
		if name, _, _ := strings.Cut(line, ":"); name == "" || strings.ContainsAny(name, " \t\r\n") {
			return fmt.Errorf(`headers[%d]: %q is not a header line; write "Name: value", or the name alone`, i, line)
		}
	}
	if err := first(notNegative("nth", r.Nth), notNegative("first", r.First)); err != nil {
		return err
	}
	name, err := registered(r.Then)
	if err != nil {
		return fmt.Errorf("then: %w", err)
	}
	if _, ok := r.Then.(listenerBehaviour); ok {
		return fmt.Errorf("then: %s is a state of the whole listener, and a rule is for requests", name)
	}
	on.ruled = true
	if err := r.Then.Check(on); err != nil {
		return fmt.Errorf("then (%s): %w", name, err)
	}
	return nil
}

// fits reports whether the rule is for such a request, whichever it is in number.
func (r Rule) fits(q *RequestRecord) bool {
	if r.Method != "" && r.Method != q.Method || !fitsPath(r.Path, q.URI) {
		return false
	}
	for _, line := range r.Headers {
		if !q.hasHeader(line) {
			return false
		}
	}
	return true
}

// fitsPath reports whether a Rule's path is that of a request target, which is "/path?query" or "http://host/path?query".
func fitsPath(path, target string) bool {
	if path == "" {
		return true
	}
	target, _, _ = strings.Cut(target, "?")
	if scheme, rest, ok := strings.Cut(target, "://"); ok && !strings.Contains(scheme, "/") {
		_, rest, _ = strings.Cut(rest, "/")
		target = "/" + rest
	}
	if begin, ok := strings.CutSuffix(path, "*"); ok {
		return strings.HasPrefix(target, begin)
	}
	return target == path
}

// hasHeader reports whether the request has a header field like the line, of which the value may be missing.
func (r *RequestRecord) hasHeader(line string) bool {
	name, value, valued := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	has := func(f Field, name string) bool {
		return strings.EqualFold(f.Name, name) && (!valued || f.Value == value)
	}
	for _, f := range r.Headers {
		if has(f, name) || f.Name == ":authority" && has(Field{"Host", f.Value}, name) {
			return true
		}
	}
	variable := strings.ReplaceAll(name, "-", "_") // RFC 3875, 4.1
	if !strings.EqualFold(name, "Content-Type") && !strings.EqualFold(name, "Content-Length") {
		variable = "HTTP_" + variable
	}
	for _, p := range r.Params {
		if has(p, variable) {
			return true
		}
	}
	return false
}

// rules are the rules of a Server at work.
type rules struct {
	list  []Rule
	steps []step

	mu   sync.Mutex
	seen []int // how many requests each has counted
}

func newRules(list []Rule, protocol string) *rules {
	if len(list) == 0 {
		return nil
	}
	r := &rules{list: list, seen: make([]int, len(list))}
	for _, rule := range list {
		r.steps = append(r.steps, newStep(rule.Then, protocol))
	}
	return r
}

// take counts the request, and gives the number of the rule that takes it; 0 is none.
func (r *rules) take(q RequestRecord) (number int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, rule := range r.list {
		if !rule.fits(&q) {
			continue
		}
		r.seen[i]++
		n := r.seen[i]
		if number == 0 && (rule.Nth == 0 || n == rule.Nth) && (rule.First == 0 || n <= rule.First) {
			number = i + 1
		}
	}
	return number
}

// errRuled ends what a script does with a request that a rule takes.
var errRuled = errors.New("a rule takes the request")

// takenByRule gives the request, of which the head was read, to the rule that takes it.
func (x *Exchange) takenByRule() error {
	if x.rules == nil {
		return nil
	}
	number := x.rules.take(x.Request())
	if number == 0 {
		return nil
	}
	x.step = &x.rules.steps[number-1]
	x.record(func(r *RequestRecord) { r.Did, r.Rule = x.step.text, number })
	return errRuled
}
