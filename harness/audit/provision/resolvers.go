package provision

import (
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// A resolver says how one kind of startup error is resolved: true when something was supplied, so that nginx is worth another try.
type resolver struct {
	pattern *regexp.Regexp
	resolve func(st *settler, e startupError, m []string) (bool, error)
}

// resolvers are tried in order; the first whose pattern matches counts.
var resolvers []resolver

func init() {
	add := func(shape string, meet func(st *settler, e startupError, m []string) (bool, error)) {
		resolvers = append(resolvers, resolver{regexp.MustCompile(shape), meet})
	}
	add(`^unknown directive "([^"]+)"`, (*settler).unknownDirective)
	add(`^unknown "([^"]+)" variable`, (*settler).unknownVariable)
	add(`dlopen\(\) "([^"]+)" failed`, (*settler).missingModule)
	add(`^module "([^"]+)" (?:version|is not binary compatible)`, (*settler).otherBuild)
	add(`get(pw|gr)nam\("([^"]+)"\) failed`, (*settler).missingUser)
	add(`host not found in .*?"([^"]+)"`, (*settler).missingHost)
	add(`^no port in upstream "([^"]+)"`, (*settler).missingUpstream)
	add(`^unknown log format "([^"]+)"`, (*settler).missingLogFormat)
	add(`^(?:zero size shared memory zone|"\w+" zone) "([^"]+)"`, (*settler).missingZone)
	add(`^no "ssl_certificate" is defined`, (*settler).missingCertificate)
	add(`^(?:a duplicate default server|duplicate |conflicting |the duplicate |"\w+" directive is duplicate|the shared memory zone)`, (*settler).duplicate)
	add(`^could not build (?:the )?(\w+), you should increase (?:either )?(\w+)`, (*settler).smallHash)
	add(`^(invalid event type|the "\w+" parameter requires|"[^"]+" (?:is unsupported on|is not supported on)|the "[^"]+" (?:parameter|directive) (?:is not supported|requires))`, (*settler).otherBuild)
	add(`"?(\w+)"? (?:directive )?requires (?:the )?(?:ngx_|PCRE|OpenSSL)`, (*settler).otherBuild)
	add(`^invalid (?:parameter|value|number of arguments|variable name|condition).*?"([^"]+)"`, (*settler).invalidParameter)
	add(`^bind\(\) to (\S+) failed \((\d+): ([^)]*)\)`, (*settler).cannotBind)
	add(`^socket\(\) (\S+) failed`, (*settler).otherBuild)
	add(`\bmkdir\(\) "([^"]+)" failed \(2:`, func(st *settler, e startupError, m []string) (bool, error) { return st.folder(path.Dir(m[1]), e), nil })
	add(`"([^"]*[/.][^"]*)"`, (*settler).resolveFile)
}

// resolve tries the resolvers on an error.
func (st *settler) resolve(e startupError) (bool, error) {
	if r := st.template(e); r != nil {
		return false, r
	}
	for _, a := range resolvers {
		if m := a.pattern.FindStringSubmatch(e.text); m != nil {
			return a.resolve(st, e, m)
		}
	}
	return false, nil
}

// template is the refusal of a file that is a template after all, in ways that only show where nginx stumbles over it.
func (st *settler) template(e startupError) *Refused {
	user := st.t.Place(e.file, e.line)
	text, _, _ := st.t.read(e.file)
	lines := strings.Split(text, "\n")
	if e.line < 1 || e.line > len(lines) || st.t.origin[e.file] == "" {
		return nil
	}
	if m := regexp.MustCompile(`<[A-Z][A-Z0-9_-]{2,}>|<(?i:your|insert|change|replace)[\w .-]*>|\$\{[a-z_]+[A-Z]\w*\}|\[\[\s*\w+\s*\]\]`).FindString(code(lines[e.line-1])); m != "" {
		r := refuse("template", user, "put the value in, then check again", "this is a template, not yet a config: %s", m)
		r.Refusal.Nginx = e.String()
		return r
	}
	return nil
}

// directive is the one that an error is about: of those on its line, the one whose name or argument it quotes. Nginx names
// the line on which a directive ends.
func (st *settler) directive(e startupError) *nginxconf.Directive {
	c, err := st.t.Config()
	if err != nil || c == nil || e.file == "" {
		return nil
	}
	place := st.t.Place(e.file, e.line)
	var found *nginxconf.Directive
	best := -1
	var walk func([]*nginxconf.Directive)
	walk = func(list []*nginxconf.Directive) {
		for _, d := range list {
			if d.Place.File == place.File && d.Place.Line <= place.Line {
				rank := 4 * d.Place.Line
				if strings.Contains(e.text, `"`+d.Name+`"`) {
					rank++
				}
				for _, a := range d.Args {
					if strings.Contains(e.text, `"`+a+`"`) {
						rank += 2
						break
					}
				}
				if rank >= best {
					found, best = d, rank
				}
			}
			walk(d.Block)
		}
	}
	walk(c.Main)
	return found
}

func within(d *nginxconf.Directive, block string) bool {
	for ; d != nil; d = d.Parent {
		if d.Name == block {
			return true
		}
	}
	return false
}

func (st *settler) missingUser(e startupError, m []string) (bool, error) {
	t := st.t
	for _, d := range t.find("user") {
		names := append([]string(nil), d.Args...)
		if len(names) == 1 {
			names = append(names, names[0])
		}
		if len(names) == 2 {
			st.addUser(names[0], names[1], d.Place)
			return true, nil
		}
	}
	st.addUser(m[2], m[2], t.Place(e.file, e.line))
	return true, nil
}

// addUser adds a user and a group to those of the image, unless they are there.
func (st *settler) addUser(user, group string, place nginxconf.Place) {
	t := st.t
	passwd, groups := st.readFile("/etc/passwd"), st.readFile("/etc/group")
	has := func(table, name string) bool {
		return strings.HasPrefix(table, name+":") || strings.Contains(table, "\n"+name+":")
	}
	id := 880
	for strings.Contains(passwd, fmt.Sprintf(":%d:", id)) || strings.Contains(groups, fmt.Sprintf(":%d:", id)) {
		id++
	}
	if !has(groups, group) {
		t.put(agentapi.File{Path: "/etc/group", Data: withNewline(groups) + fmt.Sprintf("%s:x:%d:\n", group, id)})
		t.noteSupplied("user", "group "+group, fmt.Sprintf("group id %d", id), place)
	}
	if !has(passwd, user) {
		t.put(agentapi.File{Path: "/etc/passwd", Data: withNewline(passwd) + fmt.Sprintf("%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n", user, id, id)})
		t.noteSupplied("user", user, fmt.Sprintf("user id %d", id), place)
	}
}

func withNewline(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// readFile reads a small file of the sandbox; empty when there is none.
func (st *settler) readFile(file string) string {
	if text, _, ok := st.t.read(file); ok {
		return text
	}
	if files, err := st.g.ReadTree(st.ctx, file); err == nil {
		return files[file]
	}
	return ""
}

// missingHost gives an address to a name that is none for DNS; all others resolve in the lab.
func (st *settler) missingHost(e startupError, m []string) (bool, error) {
	t := st.t
	name := m[1]
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	if strings.ContainsAny(name, "#\n") || name == "" {
		return false, nil
	}
	if strings.ContainsAny(name, " \t") || strings.Count(name, ":") > 0 {
		return false, nil
	}
	hosts := st.readFile("/etc/hosts")
	n := 1 + strings.Count(hosts, "198.19.255.")
	if n > 250 {
		return false, e.refusal(t, "limit", "name a smaller part of the config", "more than 250 names of upstreams are no names for DNS")
	}
	address := fmt.Sprintf("198.19.255.%d", n)
	if t.Hosts == nil {
		t.Hosts = map[string]string{}
	}
	t.Hosts[address] = strings.ToLower(name)
	t.put(agentapi.File{Path: "/etc/hosts", Data: withNewline(hosts) + address + " " + name + "\n"})
	place := t.Place(e.file, e.line)
	if place.File == "" {
		if all := t.owners(name); len(all) > 0 {
			place = all[0].Place
		}
	}
	t.noteSupplied("name", name, address, place)
	return true, nil
}

// defaultPorts are those of the protocols for which nginx itself has none.
var defaultPorts = map[string]int{"fastcgi_pass": 9000, "uwsgi_pass": 3031, "scgi_pass": 4000, "memcached_pass": 11211, "grpc_pass": 50051}

// missingUpstream defines an upstream that the config calls by a name alone, where the block for it is elsewhere.
func (st *settler) missingUpstream(e startupError, m []string) (bool, error) {
	t, name := st.t, m[1]
	if net.ParseIP(name) != nil || strings.ContainsAny(name, ".:[") {
		return false, nil
	}
	level, port := "http", 80
	d := st.directive(e)
	if d != nil {
		if within(d, "stream") {
			level, port = "stream", 8080
		}
		if p := defaultPorts[d.Name]; p > 0 {
			port = p
		}
	}
	if others := t.upstreams(level); !t.Wrapper && len(others) > 0 { // the file is whole, and has its upstreams
		return false, e.refusal(t, "undefined", "write one of those, or check it together with the file that defines it",
			"upstream %q is defined nowhere here; the config has %s", name, strings.Join(others, ", "))
	}
	block := fmt.Sprintf("upstream %s { server %s:%d; }", name, strings.ToLower(strings.ReplaceAll(name, "_", "-")), port)
	if !t.define(level, block) {
		return false, e.refusal(t, "undefined", "check it together with the file that defines it, or write the port",
			"upstream %q is defined nowhere, and the name alone has no port", name)
	}
	place := t.Place(e.file, e.line)
	t.noteSupplied("include", "upstream "+name, block, place)
	t.Notes = append(t.Notes, fmt.Sprintf("upstream %q (%s) is defined nowhere here: the lab made it up, with one server. Check it together with the file "+
		"that defines it", name, place))
	return true, nil
}

// upstreams are the names of the upstream blocks in http or stream, the first few.
func (t *Tree) upstreams(level string) []string {
	var all []string
	for _, d := range t.find("upstream") {
		if len(d.Args) == 0 || !within(d, level) {
			continue
		}
		if len(all) == 4 {
			return append(all, "...")
		}
		all = append(all, strconv.Quote(d.Args[0]))
	}
	return all
}

func (st *settler) missingLogFormat(e startupError, m []string) (bool, error) {
	level := "http"
	if d := st.directive(e); d != nil && within(d, "stream") {
		level = "stream"
	}
	line := fmt.Sprintf("log_format %s '$remote_addr [$time_local] \"$request\" $status $body_bytes_sent';", m[1])
	if level == "stream" {
		line = fmt.Sprintf("log_format %s '$remote_addr [$time_local] $protocol $status $bytes_sent';", m[1])
	}
	return st.defined(e, level, "log_format "+m[1], line)
}

// defined supplies a definition that the config lacks, or says that nothing has it.
func (st *settler) defined(e startupError, level, what, line string) (bool, error) {
	place := st.t.Place(e.file, e.line)
	if !st.t.define(level, line) {
		return false, e.refusal(st.t, "undefined", "check it together with the file that defines it", "%s is defined nowhere", what)
	}
	st.t.noteSupplied("include", what, line, place)
	return true, nil
}

func (st *settler) missingZone(e startupError, m []string) (bool, error) {
	t, zone := st.t, m[1]
	for _, d := range t.find("limit_req", "limit_conn", "proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache") {
		level := "http"
		if within(d, "stream") {
			level = "stream"
		}
		at := e
		at.file, at.line = path.Join("/", d.Place.File), d.Place.Line
		line := ""
		switch {
		case d.Name == "limit_req" && has(d.Args, "zone="+zone):
			line = fmt.Sprintf("limit_req_zone $binary_remote_addr zone=%s:10m rate=1000r/s;", zone)
		case d.Name == "limit_conn" && len(d.Args) > 0 && d.Args[0] == zone:
			line = fmt.Sprintf("limit_conn_zone $binary_remote_addr zone=%s:10m;", zone)
		case strings.HasSuffix(d.Name, "_cache") && len(d.Args) > 0 && d.Args[0] == zone:
			line = fmt.Sprintf("%s_path /var/cache/badgateway-%s keys_zone=%s:10m;", d.Name, zone, zone)
		default:
			continue
		}
		if !t.define(level, line) {
			r := refuse("undefined", d.Place, "check it together with the file that defines it", "the zone %q is defined nowhere", zone)
			r.Refusal.Nginx = e.String()
			return false, r
		}
		t.noteSupplied("include", "zone "+zone, line, d.Place)
		return true, nil
	}
	return false, nil
}

func has(list []string, want string) bool {
	for _, s := range list {
		if s == want {
			return true
		}
	}
	return false
}

// duplicate leaves out a file that the lab brought in beside another one that has the same; the user's own are his mistake.
func (st *settler) duplicate(e startupError, m []string) (bool, error) {
	t := st.t
	if name, ok := strings.CutSuffix(e.text, `" directive is duplicate`); ok && t.Wrapper {
		name = strings.TrimPrefix(name, `"`)
		for _, d := range outerDirectives {
			if strings.HasPrefix(d, name+" ") && !t.dropped[name] {
				t.dropped[name] = true // an included file of the fragment says it too
				return true, t.wrap()
			}
		}
		return false, nil
	}
	real := e.file
	for _, f := range t.fragments {
		if f.file != real || len(t.fragments) < 2 {
			continue
		}
		if dir := path.Base(path.Dir(real)); siteFolders[dir] && dir != "sites-available" && dir != "templates" {
			return false, nil // nginx reads all files of that folder at the user's too
		}
		return true, t.leaveOutFragment(real, fmt.Sprintf("it has what another file has too (%s)", e.text))
	}
	if t.addedSites[real] && len(t.addedSites) > 1 {
		delete(t.addedSites, real)
		t.Notes = append(t.Notes, fmt.Sprintf("%s was left out: it has what another file has too (%s)", t.Place(real, 0).File, e.text))
		t.put(agentapi.File{Path: real})
		return true, nil
	}
	return false, nil
}

// leaveOutFragment takes a fragment out, and notes why.
func (t *Tree) leaveOutFragment(file, why string) error {
	t.Notes = append(t.Notes, fmt.Sprintf("%s was left out: %s", t.Place(file, 0).File, why))
	t.fragments = slices.DeleteFunc(t.fragments, func(f fragment) bool { return f.file == file })
	t.admitted, t.includeGlobs, t.servers = map[string]bool{}, nil, 0
	if err := t.wrap(); err != nil {
		return err
	}
	return t.admit(t.Main, "main", nginxconf.Place{})
}

// leaveOutLocations leaves out a file of locations beside files with servers, where nginx does not take it in a server of the lab's:
// which of theirs it belongs into, nobody here knows.
func (t *Tree) leaveOutLocations(e startupError) (bool, error) {
	servers := slices.ContainsFunc(t.fragments, func(f fragment) bool { return f.kind != inServer })
	loose := slices.ContainsFunc(t.fragments, func(f fragment) bool { return f.kind == inServer && f.file == e.file })
	if !servers || !loose {
		return false, nil
	}
	return true, t.leaveOutFragment(e.file, fmt.Sprintf("nginx does not take it in a server of the lab's (%s)", e.text))
}

// smallHash is met where the outer http block is not the user's: the size that nginx starts with goes by the processor.
func (st *settler) smallHash(e startupError, m []string) (bool, error) {
	line := m[2] + " 256;"
	if strings.HasSuffix(m[2], "max_size") {
		line = m[2] + " 8192;"
	}
	if len(st.t.find(m[2])) > 0 || !st.t.define("http", line) {
		return false, nil
	}
	st.t.noteSupplied("include", m[2], line, st.t.Place(e.file, e.line))
	return true, nil
}

func (st *settler) otherBuild(e startupError, m []string) (bool, error) {
	t := st.t
	remedy := "check with --image and the image that you run"
	switch {
	case strings.Contains(e.text, "aio on"):
		remedy = "aio on needs an nginx that was built with --with-file-aio; write aio threads, or " + remedy
	case strings.Contains(e.text, "event type"):
		remedy = "it is of another operating system; drop the line, as nginx chooses the best by itself"
	case strings.Contains(e.text, "quic"):
		if older(t.Version, "1.25.0") {
			return false, e.refusal(t, "version", chooseVersion("1.25.0", ""), "listen ... quic needs nginx 1.25.0, this is %s", t.Version)
		}
	}
	return false, e.refusal(t, "build", remedy, "this build of nginx %s can't do it: %s", t.Version, e.text)
}

func (st *settler) cannotBind(e startupError, m []string) (bool, error) {
	if socket, ok := strings.CutPrefix(m[1], "unix:"); ok && m[2] == "2" {
		return st.folder(path.Dir(socket), e), nil
	}
	address := m[1]
	place := nginxconf.Place{}
	for _, d := range st.t.find("listen") {
		if len(d.Args) > 0 && (strings.HasPrefix(address, d.Args[0]) || strings.HasSuffix(d.Args[0], address)) {
			place = d.Place
			break
		}
	}
	if strings.HasPrefix(strings.ToLower(address), "[fe80:") {
		r := refuse("mistake", place, "listen on [::] or on a global address: Linux refuses a link-local one without its interface",
			"%s", e.text)
		r.Refusal.Nginx = e.String()
		return false, r
	}
	r := refuse("mistake", place, "listen on an address that the gateway's machine has", "%s", e.text)
	r.Refusal.Nginx = e.String()
	return false, r
}
