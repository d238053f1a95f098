package nginxconf

import (
	"maps"
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
	pass           *Directive
	location       *Directive
	role           Role
	requiresStatus int
	value          string // what the pass directive's argument becomes; empty when that is not known
}

// A simulation is one request on its way through a server, by the phases of nginx: the server's rewrites, the search for the
// location, its rewrites, access, try_files, content.
// https://nginx.org/en/docs/dev/development_guide.html#http_phases
type simulation struct {
	m         *routeFinder
	s         *vhost
	candidate Candidate
	path      string // decoded
	args      string
	groups    map[string]string // of the last expression that matched
	named     map[string]string
	set       map[string]string
	unknown   map[string]bool // variables that were set to what can't be known

	heldBytes      int // bytes in set
	internal       bool
	isSubrequest   bool // a subrequest
	errorPageTaken bool // an error page was taken, and recursive_error_pages is off
	changes        int
	depth          int
	located        bool // past the search for the location
	role           Role
	requiresStatus int

	out *outcome
}

// An outcome is all that a request led to.
type outcome struct {
	hits    []hit
	steps   int    // variables looked up
	tooLong bool   // the text that was last put together became too long
	reason  string // why the request itself got to no upstream
	// located says that it got to a location before.
	located bool
}

// simulate sends a candidate through a server.
func (m *routeFinder) simulate(s *vhost, candidate Candidate, groups map[string]string) *outcome {
	r := &simulation{m: m, s: s, candidate: candidate, role: Content, out: &outcome{}, named: map[string]string{}, set: map[string]string{},
		unknown: map[string]bool{}}
	uri, args, _ := strings.Cut(candidate.URI, "?")
	r.path, r.args = decode(uri), args
	r.capture(groups)
	r.enter()
	if why := m.exceeded(); why != "" {
		r.out.reason, r.out.located = why, true
	}
	return r.out
}

func (r *simulation) capture(groups map[string]string) {
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
func (r *simulation) branch(role Role) *simulation {
	b := *r
	b.named, b.set, b.unknown = maps.Clone(r.named), maps.Clone(r.set), maps.Clone(r.unknown)
	b.depth++
	b.internal = true
	if b.role == Content || b.role == Try {
		b.role = role
	}
	return &b
}

func (r *simulation) setReason(text string) {
	if (r.out.reason == "" || r.located && !r.out.located) && r.role != Auth && r.role != Mirror && r.role != After {
		r.out.reason, r.out.located = text, r.located
	}
}

// enter runs the server's rewrites and goes on to the location.
func (r *simulation) enter() {
	if r.depth > maxNested || r.changes > maxChanges {
		r.setReason("the rewrites and redirects lead in a circle")
		return
	}
	switch ctl, block := r.rewrites(r.s.server, r.s.server); ctl.kind {
	case finished:
		r.status(ctl.status, block, ctl.by)
		return
	case abandoned:
		return
	}
	r.find()
}

// find searches the location and runs it.
func (r *simulation) find() {
	at := r.m.locate(r.s.server, r.path)
	if at != r.s.server {
		if _, _, ok := locationRegex(at); ok {
			r.capture(at.compiled().match(r.path))
		}
	}
	r.location(at)
}

type controlKind int

const (
	proceed     controlKind = iota
	finished                // return, or a rewrite that answers
	searchAgain             // the URI changed: search the location anew
	abandoned               // what it does is not followed any further
)

type control struct {
	kind   controlKind
	status int
	by     *Directive
}

// rewrites runs the directives of the rewrite module in a block, and gives the block whose settings hold then: that of
// the last condition that was true, or the block itself.
func (r *simulation) rewrites(block, holds *Directive) (control, *Directive) {
	if block.Name == "server" && block.has("if", "set", "rewrite", "return", "break") == nil {
		return control{}, holds
	}
	changed := false
	ctl, _ := r.script(block, &holds, &changed)
	if ctl.kind == proceed && changed {
		ctl.kind = searchAgain
	}
	return ctl, holds
}

// script runs one block; stop when a break ends it.
func (r *simulation) script(block *Directive, holds **Directive, changed *bool) (ctl control, stop bool) {
	for _, d := range block.Block {
		if !r.m.spend(1) {
			return control{kind: abandoned}, true
		}
		switch d.Name {
		case "set":
			if !r.assign(strings.TrimPrefix(d.arg(0), "$"), d) {
				return control{kind: abandoned}, true
			}
		case "if":
			if ok, _ := r.condition(d); ok {
				*holds = d
				if ctl, stop = r.script(d, holds, changed); ctl.kind != proceed || stop {
					return ctl, stop
				}
			}
		case "break":
			*changed = false
			return control{}, true
		case "return":
			return control{finished, returned(d), d}, true
		case "rewrite":
			if ctl, stop = r.rewrite(d, changed); ctl.kind != proceed || stop {
				return ctl, stop
			}
		}
	}
	return control{}, false
}

// assign sets a variable; false when it holds too much to be followed.
func (r *simulation) assign(name string, d *Directive) bool {
	value, known := r.text(d.arg(1))
	r.heldBytes += len(value) - len(r.set[name])
	if r.heldBytes > maxHeld || r.out.tooLong {
		r.failTooLong(d)
		return false
	}
	r.set[name], r.unknown[name] = value, !known
	return true
}

func (r *simulation) failTooLong(d *Directive) {
	r.located = true // whatever else was said before
	r.setReason("not worked out: " + d.Name + " makes a value of more than " + itoa(maxText>>10) + " KiB (" + d.Place.String() + ")")
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

func (r *simulation) rewrite(d *Directive, changed *bool) (control, bool) {
	if len(d.Args) < 2 {
		return control{}, false
	}
	if !r.m.spend(matchCost(d.Args[0], r.path)) {
		return control{kind: abandoned}, true
	}
	groups := r.m.regex(d.Args[0], false).match(r.path)
	if groups == nil {
		return control{}, false
	}
	r.capture(groups)
	to, _ := r.text(d.Args[1])
	if r.out.tooLong || len(r.args)+len(to) > maxText {
		r.failTooLong(d)
		return control{kind: abandoned}, true
	}
	flag := d.arg(2)
	if flag == "redirect" || flag == "permanent" || strings.HasPrefix(d.Args[1], "http://") ||
		strings.HasPrefix(d.Args[1], "https://") || strings.HasPrefix(d.Args[1], "$scheme") {
		return control{finished, 302, d}, true
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
		return control{kind: searchAgain}, true
	case "break":
		*changed = false
		return control{}, true
	}
	return control{}, false
}

// location runs a location, or the server itself where no location serves the path.
func (r *simulation) location(at *Directive) {
	r.located = true
	if r.depth > maxNested || len(r.out.hits) > maxHits || !r.m.spend(4+len(r.set)/8) {
		return
	}
	if at.has("internal") != nil && !r.internal {
		r.setReason("the location " + matchOf(at).String() + " is internal (" + at.Place.String() + ")")
		r.status(404, at, nil)
		return
	}
	holds := at
	for _, le := range at.all("limit_except") {
		if !slices.Contains(le.Args, r.candidate.Method) && (r.candidate.Method != "HEAD" || !slices.Contains(le.Args, "GET")) {
			holds = le
		}
	}
	if at != r.s.server {
		var ctl control
		ctl, holds = r.rewrites(at, holds)
		switch ctl.kind {
		case finished:
			r.status(ctl.status, holds, ctl.by)
			return
		case searchAgain:
			if r.changes++; r.changes > maxChanges {
				r.setReason("the rewrites lead in a circle")
				return
			}
			r.find()
			return
		case abandoned:
			return
		}
	}
	if !r.isSubrequest && !r.access(at, holds) {
		return
	}
	if to := holds.has("try_files"); to != nil && r.tryFiles(to, at) {
		return
	}
	if !r.isSubrequest {
		for _, d := range Effective(holds, "mirror") {
			r.subrequest(d, Mirror)
		}
	}
	r.content(at, holds)
	if d := effective(holds, "post_action"); d != nil && !r.isSubrequest {
		b := r.branch(After)
		b.isSubrequest = true
		b.redirect(d.arg(0))
	}
}

// access runs allow, deny and auth_request; false when the client is sent away.
func (r *simulation) access(at, holds *Directive) bool {
	if by := r.denied(holds); by != nil && effective(holds, "satisfy").arg(0) != "any" {
		r.setReason("access is denied by " + by.head() + " (" + by.Place.String() + ")")
		r.status(403, holds, nil)
		return false
	}
	for _, d := range Effective(holds, "auth_request") {
		if d.arg(0) == "off" || d.arg(0) == "" {
			continue
		}
		asked := r.subrequest(d, Auth)
		if !asked || r.requiresStatus != 0 {
			continue
		}
		for _, code := range []int{401, 403, 500} { // what its answer can become
			b := r.branch(Error)
			b.requiresStatus = code
			b.errorPage(code, holds)
		}
	}
	return true
}

// subrequest runs a request beside the client's; it reports whether an upstream was asked.
func (r *simulation) subrequest(d *Directive, role Role) bool {
	if d.arg(0) == "off" || r.depth > maxNested {
		return false
	}
	b := r.branch(role)
	b.isSubrequest = true
	if role == Auth {
		b.candidate.Method = "GET"
	}
	before := len(r.out.hits)
	b.redirect(d.arg(0))
	return len(r.out.hits) > before
}

// redirect goes to a URI or a named location inside the server.
func (r *simulation) redirect(to string) {
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

// exists is what there is of files: an index.php in every root, the root itself, the pages that error_page names, and the
// scripts that locations name.
func (r *simulation) exists(name string) bool {
	name = path.Clean(name)
	return name == "/index.php" || r.s.pages[name] || r.s.outer[name] || r.s.scripts[name]
}

func isRoot(name string) bool { return path.Clean(name) == "/" }

// tryFiles runs try_files; true when it led elsewhere.
func (r *simulation) tryFiles(d, at *Directive) bool {
	if len(d.Args) < 2 {
		return false
	}
	last := len(d.Args) - 1
	if !r.m.spend(last / 8) {
		return true
	}
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
		r.setReason("try_files finds no file (" + d.Place.String() + ")")
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

// luaHandlers run code that may send the request on.
var luaHandlers = []string{"content_by_lua_block", "content_by_lua", "access_by_lua_block", "rewrite_by_lua_block"}

// luaExec is a redirect inside nginx as Lua writes it.
// https://github.com/openresty/lua-nginx-module#ngxexec
var luaExec = regexp.MustCompile(`ngx\.exec\s*\(?\s*["']([@/][^"']*)["']`)

// exec follows the redirects that can be read in a block of Lua; true when they are all that answers.
func (r *simulation) exec(by *Directive) bool {
	found := luaExec.FindAllStringSubmatch(by.arg(0), -1)
	for _, m := range found {
		b := *r
		b.depth++
		b.redirect(m[1])
	}
	return len(found) > 0 && strings.HasPrefix(by.Name, "content")
}

// content runs what answers.
func (r *simulation) content(at, holds *Directive) {
	for block := holds; block != nil; block = block.Parent {
		if pass := block.has(passNames...); pass != nil {
			r.pass(pass, at, holds)
			return
		}
		if by := block.has(luaHandlers...); by != nil && r.exec(by) {
			return
		}
		if by := block.has(handlers...); by != nil {
			r.setReason(by.Name + " answers (" + by.Place.String() + ")")
			return
		}
		if block == at {
			break
		}
	}
	if !strings.HasSuffix(r.path, "/") {
		if !r.exists(r.path) {
			r.setReason("files answer at " + at.Place.String())
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
	r.setReason("files answer at " + at.Place.String())
	r.status(403, holds, nil)
}

// pass notes the hit, and follows what the upstream's failure leads to.
func (r *simulation) pass(pass, at, holds *Directive) {
	value, known := r.text(pass.arg(0))
	if !known {
		value = ""
	} else if value != pass.arg(0) && emptyTarget(value) {
		r.setReason(pass.arg(0) + " is empty for the requests that were tried (" + pass.Place.String() + ")")
		return
	}
	r.out.hits = append(r.out.hits, hit{pass, at, r.role, r.requiresStatus, value})
	if r.errorPageTaken || r.role == Mirror || r.role == After {
		return
	}
	intercept := pass.Name == "memcached_pass" ||
		effective(holds, family(passes[pass.Name])+"_intercept_errors").arg(0) == "on"
	for _, d := range Effective(holds, "error_page") {
		if !r.m.spend(1) {
			return
		}
		for _, code := range statuses(d) {
			if code == 502 || code == 504 || intercept || pass.Name == "memcached_pass" && code == 404 {
				b := r.branch(Error)
				if b.requiresStatus == 0 {
					b.requiresStatus = code
				}
				b.errorPage(code, holds)
			}
		}
	}
}

// emptyTarget reports whether an argument whose variables were put in names no upstream.
func emptyTarget(value string) bool {
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
func (r *simulation) status(code int, holds, by *Directive) {
	if by != nil {
		text := strconv.Itoa(code)
		if code == 0 {
			text = by.arg(0)
		}
		r.setReason(by.Name + " answers " + text + " (" + by.Place.String() + ")")
	}
	if code >= 300 || code == 0 {
		b := r.branch(Error)
		b.errorPage(code, holds)
	}
}

// errorPage goes to the page of a status, if it has one in this gateway.
func (r *simulation) errorPage(code int, holds *Directive) {
	if r.errorPageTaken || r.depth > maxNested {
		return
	}
	for _, d := range Effective(holds, "error_page") {
		if !r.m.spend(1) {
			return
		}
		if !slices.Contains(statuses(d), code) || len(d.Args) < 2 {
			continue
		}
		r.errorPageTaken = effective(holds, "recursive_error_pages").arg(0) != "on"
		if to := d.Args[len(d.Args)-1]; !strings.HasPrefix(to, "@") {
			r.candidate.Method = "GET"
		}
		r.redirect(d.Args[len(d.Args)-1])
		return
	}
}
