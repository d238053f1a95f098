package provision

import (
	"path"
	"strconv"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A Flag is a file by whose being there a config is switched: most are for maintenance. It is not there in the lab, as it is not
// while all is well.
type Flag struct {
	File  string // in the lab
	Place nginxconf.Place
	// Server is the server that looks for it; nil for all.
	Server *nginxconf.Directive
}

// maxFlags bounds the flag files that are told of.
const maxFlags = 8

// flagFiles notes the files that conditions look for by a fixed name, and the lines of try_files that look for one first. One that has
// to be there for the config to serve anything (!-f) is supplied.
func (st *settler) flagFiles(c *nginxconf.Config) {
	st.flags = map[string]bool{}
	st.t.Flags = nil
	note := func(file string, d *nginxconf.Directive) {
		if st.flags[file] || st.t.has(file) || st.isThere(file) {
			return
		}
		st.flags[file] = true
		if len(st.t.Flags) < maxFlags {
			st.t.Flags = append(st.t.Flags, Flag{file, d.Place, d.Within("server")})
		}
	}
	for _, d := range c.Find("if") {
		op, name := fileCondition(d)
		file, ok := st.fixedFile(d.Parent, name)
		switch {
		case !ok:
		case op == "-f" || op == "-e":
			note(file, d)
		case op == "!-f" || op == "!-e":
			st.needed = append(st.needed, neededFile{file, "a file of the lab's\n", "as it is there while all is well", d.Place})
		}
	}
	pages := pagesOfErrors(c)
	for _, d := range c.Find("try_files") {
		if d.Parent == nil || pages[d.Parent] || len(d.Args) < 2 || strings.Contains(d.Args[0], "$") {
			continue
		}
		if file, ok := st.fixedFile(d.Parent, "$document_root"+d.Args[0]); ok {
			note(file, d)
		}
	}
}

// fileCondition takes apart an if that looks for a file.
func fileCondition(d *nginxconf.Directive) (op, name string) {
	words := strings.Fields(strings.Trim(strings.Join(d.Args, " "), "() "))
	if len(words) != 2 || !strings.HasPrefix(strings.TrimPrefix(words[0], "!"), "-") {
		return "", ""
	}
	return words[0], words[1]
}

// fixedFile is the file that a name leads to, where that does not hang on the request.
func (st *settler) fixedFile(block *nginxconf.Directive, name string) (string, bool) {
	for _, root := range []string{"$document_root", "${document_root}", "$realpath_root", "${realpath_root}"} {
		if rest, ok := strings.CutPrefix(name, root); ok {
			dir := st.rootOf(block)
			if dir == "" || strings.Trim(rest, "/") == "" || strings.Contains(rest, "$") {
				return "", false
			}
			return path.Join(dir, rest), true
		}
	}
	if name == "" || strings.Contains(name, "$") {
		return "", false
	}
	if !path.IsAbs(name) {
		name = path.Join(st.prefix, name)
	}
	return path.Clean(name), true
}

// pagesOfErrors are the named locations that error pages lead to.
func pagesOfErrors(c *nginxconf.Config) map[*nginxconf.Directive]bool {
	names := map[string]bool{}
	for _, d := range c.Find("error_page") {
		if len(d.Args) > 1 && strings.HasPrefix(d.Args[len(d.Args)-1], "@") {
			names[d.Args[len(d.Args)-1]] = true
		}
	}
	all := map[*nginxconf.Directive]bool{}
	for _, d := range c.Find("location") {
		if len(d.Args) == 1 && names[d.Args[0]] {
			all[d] = true
		}
	}
	return all
}

// maxPages bounds the pages that are looked for: those of the http block count once for each server.
const maxPages = 20_000

// errorPages notes the pages of all error_page directives, each page of a block once.
func (st *settler) errorPages(c *nginxconf.Config) {
	type key struct {
		block *nginxconf.Directive
		uri   string
	}
	all, seen, tried := httpServers(c), map[key]bool{}, 0
	for _, d := range c.Find("error_page") {
		if len(d.Args) < 2 {
			continue
		}
		servers := all
		if s := d.Within("server"); s != nil {
			servers = []*nginxconf.Directive{s}
		}
		for _, uri := range pageURIs(d) {
			if seen[key{d.Parent, uri}] {
				continue
			}
			seen[key{d.Parent, uri}] = true
			if tried += len(servers); tried > maxPages {
				const note = "error pages beyond the first 20000 have no stand-in"
				if !has(st.t.Notes, note) {
					st.t.Notes = append(st.t.Notes, note)
				}
				return
			}
			for _, server := range servers {
				st.page(server, uri, d.Place, 0)
			}
		}
	}
}

// pageURIs are the pages of an error_page, one for each status where its name is made of that.
func pageURIs(d *nginxconf.Directive) []string {
	uri := d.Args[len(d.Args)-1]
	if !strings.Contains(uri, "$status") && !strings.Contains(uri, "${status}") {
		return []string{uri}
	}
	var all []string
	for _, a := range d.Args[:len(d.Args)-1] {
		if _, err := strconv.Atoi(a); err == nil {
			all = append(all, strings.NewReplacer("${status}", a, "$status", a).Replace(uri))
		}
	}
	return all
}

// maxHops is how often a page may lead to another.
const maxHops = 5

// page notes the file that a server has for a page of the config's own, on whatever way it leads there.
func (st *settler) page(server *nginxconf.Directive, uri string, asked nginxconf.Place, hops int) {
	uri, _, _ = strings.Cut(uri, "?")
	if hops > maxHops || strings.Contains(uri, "$") {
		return
	}
	if strings.HasPrefix(uri, "@") {
		for _, d := range server.Block {
			if d.Name == "location" && len(d.Args) == 1 && d.Args[0] == uri {
				st.pageIn(server, d, "", asked, hops)
			}
		}
		return
	}
	if !strings.HasPrefix(uri, "/") {
		return
	}
	if loc := nginxconf.Locate(server, uri); loc != nil {
		st.pageIn(server, loc, uri, asked, hops)
	}
}

// pageIn notes the file that a location serves: the one that is asked for, or that its rewrite and try_files lead to. The URI of a
// named location is whatever a visitor had asked for, which is empty here.
func (st *settler) pageIn(server, loc *nginxconf.Directive, uri string, asked nginxconf.Place, hops int) {
	for _, d := range loc.Block {
		if d.Name != "rewrite" || len(d.Args) < 2 || !leadsToPage(d) || uri != "" && d.Args[0] != "^" && d.Args[0] != ".*" && d.Args[0] != "^.*$" && d.Args[0] != "^(.*)$" {
			continue
		}
		if len(d.Args) > 2 && d.Args[2] == "break" {
			uri = d.Args[1]
			break
		}
		st.page(server, d.Args[1], asked, hops+1)
		return
	}
	if passesOn(loc) {
		return
	}
	for _, d := range loc.Block {
		if d.Name != "try_files" {
			continue
		}
		for i, a := range d.Args {
			switch {
			case a == "$uri" || a == "$document_uri":
				st.need(loc, uri, asked)
			case i == len(d.Args)-1:
				st.page(server, a, asked, hops+1)
			default:
				st.need(loc, a, asked)
			}
		}
		return
	}
	st.need(loc, uri, asked)
}

// need notes the file that a location serves for a path.
func (st *settler) need(loc *nginxconf.Directive, uri string, asked nginxconf.Place) {
	if !strings.HasPrefix(uri, "/") || strings.Contains(uri, "$") || path.Ext(uri) == "" {
		return
	}
	root := st.rootOf(loc)
	if root == "" {
		return
	}
	file := path.Join(root, uri)
	if owner := aliased(loc); owner != nil && len(owner.Args) > 0 {
		name := owner.Args[len(owner.Args)-1]
		file = path.Join(root, strings.TrimPrefix(uri, name))
		if strings.HasSuffix(uri, name) {
			file = root
		}
	}
	st.needed = append(st.needed, neededFile{file, "<!doctype html><title>" + path.Base(uri) + "</title><p>" + path.Base(uri) +
		", a stand-in of the lab's for the page at this path</p>\n", "a stand-in for the config's own page", asked})
}

// rewrittenPages notes the pages that rewrites and the last words of try_files lead to.
func (st *settler) rewrittenPages(c *nginxconf.Config) {
	tried := 0
	for _, d := range append(c.Find("rewrite"), c.Find("try_files")...) {
		server := d.Within("server")
		if tried++; server == nil || d.Parent == nil || len(d.Args) < 2 || tried > maxPages {
			continue
		}
		block := d.Parent
		for block.Name == "if" && block.Parent != nil {
			block = block.Parent
		}
		switch {
		case d.Name == "try_files":
			st.page(server, d.Args[len(d.Args)-1], d.Place, 1)
		case !leadsToPage(d):
		case len(d.Args) > 2 && d.Args[2] == "break" && block.Name == "location":
			if !passesOn(block) {
				st.need(block, d.Args[1], d.Place)
			}
		default:
			st.page(server, d.Args[1], d.Place, 1)
		}
	}
}

// leadsToPage reports whether a rewrite leads to a page of this server, always the same.
func leadsToPage(d *nginxconf.Directive) bool {
	to, _, _ := strings.Cut(d.Args[1], "?")
	if len(d.Args) > 2 && (d.Args[2] == "redirect" || d.Args[2] == "permanent") {
		return false
	}
	return strings.HasPrefix(to, "/") && !strings.Contains(to, "$") && path.Ext(to) != ""
}

// passesOn reports whether a location serves no files of its own: it passes on, or returns.
func passesOn(loc *nginxconf.Directive) bool {
	for _, d := range loc.Block {
		switch d.Name {
		case "return", "proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass",
			"content_by_lua_block", "content_by_lua_file", "js_content", "echo", "stub_status", "empty_gif":
			return true
		}
	}
	return false
}
