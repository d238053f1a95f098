package nginxconf

import (
	"maps"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
)

// maxPorts bounds a range of ports (listen 8000-8999): the first stand for all.
const maxPorts = 16

// listens reads what a server block listens on. Default is what the directive says.
func listens(server *Directive, stream bool) []Listen {
	http2 := effective(server, "http2").arg(0) == "on"
	ssl := effective(server, "ssl").arg(0) == "on"
	var out []Listen
	for _, d := range server.all("listen") {
		if len(d.Args) == 0 {
			continue
		}
		l := Listen{Network: "tcp", Place: d.Place, TLS: ssl, HTTP2: http2 && !stream}
		for _, a := range d.Args[1:] {
			switch a {
			case "ssl":
				l.TLS = true
			case "http2", "spdy":
				l.HTTP2, l.H2C = true, a == "http2"
			case "quic":
				l.QUIC, l.Network = true, "udp"
			case "udp":
				l.Network = "udp"
			case "proxy_protocol":
				l.Proxy = true
			case "default_server", "default":
				l.Default = true
			}
		}
		l.H2C = l.H2C && !l.TLS
		out = append(out, addresses(l, d.Args[0])...)
	}
	if len(out) == 0 && !stream {
		out = []Listen{{Network: "tcp", Address: "*", Port: 80, TLS: ssl, HTTP2: http2, Place: server.Place}}
	}
	return out
}

// addresses reads a listen's first argument: an address, a port, both, a socket, or a range of ports.
func addresses(l Listen, text string) []Listen {
	if socket, ok := strings.CutPrefix(text, "unix:"); ok {
		l.Network, l.Address = "unix", socket
		return []Listen{l}
	}
	host, ports := splitHostPort(text)
	if ports == "" && isPorts(host) {
		host, ports = "*", host
	}
	if host == "" {
		host = "*"
	}
	if ports == "" {
		ports = "80"
	}
	if host == "0.0.0.0" {
		host = "*"
	}
	l.Address = host
	first, last, _ := strings.Cut(ports, "-")
	from, err := strconv.Atoi(first)
	if err != nil || from > 65535 {
		return []Listen{l} // a template's variable
	}
	to, err := strconv.Atoi(last)
	if err != nil {
		to = from
	}
	var out []Listen
	for l.Port = from; l.Port <= to && len(out) < maxPorts; l.Port++ {
		out = append(out, l)
	}
	return out
}

func isPorts(text string) bool {
	return text != "" && strings.Trim(text, "0123456789-") == ""
}

// splitHostPort parts "host:port", "[v6]:port" and both without a port. The host comes without brackets.
func splitHostPort(text string) (host, port string) {
	if rest, ok := strings.CutPrefix(text, "["); ok {
		host, port, _ = strings.Cut(rest, "]")
		return host, strings.TrimPrefix(port, ":")
	}
	if strings.Count(text, ":") > 1 && net.ParseIP(text) != nil {
		return text, ""
	}
	host, port, _ = strings.Cut(text, ":")
	return host, port
}

// key identifies a listen as sockets do.
func (l Listen) key() string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	return l.Network + " " + l.Address + " " + itoa(l.Port)
}

// A vhost is a server block with its listens and names.
type vhost struct {
	server      *Directive
	stream      bool
	listens     []Listen
	names       []string
	regexes     []*pattern // by the index of the name; nil for names that are none
	label       string
	variants    int             // how many variants are tried for each location
	pages       map[string]bool // files that error_page names
	scripts     map[string]bool // files that FastCGI locations name
	origins     []origin
	reasons     map[*Directive]reason // by location: why requests got to no upstream
	truncated   string                // why some locations were not followed, empty when all were
	sortedNames []string              // names, the one that requests use first
	outer       map[string]bool       // pages of the blocks around
}

// A reason is a reason, with whether the request had got as far as a location.
type reason struct {
	text      string
	located   bool
	truncated bool // it was not worked out
}

func notWorkedOut(text string) reason { return reason{text: text, located: true, truncated: true} }

// A socket is one listening socket with the servers behind it.
type socket struct {
	listen        Listen
	vhosts        []*vhost
	defaultServer *vhost // its default server
	exact         map[string]*vhost
	suffixes      map[string]*vhost // by the rest of "*.example.com"
	prefixes      map[string]*vhost // by the beginning of "mail.*"
	regexes       []socketRegex
}

type socketRegex struct {
	pattern *pattern
	vhost   *vhost
}

func (m *routeFinder) newVhost(server *Directive, stream bool) *vhost {
	s := &vhost{server: server, stream: stream, listens: listens(server, stream), reasons: map[*Directive]reason{}}
	s.pages, s.scripts = errorPages(server), map[string]bool{}
	walk(server.Block, func(d *Directive) bool {
		for _, name := range Scripts(d) {
			s.scripts[name] = true
		}
		return true
	})
	for _, d := range server.all("server_name") {
		s.names = append(s.names, d.Args...)
	}
	s.regexes = make([]*pattern, len(s.names))
	for i, name := range s.names {
		if text, ok := strings.CutPrefix(name, "~"); ok {
			s.regexes[i] = m.regex(text, true) // names come in lower case
		}
	}
	return s
}

// openSockets puts the vhosts behind their sockets, and marks the listens of the default servers.
func openSockets(vhosts []*vhost) map[string]*socket {
	sockets := map[string]*socket{}
	explicit := map[string]bool{}
	for _, s := range vhosts {
		for _, l := range s.listens {
			sock := sockets[l.key()]
			if sock == nil {
				sock = &socket{listen: l, exact: map[string]*vhost{}, suffixes: map[string]*vhost{}, prefixes: map[string]*vhost{}, defaultServer: s}
				sockets[l.key()] = sock
			}
			sock.listen.H2C = sock.listen.H2C || l.H2C // one server's listen says it for all of the socket's
			if l.Default && !explicit[l.key()] {
				sock.defaultServer, explicit[l.key()] = s, true
			}
			if n := len(sock.vhosts); n > 0 && sock.vhosts[n-1] == s {
				continue // it names the socket twice
			}
			sock.vhosts = append(sock.vhosts, s)
			sock.add(s)
		}
	}
	for _, s := range vhosts {
		for i, l := range s.listens {
			s.listens[i].Default, s.listens[i].H2C = sockets[l.key()].defaultServer == s, sockets[l.key()].listen.H2C
		}
	}
	return sockets
}

// add notes a vhost's names; a name that another has already stays with it, as in nginx.
func (sock *socket) add(s *vhost) {
	first := func(m map[string]*vhost, name string) {
		if m[name] == nil {
			m[name] = s
		}
	}
	if len(s.names) == 0 {
		first(sock.exact, "")
	}
	for i, name := range s.names {
		name = strings.ToLower(name)
		switch {
		case s.regexes[i] != nil:
			sock.regexes = append(sock.regexes, socketRegex{s.regexes[i], s})
		case strings.HasPrefix(name, "*."):
			first(sock.suffixes, name[1:])
		case strings.HasPrefix(name, "."):
			first(sock.exact, name[1:])
			first(sock.suffixes, name)
		case strings.HasSuffix(name, ".*"):
			first(sock.prefixes, name[:len(name)-1])
		default:
			first(sock.exact, name)
		}
	}
}

// pick is nginx's choice of the server for a host: exact, the longest name that begins with a star, the longest that ends
// with one, regular expressions in order, the default. https://nginx.org/en/docs/http/server_names.html
func (sock *socket) pick(host string) (*vhost, map[string]string) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if s := sock.exact[host]; s != nil {
		return s, nil
	}
	for at := strings.IndexByte(host, '.'); at >= 0; {
		if s := sock.suffixes[host[at:]]; s != nil && at > 0 {
			return s, nil
		}
		next := strings.IndexByte(host[at+1:], '.')
		if next < 0 {
			break
		}
		at += next + 1
	}
	for at := strings.LastIndexByte(host, '.'); at >= 0; at = strings.LastIndexByte(host[:at], '.') {
		if s := sock.prefixes[host[:at+1]]; s != nil {
			return s, nil
		}
	}
	for _, r := range sock.regexes {
		if groups := r.pattern.match(host); groups != nil {
			return r.vhost, groups
		}
	}
	return sock.defaultServer, nil
}

// hosts are names that a vhost may be asked by, the best first. They need not be its own alone: see pick.
func (s *vhost) hosts() []string {
	var plain, made []string
	for i, name := range s.names {
		switch {
		case s.regexes[i] != nil:
			for _, text := range s.regexes[i].samples(4) {
				if isHost(text) {
					made = append(made, text)
				}
			}
		case strings.HasPrefix(name, "*."):
			for _, label := range labels {
				made = append(made, label+name[1:])
			}
		case strings.HasPrefix(name, "."):
			plain = append(plain, name[1:])
		case strings.HasSuffix(name, ".*"):
			for _, label := range []string{"example", "test", "com"} {
				made = append(made, name[:len(name)-1]+label)
			}
		case name == "_" || name == "":
			made = append(made, "localhost", strings.TrimSpace(name))
		case strings.ContainsAny(name, "$*"): // $hostname, or a mistake
		default:
			plain = append(plain, name)
		}
	}
	out := append(plain, made...)
	return append(out, "localhost", "any.test", "x.y.z.test")
}

var labels = []string{"www", "app", "x", "probe"}

func isHost(text string) bool {
	if text == "" || len(text) > 253 || strings.HasPrefix(text, ".") || strings.Contains(text, "..") {
		return false
	}
	for _, r := range text {
		if r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return true
}

// easiestFirst puts the listens first that are the easiest to ask: TCP on any IPv4 address, then IPv6, sockets, and last what
// needs more of the client.
func (s *vhost) easiestFirst() []Listen {
	rank := func(l Listen) int {
		n := 0
		if strings.Contains(l.Address, ":") {
			n = 1
		}
		if l.Network == "unix" {
			n = 2
		}
		if l.Proxy {
			n += 4
		}
		if l.QUIC || l.Network == "udp" && !s.stream {
			n += 8
		}
		return n
	}
	out := slices.Clone(s.listens)
	slices.SortStableFunc(out, func(a, b Listen) int { return rank(a) - rank(b) })
	return out
}

// errorPages are the files that a server's error_page directives name: they are taken to be there.
func errorPages(server *Directive) map[string]bool {
	out := map[string]bool{}
	walk(server.Block, func(d *Directive) bool {
		notePage(out, d)
		return true
	})
	return out
}

func notePage(pages map[string]bool, d *Directive) {
	if d.Name != "error_page" {
		return
	}
	page := d.arg(len(d.Args) - 1)
	switch path.Ext(page) {
	case ".html", ".htm", ".json", ".txt", ".xml":
		pages[path.Clean(page)] = true
	}
}

// errorPagesAround are the same of the blocks around servers.
func (m *routeFinder) errorPagesAround(block *Directive) map[string]bool {
	if block == nil {
		return nil
	}
	if pages, known := m.outerPages[block]; known {
		return pages
	}
	pages := maps.Clone(m.errorPagesAround(block.around()))
	if pages == nil {
		pages = map[string]bool{}
	}
	for _, d := range block.all("error_page") {
		notePage(pages, d)
	}
	m.outerPages[block] = pages
	return pages
}

// pick is the server behind a socket that a host gets to.
func (m *routeFinder) pick(sock *socket, host string) (*vhost, map[string]string) {
	m.spend(1 + len(sock.regexes))
	return sock.pick(host)
}
