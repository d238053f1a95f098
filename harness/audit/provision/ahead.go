package provision

import (
	"errors"
	"path"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// provideAhead supplies what nginx does not ask for at its start, and a request would fail without.
func (st *settler) provideAhead() error {
	t := st.t
	if t.view != nil {
		return nil // nothing changed since
	}
	c, err := t.Config()
	var much *nginxconf.TooMuch
	if errors.As(err, &much) { // before nginx takes its time for it
		return refuse("limit", t.Place(much.Place.File, much.Place.Line), much.Remedy, "%s", much.Message)
	}
	if err != nil || c == nil {
		return nil // nginx has its own words for it
	}
	for _, d := range c.Find("auth_basic_user_file") {
		st.passwordFile(d)
	}
	if err := st.trustLab(c); err != nil {
		return err
	}
	for _, d := range c.Find("fastcgi_pass") {
		st.indexScript(d)
	}
	st.flagFiles(c)
	st.errorPages(c)
	st.rewrittenPages(c)
	st.provideNeeded()
	for _, d := range c.Find("ssl_certificate") { // those that are read by name while clients come
		if len(d.Args) == 1 && strings.Contains(d.Args[0], "$") {
			if _, err := st.certificates("", startupError{}); err != nil {
				return err
			}
			break
		}
	}
	for _, name := range []string{"js_import", "js_include", "perl_require", "content_by_lua_file", "access_by_lua_file", "rewrite_by_lua_file",
		"init_by_lua_file", "init_worker_by_lua_file", "header_filter_by_lua_file", "body_filter_by_lua_file", "log_by_lua_file", "set_by_lua_file",
		"balancer_by_lua_file", "ssl_certificate_by_lua_file"} {
		for _, d := range c.Find(name) {
			if err := st.program(d); err != nil {
				return err
			}
		}
	}
	return nil
}

// A neededFile is one that a request would be lost without.
type neededFile struct {
	file, text, why string
	place           nginxconf.Place
}

// provideNeeded supplies what was noted and is neither in the image nor among the user's files.
func (st *settler) provideNeeded() {
	t := st.t
	var files []string
	for _, x := range st.needed {
		files = append(files, x.file)
	}
	st.checkPaths(files...)
	for _, x := range st.needed {
		if t.has(x.file) || st.exists[x.file] || st.flags[x.file] {
			continue
		}
		if _, _, ok := t.bring(x.file); ok {
			continue
		}
		t.put(agentapi.File{Path: x.file, Data: x.text})
		t.noteSupplied("file", x.file, x.why, x.place)
	}
	st.needed = nil
}

// passwordFile puts the lab's own list at the path: whom the given one lets in nobody here knows.
func (st *settler) passwordFile(d *nginxconf.Directive) {
	if len(d.Args) != 1 || strings.Contains(d.Args[0], "$") {
		return
	}
	file := st.t.absPath(d.Args[0])
	if st.made[file] {
		return
	}
	st.made[file] = true
	st.t.put(agentapi.File{Path: file, Data: "badgateway:{PLAIN}badgateway\n"})
	st.markOurs(file)
	st.t.noteSupplied("password file", d.Args[0], `user "badgateway", password "badgateway"`, d.Place)
}

// trustLab makes the config trust the lab's upstreams, and the lab's client.
func (st *settler) trustLab(c *nginxconf.Config) error {
	for _, prefix := range []string{"proxy_ssl_", "grpc_ssl_", "uwsgi_ssl_"} {
		for _, d := range c.Find(prefix + "trusted_certificate") {
			if len(d.Args) == 1 {
				if _, err := st.authority(d, st.t.absPath(d.Args[0])); err != nil {
					return err
				}
			}
		}
		for _, d := range c.Find(prefix + "crl") {
			if len(d.Args) == 1 {
				if _, err := st.revoked(d, st.t.absPath(d.Args[0])); err != nil {
					return err
				}
			}
		}
	}
	for _, d := range c.Find("ssl_verify_client") {
		if len(d.Args) != 1 || d.Args[0] == "off" || d.Parent == nil {
			continue
		}
		for _, name := range []string{"ssl_client_certificate", "ssl_trusted_certificate"} {
			for _, a := range nginxconf.Effective(d.Parent, name) {
				if len(a.Args) == 1 {
					if _, err := st.authority(a, st.t.absPath(a.Args[0])); err != nil {
						return err
					}
				}
			}
		}
		for _, a := range nginxconf.Effective(d.Parent, "ssl_crl") {
			if len(a.Args) == 1 {
				if _, err := st.revoked(a, st.t.absPath(a.Args[0])); err != nil {
					return err
				}
			}
		}
		if st.t.Client == "" {
			s, err := st.secrets()
			if err != nil {
				return err
			}
			if st.t.Client, st.t.ClientKey, err = s.pair([]string{"visitor.example.com"}, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexScript puts an index.php into the root that a FastCGI location looks into before it calls.
func (st *settler) indexScript(d *nginxconf.Directive) {
	block := d.Parent
	if block == nil || !checksFiles(block) && (block.Parent == nil || !checksFiles(block.Parent)) {
		return
	}
	root := st.rootOf(block)
	if root == "" {
		return
	}
	names := []string{"index.php"}
	for _, s := range nginxconf.Scripts(block) {
		names = append(names, strings.TrimPrefix(s, "/"))
	}
	for _, name := range names {
		st.needed = append(st.needed, neededFile{path.Join(root, name), "<?php // a file of the lab's\n", "so that the config finds a script", d.Place})
	}
}

// checksFiles reports whether a block looks for a file before it goes on.
func checksFiles(block *nginxconf.Directive) bool {
	for _, d := range block.Block {
		if d.Name == "try_files" || d.Name == "if" && len(d.Args) > 0 && strings.Contains(strings.Join(d.Args, " "), "-f") {
			return true
		}
	}
	return false
}

// rootOf is the folder of a block's files; empty when only a request decides it.
func (st *settler) rootOf(block *nginxconf.Directive) string {
	root := ""
	for b := block; b != nil && root == ""; b = b.Parent {
		for _, d := range b.Block {
			if (d.Name == "root" || d.Name == "alias") && len(d.Args) == 1 {
				root = d.Args[0]
			}
		}
	}
	if root == "" {
		root = "html"
	}
	if !path.IsAbs(root) && !strings.HasPrefix(root, "$") {
		root = path.Join(st.prefix, root)
	}
	for _, name := range st.roots {
		plain := strings.NewReplacer("{", "", "}", "").Replace(root)
		if len(plain) >= len(name) && strings.EqualFold(plain[:len(name)], name) {
			root = defaultRoot + plain[len(name):]
		}
	}
	if strings.Contains(root, "$") {
		for b := block; b != nil; b = b.Parent {
			if b.Name == "server" {
				name := asSubjects(serverNames(b))[0]
				root = strings.NewReplacer("${host}", name, "$host", name, "$http_host", name, "$server_name", name).Replace(root)
				for _, d := range b.Block {
					if d.Name == "set" && len(d.Args) == 2 {
						root = strings.NewReplacer("${"+strings.TrimPrefix(d.Args[0], "$")+"}", d.Args[1], d.Args[0], d.Args[1]).Replace(root)
					}
				}
			}
		}
	}
	if strings.Contains(root, "$") {
		return ""
	}
	return path.Clean(root)
}

func httpServers(c *nginxconf.Config) []*nginxconf.Directive {
	var all []*nginxconf.Directive
	for _, s := range c.Find("server") {
		if s.Parent != nil && s.Parent.Name == "http" {
			all = append(all, s)
		}
	}
	return all
}

// aliased is the location whose alias holds for a location: its own, or the nearest around it; nil where a root holds.
func aliased(loc *nginxconf.Directive) *nginxconf.Directive {
	for b := loc; b != nil; b = b.Parent {
		for _, d := range b.Block {
			switch d.Name {
			case "alias":
				return b
			case "root":
				return nil
			}
		}
	}
	return nil
}

// program brings a script that a directive names to where it looks for it: beside the main file, or below nginx's prefix.
// Nothing can stand in for one that is missing.
func (st *settler) program(d *nginxconf.Directive) error {
	if len(d.Args) == 0 {
		return nil
	}
	file := d.Args[len(d.Args)-1]
	if d.Name == "set_by_lua_file" && len(d.Args) > 1 {
		file = d.Args[1]
	}
	if strings.Contains(file, "$") {
		return nil
	}
	if !path.IsAbs(file) {
		if strings.HasSuffix(d.Name, "_by_lua_file") {
			file = path.Join(st.prefix, file)
		} else {
			file = st.t.absPath(file)
		}
	}
	if file = path.Clean(file); st.t.has(file) || st.isThere(file) {
		return nil
	}
	if _, _, ok := st.t.bring(file); ok {
		return nil
	}
	if d.Name == "js_import" && len(st.t.find("js_path")) > 0 { // nginx looks there too, and says what it lacks
		return nil
	}
	return refuse("undefined", d.Place, "name the folder that holds it too, or check with --image and the image that has it",
		"%s needs a file that isn't here: %s", d.Name, d.Args[len(d.Args)-1])
}
