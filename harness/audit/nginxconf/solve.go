package nginxconf

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// A constraint is what a condition asks of a value.
type constraint struct {
	op      string // "=", "!=", "~", "!~", "" for true (neither empty nor "0"), "!" for its opposite
	text    string
	pattern *pattern
}

func (m *routeFinder) constraintOf(op, text string) constraint {
	switch op {
	case "~", "~*":
		return constraint{op: "~", pattern: m.regex(text, op == "~*")}
	case "!~", "!~*":
		return constraint{op: "!~", pattern: m.regex(text, op == "!~*")}
	}
	return constraint{op: op, text: text}
}

func (c constraint) ok(value string) bool {
	switch c.op {
	case "=":
		return value == c.text
	case "!=":
		return value != c.text
	case "~":
		return c.pattern.matches(value)
	case "!~":
		return !c.pattern.matches(value)
	case "!":
		return value == "" || value == "0"
	}
	return value != "" && value != "0"
}

// texts are values that meet the constraint, the likely ones first if they are.
func (c constraint) texts(likely ...string) []string {
	if c.op == "=" {
		return []string{c.text}
	}
	for _, text := range likely {
		if c.ok(text) {
			return []string{text}
		}
	}
	if c.op == "~" {
		return c.pattern.samples(2)
	}
	for _, text := range []string{"1", "x", "other", ""} {
		if c.ok(text) {
			return []string{text}
		}
	}
	return nil
}

// A mutation is what has to be different in a request.
type mutation struct {
	method, host, path, from, tlsName string
	alpn, tlsMax                      string
	repeat                            int
	args                              [][2]string
	header                            map[string]string
}

// and joins two mutations; not ok when they contradict each other.
func (c mutation) and(d mutation) (mutation, bool) {
	ok := true
	pick := func(a, b string) string {
		if a != "" && b != "" && a != b {
			ok = false
		}
		if a == "" {
			return b
		}
		return a
	}
	out := mutation{
		method: pick(c.method, d.method), host: pick(c.host, d.host), path: pick(c.path, d.path),
		from: pick(c.from, d.from), tlsName: pick(c.tlsName, d.tlsName), alpn: pick(c.alpn, d.alpn),
		tlsMax: pick(c.tlsMax, d.tlsMax), repeat: max(c.repeat, d.repeat), args: append(slices.Clip(c.args), d.args...),
		header: maps.Clone(c.header),
	}
	for key, value := range d.header {
		if out.header == nil {
			out.header = map[string]string{}
		}
		if was, has := out.header[key]; has && was != value {
			if key != "Cookie" {
				return out, false
			}
			value = was + "; " + value
		}
		out.header[key] = value
	}
	return out, ok
}

func (c mutation) empty() bool {
	return c.method == "" && c.host == "" && c.path == "" && c.from == "" && c.tlsName == "" && c.alpn == "" && c.tlsMax == "" &&
		c.repeat == 0 && len(c.args) == 0 && len(c.header) == 0
}

// applyTo gives the candidate with the mutation made.
func (c mutation) applyTo(a Candidate) Candidate {
	if c.method != "" {
		a.Method = c.method
	}
	if c.host != "" {
		a.Host = c.host
	}
	if c.from != "" {
		a.From = c.from
	}
	a.ALPN, a.TLSMax, a.Repeat = c.alpn, c.tlsMax, c.repeat
	uri, args, _ := strings.Cut(a.URI, "?")
	if c.path != "" {
		path, more, _ := strings.Cut(c.path, "?")
		uri = encode(path)
		if more != "" {
			args = more
		}
	}
	for _, pair := range c.args {
		if args != "" {
			args += "&"
		}
		if pair[0] == "" {
			args += pair[1]
		} else {
			args += pair[0] + "=" + pair[1]
		}
	}
	if a.URI = uri; args != "" {
		a.URI += "?" + args
	}
	if len(c.header) > 0 {
		a.Header = maps.Clone(a.Header)
		if a.Header == nil {
			a.Header = map[string]string{}
		}
		maps.Copy(a.Header, c.header)
	}
	return a
}

// maxSolutions bounds the ways to meet one condition.
const maxSolutions = 256

// solve gives mutations under which an if is true.
func (m *routeFinder) solve(d *Directive) []mutation {
	left, op, right := conditionParts(d)
	return m.solveParts(d, left, op, right)
}

// avoid gives mutations under which an if is false.
func (m *routeFinder) avoid(d *Directive) []mutation {
	left, op, right := conditionParts(d)
	return m.solveParts(d, left, opposites[op], right)
}

var opposites = map[string]string{"=": "!=", "!=": "=", "~": "!~", "!~": "~", "~*": "!~*", "!~*": "~*", "": "!"}

func (m *routeFinder) solveParts(d *Directive, left, op, right string) []mutation {
	if op == "=" || op == "!=" {
		if hasVariable(right) {
			return nil
		}
	}
	if left == "" {
		return nil // files
	}
	parts := pieces(left)
	if len(parts) == 1 && parts[0].name != "" {
		return m.solveVariable(parts[0].name, m.constraintOf(op, right), d, 0)
	}
	return m.solveJoined(parts, m.constraintOf(op, right), d, 0)
}

// solveJoined meets a condition on several variables in a row ("$host$uri", "$request_method:$http_x"): by the parts of a
// plain text, or by letting all be as they are but one.
func (m *routeFinder) solveJoined(parts []piece, c constraint, at *Directive, depth int) []mutation {
	for _, text := range c.texts() {
		if c, ok := m.split(parts, text, at, depth); ok {
			return []mutation{c}
		}
	}
	return nil
}

// split shares out a text among variables.
func (m *routeFinder) split(parts []piece, text string, at *Directive, depth int) (mutation, bool) {
	if len(parts) == 0 {
		return mutation{}, text == ""
	}
	first := parts[0]
	if first.name == "" {
		rest, ok := strings.CutPrefix(text, first.text)
		if !ok {
			return mutation{}, false
		}
		return m.split(parts[1:], rest, at, depth)
	}
	end := len(text)
	if len(parts) > 1 {
		stop := parts[1].text
		if slices.Contains(uriVars, parts[1].name) {
			stop = "/"
		}
		if stop == "" {
			end = 0 // two variables side by side: all for the second
		} else if end = strings.Index(text, stop); end < 0 {
			return mutation{}, false
		}
	}
	rest, ok := m.split(parts[1:], text[end:], at, depth)
	if !ok {
		return mutation{}, false
	}
	if end == 0 {
		return rest, true
	}
	own := m.solveVariable(first.name, constraint{op: "=", text: text[:end]}, at, depth+1)
	if len(own) == 0 {
		return mutation{}, false
	}
	return own[0].and(rest)
}

// solveVariable gives mutations under which a variable is what is wanted.
func (m *routeFinder) solveVariable(name string, c constraint, at *Directive, depth int) []mutation {
	if depth == 0 {
		m.steps = 0
	}
	if m.steps++; depth > maxNesting || m.steps > maxSteps || !m.spend(1) {
		return nil
	}
	var out []mutation
	defs := m.vars.of(name, at)
	for _, d := range defs {
		if len(out) > maxSolutions || m.solving[d] || !sameProtocol(d, at) {
			continue
		}
		m.solving[d] = true
		switch d.Name {
		case "map":
			out = append(out, m.solveMap(d, c, at, depth)...)
		case "geo":
			for _, e := range d.Block {
				if value, ok := entryValue(d, e); ok && c.ok(value) && e.Name != "default" {
					if from := firstOf(e.Name); from != "" {
						out = append(out, mutation{from: from})
					}
				}
			}
		case "set":
			out = append(out, m.solveSet(d, c, at, depth)...)
		case "split_clients":
			out = append(out, m.solveSplit(d, c, at, depth)...)
		}
		delete(m.solving, d)
	}
	if m.vars.known(name) {
		return out
	}
	return requestVariable(name, c)
}

func firstOf(network string) string {
	if p, err := netip.ParsePrefix(network); err == nil {
		if a := p.Masked().Addr(); p.Bits() < a.BitLen() {
			return a.Next().String()
		}
		return p.Addr().String()
	}
	if a, err := netip.ParseAddr(network); err == nil {
		return a.String()
	}
	return ""
}

// solveSet makes a set give what is wanted: by its own value, and by the conditions around it.
func (m *routeFinder) solveSet(d *Directive, c constraint, at *Directive, depth int) []mutation {
	if server := at.Within("server"); server != nil && d.Within("server") != server {
		return nil
	}
	values := []mutation{{}}
	if parts := pieces(d.arg(1)); hasVariable(d.arg(1)) {
		if len(parts) == 1 {
			values = m.solveVariable(parts[0].name, c, d, depth+1)
		} else {
			values = m.solveJoined(parts, c, d, depth+1)
		}
	} else if !c.ok(d.arg(1)) {
		return nil
	}
	if d.Parent == nil || d.Parent.Name != "if" {
		return values
	}
	return both(values, m.solveDeeper(d.Parent, depth))
}

func (m *routeFinder) solveDeeper(d *Directive, depth int) []mutation {
	left, op, right := conditionParts(d)
	if parts := pieces(left); len(parts) == 1 && parts[0].name != "" {
		return m.solveVariable(parts[0].name, m.constraintOf(op, right), d, depth+1)
	}
	return nil
}

// both are the mutations that meet one condition of each list.
func both(a, b []mutation) []mutation {
	var out []mutation
	for _, x := range a {
		for _, y := range b {
			if len(out) >= maxSolutions {
				return out
			}
			if c, ok := x.and(y); ok {
				out = append(out, c)
			}
		}
	}
	return out
}

func (m *routeFinder) solveMap(d *Directive, c constraint, at *Directive, depth int) []mutation {
	if !m.spend(len(d.Block) / 4) {
		return nil
	}
	source := pieces(d.arg(0))
	solve := func(c constraint) []mutation {
		if len(source) == 1 && source[0].name != "" {
			return m.solveVariable(source[0].name, c, at, depth+1)
		}
		return m.solveJoined(source, c, at, depth+1)
	}
	var out []mutation
	for _, e := range d.Block {
		value, ok := entryValue(d, e)
		if !ok || len(out) > maxSolutions || !hasVariable(value) && !c.ok(value) {
			continue
		}
		key, before := unslash(e.Name), len(out)
		switch {
		case e.Name == "default":
			if out = append(out, solve(constraint{op: "!~", pattern: m.defaultExcludes(d)})...); len(out) == before && hasVariable(value) {
				out = append(out, mutation{}) // most requests are no key's
			}
		case strings.HasPrefix(e.Name, "~"):
			if more := solve(constraint{op: "~", pattern: m.entryRegex(e)}); len(more) > 0 {
				out = append(out, more[0])
			}
		case strings.HasPrefix(key, "*."):
			out = append(out, solve(constraint{op: "=", text: "www" + key[1:]})...)
		case strings.HasPrefix(key, ".") && len(key) > 1:
			out = append(out, solve(constraint{op: "=", text: key[1:]})...)
		case strings.HasSuffix(key, ".*"):
			out = append(out, solve(constraint{op: "=", text: key[:len(key)-1] + "test"})...)
		default:
			out = append(out, solve(constraint{op: "=", text: key})...)
		}
		if parts := pieces(value); len(parts) == 1 && parts[0].name != "" && (m.vars.known(parts[0].name) || c.op == "=") {
			// Another variable stands for it: all that this can be.
			if further := both(out[before:], m.solveVariable(parts[0].name, c, at, depth+1)); len(further) > 0 {
				out = append(out[:before], further...)
			}
		}
	}
	return out
}

// defaultExcludes is an expression that matches the plain keys of a map: what its default is not for.
func (m *routeFinder) defaultExcludes(d *Directive) *pattern {
	if m.excludes[d] != nil {
		return m.excludes[d]
	}
	var keys []string
	for _, e := range d.Block {
		if len(e.Args) == 1 && e.Name != "default" && !strings.HasPrefix(e.Name, "~") {
			keys = append(keys, quoteRegex(unslash(e.Name)))
		}
	}
	m.excludes[d] = newPattern("^(?:"+strings.Join(keys, "|")+")$", true)
	return m.excludes[d]
}

// requestVariable gives what a request has to have for one of nginx's own variables.
func requestVariable(name string, c constraint) []mutation {
	var out []mutation
	add := func(make func(text string) mutation, likely ...string) []mutation {
		for _, text := range c.texts(likely...) {
			out = append(out, make(text))
		}
		return out
	}
	header := func(name string) func(string) mutation {
		return func(text string) mutation { return mutation{header: map[string]string{name: text}} }
	}
	switch name {
	case "request_method":
		return add(func(t string) mutation { return mutation{method: t} }, "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")
	case "host", "http_host":
		return add(func(t string) mutation { return mutation{host: t} }, "any.test", "other.test")
	case "uri", "document_uri", "request_uri":
		return add(func(t string) mutation { return mutation{path: rooted(t)} }, "/", "/x", "/other")
	case "request_filename":
		return add(func(t string) mutation { return mutation{path: rooted(t)} }, "/", "/x")
	case "args", "query_string":
		return add(func(t string) mutation { return mutation{args: [][2]string{{"", encodeArgs(t)}}} })
	case "is_args":
		return []mutation{{args: [][2]string{{"x", "1"}}}}
	case "remote_addr", "realip_remote_addr", "binary_remote_addr":
		return add(func(t string) mutation { return mutation{from: firstOf(t)} })
	case "ssl_preread_server_name", "ssl_server_name":
		return add(func(t string) mutation { return mutation{tlsName: t} }, "any.test")
	case "ssl_preread_alpn_protocols", "ssl_alpn_protocol":
		return add(func(t string) mutation { return mutation{alpn: t} }, "http/1.1", "h2")
	case "ssl_preread_protocol", "ssl_protocol":
		for _, version := range []string{"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"} {
			if c.ok(version) {
				return []mutation{{tlsMax: version}}
			}
		}
		if c.ok("") {
			return []mutation{{}} // plain
		}
		return nil
	case "content_type":
		return add(header("Content-Type"), "application/json")
	}
	if key, ok := strings.CutPrefix(name, "http_"); ok {
		return add(header(headerName(key)), likelyHeader[key]...)
	}
	if key, ok := strings.CutPrefix(name, "arg_"); ok {
		return add(func(t string) mutation { return mutation{args: [][2]string{{key, encodeArgs(t)}}} })
	}
	if key, ok := strings.CutPrefix(name, "cookie_"); ok {
		return add(func(t string) mutation { return mutation{header: map[string]string{"Cookie": key + "=" + t}} })
	}
	return nil
}

func rooted(text string) string {
	if !strings.HasPrefix(text, "/") {
		return "/" + text
	}
	return text
}

// likelyHeader are values that clients send.
var likelyHeader = map[string][]string{
	"upgrade": {"websocket"}, "connection": {"upgrade"}, "content_type": {"application/json"}, "accept": {"text/html"},
	"user_agent":      {"Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone; Mobile)", "Googlebot/2.1"},
	"x_forwarded_for": {"203.0.113.7"}, "x_forwarded_proto": {"https", "http"}, "origin": {"https://example.com"},
	"cookie": {"session=1", "wordpress_logged_in_x=1"}, "authorization": {"Basic dTpw"},
}

// headerName is the header of a variable: x_forwarded_for is X-Forwarded-For.
func headerName(key string) string {
	words := strings.Split(key, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "-")
}
