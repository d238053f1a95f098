package nginxconf

import (
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of nginx's own (uri_changes) and of ours on what one request may lead to.
const (
	maxChanges = 10
	maxNested  = 8 // error pages of error pages, subrequests of subrequests
	maxHits    = 64
)

// A hit is a pass directive that a request got to.
type hit struct {
	pass     *Directive
	location *Directive
	role     Role
	given    int
	value    string // what the pass directive's argument becomes; empty when that is not known
}

// A run is one request on its way through a server, by the phases of nginx: the server's rewrites, the search for the
// location, its rewrites, access, try_files, content.
// https://nginx.org/en/docs/dev/development_guide.html#http_phases
type run struct {
	m       *mapping
	s       *site
	ask     Ask
	path    string // decoded
	args    string
	groups  map[string]string // of the last expression that matched
	named   map[string]string
	set     map[string]string
	unknown map[string]bool // variables that were set to what can't be known

	internal bool
	sub      bool // a subrequest
	erred    bool // an error page was taken, and recursive_error_pages is off
	changes  int
	depth    int
	role     Role
	given    int

	out *outcome
}

// An outcome is all that a request led to.
type outcome struct {
	hits  []hit
	steps int    // variables looked up
	why   string // why the request itself got to no upstream
}

// simulate sends an ask through a server.
func (m *mapping) simulate(s *site, ask Ask, groups map[string]string) *outcome {
	r := &run{m: m, s: s, ask: ask, role: Content, out: &outcome{}, named: map[string]string{}, set: map[string]string{},
		unknown: map[string]bool{}}
	uri, args, _ := strings.Cut(ask.URI, "?")
	r.path, r.args = decode(uri), args
	r.capture(groups)
	r.enter()
	return r.out
}

func (r *run) capture(groups map[string]string) {
	if groups == nil {
		return
	}
	r.groups = groups
	for name, value := range groups {
		if name[0] > '9' {
			r.named[name] = value
		}
	}
}

// branch is the same request going another way: to an error page, as a subrequest.
func (r *run) branch(role Role) *run {
	b := *r
	b.named, b.set, b.unknown = maps.Clone(r.named), maps.Clone(r.set), maps.Clone(r.unknown)
	b.depth++
	b.internal = true
	if b.role == Content || b.role == Try {
		b.role = role
	}
	return &b
}

func (r *run) why(text string) {
	if r.out.why == "" && r.role != Auth && r.role != Mirror && r.role != After {
		r.out.why = text
	}
}

// enter runs the server's rewrites and goes on to the location.
func (r *run) enter() {
	if r.depth > maxNested || r.changes > maxChanges {
		r.why("the rewrites and redirects lead in a circle")
		return
	}
	switch turn, block := r.rewrites(r.s.server, r.s.server); turn.kind {
	case finished:
		r.status(turn.status, block, turn.by)
		return
	}
	r.find()
}

// find searches the location and runs it.
func (r *run) find() {
	at := Locate(r.s.server, r.path)
	if at != r.s.server {
		if _, _, ok := locationRegex(at); ok {
			r.capture(at.compiled().match(r.path))
		}
	}
	r.location(at)
}

type turnKind int

const (
	goOn     turnKind = iota
	finished          // return, or a rewrite that answers
	again             // the URI changed: search the location anew
)

type turn struct {
	kind   turnKind
	status int
	by     *Directive
}

// rewrites runs the directives of the rewrite module in a block, and gives the block whose settings hold then: that of
// the last condition that was true, or the block itself.
func (r *run) rewrites(block, holds *Directive) (turn, *Directive) {
	if block.Name == "server" && block.has("if", "set", "rewrite", "return", "break") == nil {
		return turn{}, holds
	}
	changed := false
	t, _ := r.script(block, &holds, &changed)
	if t.kind == goOn && changed {
		t.kind = again
	}
	return t, holds
}

// script runs one block; stop when a break ends it.
func (r *run) script(block *Directive, holds **Directive, changed *bool) (t turn, stop bool) {
	for _, d := range block.Block {
		switch d.Name {
		case "set":
			name := strings.TrimPrefix(d.arg(0), "$")
			value, known := r.text(d.arg(1))
			r.set[name], r.unknown[name] = value, !known
		case "if":
			if ok, _ := r.condition(d); ok {
				*holds = d
				if t, stop = r.script(d, holds, changed); t.kind != goOn || stop {
					return t, stop
				}
			}
		case "break":
			*changed = false
			return turn{}, true
		case "return":
			return turn{finished, returned(d), d}, true
		case "rewrite":
			if t, stop = r.rewrite(d, changed); t.kind != goOn || stop {
				return t, stop
			}
		}
	}
	return turn{}, false
}

// returned is the status of a return; a return with a text of its own has no error page, and counts as 0.
func returned(d *Directive) int {
	code, err := strconv.Atoi(d.arg(0))
	if err != nil {
		return 302
	}
	if len(d.Args) > 1 && (code < 301 || code > 308) {
		return 0
	}
	return code
}

func (r *run) rewrite(d *Directive, changed *bool) (turn, bool) {
	if len(d.Args) < 2 {
		return turn{}, false
	}
	groups := r.m.regex(d.Args[0], false).match(r.path)
	if groups == nil {
		return turn{}, false
	}
	r.capture(groups)
	to, _ := r.text(d.Args[1])
	flag := d.arg(2)
	if flag == "redirect" || flag == "permanent" || strings.HasPrefix(d.Args[1], "http://") ||
		strings.HasPrefix(d.Args[1], "https://") || strings.HasPrefix(d.Args[1], "$scheme") {
		return turn{finished, 302, d}, true
	}
	uri, args, has := strings.Cut(to, "?")
	r.path, r.internal = uri, true
	switch {
	case has && args == "":
		r.args = ""
	case has && r.args != "":
		r.args = args + "&" + r.args
	case has:
		r.args = args
	}
	*changed = true
	switch flag {
	case "last":
		return turn{kind: again}, true
	case "break":
		*changed = false
		return turn{}, true
	}
	return turn{}, false
}

// location runs a location, or the server itself where no location serves the path.
func (r *run) location(at *Directive) {
	if r.depth > maxNested || len(r.out.hits) > maxHits {
		return
	}
	if at.has("internal") != nil && !r.internal {
		r.why("the location " + matchOf(at).String() + " is internal (" + at.Place.String() + ")")
		r.status(404, at, nil)
		return
	}
	holds := at
	for _, le := range at.all("limit_except") {
		if !slices.Contains(le.Args, r.ask.Method) && (r.ask.Method != "HEAD" || !slices.Contains(le.Args, "GET")) {
			holds = le
		}
	}
	if at != r.s.server {
		var t turn
		t, holds = r.rewrites(at, holds)
		switch t.kind {
		case finished:
			r.status(t.status, holds, t.by)
			return
		case again:
			if r.changes++; r.changes > maxChanges {
				r.why("the rewrites lead in a circle")
				return
			}
			r.find()
			return
		}
	}
	if !r.sub && !r.access(at, holds) {
		return
	}
	if to := holds.has("try_files"); to != nil && r.tryFiles(to, at) {
		return
	}
	if !r.sub {
		for _, d := range Effective(holds, "mirror") {
			r.subrequest(d, Mirror)
		}
	}
	r.content(at, holds)
	if d := effective(holds, "post_action"); d != nil && !r.sub {
		b := r.branch(After)
		b.sub = true
		b.redirect(d.arg(0))
	}
}

// access runs allow, deny and auth_request; false when the visitor is sent away.
func (r *run) access(at, holds *Directive) bool {
	if by := r.denied(holds); by != nil && effective(holds, "satisfy").arg(0) != "any" {
		r.why("access is denied by " + by.head() + " (" + by.Place.String() + ")")
		r.status(403, holds, nil)
		return false
	}
	for _, d := range Effective(holds, "auth_request") {
		if d.arg(0) == "off" || d.arg(0) == "" {
			continue
		}
		asked := r.subrequest(d, Auth)
		if !asked || r.given != 0 {
			continue
		}
		for _, code := range []int{401, 403, 500} { // what its answer can become
			b := r.branch(Error)
			b.given = code
			b.errorPage(code, holds)
		}
	}
	return true
}

// subrequest runs a request beside the visitor's; it tells whether an upstream was asked.
func (r *run) subrequest(d *Directive, role Role) bool {
	if d.arg(0) == "off" || r.depth > maxNested {
		return false
	}
	b := r.branch(role)
	b.sub = true
	if role == Auth {
		b.ask.Method = "GET"
	}
	before := len(r.out.hits)
	b.redirect(d.arg(0))
	return len(r.out.hits) > before
}

// redirect goes to a URI or a named location inside the server.
func (r *run) redirect(to string) {
	to, known := r.text(to)
	if !known {
		return
	}
	r.internal = true
	if name, ok := strings.CutPrefix(to, "@"); ok {
		if d := placesOf(r.s.server).named[name]; d != nil {
			r.location(d)
		}
		return
	}
	if !strings.HasPrefix(to, "/") {
		return
	}
	if uri, args, ok := strings.Cut(to, "?"); ok {
		r.path, r.args = uri, args
	} else {
		r.path = to
	}
	r.changes++
	r.enter()
}

// denied gives the rule that sends the visitor away, or nil.
func (r *run) denied(holds *Directive) *Directive {
	from := r.ask.From
	if from == "" {
		from = "127.0.0.1"
	}
	for _, d := range accessRules(holds) {
		if covers(d.arg(0), from) {
			if d.Name == "deny" {
				return d
			}
			return nil
		}
	}
	return nil
}

// accessRules are the allow and deny in effect, in order.
func accessRules(block *Directive) []*Directive {
	for ; block != nil; block = block.around() {
		if block.has("allow", "deny") == nil {
			continue
		}
		var out []*Directive
		for _, d := range block.Block {
			if d.Name == "allow" || d.Name == "deny" {
				out = append(out, d)
			}
		}
		return out
	}
	return nil
}

// covers tells whether an address belongs to a network as allow, deny and geo write it.
func covers(network, address string) bool {
	if network == "all" {
		return true
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	if p, err := netip.ParsePrefix(network); err == nil {
		return p.Contains(a)
	}
	n, err := netip.ParseAddr(network)
	return err == nil && n == a
}

// exists is what there is of files: an index.php in every root, the root itself, and the pages that error_page names.
func (r *run) exists(name string) bool {
	name = path.Clean(name)
	return name == "/index.php" || r.s.pages[name]
}

func isRoot(name string) bool { return path.Clean(name) == "/" }

// tryFiles runs try_files; true when it led elsewhere.
func (r *run) tryFiles(d, at *Directive) bool {
	if len(d.Args) < 2 {
		return false
	}
	last := len(d.Args) - 1
	for _, a := range d.Args[:last] {
		text, known := r.text(a)
		if !known {
			continue
		}
		if folder := strings.HasSuffix(a, "/"); folder && isRoot(text) || !folder && r.exists(text) {
			if !folder {
				r.path = path.Clean(text)
			}
			return false
		}
	}
	to := d.Args[last]
	if code, ok := strings.CutPrefix(to, "="); ok {
		status, _ := strconv.Atoi(code)
		r.why("try_files finds no file (" + d.Place.String() + ")")
		r.status(status, at, nil)
		return true
	}
	if r.role == Content {
		r.role = Try
	}
	r.redirect(to)
	return true
}

// handlers answer in nginx itself.
var handlers = []string{"stub_status", "empty_gif", "content_by_lua_block", "content_by_lua_file", "content_by_lua",
	"js_content", "perl", "echo", "api", "flv", "mp4", "status", "redis_pass", "redis2_pass"}

// content runs what answers.
func (r *run) content(at, holds *Directive) {
	for block := holds; block != nil; block = block.Parent {
		if pass := block.has(passNames...); pass != nil {
			r.pass(pass, at, holds)
			return
		}
		if by := block.has(handlers...); by != nil {
			r.why(by.Name + " answers (" + by.Place.String() + ")")
			return
		}
		if block == at {
			break
		}
	}
	if !strings.HasSuffix(r.path, "/") {
		if !r.exists(r.path) {
			r.why("files answer at " + at.Place.String())
			r.status(404, holds, nil)
		}
		return
	}
	index := []string{"index.html"}
	if d := effective(holds, "index"); d != nil {
		index = d.Args
	}
	for _, name := range index {
		to := name
		if !strings.HasPrefix(name, "/") {
			if to = r.path + name; !r.exists(to) {
				continue
			}
		}
		r.redirect(to)
		return
	}
	r.why("files answer at " + at.Place.String())
	r.status(403, holds, nil)
}

// pass notes the hit, and follows what the upstream's failure leads to.
func (r *run) pass(pass, at, holds *Directive) {
	value, known := r.text(pass.arg(0))
	if !known {
		value = ""
	} else if value != pass.arg(0) && nowhere(value) {
		r.why(pass.arg(0) + " is empty for the requests that were tried (" + pass.Place.String() + ")")
		return
	}
	r.out.hits = append(r.out.hits, hit{pass, at, r.role, r.given, value})
	if r.erred || r.role == Mirror || r.role == After {
		return
	}
	intercept := pass.Name == "memcached_pass" ||
		effective(holds, family(passes[pass.Name])+"_intercept_errors").arg(0) == "on"
	for _, d := range Effective(holds, "error_page") {
		for _, code := range statuses(d) {
			if code == 502 || code == 504 || intercept || pass.Name == "memcached_pass" && code == 404 {
				b := r.branch(Error)
				if b.given == 0 {
					b.given = code
				}
				b.errorPage(code, holds)
			}
		}
	}
}

// nowhere tells whether an argument whose variables were put in names no upstream.
func nowhere(value string) bool {
	_, rest, has := strings.Cut(value, "://")
	if !has {
		rest = value
	}
	return rest == "" || strings.IndexAny(rest, "/:?") == 0
}

func statuses(errorPage *Directive) []int {
	var out []int
	for _, a := range errorPage.Args {
		if code, err := strconv.Atoi(a); err == nil {
			out = append(out, code)
		}
	}
	return out
}

// status ends the request with a status of nginx's own, which an error page may replace.
func (r *run) status(code int, holds, by *Directive) {
	if by != nil {
		text := strconv.Itoa(code)
		if code == 0 {
			text = by.arg(0)
		}
		r.why(by.Name + " answers " + text + " (" + by.Place.String() + ")")
	}
	if code >= 300 || code == 0 {
		b := r.branch(Error)
		b.errorPage(code, holds)
	}
}

// errorPage goes to the page of a status, if it has one in this gateway.
func (r *run) errorPage(code int, holds *Directive) {
	if r.erred || r.depth > maxNested {
		return
	}
	for _, d := range Effective(holds, "error_page") {
		if !slices.Contains(statuses(d), code) || len(d.Args) < 2 {
			continue
		}
		r.erred = effective(holds, "recursive_error_pages").arg(0) != "on"
		if to := d.Args[len(d.Args)-1]; !strings.HasPrefix(to, "@") {
			r.ask.Method = "GET"
		}
		r.redirect(d.Args[len(d.Args)-1])
		return
	}
}

var conditionOperators = []string{"=", "!=", "~", "~*", "!~", "!~*"}

// parts takes a condition apart: "$x", "=", "y"; or "", "-f", "text". The operator is "" for a variable alone.
func conditionParts(d *Directive) (left, op, right string) {
	args := slices.Clone(d.Args)
	if len(args) == 0 {
		return "", "", ""
	}
	args[0] = strings.TrimPrefix(args[0], "(")
	args[len(args)-1] = strings.TrimSuffix(args[len(args)-1], ")")
	args = slices.DeleteFunc(args, func(s string) bool { return s == "" })
	switch {
	case len(args) == 0:
		return "", "", ""
	case len(args) == 1:
		// Without spaces it is one word: ($x=y) is a mistake to nginx, ($x) is not.
		return args[0], "", ""
	case slices.Contains(conditionOperators, args[1]):
		return args[0], args[1], strings.Join(args[2:], " ")
	case strings.HasPrefix(args[0], "-"), strings.HasPrefix(args[0], "!-"):
		return "", args[0], args[1]
	}
	return args[0], args[1], strings.Join(args[2:], " ")
}

// condition tells whether an if is true; not known when that depends on what no request shows.
func (r *run) condition(d *Directive) (ok, known bool) {
	left, op, right := conditionParts(d)
	if left == "" && op != "" {
		text, known := r.text(right)
		found := false
		switch strings.TrimPrefix(op, "!") {
		case "-f":
			found = r.exists(strings.TrimPrefix(text, docRoot))
		case "-d":
			found = isRoot(strings.TrimPrefix(text, docRoot))
		case "-e":
			found = r.exists(strings.TrimPrefix(text, docRoot)) || isRoot(strings.TrimPrefix(text, docRoot))
		}
		return found != strings.HasPrefix(op, "!"), known
	}
	value, known := r.text(left)
	if !known {
		return false, false
	}
	want := wantOf(op, right)
	if op == "=" || op == "!=" {
		if text, ok := r.text(right); ok {
			want.text = text
		}
	}
	if want.pattern != nil && strings.HasPrefix(op, "~") {
		groups := want.pattern.match(value)
		r.capture(groups)
		return groups != nil, true
	}
	return want.ok(value), true
}

// docRoot stands for any root where a file's name is made of it.
const docRoot = "\x00root"

// text puts in the variables; not known when one of them can't be.
func (r *run) text(template string) (text string, known bool) {
	if !strings.Contains(template, "$") {
		return template, true
	}
	var out strings.Builder
	known = true
	for _, p := range pieces(template) {
		if p.name == "" {
			out.WriteString(p.text)
			continue
		}
		value, ok := r.variable(p.name, 0)
		out.WriteString(value)
		known = known && ok
	}
	return out.String(), known
}

var digits = regexp.MustCompile(`^[0-9]$`)

// variable is a variable's value for this request.
func (r *run) variable(name string, depth int) (value string, known bool) {
	if r.out.steps++; depth > maxNesting || r.out.steps > maxSteps {
		return "", false
	}
	if digits.MatchString(name) {
		return r.groups[name], true
	}
	if value, ok := r.set[name]; ok {
		return value, !r.unknown[name]
	}
	if value, ok := r.named[name]; ok {
		return value, true
	}
	for _, d := range r.m.vars.all[name] {
		if sameProtocol(d, r.s.server) {
			switch d.Name {
			case "map":
				return r.mapped(d, depth)
			case "geo":
				return r.located(d), true
			case "set":
				continue
			}
			return "", false
		}
	}
	if len(r.m.vars.all[name]) > 0 {
		return "", true // a set that this request did not pass
	}
	return r.builtin(name)
}

// mapped is the value that a map has for this request.
func (r *run) mapped(d *Directive, depth int) (string, bool) {
	var source strings.Builder
	for _, p := range pieces(d.arg(0)) {
		source.WriteString(p.text)
		if p.name == "" {
			continue
		}
		value, ok := r.variable(p.name, depth+1)
		if !ok {
			return "", false
		}
		source.WriteString(value)
	}
	entry, groups := r.m.mapEntry(d, source.String())
	if entry == nil {
		return "", true
	}
	value, _ := entryValue(d, entry)
	if !strings.Contains(value, "$") {
		return value, true
	}
	var out strings.Builder
	for _, p := range pieces(value) {
		out.WriteString(p.text)
		if p.name == "" {
			continue
		}
		if text, ok := groups[p.name]; ok {
			out.WriteString(text)
			continue
		}
		text, ok := r.variable(p.name, depth+1)
		if !ok {
			return "", false
		}
		out.WriteString(text)
	}
	return out.String(), true
}

// mapEntry is the entry that a map takes for a text: exact, names with a star, expressions in order, default.
func (m *mapping) mapEntry(d *Directive, source string) (*Directive, map[string]string) {
	var standard, head, tail *Directive
	hostnames := false
	for _, e := range d.Block {
		hostnames = hostnames || e.Name == "hostnames" && len(e.Args) == 0
	}
	for _, e := range d.Block {
		if len(e.Args) != 1 {
			continue
		}
		key := unslash(e.Name)
		switch {
		case e.Name == "default":
			standard = e
		case strings.HasPrefix(e.Name, "~"):
		case strings.EqualFold(key, source):
			return e, nil
		case hostnames && strings.HasPrefix(key, "*.") && hasSuffixFold(source, key[1:]):
			head = longer(head, e)
		case hostnames && strings.HasPrefix(key, ".") && (hasSuffixFold(source, key) || strings.EqualFold(source, key[1:])):
			head = longer(head, e)
		case hostnames && strings.HasSuffix(key, ".*") && strings.HasPrefix(strings.ToLower(source), strings.ToLower(key[:len(key)-1])):
			tail = longer(tail, e)
		}
	}
	for _, e := range []*Directive{head, tail} {
		if e != nil {
			return e, nil
		}
	}
	for _, e := range d.Block {
		if strings.HasPrefix(e.Name, "~") && len(e.Args) == 1 {
			if groups := m.entryRegex(e).match(source); groups != nil {
				return e, groups
			}
		}
	}
	return standard, nil
}

// unslash takes the backslash off a key that would else be a parameter or an expression (\~x, \default).
func unslash(key string) string { return strings.TrimPrefix(key, `\`) }

func longer(a, b *Directive) *Directive {
	if a != nil && len(a.Name) >= len(b.Name) {
		return a
	}
	return b
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) > len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// located is the value of a geo for this visitor.
func (r *run) located(d *Directive) string {
	from := r.ask.From
	if from == "" {
		from = "127.0.0.1"
	}
	value, bits := "", -1
	for _, e := range d.Block {
		if len(e.Args) != 1 {
			continue
		}
		if e.Name == "default" && bits < 0 {
			value = e.Args[0]
		}
		if covers(e.Name, from) {
			n := 128
			if p, err := netip.ParsePrefix(e.Name); err == nil {
				n = p.Bits()
			}
			if n > bits {
				value, bits = e.Args[0], n
			}
		}
	}
	return value
}

// builtin are nginx's own variables, as far as a request shows them.
func (r *run) builtin(name string) (string, bool) {
	header := func(name string) string {
		for key, value := range r.ask.Header {
			if strings.EqualFold(key, name) {
				return value
			}
		}
		return ""
	}
	switch name {
	case "request_method":
		return r.ask.Method, true
	case "host", "http_host":
		return strings.ToLower(r.ask.Host), true
	case "uri", "document_uri", "fastcgi_script_name":
		return r.path, true
	case "request_uri":
		return r.ask.URI, true
	case "args", "query_string":
		return r.args, true
	case "is_args":
		if r.args != "" {
			return "?", true
		}
		return "", true
	case "scheme":
		if r.ask.Listen.TLS {
			return "https", true
		}
		return "http", true
	case "https":
		if r.ask.Listen.TLS {
			return "on", true
		}
		return "", true
	case "ssl_server_name":
		return r.ask.TLSName, true
	case "server_port":
		return itoa(r.ask.Listen.Port), true
	case "server_name":
		if len(r.s.names) > 0 {
			return r.s.names[0], true
		}
		return "", true
	case "remote_addr", "binary_remote_addr", "realip_remote_addr":
		if r.ask.From != "" {
			return r.ask.From, true
		}
		return "127.0.0.1", true
	case "remote_user", "invalid_referer", "limit_rate":
		return "", true
	case "document_root", "realpath_root":
		return docRoot, true
	case "request_filename":
		return docRoot + r.path, true
	case "content_type":
		return header("Content-Type"), true
	case "content_length":
		return header("Content-Length"), true
	case "server_protocol":
		return "HTTP/1.1", true
	case "status":
		return "", false
	}
	if key, ok := strings.CutPrefix(name, "http_"); ok {
		return header(strings.ReplaceAll(key, "_", "-")), true
	}
	if key, ok := strings.CutPrefix(name, "arg_"); ok {
		for pair := range strings.SplitSeq(r.args, "&") {
			if k, v, _ := strings.Cut(pair, "="); strings.EqualFold(k, key) {
				return v, true
			}
		}
		return "", true
	}
	if key, ok := strings.CutPrefix(name, "cookie_"); ok {
		for pair := range strings.SplitSeq(header("Cookie"), ";") {
			if k, v, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(k, key) {
				return v, true
			}
		}
		return "", true
	}
	return "", false
}
