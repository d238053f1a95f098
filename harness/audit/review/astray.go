package review

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// astray are rules of requests that do not get to where they are meant to go, though every upstream is well.
var astray = []audit.Rule{
	{
		ID: "files-not-passed", Severity: "high", Title: "a location for files answers in the application's place", Static: true,
		Why: "A regular expression goes before a prefix, and what its location is silent about it does not have from the other: the " +
			"application's own styles, scripts and pictures are looked for in nginx's folder, and each is a 404.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#location", Find: filesNotPassed,
	},
	{
		ID: "fallback-lost", Severity: "high", Title: "a named location is never asked", Static: true,
		Why: "The last argument of try_files alone may be a named location: before that it is the name of a file that nobody has, and " +
			"visitors get what comes after it. One that is not there at all is a 500.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#try_files", Find: fallbackLost,
	},
	{
		ID: "https-loop", Severity: "high", Title: "a server without TLS sends everybody to HTTPS", Static: true,
		Why: "Its own scheme is always http. Whatever ends TLS in front of it asks it without TLS again, and gets the same redirect: " +
			"browsers give up, and nothing is ever passed on.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#var_scheme", Find: httpsLoop,
	},
	{
		ID: "redirect-nowhere", Severity: "high", Title: "a redirect leads to a host that there is not", Static: true,
		Why: "$server_name is the first server_name as it is written, and \"_\" is no name of anything: browsers look for a host " +
			"that nobody has, and do not come back.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#var_server_name", Find: redirectNowhere,
	},
}

// files are what pages bring with them.
var files = []string{"/assets/app.css", "/assets/app.js", "/assets/logo.png", "/assets/icon.svg", "/assets/font.woff2", "/favicon.ico"}

// filesNotPassed wants a location that says nothing of where its files are, so that they can be nowhere but in the folder that is
// built into nginx. A root that somebody gave may have them.
func filesNotPassed(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	if incomplete(e) {
		return nil
	}
	routes := byBlock(e)
	for _, server := range e.Config.Find("server") {
		main := nginxconf.Locate(server, "/")
		if main == nil || pass(main) == nil || pass(main).Name != "proxy_pass" {
			continue
		}
		seen := map[*nginxconf.Directive]bool{}
		for _, file := range files {
			d := nginxconf.Locate(server, file)
			if d == nil || seen[d] || len(d.Args) < 2 || !strings.HasPrefix(d.Args[0], "~") || !saysNothing(d) || len(nginxconf.Effective(d, "root")) > 0 ||
				len(nginxconf.Effective(d, "try_files")) > 0 {
				continue
			}
			seen[d] = true
			to := pass(main)
			g := group{cause: cause{block: d, place: d.Place, lacks: []string{"proxy_pass"}}, observations: routes[main]}
			lines := []string{rewritten(to, strings.TrimSuffix(to.Args[0], uriOf(to.Args[0])))}
			for _, h := range main.Block {
				if h.Name == "proxy_set_header" || h.Name == "proxy_http_version" {
					lines = append(lines, again(h))
				}
			}
			m := g.patch(lines...)
			m.hangs = true // where the files are only the server's owner knows
			all = append(all, g.reading(blockName(d)+" answers "+file+" itself", file+" is looked for in nginx's own folder, and never asked of "+to.Args[0], m))
		}
	}
	return all
}

// saysNothing reports whether a location has nothing of its own that answers, sends on or says where files are.
func saysNothing(d *nginxconf.Directive) bool {
	return !slices.ContainsFunc(d.Block, func(o *nginxconf.Directive) bool {
		return isPass(o) || o.Block != nil || slices.Contains([]string{"root", "alias", "try_files", "return", "rewrite", "deny", "internal", "empty_gif", "error_page"}, o.Name) ||
			strings.Contains(o.Name, "_by_lua") || strings.HasPrefix(o.Name, "js_")
	})
}

// fallbackLost looks at the named locations that try_files and error_page name, in the server that they stand in.
func fallbackLost(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes := byBlock(e)
	for _, name := range []string{"try_files", "error_page"} {
		for _, d := range e.Config.Find(name) {
			server := d.Within("server")
			last := len(d.Args) - 1
			if server == nil || last < 1 {
				continue
			}
			g := group{cause: causedBy(d)}
			early := slices.IndexFunc(d.Args[:last], func(a string) bool { return strings.HasPrefix(a, "@") })
			switch {
			case name == "try_files" && early >= 0:
				to := named(server, d.Args[early])
				g.observations = append(g.observations, routes[to]...)
				f := g.reading(d.Args[early]+" is never asked", fmt.Sprintf("%s comes before %s: it is taken for the name of a file", d.Args[early], d.Args[last]),
					g.patch(rewritten(d, d.Args[:early+1]...)))
				if to == nil {
					f.Title += ", and is not there"
				}
				all = append(all, f)
			case !incomplete(e) && strings.HasPrefix(d.Args[last], "@") && !strings.Contains(d.Args[last], "$") && named(server, d.Args[last]) == nil:
				m := g.patch("# the server has to have a location " + d.Args[last])
				if spare := unnamed(e, server); spare != "" {
					g.observations = append(g.observations, routes[named(server, spare)]...)
					m = g.patch(rewritten(d, append(slices.Clone(d.Args[:last]), spare)...))
				}
				all = append(all, g.reading("there is no location "+d.Args[last], "the server has none of that name: nginx answers 500", m))
			}
		}
	}
	return all
}

// unnamed is the named location of a server that nothing leads to, where there is one such: the one that was meant.
func unnamed(e *audit.Evidence, server *nginxconf.Directive) string {
	var spare []string
	for _, d := range server.Block {
		if d.Name == "location" && len(d.Args) == 1 && strings.HasPrefix(d.Args[0], "@") && !mentioned(server, d.Args[0]) {
			spare = append(spare, d.Args[0])
		}
	}
	if len(spare) != 1 {
		return ""
	}
	return spare[0]
}

// mentioned reports whether a directive below a block, other than a location, has that argument.
func mentioned(block *nginxconf.Directive, arg string) bool {
	return slices.ContainsFunc(block.Block, func(d *nginxconf.Directive) bool {
		return d.Name != "location" && slices.Contains(d.Args, arg) || mentioned(d, arg)
	})
}

// httpsLoop wants a server that passes something on: one that does nothing but send to HTTPS is the usual neighbour of one with TLS.
func httpsLoop(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes := byBlock(e)
	for _, d := range append(e.Config.Find("return"), e.Config.Find("rewrite")...) {
		condition, server := d.Parent, d.Within("server")
		if server == nil || condition.Name != "if" || !seesHTTP(condition) || !sendsBack(d, server) || len(routes[condition.Parent]) == 0 || hasTLS(e, server) {
			continue
		}
		g := group{cause: causedBy(d), observations: routes[condition.Parent]}
		m := patch{block: condition.Parent, place: condition.Place, replaces: []*nginxconf.Directive{condition}, lines: []string{
			"if ($http_x_forwarded_proto = http) { " + again(d) + " }"}}
		all = append(all, g.reading("everybody is sent to HTTPS, and this server has none",
			"no listen of the server at "+at(server.Place)+" speaks TLS, so that $scheme is always http", m))
	}
	return all
}

// toHTTPS is where a redirect to HTTPS leads; empty for any other directive.
func toHTTPS(d *nginxconf.Directive) string {
	for _, a := range d.Args {
		if strings.HasPrefix(a, "https://") {
			return a
		}
	}
	return ""
}

// sendsBack reports whether a directive sends every request to HTTPS on the server's own name, and at its usual port.
func sendsBack(d, server *nginxconf.Directive) bool {
	if len(d.Args) == 0 || d.Name == "rewrite" && !slices.Contains([]string{"^", "^.*", "^.*$", "^(.*)$", "^(.*)", "(.*)", "^/(.*)$", "^/(.*)", "^/?(.*)$", ".*"}, d.Args[0]) {
		return false
	}
	rest, ok := strings.CutPrefix(toHTTPS(d), "https://")
	host := rest
	if i := strings.IndexAny(strings.TrimLeft(rest, "$"), "/$"); i >= 0 {
		host = rest[:len(rest)-len(strings.TrimLeft(rest, "$"))+i]
	}
	return ok && (slices.Contains([]string{"$host", "$http_host", "$server_name"}, host) || slices.Contains(namesOf(server), host))
}

// namesOf are a server's names as they are written, but for those that are none.
func namesOf(server *nginxconf.Directive) (names []string) {
	for _, d := range server.Block {
		if d.Name == "server_name" {
			names = append(names, slices.DeleteFunc(slices.Clone(d.Args), func(a string) bool { return a == "" || a == "_" })...)
		}
	}
	return names
}

// hasTLS reports whether a server takes TLS, or another does for one of its names, or for any.
func hasTLS(e *audit.Evidence, server *nginxconf.Directive) bool {
	own := namesOf(server)
	return slices.ContainsFunc(e.Config.Find("server"), func(d *nginxconf.Directive) bool {
		names := namesOf(d)
		return speaksTLS(d) && (d == server || len(own) == 0 || len(names) == 0 || slices.ContainsFunc(names, func(n string) bool {
			return slices.Contains(own, n) || strings.ContainsAny(n, "*~")
		}))
	})
}

// seesHTTP reports whether an if holds for a request that came without TLS, and asks for nothing else.
func seesHTTP(d *nginxconf.Directive) bool {
	switch strings.Trim(strings.Join(d.Args, " "), "() ") {
	case "$scheme = http", "$scheme != https", `$scheme ~ http`, "$https = ''", "$https != on", "$server_port = 80", "$server_port != 443":
		return true
	}
	return false
}

// speaksTLS reports whether a server takes TLS from its visitors.
func speaksTLS(server *nginxconf.Directive) bool {
	return isOn(server, "ssl") || slices.ContainsFunc(server.Block, func(d *nginxconf.Directive) bool {
		return d.Name == "listen" && (slices.Contains(d.Args, "ssl") || slices.Contains(d.Args, "quic"))
	})
}

// redirectNowhere looks at redirects to the server's own name, where that is none.
func redirectNowhere(e *audit.Evidence) []audit.Finding {
	var all []audit.Finding
	routes := byBlock(e)
	for _, d := range append(e.Config.Find("return"), e.Config.Find("rewrite")...) {
		server := d.Within("server")
		if server == nil || d.Within("location", "server") == nil {
			continue
		}
		for i, a := range d.Args {
			scheme, rest, ok := strings.Cut(a, "://")
			if !ok || !slices.Contains([]string{"http", "https", "$scheme"}, scheme) {
				continue
			}
			host, name := "_", "_"
			if strings.HasPrefix(rest, "$server_name") {
				host, name = "$server_name", firstName(server)
			}
			after := strings.TrimPrefix(rest, host)
			if after == rest || after != "" && !strings.ContainsRune("/:$?", rune(after[0])) || isHostName(name) {
				continue
			}
			args := slices.Clone(d.Args)
			args[i] = scheme + "://$host" + after
			g := group{cause: causedBy(d), observations: routes[d.Parent]}
			all = append(all, g.reading(fmt.Sprintf("visitors are sent to the host %q", name), a+" is "+scheme+"://"+name+after+", which no DNS knows", g.patch(rewritten(d, args...))))
		}
	}
	return all
}

// firstName is a server's first name as it is written.
func firstName(server *nginxconf.Directive) string {
	if d := own(server, "server_name"); d != nil && len(d.Args) > 0 {
		return d.Args[0]
	}
	return ""
}

// isHostName reports whether a server's name is one that DNS may know. What a variable stands for is not known.
func isHostName(name string) bool {
	return strings.Contains(name, "$") && !strings.HasPrefix(name, "~") || name != "" && name != "_" && !strings.ContainsAny(name, "*~")
}
