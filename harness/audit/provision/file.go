package provision

import (
	"fmt"
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// resolveFile resolves every error about a file: what it is for is known from the directive that names it.
func (st *settler) resolveFile(e startupError, m []string) (bool, error) {
	t := st.t
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
		return st.include(file, t.Place(e.file, e.line))
	}
	if d := st.directive(e); d != nil && len(owners) == 0 && d.Place.Line == e.line {
		owners = append(owners, d)
	}
	for _, d := range owners {
		done, err := st.provision(d, file, absent, e)
		if done || err != nil {
			return done, err
		}
	}
	if !absent {
		return false, nil
	}
	return st.folder(path.Dir(file), e), nil // a pid or log file that only the build names
}

// hasInclude reports whether an include stands where an error points to, which an included file that is missing makes.
func (t *Tree) hasInclude(e startupError) bool {
	text, _, _ := t.read(e.file)
	lines := strings.Split(text, "\n")
	return e.line >= 1 && e.line <= len(lines) && strings.Contains(lines[e.line-1], "include")
}

// provision makes up a file for a directive that names it.
func (st *settler) provision(d *nginxconf.Directive, file string, absent bool, e startupError) (bool, error) {
	t, name := st.t, d.Name
	switch {
	case name == "include":
		if !absent {
			return false, nil
		}
		return st.include(file, d.Place)
	case strings.HasSuffix(name, "ssl_certificate") || strings.HasSuffix(name, "ssl_certificate_key"):
		return st.certificates(file, e)
	case strings.HasSuffix(name, "ssl_trusted_certificate") || name == "ssl_client_certificate":
		return st.authority(d, file)
	case strings.HasSuffix(name, "ssl_crl"):
		return st.revoked(d, file)
	case name == "ssl_dhparam":
		for _, d := range t.find("ssl_dhparam") {
			if f := t.absPath(d.Args[0]); f == file || !t.has(f) && !st.isThere(f) {
				t.put(agentapi.File{Path: f, Data: group})
				t.noteSupplied("dhparam", d.Args[0], "the group ffdhe2048 of RFC 7919", d.Place)
			}
		}
		return true, nil
	case name == "ssl_session_ticket_key":
		t.put(agentapi.File{Path: file, Data: strings.Repeat("badgateway's key", 5), Mode: 0o600}) // 80 bytes: AES256
		t.noteSupplied("key", d.Args[0], "80 bytes of the lab's own", d.Place)
		return true, nil
	case strings.HasSuffix(name, "password_file"):
		t.put(agentapi.File{Path: file, Data: "badgateway\n", Mode: 0o600})
		t.noteSupplied("password file", d.Args[0], "the lab's own", d.Place)
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
		return absent && st.logs(file, e), nil
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
func (st *settler) logs(file string, e startupError) bool {
	t := st.t
	made := st.folder(path.Dir(file), e)
	all := t.find("error_log", "access_log", "pid", "proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path",
		"proxy_temp_path", "fastcgi_temp_path", "client_body_temp_path", "uwsgi_temp_path", "scgi_temp_path")
	var dirs []string
	for _, d := range all {
		if len(d.Args) > 0 && path.IsAbs(d.Args[0]) {
			dirs = append(dirs, path.Dir(d.Args[0]))
		}
	}
	st.checkPaths(dirs...)
	for _, d := range all {
		if len(d.Args) == 0 || !path.IsAbs(d.Args[0]) || strings.Contains(d.Args[0], "$") || strings.HasPrefix(d.Args[0], "/dev/") {
			continue
		}
		dir := path.Dir(d.Args[0])
		if !t.has(dir) && !st.isThere(dir) {
			t.put(agentapi.File{Path: dir, Dir: true, Mode: 0o755})
			t.noteSupplied("folder", dir, "an empty one", d.Place)
			made = true
		}
	}
	return made
}

// folder makes a folder; false when it was made already and did not help.
func (st *settler) folder(dir string, e startupError) bool {
	t := st.t
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
				file = path.Join(st.prefix, file)
			}
			if path.Dir(file) == dir {
				place = d.Place
			}
		}
	}
	t.put(agentapi.File{Path: dir, Dir: true, Mode: 0o755})
	t.noteSupplied("folder", dir, "an empty one", place)
	return true
}

// isThere reports whether the image has something at a path.
func (st *settler) isThere(file string) bool {
	st.checkPaths(file)
	return st.exists[file]
}

// checkPaths finds out for many paths at once whether the image has them.
func (st *settler) checkPaths(files ...string) {
	var open []string
	for _, f := range files {
		if _, known := st.exists[f]; !known && !st.t.has(f) {
			st.exists[f] = false
			open = append(open, f)
		}
	}
	for len(open) > 0 {
		some := open[:min(len(open), 200)]
		open = open[len(some):]
		found, err := st.g.There(st.ctx, some...)
		if err != nil {
			continue
		}
		for _, file := range found {
			st.exists[file] = true
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
func (st *settler) include(file string, place nginxconf.Place) (bool, error) {
	t := st.t
	made, err := st.oneInclude(file, place)
	if err != nil {
		return made, err
	}
	if c, err := t.Config(); err == nil && c != nil {
		var files []string
		for _, i := range c.Missing {
			files = append(files, t.absPath(i.Pattern))
		}
		st.checkPaths(files...) // at once: each question runs a program
		for _, i := range c.Missing {
			if full := t.absPath(i.Pattern); !st.isThere(full) {
				one, err := st.oneInclude(full, i.Place)
				if err != nil {
					return made, err
				}
				made = made || one
			}
		}
	}
	return made, nil
}

func (st *settler) oneInclude(file string, place nginxconf.Place) (bool, error) {
	if i, ok := st.t.index[file]; ok {
		if to := st.t.Files[i].Link; to != "" {
			return st.linkedInclude(file, follow(file, to), place)
		}
		return false, nil
	}
	return st.missingInclude(file, place), nil
}

// linkedInclude meets a link whose target is not here: of a module, or of a file that was not brought along.
func (st *settler) linkedInclude(file, target string, place nginxconf.Place) (bool, error) {
	t := st.t
	if _, _, ok := t.read(target); ok || st.isThere(target) {
		return false, nil
	}
	if _, _, ok := t.bring(target); ok {
		return t.admit(target, st.contextOf(file), place) == nil, nil
	}
	text := st.moduleLine(target)
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
	t.noteSupplied("include", file, with, place)
	return true, nil
}

func (st *settler) missingInclude(file string, place nginxconf.Place) bool {
	t := st.t
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
	t.noteSupplied("include", file, with, place)
	return true
}

// contextOf is the level at which a file is included by a wildcard.
func (st *settler) contextOf(file string) string {
	for _, s := range st.t.includeGlobs {
		if ok, _ := path.Match(s.glob, file); ok {
			return s.context
		}
	}
	return "other"
}

// moduleLine is what Debian's files in modules-available say, for a module that the image has.
func (st *settler) moduleLine(file string) string {
	base := strings.TrimSuffix(strings.TrimPrefix(path.Base(file), "mod-"), ".conf")
	for _, m := range append(append([]module(nil), packaged...), packagedStream...) {
		if m.deb == "libnginx-mod-"+base && st.available()[m.so] != "" {
			return fmt.Sprintf("load_module %s;\n", st.available()[m.so])
		}
	}
	return ""
}
