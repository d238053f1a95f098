// Package nginxconf reads an nginx config as nginx does, without running it: its files and includes, what each location
// inherits, and every route from a client to an upstream.
package nginxconf

import (
	"strconv"
	"sync/atomic"
	"time"
)

// A Place is where something is written.
type Place struct {
	File string `json:"file"` // as the user would open it: relative to the config's folder
	Line int    `json:"line"` // from 1; 0 for a file that is missing or empty
}

// String is "file:line".
func (p Place) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// A Directive is one directive of the config, with its block if it has one.
type Directive struct {
	Name   string
	Args   []string // unquoted
	Place  Place
	Block  []*Directive // nil for a simple directive
	Parent *Directive   // nil at the top level

	names   map[string][]*Directive // the block's own by name, when it is large
	pattern *pattern                // of a location with a regular expression
	places  *places                 // its locations
	main    *Directive              // of one at the top level: all of them
}

// A Config is a config that was read.
type Config struct {
	// Main holds the top level's directives; includes are resolved in place.
	Main []*Directive
	// Files are all that were read, in the order of their inclusion.
	Files []string
	// Missing are includes without a wildcard that name no file.
	Missing []Include
	// Unread are files below the folder that look like nginx config and that nothing includes.
	Unread []string

	late  atomic.Int32 // searches with regular expressions that took too long
	steps atomic.Int64 // of the expressions of locations that were compiled
}

// An Include is one include directive.
type Include struct {
	Pattern string
	Place   Place
}

// A Listen is one address that a server block listens on.
type Listen struct {
	Network string // "tcp", "udp" (listen ... udp or quic) or "unix"
	Address string // "*", "127.0.0.1", "::" or the path of a socket
	Port    int    // 0 for a socket
	TLS     bool
	HTTP2   bool
	QUIC    bool
	// H2C is true when the plain socket was told to speak HTTP/2 (listen 80 http2): before 1.25.1 nginx takes nothing else
	// there, so that clients have to begin with HTTP/2's preface (RFC 9113, 3.3).
	H2C     bool
	Proxy   bool // the client's side begins with the PROXY protocol
	Default bool
	Place   Place
}

// A Peer is one server of an upstream block, or the only one that a pass directive names.
type Peer struct {
	Host   string // "app", "10.0.0.5", "2001:db8::1"; empty for a unix socket
	Port   int    // 0 where nginx has none either (fastcgi_pass php, and no such upstream)
	Socket string // the path of a unix socket
	Params []string
	Backup bool
	Down   bool
	Place  Place
}

// A Target is what a pass directive calls.
type Target struct {
	// Protocol is "http", "https", "fastcgi", "uwsgi", "suwsgi", "scgi", "grpc", "grpcs", "memcached", "tcp", "tls"
	// (proxy_ssl on in stream) or "udp".
	Protocol string
	// Written is the directive's argument as it stands: "http://backend/x", "unix:/run/php.sock", "$backend".
	Written string
	// Upstream is the upstream block's name; empty when the directive names a host of its own.
	Upstream string
	// Peers are all peers that the target can be read to have. Where it holds variables they are those that maps,
	// sets, geos and split_clients in the config can give it.
	Peers []Peer
	// Dynamic is true when variables make the set of upstreams one that the config does not list (http://$host).
	Dynamic bool
	// Variables is true when the target holds variables at all, so that its names are looked up while requests run.
	Variables bool
	// Block is the upstream block, or nil.
	Block *Directive
	Pass  *Directive // the pass directive
	// Self is the server block of this same gateway that answers at the target's address, or nil.
	Self *Directive
}

// A Role is what a call is made for.
type Role string

// The roles. All but the first are calls that come beside or after the answer's own.
const (
	Content Role = "content" // the answer itself
	Auth    Role = "auth_request"
	Mirror  Role = "mirror"
	Error   Role = "error_page" // another status led here
	Try     Role = "try_files"  // a file that was missing led here

	After Role = "post_action" // a call after the answer was sent
)

// A Route is one route from a client to an upstream as the config has it: the entry where the client comes in, and the pass
// directive that he gets to, which may be in another location or another server of the same gateway.
type Route struct {
	// ID names the route in reports and on the command line, the same as long as the config's own names stay the same:
	// "example.com/api/", "example.com:8443 ~ \.php$", "example.com @app", "stream :3306". Unique.
	ID string
	// Server is the server block, Location the innermost location (or the server itself) that holds the pass directive.
	Server   *Directive
	Location *Directive
	Listens  []Listen
	Names    []string // server_name's, first the one that requests use
	// Match is how the location is written: "/api/", "= /x", "~ \.php$", "^~ /static/", "@app"; empty for stream.
	Match  string
	Stream bool
	Role   Role
	Target Target
	// Candidates are requests that should reach it, the best first. Empty when none could be worked out; UnreachableReason says why.
	Candidates []Candidate
	// UnreachableReason says why no request can reach it ("the location is internal and nothing leads to it").
	UnreachableReason string
}

// A Candidate is a request that should reach a route.
type Candidate struct {
	Listen  Listen
	TLSName string // SNI; empty when the listen is plain
	Method  string
	URI     string // path and query as they go over the wire
	Host    string
	Header  map[string]string
	// RequiresStatus says under which answer of the upstream at hand it goes there: 0 when well, else the status that the first
	// upstream has to answer (404, 401, 502, ...), for error_page and the like. Where the config does not intercept
	// answers, 502 and 504 come from a failure (refused, silent) and not from an answer of that status.
	RequiresStatus int
	// From is an address that the client has to have to be let in (allow and deny); empty for one of the public networks
	// that RFC 5737 sets aside for documentation (198.51.100.0/24).
	From string
	// ALPN is the protocol that the client's TLS offers ("h2"), TLSMax the highest version of TLS that it speaks
	// ("TLSv1.2"); empty where they do not matter.
	ALPN, TLSMax string
	// Repeat is how often to ask where chance decides whether the request gets there (split_clients by $request_id); 0 for once.
	Repeat int
	// AccelRedirect is the X-Accel-Redirect that the upstream which is asked first, one of By, has to answer with for the request to
	// get to an internal location; empty when nothing of the kind is needed.
	// https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers
	AccelRedirect string
	AccelFrom     []Peer
}

// Timeouts are those of a route, in effect.
type Timeouts struct {
	Connect, Send, Read time.Duration
	// NextUpstream bounds all tries together; 0 for no bound.
	NextUpstream time.Duration
}
