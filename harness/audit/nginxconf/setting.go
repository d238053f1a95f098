package nginxconf

import (
	"net"
	"slices"
	"strings"
)

// A Setting is a directive as it holds for a request: the config's, or nginx's default.
type Setting struct {
	Directive string
	Value     string // in effect; empty where nothing is set and nginx has no default
	Default   string // what nginx takes where nothing is set, in words where it is no value
	Set       bool   // the config sets it, at Place
	Place     Place
	Why       string // what it decides
}

// known is what nginx's directives decide, and their defaults; _read_timeout is that of every protocol (proxy_read_timeout,
// fastcgi_read_timeout, ...). https://nginx.org/en/docs/dirindex.html
var known = map[string]struct{ otherwise, why string }{
	"_connect_timeout":         {"60s", "how long a connection to the upstream may take"},
	"_send_timeout":            {"60s", "the longest pause between two writes of the request"},
	"_read_timeout":            {"60s", "the longest pause between two reads of the answer"},
	"_buffer_size":             {"4k or 8k, a page of memory", "all of the answer's header has to fit in it"},
	"_buffers":                 {"8 of 4k or 8k", "the buffers of the answer's body"},
	"_busy_buffers_size":       {"8k or 16k", "how much of them may wait for the visitor"},
	"_buffering":               {"on", "whether the answer is read as fast as it comes"},
	"_request_buffering":       {"on", "whether the request is read whole before the upstream gets it"},
	"_next_upstream":           {"error timeout", "after which failures another server is asked"},
	"_next_upstream_tries":     {"0, no limit", "how many servers are asked at the most"},
	"_next_upstream_timeout":   {"0, no limit", "how long all tries together may take"},
	"_intercept_errors":        {"off", "whether error_page replaces the upstream's own answers from 300 on"},
	"_ignore_client_abort":     {"off", "whether the upstream's work goes on when the visitor leaves"},
	"_bind":                    {"off", "the address that the gateway calls from"},
	"_socket_keepalive":        {"off", "whether TCP itself keeps an idle connection up"},
	"_http_version":            {"1.0 (1.1 from nginx 1.29.7 on)", "the version that the upstream is asked in; 1.0 keeps no connection"},
	"_keep_conn":               {"off", "whether FastCGI connections are kept"},
	"_set_header":              {"Host $proxy_host, Connection close", "the header of the request to the upstream"},
	"_cache_valid":             {"none", "how long answers stay in the cache, by status"},
	"_cache_use_stale":         {"off", "when the cache serves an old answer"},
	"_temp_path":               {"a folder of the build", "where bodies larger than the buffers go"},
	"_param":                   {"none", "what the application is told of the request"},
	"_ssl_verify":              {"off", "whether the upstream's certificate is checked"},
	"_ssl_verify_depth":        {"1", "how long the upstream's chain may be"},
	"_ssl_trusted_certificate": {"none", "whose signature on the upstream's certificate is taken"},
	"_ssl_crl":                 {"none", "the list of revoked certificates"},
	"_ssl_server_name":         {"off", "whether the upstream is told a name (SNI)"},
	"_ssl_name":                {"the host of the pass directive", "the name for SNI, and the one that the certificate has to bear"},
	"_ssl_protocols":           {"TLSv1.2 TLSv1.3 (from TLSv1 on before nginx 1.23.4)", "the versions of TLS that are offered"},
	"_ssl_ciphers":             {"DEFAULT", "the ciphers that are offered"},
	"_ssl_certificate":         {"none", "the certificate that the gateway shows to the upstream"},

	"client_max_body_size":        {"1m", "a larger body gets 413"},
	"client_body_buffer_size":     {"8k or 16k", "a larger body goes to a file"},
	"client_body_timeout":         {"60s", "the longest pause between two reads of the body"},
	"client_header_timeout":       {"60s", "how long the visitor's header may take"},
	"client_header_buffer_size":   {"1k", "the first buffer of the visitor's header"},
	"large_client_header_buffers": {"4 8k", "a longer line gets 400, a longer URI 414"},
	"send_timeout":                {"60s", "the longest pause between two writes to the visitor"},
	"resolver":                    {"none", "the DNS server that nginx asks at run time"},
	"resolver_timeout":            {"30s", "how long its answer may take"},
	"error_page":                  {"none", "the page that stands in place of nginx's own"},
	"user":                        {"what the build names, mostly nobody or nginx", "the user that opens the socket or file"},
	"worker_connections":          {"512", "the connections of one worker, visitors and upstreams together"},
	"worker_processes":            {"1", "how many workers there are"},
	"worker_rlimit_nofile":        {"the system's limit (ulimit -n)", "how many files and connections a worker may open"},
	"keepalive":                   {"none (32 from nginx 1.29.7 on)", "how many idle connections to the pool a worker keeps"},
	"keepalive_timeout":           {"60s in an upstream block, 75s for visitors", "how long an idle connection is kept"},
	"limit_req":                   {"none", "how many requests are let in"},
	"limit_req_status":            {"503", "what the others get"},
	"limit_conn":                  {"none", "how many connections are let in"},
	"limit_conn_status":           {"503", "what the others get"},
	"auth_request":                {"off", "who is asked whether a request may pass"},
	"root":                        {"html", "where files are looked for"},
	"try_files":                   {"none", "which files are tried before"},
	"allow":                       {"all", "who is let in"},
	"deny":                        {"none", "who is not let in"},
}

// Setting is a directive as it holds on a way; "{proxy}_read_timeout" is that of the protocol by which it calls. It gives all lines of
// one that comes in lists; "server" are the servers of the pool with max_fails and fail_timeout. It is empty where the protocol has no such directive.
func (c *Config) Setting(w Way, name string) []Setting {
	if name == "server" {
		return poolServers(w.Target)
	}
	key := name
	if rest, ok := strings.CutPrefix(name, "{proxy}"); ok {
		if w.Target.Pass == nil {
			return nil
		}
		key, name = rest, family(w.Target.Protocol)+rest
		if strings.HasPrefix(rest, "_next_upstream") && w.Target.alone() {
			return nil
		}
		if lacks[name] || strings.HasPrefix(rest, "_ssl_") && !slices.Contains([]string{"https", "grpcs", "suwsgi"}, w.Target.Protocol) {
			return nil
		}
	}
	info := known[key]
	none := Setting{Directive: name, Value: info.otherwise, Default: info.otherwise, Why: info.why}
	all := c.inEffect(w, name)
	if len(all) == 0 {
		return []Setting{none}
	}
	if !lists[key] {
		all = all[len(all)-1:]
	}
	var out []Setting
	for _, d := range all {
		s := none
		s.Value, s.Set, s.Place = strings.Join(d.Args, " "), true, d.Place
		out = append(out, s)
	}
	return out
}

// lists are directives of which several lines hold together.
var lists = map[string]bool{"error_page": true, "_set_header": true, "_param": true, "_cache_valid": true, "limit_req": true, "limit_conn": true,
	"allow": true, "deny": true}

// lacks are directives that a protocol does not have though others do.
var lacks = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`fastcgi_http_version uwsgi_http_version scgi_http_version grpc_http_version memcached_http_version
		proxy_keep_conn uwsgi_keep_conn scgi_keep_conn grpc_keep_conn memcached_keep_conn
		grpc_buffers memcached_buffers grpc_busy_buffers_size memcached_busy_buffers_size grpc_buffering memcached_buffering
		grpc_request_buffering memcached_request_buffering grpc_ignore_client_abort memcached_ignore_client_abort memcached_intercept_errors
		grpc_cache_valid memcached_cache_valid grpc_cache_use_stale memcached_cache_use_stale grpc_temp_path memcached_temp_path
		proxy_param grpc_param memcached_param fastcgi_set_header uwsgi_set_header scgi_set_header memcached_set_header`) {
		lacks[name] = true
	}
}

// inEffect are the lines of a directive that hold: in the block of the pass directive, in the pool, or at the top.
func (c *Config) inEffect(w Way, name string) []*Directive {
	switch name {
	case "keepalive", "keepalive_timeout":
		if w.Target.Block != nil {
			return w.Target.Block.all(name)
		}
		return nil
	case "worker_connections", "user", "worker_processes", "worker_rlimit_nofile":
		return c.Find(name)
	}
	block := w.Location
	if w.Target.Pass != nil {
		block = w.Target.Pass.Parent
	}
	if block == nil {
		return nil
	}
	return Effective(block, name)
}

// alone reports whether a target has one address, so that there is no other to ask.
func (t Target) alone() bool {
	return !t.Dynamic && len(t.Peers) == 1 && (t.Peers[0].Socket != "" || net.ParseIP(t.Peers[0].Host) != nil)
}

// poolServers are the servers of the target's pool, with what leaves them alone after failures.
func poolServers(t Target) (all []Setting) {
	const otherwise = "max_fails=1 fail_timeout=10s"
	if t.Block == nil {
		if t.Pass == nil {
			return nil
		}
		return []Setting{{Directive: "server", Value: otherwise, Default: otherwise, Why: "no upstream block: each address of the name is left alone for 10s after one failure"}}
	}
	for _, d := range t.Block.all("server") {
		s := Setting{Directive: "server", Value: strings.Join(d.Args, " "), Default: otherwise, Set: true, Place: d.Place}
		fails, rest := "1 (nginx's default)", "10s (nginx's default)"
		for _, a := range d.Args {
			if v, ok := strings.CutPrefix(a, "max_fails="); ok {
				fails = v
			}
			if v, ok := strings.CutPrefix(a, "fail_timeout="); ok {
				rest = v
			}
		}
		s.Why = "failures until it is left alone: " + fails + "; within, and for, " + rest
		if t.alone() {
			s.Why = "the only server of its pool: nginx never leaves it alone for failures"
		}
		all = append(all, s)
	}
	return all
}

// Match is how a location is written ("/api/", "~ \.php$"); empty for a server.
func (d *Directive) Match() string {
	if d == nil || d.Name != "location" {
		return ""
	}
	return matchOf(d).String()
}

// Statuses are those that an error_page directive is for.
func Statuses(errorPage Setting) []string {
	args := strings.Fields(errorPage.Value)
	return slices.DeleteFunc(args, func(a string) bool { return strings.Trim(a, "0123456789") != "" })
}
