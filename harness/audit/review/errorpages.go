package review

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var errorPages = []audit.Rule{
	{
		ID: "error-page-post", Severity: "medium", Title: "who posts gets a 405 in place of the error page", Static: true,
		Why: "A named location keeps the request's method, and nginx answers a POST for a file with 405: the visitor reads that he did " +
			"something forbidden, clients do not try again, and no alarm for 5xx rings. A page that is named by its URI is asked with GET.",
		Source: errorPageManual, Find: errorPagePost,
	},
	{
		ID: "error-page-return", Severity: "medium", Title: "the error page itself meets the return that it is for", Static: true,
		Why: "An error page that is named by its URI goes through the server's own rewrite directives once more: the return there " +
			"answers it too, and visitors get nginx's bare page.",
		Source: "https://nginx.org/en/docs/http/ngx_http_rewrite_module.html", Find: errorPageReturn,
	},
}

// errorPagePost goes by what a POST got where one was measured.
func errorPagePost(e *audit.Evidence) []audit.Finding {
	var found collector
	for _, s := range configRoutes(e) {
		if s.route.Role != nginxconf.Content && s.route.Role != nginxconf.Try {
			continue
		}
		for _, d := range s.pagesForGET() {
			found.add(causedBy(d), s)
		}
	}
	var all []audit.Finding
	for _, g := range found.groups {
		s := g.observations[0]
		d := g.directive
		name := d.Args[len(d.Args)-1]
		where := named(s.conf.Server, name)
		m := g.patch("# name the page by its URI, which is asked with GET")
		if page := pageOf(where); page != "" {
			args := append(slices.Clone(d.Args[:len(d.Args)-1]), page)
			m = g.patch(rewritten(d, args...))
			if exact := nginxconf.Locate(s.conf.Server, page); !isExact(exact, page) {
				page := []string{"location = " + page + " {", "    internal;"}
				for _, name := range []string{"root", "alias", "default_type"} {
					if r := own(where, name); r != nil {
						page = append(page, "    "+again(r))
					}
				}
				m.also = g.inServers(append(page, "}")...)
			}
		}
		f := g.reading("who posts gets a 405 in place of the error page "+name, "the location "+name+" at "+at(where.Place)+
			" answers with a file, for which nginx takes no POST", m)
		if s, ok := g.seen(postRefused); ok {
			f = g.proven(f, s, "405, and no page for him")
			f.Faults = g.faultsOf(postRefused)
		} else if _, ok := g.seen(func(c audit.Measurement) bool { return c.Method == "POST" && covers(d, c.Status) && c.Page == "config" }); ok {
			continue // he got the page
		}
		all = append(all, f)
	}
	return all
}

// pagesForGET are the error pages of the route for a 5xx that no POST gets: named locations that answer with a file.
func (s observation) pagesForGET() (all []*nginxconf.Directive) {
	for _, d := range s.all("error_page") {
		if n := len(d.Args); n > 1 && strings.HasPrefix(d.Args[n-1], "@") && servesFile(named(s.conf.Server, d.Args[n-1])) && slices.ContainsFunc(codesOf(d), func(c string) bool { return c[0] == '5' }) {
			all = append(all, d)
		}
	}
	return all
}

// postRefused reports whether a POST was refused by a static file.
func postRefused(c audit.Measurement) bool {
	return c.Method == "POST" && c.Skipped == "" && c.Status == 405
}

// servesFile reports whether a named location answers with a file: it calls nobody, and returns nothing.
func servesFile(where *nginxconf.Directive) bool {
	if where == nil || pass(where) != nil {
		return false
	}
	file := false
	for _, d := range where.Block {
		switch d.Name {
		case "return", "if", "content_by_lua_block", "content_by_lua_file", "js_content", "perl", "empty_gif", "include":
			return false
		case "rewrite":
			if len(d.Args) > 2 && d.Args[2] != "break" {
				return false // the search for a location begins anew
			}
			file = true
		case "try_files":
			if last := d.Args[len(d.Args)-1]; !strings.HasPrefix(last, "=") && len(d.Args) > 0 {
				return false // which may be asked of somebody
			}
			file = true
		case "root", "alias", "index":
			file = true
		}
	}
	return file
}

// pageOf is the file that a named location always answers with; empty where that depends.
func pageOf(where *nginxconf.Directive) string {
	page := ""
	for _, d := range where.Block {
		switch {
		case d.Name == "rewrite" && len(d.Args) > 1:
			page = d.Args[1]
		case d.Name == "try_files" && len(d.Args) > 0:
			page = d.Args[0]
		}
	}
	if !strings.HasPrefix(page, "/") || strings.Contains(page, "$") || own(where, "alias") != nil {
		return ""
	}
	return page
}

// isExact reports whether a location is for one path alone.
func isExact(where *nginxconf.Directive, path string) bool {
	return where != nil && where.Name == "location" && strings.Join(where.Args, "") == "="+path
}

// errorPageReturn looks for a return of the server's own, and takes one under a condition only where the page's request meets the
// same condition.
func errorPageReturn(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes, variables := byBlock(e), definitionsOf(e.Config)
	for _, server := range e.Config.Find("server") {
		for _, d := range server.Block {
			back := d
			if d.Name == "if" {
				if back = own(d, "return"); !variables.holdAgain(d, 0) {
					continue
				}
			}
			if back == nil || back.Name != "return" || len(back.Args) == 0 || len(back.Args) > 1 {
				continue
			}
			page := uriPage(server, back.Args[0], d.Name == "if")
			if page == nil {
				continue
			}
			path, _, _ := strings.Cut(page.Args[len(page.Args)-1], "?")
			if exempt(server, d, path) {
				continue
			}
			g := group{cause: causedBy(page), observations: routes[server]}
			m := patch{block: server, place: server.Place, lines: []string{"if ($uri = " + quoted(path) + ") {", "    break;", "}"}}
			if where := nginxconf.Locate(server, path); where != nil && pass(where) != nil && !isExact(where, path) { // nobody looked for a file so far
				m.lines = append(m.lines, pageLocation(quoted(path))...)
			} else if !isExact(where, path) {
				m.lines = append(m.lines, "location = "+quoted(path)+" {", "    internal;", "}")
			}
			f := g.reading("the error page "+path+" meets the return that it is for", fmt.Sprintf("%s at %s answers the page's own request as well",
				"return "+back.Args[0], at(back.Place)), m)
			all = append(all, f)
			break
		}
	}
	return all
}

// exempt reports whether a server ends its rewrite directives for a page before one of them.
func exempt(server, before *nginxconf.Directive, page string) bool {
	for _, d := range server.Block {
		if d == before {
			return false
		}
		if condition := strings.Join(d.Args, " "); d.Name == "if" && own(d, "break") != nil && strings.Contains(condition, "uri") && strings.Contains(condition, page) {
			return true
		}
	}
	return false
}

// uriPage is the error_page of a server for a status that is named by its URI. One that the server only inherits is not meant
// for a return that answers everything.
func uriPage(server *nginxconf.Directive, status string, some bool) *nginxconf.Directive {
	for _, d := range nginxconf.Effective(server, "error_page") {
		target := ""
		if len(d.Args) > 1 {
			target = d.Args[len(d.Args)-1]
		}
		if slices.Contains(codesOf(d), status) && strings.HasPrefix(target, "/") && !strings.Contains(target, "$") && (some || d.Parent == server) {
			return d
		}
	}
	return nil
}

// variable is one in a text: "$name" or "${name}".
var variable = regexp.MustCompile(`\$\{?(\w+)`)

// A definitions is what defines variables: map, geo and set, by the variable's name.
type definitions map[string][]*nginxconf.Directive

func definitionsOf(c *nginxconf.Config) definitions {
	all := definitions{}
	for _, kind := range []string{"map", "geo", "set"} {
		for _, d := range c.Find(kind) {
			if n := len(d.Args); n > 0 {
				name := d.Args[n-1]
				if kind == "set" {
					name = d.Args[0]
				}
				all[strings.TrimPrefix(name, "$")] = append(all[strings.TrimPrefix(name, "$")], d)
			}
		}
	}
	return all
}

// holdAgain reports whether the condition of an if holds for the error page's request too: one about the visitor, or about a file
// of a fixed name. The page has another URI and no arguments, and is asked with GET.
func (v definitions) holdAgain(d *nginxconf.Directive, depth int) bool {
	return !slices.ContainsFunc(variable.FindAllStringSubmatch(strings.Join(d.Args, " "), -1), func(m []string) bool { return !v.last(m[1], depth) })
}

// The variables that are the same for an error page as for the request that led to it.
var (
	lastingPrefixes = []string{"http_", "cookie_", "ssl_", "geoip"} // what their names begin with
	lastingNames    = []string{"host", "remote_addr", "binary_remote_addr", "scheme", "https", "request_uri", "server_name", "server_port", "server_addr",
		"document_root", "hostname", "proxy_protocol_addr", "realip_remote_addr"}
)

// maxDefined is how many definitions of a variable are looked at, and how deep: beyond, it is not known.
const maxDefined = 4

// last reports whether a variable is the same for an error page as for the request that led to it, as far as that can be read.
func (v definitions) last(name string, depth int) bool {
	if slices.Contains(lastingNames, name) || slices.ContainsFunc(lastingPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		return true
	}
	defined := v[name]
	if len(defined) == 0 || len(defined) > maxDefined || depth > maxDefined {
		return false
	}
	return !slices.ContainsFunc(defined, func(d *nginxconf.Directive) bool {
		switch {
		case d.Name == "map":
			return !v.holdAgain(&nginxconf.Directive{Args: d.Args[:1]}, depth+1)
		case d.Name == "set" && d.Parent != nil && d.Parent.Name == "if":
			return !v.holdAgain(d.Parent, depth+1)
		}
		return false
	})
}
