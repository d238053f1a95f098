package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"go.yaml.in/yaml/v3"

	"github.com/badgateway/badgateway/harness/hostfile"
)

// MaxPolicy bounds the size of a policy's file.
const MaxPolicy = 1 << 20

// LoadPolicy reads a policy. Its errors name file and line, all of them at once, and the nearest word where one is not known.
//
// It may be untrusted: a link is not followed.
func LoadPolicy(path string) (*Policy, error) {
	text, err := hostfile.Read(path, MaxPolicy)
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	return ParsePolicy(path, text)
}

// ParsePolicy reads a policy's text. The file is named in its errors.
func ParsePolicy(file string, text []byte) (*Policy, error) {
	p := DefaultPolicy()
	p.File = file
	var doc, second yaml.Node
	in := yaml.NewDecoder(bytes.NewReader(text))
	if err := in.Decode(&doc); err != nil && err != io.EOF {
		return nil, syntaxError(file, err)
	}
	switch err := in.Decode(&second); {
	case err == nil:
		return nil, fmt.Errorf("%s:%d: a policy is one document, and a second begins here: join them", file, second.Line)
	case err != io.EOF:
		return nil, syntaxError(file, err)
	}
	if len(doc.Content) == 0 {
		return p, nil
	}
	r := &policyReader{file: file}
	r.fields(doc.Content[0], "the policy", map[string]func(*yaml.Node){
		"fail_on":  func(n *yaml.Node) { p.FailOn = r.oneOf(n, Severities...) },
		"all":      func(n *yaml.Node) { p.all = r.scope(n, "") },
		"routes":   func(n *yaml.Node) { p.routes = r.routes(n) },
		"requests": func(n *yaml.Node) { p.requests = r.requests(n) },
		"waive":    func(n *yaml.Node) { p.Waivers = r.waivers(n) },
	})
	if len(r.errs) > 0 {
		return nil, errors.Join(r.errs...)
	}
	return p, nil
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// syntaxError puts the line of YAML's own complaint in front.
func syntaxError(file string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s:%s: this is not YAML: %s", file, m[1], strings.Replace(text, m[0], "", 1))
	}
	return fmt.Errorf("%s: this is not YAML: %s", file, text)
}

type policyReader struct {
	file string
	errs []error
}

func (r *policyReader) fail(n *yaml.Node, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s:%d: %s", r.file, n.Line, fmt.Sprintf(format, args...)))
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// each calls f for each key of a mapping; a key that comes twice is an error.
func (r *policyReader) each(n *yaml.Node, what string, f func(key, value *yaml.Node)) {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s has to be names with values (name: value)", what)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if line, ok := seen[key.Value]; ok {
			r.fail(key, "%q is there twice, in line %d too; keep one", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		f(key, resolve(n.Content[i+1]))
	}
}

// fields reads a mapping whose keys are known.
func (r *policyReader) fields(n *yaml.Node, what string, fields map[string]func(*yaml.Node)) {
	r.each(n, what, func(key, value *yaml.Node) {
		read, ok := fields[key.Value]
		if !ok {
			names := make([]string, 0, len(fields))
			for name := range fields {
				names = append(names, name)
			}
			r.fail(key, "%s has no key %q; %s", what, key.Value, nearest(key.Value, names))
			return
		}
		read(value)
	})
}

// nearest suggests the name that was meant, or lists all.
func nearest(name string, names []string) string {
	slices.Sort(names)
	best, distance := "", 1+max(len(name)/3, 2)
	for _, n := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(n)); d < distance && d < len(n) {
			best, distance = n, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if n := len(names); n > 20 {
		return fmt.Sprintf("there are: %s and %d more", strings.Join(names[:20], ", "), n-20)
	}
	return "there are: " + strings.Join(names, ", ")
}

func (r *policyReader) scope(n *yaml.Node, route string) scope {
	s := scope{route: route, line: n.Line}
	fields := r.limitFields(&s.limits)
	fields["application"] = func(n *yaml.Node) { s.application = named{r.text(n), n.Line} }
	fields["survives"] = func(n *yaml.Node) { s.survives = r.names(n) }
	fields["faults"] = func(n *yaml.Node) {
		r.each(n, "faults", func(key, value *yaml.Node) {
			f := faultLimits{named: named{key.Value, key.Line}}
			r.fields(value, "a fault", r.limitFields(&f.limits))
			s.faults = append(s.faults, f)
		})
	}
	r.fields(n, "a route", fields)
	return s
}

func (r *policyReader) routes(n *yaml.Node) (all []scope) {
	r.each(n, "routes", func(key, value *yaml.Node) {
		s := r.scope(value, key.Value)
		s.line = key.Line
		all = append(all, s)
	})
	return all
}

func (r *policyReader) requests(n *yaml.Node) (all []request) {
	r.each(n, "requests", func(key, value *yaml.Node) {
		q := request{route: key.Value, line: key.Line}
		r.fields(value, "a request", map[string]func(*yaml.Node){
			"method": func(n *yaml.Node) { q.Method = strings.ToUpper(r.text(n)) },
			"url": func(n *yaml.Node) {
				q.URL = r.text(n)
				if u, err := url.Parse(q.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
					r.fail(n, "%q is not a URL; write https://example.com/path, or path: /path", q.URL)
				}
			},
			"path": func(n *yaml.Node) {
				q.Path = r.text(n)
				if !strings.HasPrefix(q.Path, "/") {
					r.fail(n, "%q is not a path; begin it with a slash", q.Path)
				}
			},
			"header": func(n *yaml.Node) {
				q.Header = map[string]string{}
				r.each(n, "header", func(key, value *yaml.Node) { q.Header[key.Value] = r.text(value) })
			},
		})
		if (q.URL == "") == (q.Path == "") {
			r.fail(key, "give either url or path for the request of %q", q.route)
		}
		all = append(all, q)
	})
	return all
}

func (r *policyReader) waivers(n *yaml.Node) (all []Waiver) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "waive has to be a list: - {rule: ..., reason: ..., until: 2027-01-31}")
		return nil
	}
	for _, item := range n.Content {
		item = resolve(item)
		w := Waiver{Line: item.Line}
		until := false
		r.fields(item, "a waiver", map[string]func(*yaml.Node){
			"rule": func(n *yaml.Node) { w.Rule = r.text(n) },
			"route": func(n *yaml.Node) {
				for _, item := range r.items(n) {
					w.Routes = append(w.Routes, r.text(item))
				}
			},
			"reason": func(n *yaml.Node) { w.Reason = strings.TrimSpace(r.text(n)) },
			"until": func(n *yaml.Node) {
				until = true
				var err error
				if w.Until, err = time.Parse(time.DateOnly, r.text(n)); err != nil {
					r.fail(n, "%q is not a day; write it as 2027-01-31", n.Value)
				}
			},
		})
		for missing, is := range map[string]bool{"rule": w.Rule == "", "reason": w.Reason == "", "until": !until} {
			if is {
				r.fail(item, "the waiver has no %s; each needs rule, reason and until", missing)
			}
		}
		all = append(all, w)
	}
	return all
}

// Known says which faults, rules and applications the policy names and there are not, with their lines. Give all faults and the ids of
// all rules that there are.
func (p *Policy) Known(all []FaultInfo, rules []string) error {
	r := &policyReader{file: p.File}
	var faults []string
	for _, f := range all {
		faults = append(faults, f.ID)
	}
	fault := func(n named) {
		id, _, _ := strings.Cut(n.name, " ")
		if id != Healthy && !slices.Contains(faults, id) {
			r.fail(&yaml.Node{Line: n.line}, "there is no fault %q; %s", id, nearest(id, slices.Clone(faults)))
		}
	}
	for _, s := range append([]scope{p.all}, p.routes...) {
		for _, f := range s.faults {
			fault(f.named)
		}
		for _, n := range s.survives {
			fault(n)
		}
		if a := s.application; a.name != "" && a.name != OtherApplication && !slices.ContainsFunc(all, func(f FaultInfo) bool { return f.names(a.name) }) {
			r.fail(&yaml.Node{Line: a.line}, "no fault is known of an application %q; write %q for one that does nothing that only some do, or one of: %s",
				a.name, OtherApplication, strings.Join(applications(all), "; "))
		}
	}
	for _, w := range p.Waivers {
		if !slices.Contains(rules, w.Rule) {
			r.fail(&yaml.Node{Line: w.Line}, "there is no rule %q; %s", w.Rule, nearest(w.Rule, slices.Clone(rules)))
		}
	}
	return errors.Join(r.errs...)
}
