package review

import (
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// nginxChanges is nginx's own list of what has changed in which version.
const nginxChanges = "https://nginx.org/en/CHANGES"

// A versionChange is a change of nginx's behaviour that may touch configs written for an older one.
type versionChange struct {
	since, says, source string
	// touches are the places of a config that it is about; none where it does not touch it.
	touches func(configInUse) []nginxconf.Place
}

// A configInUse is a config with its routes.
type configInUse struct {
	*nginxconf.Config
	routes []nginxconf.Route
}

// versionChanges are those between nginx 1.18 and 1.30 by which a config that is not touched itself does something else: not what is new
// and has to be asked for.
var versionChanges = []versionChange{
	{"1.19.1", "what a FastCGI server sends too little of is passed on as far as it goes, and the visitor's connection closed", nginxChanges, routesOf("fastcgi")},
	{"1.19.1", "what an upstream sends beyond its Content-Length is always thrown away", nginxChanges, routesOf("http", "https", "fastcgi", "uwsgi", "suwsgi", "scgi")},
	{"1.19.6", "a server that is marked down makes no more \"no live upstreams\" errors", nginxChanges, servers("down")},
	{"1.19.7", "this directive is gone: keepalive_timeout, keepalive_requests and large_client_header_buffers hold for HTTP/2 too", nginxChanges,
		directives("http2_recv_timeout", "http2_idle_timeout", "http2_max_requests", "http2_max_field_size", "http2_max_header_size")},
	{"1.19.10", "a connection to the upstream is kept for 1000 requests, not 100, where keepalive_requests does not say otherwise", nginxChanges, keptUpstreams},
	{"1.21.1", "a request with both Content-Length and Transfer-Encoding, or with blanks or control characters in its line, a header's name or Host, is refused with 400",
		nginxChanges, httpServers},
	{"1.21.1", "what has to be escaped is, in the URI that takes the place of the location's", nginxChanges, changedURIs},
	{"1.21.2", "an HTTP/1.0 request with Transfer-Encoding is refused with 400", nginxChanges, httpServers},
	{"1.21.4", "a TLS client that offers protocols by ALPN of which nginx knows none is refused", nginxChanges, tlsServers("")},
	{"1.21.4", "sendfile sends 2 MB at once at most, where sendfile_max_chunk does not say otherwise", nginxChanges, unlimitedSendfile},
	{"1.23.0", "an answer with a header twice that may stand once (Content-Length, Transfer-Encoding) is refused with 502", "https://github.com/kubernetes/ingress-nginx/issues/11162",
		routesOf("http", "https", "fastcgi", "uwsgi", "suwsgi", "scgi")},
	{"1.23.0", "headers of the same name are joined to one before they go to the application", nginxChanges, routesOf("fastcgi", "uwsgi", "suwsgi", "scgi")},
	{"1.23.4", "TLS 1.3 is spoken where ssl_protocols does not say otherwise", nginxChanges, tlsServers("ssl_protocols")},
	{"1.25.1", "\"ssl on\" is gone, and nginx does not start with it: listen ... ssl is what it was", nginxChanges, directives("ssl")},
	{"1.25.1", "listen ... http2 warns at each start: \"http2 on;\" is what it was", nginxChanges, listens("http2")},
	{"1.25.1", "HTTP/2 server push is gone: nothing is pushed", nginxChanges, directives("http2_push", "http2_push_preload", "http2_max_concurrent_pushes")},
	{"1.27.3", "TLS 1.0 and 1.1 are refused where ssl_protocols does not say otherwise", nginxChanges, tlsServers("ssl_protocols")},
	{"1.29.0", "103 from an upstream is understood, and passed on where early_hints says so", nginxChanges, routesOf("http", "https", "grpc", "grpcs")},
	{"1.29.7", "upstreams are asked in HTTP/1.1, and connections to them are kept, where nothing else is said; before, each request had a connection of its own, in HTTP/1.0",
		nginxChanges, unkeptRoutes},
}

// VersionNotes are the known changes of nginx's behaviour, from whatever version to whatever other, that touch a config.
func VersionNotes(c *nginxconf.Config, routes []nginxconf.Route) []audit.VersionNote {
	var all []audit.VersionNote
	for _, change := range versionChanges {
		if places := change.touches(configInUse{c, routes}); len(places) > 0 {
			all = append(all, audit.VersionNote{Since: change.since, Text: change.says, Source: change.source, Places: unlike(places)})
		}
	}
	return all
}

// unlike are places without those that come again, in their order.
func unlike(places []nginxconf.Place) []nginxconf.Place {
	var all []nginxconf.Place
	for _, p := range places {
		if !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

func directives(names ...string) func(configInUse) []nginxconf.Place {
	return func(c configInUse) (all []nginxconf.Place) {
		for _, name := range names {
			for _, d := range c.Find(name) {
				all = append(all, d.Place)
			}
		}
		return all
	}
}

// withParameter are the directives of a name, in a block of some name, that have a parameter.
func withParameter(name, block, parameter string) func(configInUse) []nginxconf.Place {
	return func(c configInUse) (all []nginxconf.Place) {
		for _, d := range c.Find(name) {
			if d.Parent != nil && d.Parent.Name == block && slices.Contains(d.Args, parameter) {
				all = append(all, d.Place)
			}
		}
		return all
	}
}

func servers(parameter string) func(configInUse) []nginxconf.Place {
	return withParameter("server", "upstream", parameter)
}

func listens(parameter string) func(configInUse) []nginxconf.Place {
	return withParameter("listen", "server", parameter)
}

// routesOf are the pass directives of some protocols.
func routesOf(protocols ...string) func(configInUse) []nginxconf.Place {
	return func(c configInUse) (all []nginxconf.Place) {
		for _, r := range c.routes {
			if slices.Contains(protocols, r.Target.Protocol) && r.Target.Pass != nil {
				all = append(all, r.Target.Pass.Place)
			}
		}
		return all
	}
}

// httpServers are the server blocks of HTTP that have a route.
func httpServers(c configInUse) (all []nginxconf.Place) {
	for _, r := range c.routes {
		if !r.Stream && r.Server != nil {
			all = append(all, r.Server.Place)
		}
	}
	return all
}

// tlsServers are the server blocks that speak TLS, without those in which a directive holds.
func tlsServers(without string) func(configInUse) []nginxconf.Place {
	return func(c configInUse) (all []nginxconf.Place) {
		for _, r := range c.routes {
			secured := slices.ContainsFunc(r.Listens, func(l nginxconf.Listen) bool { return l.TLS })
			if secured && r.Server != nil && (without == "" || len(nginxconf.Effective(r.Server, without)) == 0) {
				all = append(all, r.Server.Place)
			}
		}
		return all
	}
}

// keptUpstreams are the upstream blocks that keep connections, and do not say for how many requests.
func keptUpstreams(c configInUse) (all []nginxconf.Place) {
	for _, d := range c.Find("keepalive") {
		said := d.Parent != nil && slices.ContainsFunc(d.Parent.Block, func(x *nginxconf.Directive) bool { return x.Name == "keepalive_requests" })
		if d.Parent != nil && d.Parent.Name == "upstream" && !said {
			all = append(all, d.Place)
		}
	}
	return all
}

// changedURIs are the proxy_pass that have a URI of their own.
func changedURIs(c configInUse) (all []nginxconf.Place) {
	for _, r := range c.routes {
		_, rest, found := strings.Cut(r.Target.Written, "://")
		if found && strings.Contains(rest, "/") && !r.Target.Variables && strings.HasPrefix(r.Target.Protocol, "http") && r.Target.Pass != nil {
			all = append(all, r.Target.Pass.Place)
		}
	}
	return all
}

// unlimitedSendfile are the "sendfile on" without a sendfile_max_chunk that holds beside them.
func unlimitedSendfile(c configInUse) (all []nginxconf.Place) {
	for _, d := range c.Find("sendfile") {
		if slices.Equal(d.Args, []string{"on"}) && (d.Parent == nil || len(nginxconf.Effective(d.Parent, "sendfile_max_chunk")) == 0) {
			all = append(all, d.Place)
		}
	}
	return all
}

// unkeptRoutes are the routes of HTTP that do not say in what version, or for how many connections that are kept.
func unkeptRoutes(c configInUse) (all []nginxconf.Place) {
	for _, r := range c.routes {
		if r.Target.Protocol != "http" && r.Target.Protocol != "https" || r.Target.Pass == nil {
			continue
		}
		kept := r.Target.Block != nil && slices.ContainsFunc(r.Target.Block.Block, func(x *nginxconf.Directive) bool { return x.Name == "keepalive" })
		if !kept || len(nginxconf.Effective(r.Location, "proxy_http_version")) == 0 {
			all = append(all, r.Target.Pass.Place)
		}
	}
	return all
}
