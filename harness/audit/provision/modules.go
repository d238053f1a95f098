package provision

import (
	"fmt"
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// available are the dynamic modules that the image has, by their file names.
func (st *settler) available() map[string]string {
	if st.mods != nil {
		return st.mods
	}
	st.mods = map[string]string{}
	dirs := []string{st.build.Modules, path.Join(st.prefix, "modules"), "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/etc/nginx/modules",
		"/usr/share/nginx/modules", "/usr/local/openresty/nginx/modules", "/usr/local/nginx/modules"}
	for _, dir := range dirs {
		names, err := st.g.Names(st.ctx, dir)
		if err != nil {
			continue
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".so") && st.mods[name] == "" {
				st.mods[name] = path.Join(dir, name)
			}
		}
	}
	return st.mods
}

// load adds a module, and before it what it needs; false when the image lacks one of them.
func (st *settler) load(m module, place nginxconf.Place) bool {
	if m.needs != "" {
		if need, ok := moduleFile(m.needs); !ok || !st.load(need, place) {
			return false
		}
	}
	for _, d := range st.t.find("load_module") {
		if len(d.Args) == 1 && path.Base(d.Args[0]) == m.so {
			return true // the config does it itself
		}
	}
	at := st.available()[m.so]
	if at == "" {
		return m.so == "ngx_stream_module.so" && st.build.Has("--with-stream")
	}
	for _, have := range st.t.modules {
		if have == at {
			return true
		}
	}
	st.t.modules = append(st.t.modules, at)
	st.t.noteSupplied("module", m.so, at, place)
	return true
}

func (st *settler) unknownDirective(e startupError, m []string) (bool, error) {
	t, name := st.t, m[1]
	d := st.directive(e)
	stream := d != nil && within(d, "stream")
	before := len(t.modules)
	if mod, ok := moduleOf(name, stream); ok && st.load(mod, t.Place(e.file, e.line)) && len(t.modules) > before {
		st.loadAll()
		t.args()
		return true, nil
	}
	return false, st.whyUnknown(e, name, stream, d)
}

// loadAll loads what all other directives of the config need as well, so that it takes one round.
func (st *settler) loadAll() {
	c, err := st.t.Config()
	if err != nil || c == nil {
		return
	}
	var walk func([]*nginxconf.Directive, bool)
	walk = func(list []*nginxconf.Directive, stream bool) {
		for _, d := range list {
			if mod, ok := moduleOf(d.Name, stream); ok && st.available()[mod.so] != "" {
				st.load(mod, d.Place)
			}
			switch d.Name {
			case "map", "geo", "types", "split_clients", "charset_map": // what stands in those are no directives
			default:
				walk(d.Block, stream || d.Name == "stream")
			}
		}
	}
	walk(c.Main, false)
}

// whyUnknown says why nginx does not know a directive; nil when nobody does, so that it is a mistake.
func (st *settler) whyUnknown(e startupError, name string, stream bool, d *nginxconf.Directive) error {
	t := st.t
	if r := findRow("gone", name); r != nil && !older(t.Version, r[1]) {
		return e.refusal(t, "version", r[2]+", or "+chooseVersion("", r[1]), "nginx knows %s no more since %s, and this is %s", name, r[1], t.Version)
	}
	key := name
	if d != nil && d.Parent != nil && d.Parent.Name == "upstream" && (name == "resolver" || name == "resolver_timeout") {
		key += "/upstream"
	}
	plus := findRow("plus", name)
	if mod, ok := moduleOf(name, stream); ok && plus == nil {
		return e.refusal(t, "module", mod.lacking(t.Version), "%s is a directive of the module %s, which this image's nginx %s lacks", name, strings.TrimSuffix(mod.so, ".so"), t.Version)
	}
	if plus != nil && plus[1] == "-" {
		return e.refusal(t, "plus", "check with --image and your own image of NGINX Plus", "%s is a directive of NGINX Plus, the commercial nginx", name)
	}
	since := findRow("versions", key)
	if since != nil && older(t.Version, since[1]) {
		return e.refusal(t, "version", chooseVersion(since[1], ""), "%s needs nginx %s, this is %s", name, since[1], t.Version)
	}
	if plus != nil {
		return e.refusal(t, "plus", "check with --image and your own image of NGINX Plus", "%s is a directive of NGINX Plus, the commercial nginx", name)
	}
	if mod := unpackagedModule(name); mod != "" {
		return e.refusal(t, "module", "check with --image and the image that you built with it", "%s is a directive of %s, which no distribution of nginx has: perhaps a patched build", name, mod)
	}
	if since != nil {
		return e.refusal(t, "build", "check with --image and the image that you run", "nginx has %s since %s, but this build of %s was made without it", name, since[1], t.Version)
	}
	return nil
}

func (st *settler) unknownVariable(e startupError, m []string) (bool, error) {
	t, name := st.t, "$"+m[1]
	place := t.Place(e.file, e.line)
	if place.File == "" {
		place = st.placeOfUse(name)
	}
	d := st.directive(e)
	before := len(t.modules)
	if mod, ok := moduleOf(name, d != nil && within(d, "stream")); ok {
		if st.load(mod, place) && len(t.modules) > before {
			t.args()
			return true, nil
		}
		r := e.refusal(t, "module", mod.lacking(t.Version), "%s is a variable of the module %s, which this image lacks", name, strings.TrimSuffix(mod.so, ".so"))
		r.Place = place
		return false, r
	}
	if r := findRow("versions", name); r != nil && older(t.Version, r[1]) {
		refusal := e.refusal(t, "version", chooseVersion(r[1], ""), "%s needs nginx %s, this is %s", name, r[1], t.Version)
		refusal.Place = place
		return false, refusal
	}
	if st.takeForEnvironment(e, m[1]) {
		return true, nil
	}
	line := fmt.Sprintf("map $host %s { default \"\"; }", name)
	switch {
	case name == "$connection_upgrade":
		line = "map $http_upgrade $connection_upgrade { default upgrade; '' close; }"
	case !t.Wrapper:
		r := refuse("undefined", place, "define it with map or set, or check it together with the file that does", "the variable %s is defined nowhere", name)
		r.Refusal.Nginx = e.String()
		return false, r
	case st.isUsed(name):
		line = fmt.Sprintf("map $host %s { default %q; }", name, strings.ReplaceAll(m[1], "_", "-"))
	}
	for _, d := range t.find("root", "alias") {
		if len(d.Args) == 1 && strings.HasPrefix(strings.ToLower(strings.NewReplacer("{", "", "}", "").Replace(d.Args[0])), name) {
			line = fmt.Sprintf("map $host %s { default %q; }", name, defaultRoot)
			st.roots = append(st.roots, name)
			break
		}
	}
	if !t.define("http", line) {
		r := refuse("undefined", place, "check it together with the file that defines it", "the variable %s is defined nowhere", name)
		r.Refusal.Nginx = e.String()
		return false, r
	}
	t.noteSupplied("variable", name, line, place)
	return true, nil
}

// defaultRoot is the folder that a variable stands for which the config takes its files from, and nobody defines.
const defaultRoot = "/var/www/html"

// placeOfUse is where a variable is used first.
func (st *settler) placeOfUse(name string) nginxconf.Place {
	c, err := st.t.Config()
	if err != nil || c == nil {
		return nginxconf.Place{}
	}
	braced := "${" + name[1:] + "}"
	var found nginxconf.Place
	var walk func([]*nginxconf.Directive)
	walk = func(list []*nginxconf.Directive) {
		for _, d := range list {
			for _, a := range d.Args {
				a = strings.ToLower(a) // nginx says names in small letters
				if found.File == "" && (strings.Contains(a, name) || strings.Contains(a, braced)) {
					found = d.Place
				}
			}
			walk(d.Block)
		}
	}
	walk(c.Main)
	return found
}

// isUsed reports whether a variable names an upstream.
func (st *settler) isUsed(name string) bool {
	for _, d := range st.t.find("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass") {
		if len(d.Args) > 0 && strings.Contains(strings.ToLower(d.Args[0]), name) {
			return true
		}
	}
	return false
}

// missingModule meets a load_module of a file that is elsewhere, or nowhere.
func (st *settler) missingModule(e startupError, m []string) (bool, error) {
	t, so := st.t, path.Base(m[1])
	if !strings.Contains(e.text, "cannot open shared object file") && !strings.Contains(e.text, "No such file") {
		return st.otherBuild(e, m)
	}
	full := m[1]
	if !path.IsAbs(full) {
		full = path.Join(st.prefix, full)
	}
	if real := st.available()[so]; real != "" && real != full && !t.has(full) {
		t.put(agentapi.File{Path: full, Link: real})
		t.noteSupplied("module", so, real, t.Place(e.file, e.line))
		return true, nil
	}
	if mod, ok := moduleFile(so); ok {
		return false, e.refusal(t, "module", mod.lacking(t.Version),
			"the image's nginx %s has no module %s", t.Version, so)
	}
	return false, e.refusal(t, "module", "check with --image and the image that has it", "the image's nginx %s has no module %s, and no distribution packages it", t.Version, so)
}

// invalidParameter knows the parameters of other versions of nginx.
func (st *settler) invalidParameter(e startupError, m []string) (bool, error) {
	t, what := st.t, m[1]
	name := ""
	if d := st.directive(e); d != nil {
		name = d.Name
	}
	keys := []string{name + " " + what}
	if i := strings.IndexByte(what, '='); i > 0 {
		keys = append(keys, name+" "+what[:i+1], what[:i+1])
	}
	keys = append(keys, what)
	for _, k := range keys {
		if r := findRow("versions", k); r != nil && strings.Contains(k, " ") && older(t.Version, r[1]) {
			return false, e.refusal(t, "version", chooseVersion(r[1], ""), "%q of %s needs nginx %s, this is %s", what, name, r[1], t.Version)
		}
	}
	for _, k := range keys {
		if r := findRow("gone", k); r != nil && strings.Contains(k, " ") && !older(t.Version, r[1]) {
			return false, e.refusal(t, "version", r[2], "nginx knows %q of %s no more since %s, and this is %s", what, name, r[1], t.Version)
		}
	}
	if name == "server" {
		for _, k := range keys {
			if r := findRow("plus", k); r != nil && !strings.Contains(k, " ") {
				return false, e.refusal(t, "plus", "check with --image and your own image of NGINX Plus", "%q of an upstream's server is a parameter of NGINX Plus, the commercial nginx", what)
			}
		}
	}
	return false, nil
}
