package audit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

func (r *policyReader) limitFields(l *limits) map[string]func(*yaml.Node) {
	return map[string]func(*yaml.Node){
		"status":        func(n *yaml.Node) { l.status = r.statuses(n) },
		"page":          func(n *yaml.Node) { l.page = r.someOf(n, "nginx", "config", "upstream", "none") },
		"tries":         func(n *yaml.Node) { l.tries = r.counts(n) },
		"wait":          func(n *yaml.Node) { l.wait = r.span(n) },
		"errors_for":    func(n *yaml.Node) { l.errors = r.span(n) },
		"repeated_post": func(n *yaml.Node) { l.repeated = r.repeats(n) },
		"cut_as_whole":  func(n *yaml.Node) { l.silentTruncation = r.boolean(n) },
	}
}

// items are the values of a list; a value alone is a list of one.
func (r *policyReader) items(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		all[i] = resolve(c)
	}
	return all
}

// text is a value that is one word or sentence.
func (r *policyReader) text(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.fail(n, "a value is missing here")
		return ""
	}
	return n.Value
}

func (r *policyReader) names(n *yaml.Node) (all []named) {
	for _, item := range r.items(n) {
		if name := r.text(item); name != "" {
			all = append(all, named{name, item.Line})
		}
	}
	return all
}

func (r *policyReader) oneOf(n *yaml.Node, allowed ...string) string {
	text := r.text(n)
	if text != "" && !slices.Contains(allowed, text) {
		r.fail(n, "%q is not possible here; %s", text, nearest(text, slices.Clone(allowed)))
	}
	return text
}

func (r *policyReader) someOf(n *yaml.Node, allowed ...string) []string {
	all := []string{}
	for _, item := range r.items(n) {
		all = append(all, r.oneOf(item, allowed...))
	}
	return all
}

func (r *policyReader) statuses(n *yaml.Node) []string {
	all := []string{}
	for _, item := range r.items(n) {
		text := r.text(item)
		if code, err := strconv.Atoi(text); text != "" && !slices.Contains([]string{"none", "not-started", "served"}, text) && (err != nil || code < 100 || code > 999) {
			r.fail(item, "%q is not a status; give a number such as 502, none (no answer), not-started, or served for a stream", text)
		}
		all = append(all, text)
	}
	return all
}

func (r *policyReader) counts(n *yaml.Node) []int {
	all := []int{}
	for _, item := range r.items(n) {
		text := r.text(item)
		from, to, isRange := strings.Cut(text, "..")
		if !isRange {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || a < 0 || b < a || b > 1000 {
			r.fail(item, "%q is not a number of tries; give 2, a list [1, 2], or 1..3", text)
			continue
		}
		for i := a; i <= b; i++ {
			all = append(all, i)
		}
	}
	return all
}

func (r *policyReader) span(n *yaml.Node) *span {
	text := r.text(n)
	s := &span{}
	rest, about := strings.CutPrefix(text, "about ")
	s.about = about
	if rest == "endless" {
		s.value = forever
		return s
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 {
		r.fail(n, "%q is not a length of time; write 5s, 1m30s or 500ms for the longest, \"about 60s\" for one that was measured, or endless", text)
		return nil
	}
	s.value = d
	return s
}

func (r *policyReader) boolean(n *yaml.Node) *bool {
	b, err := strconv.ParseBool(r.text(n))
	if err != nil {
		r.fail(n, "%q has to be true or false", n.Value)
		return nil
	}
	return &b
}

func (r *policyReader) repeats(n *yaml.Node) *int {
	times := 0
	switch text := r.text(n); text {
	case "true":
		times = -1
	case "false":
	default:
		var err error
		if times, err = strconv.Atoi(text); err != nil || times < 0 {
			r.fail(n, "%q has to be true, false, or how often more than once", text)
			return nil
		}
	}
	return &times
}
