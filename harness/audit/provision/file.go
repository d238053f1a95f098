package provision

import (
	"fmt"
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// file meets every complaint about a file: what it is for is known from the directive that names it.
func (w *world) file(e emerg, m []string) (bool, error) {
	t := w.t
	absent := strings.Contains(e.text, "No such file") || strings.Contains(e.text, "(2:") || strings.Contains(e.text, "no such file")
	file := m[1]
	if !path.IsAbs(file) {
		file = path.Join(path.Dir(t.Main), file)
	}
	owners := t.owners(file)
	if len(owners) == 0 {
		owners = t.owners(m[1])
	}
	if len(owners) == 0 && absent && strings.HasPrefix(e.text, "open()") && t.hasInclude(e) {
		return w.include(file, t.Place(e.file, e.line))
	}
	if d := w.directive(e); d != nil && len(owners) == 0 && d.Place.Line == e.line {
		owners = append(owners, d)
	}
	for _, d := range owners {
		done, err := w.supply(d, file, absent, e)
		if done || err != nil {
			return done, err
		}
	}
	if !absent {
		return false, nil
	}
	return w.folder(path.Dir(file), e), nil // a pid or log file that only the build names
}

// hasInclude reports whether an include stands where a complaint points to, which an included file that is missing makes.
func (t *Tree) hasInclude(e emerg) bool {
	text, _, _ := t.read(e.file)
	lines := strings.Split(text, "\n")
	return e.line >= 1 && e.line <= len(lines) && strings.Contains(lines[e.line-1], "include")
}

// supply makes up a file for a directive that names it.
func (w *world) supply(d *nginxconf.Directive, file string, absent bool, e emerg) (bool, error) {
	t, name := w.t, d.Name
	switch {
	case name == "include":
		if !absent {
			return false, nil
		}
		return w.include(file, d.Place)
	case strings.HasSuffix(name, "ssl_certificate") || strings.HasSuffix(name, "ssl_certificate_key"):
		return w.certificates(file, e)
	case strings.HasSuffix(name, "ssl_trusted_certificate") || name == "ssl_client_certificate":
		return w.authority(d, file)
	case strings.HasSuffix(name, "ssl_crl"):
		return w.revoked(d, file)
	case name == "ssl_dhparam":
		for _, d := range t.find("ssl_dhparam") {
			if f := t.resolve(d.Args[0]); f == file || !t.has(f) && !w.there(f) {
				t.put(agentapi.File{Path: f, Data: group})
				t.list("dhparam", d.Args[0], "the group ffdhe2048 of RFC 7919", d.Place)
			}
		}
		return true, nil
	case name == "ssl_session_ticket_key":
		t.put(agentapi.File{Path: file, Data: strings.Repeat("badgateway's key", 5), Mode: 0o600}) // 80 bytes: AES256
		t.list("key", d.Args[0], "80 bytes of the lab's own", d.Place)
		return true, nil
	case strings.HasSuffix(name, "password_file"):
		t.put(agentapi.File{Path: file, Data: "badgateway\n", Mode: 0o600})
		t.list("password file", d.Args[0], "the lab's own", d.Place)
		return true, nil
	case strings.HasPrefix(name, "geoip"):
		r := refuse("undefined", d.Place, "check with --image and the image that has the database", "%s names a database that isn't here: %s", name, file)
		r.Refusal.Nginx = e.String()
		return false, r
	case name == "js_import" || name == "js_include" || strings.HasSuffix(name, "_by_lua_file") || name == "perl_require" ||
		name == "modsecurity_rules_file" || name == "xslt_stylesheet" || name == "xml_entities":
		if _, _, ok := t.bring(file); ok {
			return true, nil
		}
		if !absent {
			return false, nil
		}
		return false, refuse("undefined", d.Place, "name the folder that holds it too, or check with --image and the image that has it",
			"%s needs a file that isn't here: %s", name, d.Args[len(d.Args)-1])
	case name == "error_log" || name == "access_log" || name == "pid" || name == "lock_file" || name == "listen" ||
		strings.HasSuffix(name, "_cache_path") || strings.HasSuffix(name, "_temp_path") || name == "working_directory":
		return absent && w.logs(file, e), nil
	case absent && path.Ext(file) != "" && strings.HasPrefix(e.text, "open()"):
		if _, _, ok := t.bring(file); ok {
			return true, nil
		}
		return false, refuse("undefined", d.Place, "name the folder that holds it too, or check with --image and the image that has it",
			"%s needs a file that isn't here: %s", name, file)
	}
	return false, nil
}

// logs makes the folders of all log, cache and temp files that the config names.
func (w *world) logs(file string, e emerg) bool {
	t := w.t
	made := w.folder(path.Dir(file), e)
	all := t.find("error_log", "access_log", "pid", "proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path",
		"proxy_temp_path", "fastcgi_temp_path", "client_body_temp_path", "uwsgi_temp_path", "scgi_temp_path")
	var dirs []string
	for _, d := range all {
		if len(d.Args) > 0 && path.IsAbs(d.Args[0]) {
			dirs = append(dirs, path.Dir(d.Args[0]))
		}
	}
	w.askFor(dirs...)
	for _, d := range all {
		if len(d.Args) == 0 || !path.IsAbs(d.Args[0]) || strings.Contains(d.Args[0], "$") || strings.HasPrefix(d.Args[0], "/dev/") {
			continue
		}
		dir := path.Dir(d.Args[0])
		if !t.has(dir) && !w.there(dir) {
			t.put(agentapi.File{Path: dir, Dir: true, Mode: 0o755})
			t.list("folder", dir, "an empty one", d.Place)
			made = true
		}
	}
	return made
}

// folder makes a folder; false when it was made already and did not help.
func (w *world) folder(dir string, e emerg) bool {
	t := w.t
	if t.has(dir) || dir == "/" {
		return false
	}
	place := t.Place(e.file, e.line)
	if place.File == "" {
		for _, d := range t.owners(dir) {
			place = d.Place
		}
		for _, d := range t.find("error_log", "access_log", "pid", "lock_file", "listen") {
			if len(d.Args) == 0 {
				continue
			}
			file := strings.TrimPrefix(d.Args[0], "unix:")
			if !path.IsAbs(file) {
				file = path.Join(w.prefix, file)
			}
			if path.Dir(file) == dir {
				place = d.Place
			}
		}
	}
	t.put(agentapi.File{Path: dir, Dir: true, Mode: 0o755})
	t.list("folder", dir, "an empty one", place)
	return true
}

// there reports whether the image has something at a path.
func (w *world) there(file string) bool {
	w.askFor(file)
	return w.exists[file]
}

// askFor finds out for many paths at once whether the image has them.
func (w *world) askFor(files ...string) {
	var open []string
	for _, f := range files {
		if _, known := w.exists[f]; !known && !w.t.has(f) {
			w.exists[f] = false
			open = append(open, f)
		}
	}
	for len(open) > 0 {
		some := open[:min(len(open), 200)]
		open = open[len(some):]
		found, err := w.g.There(w.ctx, some...)
		if err != nil {
			continue
		}
		for _, file := range found {
			w.exists[file] = true
		}
	}
}

// known are files that many configs include and that some tool writes, with what they say.
var known = map[string]string{
	"options-ssl-nginx.conf": "ssl_session_timeout 1d;\nssl_session_tickets off;\nssl_protocols TLSv1.2 TLSv1.3;\n",
	// Written at the start of a container, from its /etc/resolv.conf. The address is ours like all others.
	"resolv.conf":      "resolver 198.18.0.53;\n",
	"resolver.conf":    "resolver 198.18.0.53;\n",
	"resolvers.conf":   "resolver 198.18.0.53;\n",
	"snakeoil.conf":    "ssl_certificate /etc/ssl/certs/ssl-cert-snakeoil.pem;\nssl_certificate_key /etc/ssl/private/ssl-cert-snakeoil.key;\n",
	"fastcgi-php.conf": "try_files $fastcgi_script_name =404;\nfastcgi_index index.php;\ninclude fastcgi.conf;\n",
	"proxy_params": "proxy_set_header Host $http_host;\nproxy_set_header X-Real-IP $remote_addr;\n" +
		"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\nproxy_set_header X-Forwarded-Proto $scheme;\n",
}

// include makes up included files that are missing, all of them.
func (w *world) include(file string, place nginxconf.Place) (bool, error) {
	t := w.t
	made, err := w.oneInclude(file, place)
	if err != nil {
		return made, err
	}
	if c, err := t.Config(); err == nil && c != nil {
		var files []string
		for _, i := range c.Missing {
			files = append(files, t.resolve(i.Pattern))
		}
		w.askFor(files...) // at once: each question runs a program
		for _, i := range c.Missing {
			if full := t.resolve(i.Pattern); !w.there(full) {
				one, err := w.oneInclude(full, i.Place)
				if err != nil {
					return made, err
				}
				made = made || one
			}
		}
	}
	return made, nil
}

func (w *world) oneInclude(file string, place nginxconf.Place) (bool, error) {
	if i, ok := w.t.index[file]; ok {
		if to := w.t.Files[i].Link; to != "" {
			return w.linkedInclude(file, follow(file, to), place)
		}
		return false, nil
	}
	return w.missingInclude(file, place), nil
}

// linkedInclude meets a link whose target is not here: of a module, or of a file that was not brought along.
func (w *world) linkedInclude(file, target string, place nginxconf.Place) (bool, error) {
	t := w.t
	if _, _, ok := t.read(target); ok || w.there(target) {
		return false, nil
	}
	if _, _, ok := t.bring(target); ok {
		return t.admit(target, w.contextOf(file), place) == nil, nil
	}
	text := w.moduleLine(target)
	with := strings.TrimSpace(text)
	switch {
	case text != "":
	case strings.HasPrefix(path.Base(path.Dir(target)), "modules"): // what needs it says so itself
		with = "an empty file"
	case known[path.Base(target)] != "":
		text, with = known[path.Base(target)], "what it says usually"
	default:
		name, _ := t.userPath(file)
		return false, linkOut(place, name+" is included", target)
	}
	t.put(agentapi.File{Path: file, Data: text})
	t.list("include", file, with, place)
	return true, nil
}

func (w *world) missingInclude(file string, place nginxconf.Place) bool {
	t := w.t
	if _, _, ok := t.bring(file); ok {
		return true
	}
	text, with := known[path.Base(file)], "what it says usually"
	if text == "" && bundled[path.Base(file)] {
		for _, name := range keys(t.image) {
			if path.Base(name) == path.Base(file) {
				text = t.image[name]
			}
		}
		with = "the distribution's"
	}
	if text == "" {
		with = "an empty file"
	}
	t.put(agentapi.File{Path: file, Data: text})
	t.list("include", file, with, place)
	return true
}

// contextOf is the level at which a file is included by a wildcard.
func (w *world) contextOf(file string) string {
	for _, s := range w.t.spots {
		if ok, _ := path.Match(s.glob, file); ok {
			return s.within
		}
	}
	return "other"
}

// moduleLine is what Debian's files in modules-available say, for a module that the image has.
func (w *world) moduleLine(file string) string {
	base := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "mod-"), ".conf")
	for _, m := range append(append([]module(nil), packaged...), packagedStream...) {
		if m.deb == "libnginx-mod-"+base && w.available()[m.so] != "" {
			return fmt.Sprintf("load_module %s;\n", w.available()[m.so])
		}
	}
	return ""
}
