package provision

import (
	"path"
	"regexp"
	"strings"
)

// The kinds of config file, by what stands at its top level.
const (
	whole    = "main"   // http, stream, events: a main file, or the inside of one
	inHTTP   = "http"   // belongs in an http block: servers, upstreams, maps
	inStream = "stream" // the same for stream
	inServer = "server" // locations
	snippet  = ""       // all else: headers, parameters, types
)

// names of directives that can only stand in http{}, and that make a file worth to be included of itself
var ofHTTP = regexp.MustCompile(`^(?:server|upstream|map|geo|split_clients|limit_req_zone|limit_conn_zone|log_format|\w+_cache_path|js_set|perl_set|lua_shared_dict)$`)

// kindOf says where a file belongs. A file that has a whole config's blocks among others is a whole one.
func kindOf(nodes []node) string {
	kind := snippet
	for _, n := range nodes {
		switch {
		case n.open && (n.name == "http" || n.name == "events" || n.name == "stream" || n.name == "mail"):
			return whole
		case n.name == "server" && n.open && isStreamServer(n):
			kind = inStream
		case n.name == "server" && n.open && kind != inStream, kind == snippet && n.open && n.name == "upstream":
			kind = inHTTP
		case n.name == "location" && n.open && kind == snippet:
			kind = inServer
		case kind == snippet && ofHTTP.MatchString(n.name) && n.name != "server":
			kind = inHTTP
		}
	}
	return kind
}

// isStreamServer reports whether a server is one of stream: it passes on without a location.
func isStreamServer(n node) bool {
	pass := false
	for _, d := range n.block {
		switch d.name {
		case "location", "server_name", "root", "return", "rewrite", "if", "index", "try_files", "error_page":
			return false
		case "include":
			if len(d.args) > 0 && strings.Contains(d.args[0], "location") {
				return false
			}
		case "proxy_pass":
			pass = len(d.args) > 0 && !strings.Contains(d.args[0], "://")
		}
	}
	return pass
}

// hasServer reports whether a file defines a server of http, stream or mail, at its top or in those blocks.
func hasServer(nodes []node) bool {
	for _, n := range nodes {
		if n.name == "server" && n.open {
			return true
		}
		if (n.name == "http" || n.name == "stream" || n.name == "mail") && hasServer(n.block) {
			return true
		}
	}
	return false
}

// siteFolders are folders whose files a main file includes by a wildcard.
var siteFolders = map[string]bool{"conf.d": true, "sites-enabled": true, "sites-available": true, "http.d": true, "vhosts": true,
	"vhosts.d": true, "vhost.d": true, "sites": true, "servers": true, "templates": true, "stream.d": true, "streams-enabled": true,
	"stream-conf.d": true, "sites.d": true, "vhost": true}

// looksLikeConfig reports by a file's name whether it may be nginx config at all.
func looksLikeConfig(name string) bool {
	base := strings.ToLower(path.Base(name))
	if t, ok := target(base); ok {
		base = t
	}
	for _, other := range []string{".j2", ".jinja2", ".jinja", ".erb", ".epp", ".mustache", ".hbs", ".gotmpl"} {
		base = strings.TrimSuffix(base, other)
	}
	switch ext := path.Ext(base); {
	case ext == ".conf", ext == ".nginx", ext == ".vhost", ext == ".ngx":
		return true
	case strings.Contains(base, "nginx"):
		return ext != ".yml" && ext != ".yaml" && ext != ".json" && ext != ".toml" && ext != ".sh" && ext != ".service" && ext != ".html" && ext != ".js" &&
			!isDocker.MatchString(base)
	}
	dir := path.Base(path.Dir(name))
	return siteFolders[dir] && dir != "templates" && dir != "servers" || siteFolders[dir] && path.Ext(base) == ""
}

// mayBeConfig reports whether a user's file may be nginx config: by its name, or, where no name in the folder does, by servers
// that stand in it (a site's file is often named for the site alone).
func (t *Tree) mayBeConfig(name string) bool {
	return looksLikeConfig(name) || t.anyName && t.userFiles[name].link == "" && !neverConfig[strings.ToLower(path.Ext(name))] &&
		servesHTTP(outline(t.text(name)))
}

var neverConfig = map[string]bool{".yml": true, ".yaml": true, ".json": true, ".toml": true, ".sh": true, ".html": true, ".js": true,
	".xml": true, ".hcl": true, ".tf": true, ".service": true, ".cfg": true, ".ini": true}

// servesHTTP reports whether a file has a server block with what only nginx has in one.
func servesHTTP(nodes []node) bool {
	for _, n := range nodes {
		if (n.name == "http" || n.name == "stream") && n.open && servesHTTP(n.block) {
			return true
		}
		if n.name != "server" || !n.open {
			continue
		}
		for _, d := range n.block {
			if d.name == "listen" || d.name == "server_name" || d.name == "location" && d.open {
				return true
			}
		}
	}
	return false
}
