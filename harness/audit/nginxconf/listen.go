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

// key tells listens apart as sockets do.
func (l Listen) key() string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	return l.Network + " " + l.Address + " " + itoa(l.Port)
}

// A site is a server block with its listens and names.
type site struct {
	server   *Directive
	stream   bool
	listens  []Listen
	names    []string
	regexes  []*pattern // by the index of the name; nil for names that are none
	label    string
	variants int             // how many variants are tried for each location
	pages    map[string]bool // files that error_page names
	scripts  map[string]bool // files that FastCGI locations name
	origins  []origin
	whys     map[*Directive]why // by location: why requests got to no upstream
	cut      string             // why some locations were not followed, empty when all were
	best     []string           // names, the one that requests use first
	outer    map[string]bool    // pages of the blocks around
}

// A why is a reason, with whether the request had got as far as a location.
type why struct {
	text    string
	located bool
	cut     bool // it was not worked out
}

func notWorkedOut(text string) why { return why{text: text, located: true, cut: true} }

// A door is one listening socket with the servers behind it.
type door struct {
	listen   Listen
	sites    []*site
	standard *site // its default server
	exact    map[string]*site
	heads    map[string]*site // by the rest of "*.example.com"
	tails    map[string]*site // by the beginning of "mail.*"
	regexes  []doorRegex
}

type doorRegex struct {
	pattern *pattern
	site    *site
}

func (m *mapping) newSite(server *Directive, stream bool) *site {
	s := &site{server: server, stream: stream, listens: listens(server, stream), whys: map[*Directive]why{}}
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

// open puts the sites behind their doors, and marks the listens of the default servers.
func openDoors(sites []*site) map[string]*door {
	doors := map[string]*door{}
	explicit := map[string]bool{}
	for _, s := range sites {
		for _, l := range s.listens {
			d := doors[l.key()]
			if d == nil {
				d = &door{listen: l, exact: map[string]*site{}, heads: map[string]*site{}, tails: map[string]*site{}, standard: s}
				doors[l.key()] = d
			}
			d.listen.H2C = d.listen.H2C || l.H2C // one server's listen says it for all of the socket's
			if l.Default && !explicit[l.key()] {
				d.standard, explicit[l.key()] = s, true
			}
			if n := len(d.sites); n > 0 && d.sites[n-1] == s {
				continue // it names the socket twice
			}
			d.sites = append(d.sites, s)
			d.add(s)
		}
	}
	for _, s := range sites {
		for i, l := range s.listens {
			s.listens[i].Default, s.listens[i].H2C = doors[l.key()].standard == s, doors[l.key()].listen.H2C
		}
	}
	return doors
}

// add notes a site's names; a name that another has already stays with it, as in nginx.
func (d *door) add(s *site) {
	first := func(m map[string]*site, name string) {
		if m[name] == nil {
			m[name] = s
		}
	}
	if len(s.names) == 0 {
		first(d.exact, "")
	}
	for i, name := range s.names {
		name = strings.ToLower(name)
		switch {
		case s.regexes[i] != nil:
			d.regexes = append(d.regexes, doorRegex{s.regexes[i], s})
		case strings.HasPrefix(name, "*."):
			first(d.heads, name[1:])
		case strings.HasPrefix(name, "."):
			first(d.exact, name[1:])
			first(d.heads, name)
		case strings.HasSuffix(name, ".*"):
			first(d.tails, name[:len(name)-1])
		default:
			first(d.exact, name)
		}
	}
}

// pick is nginx's choice of the server for a host: exact, the longest name that begins with a star, the longest that ends
// with one, regular expressions in order, the default. https://nginx.org/en/docs/http/server_names.html
func (d *door) pick(host string) (*site, map[string]string) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if s := d.exact[host]; s != nil {
		return s, nil
	}
	for at := strings.IndexByte(host, '.'); at >= 0; {
		if s := d.heads[host[at:]]; s != nil && at > 0 {
			return s, nil
		}
		next := strings.IndexByte(host[at+1:], '.')
		if next < 0 {
			break
		}
		at += next + 1
	}
	for at := strings.LastIndexByte(host, '.'); at >= 0; at = strings.LastIndexByte(host[:at], '.') {
		if s := d.tails[host[:at+1]]; s != nil {
			return s, nil
		}
	}
	for _, r := range d.regexes {
		if groups := r.pattern.match(host); groups != nil {
			return r.site, groups
		}
	}
	return d.standard, nil
}

// hosts are names that a site may be asked by, the best first. They need not be its own alone: see pick.
func (s *site) hosts() []string {
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

// order puts the listens first that are the easiest to ask: TCP on any IPv4 address, then IPv6, sockets, and last what
// needs more of the client.
func (s *site) byEase() []Listen {
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

// outerPages are the same of the blocks around servers.
func (m *mapping) outerPages(block *Directive) map[string]bool {
	if block == nil {
		return nil
	}
	if pages, known := m.outer[block]; known {
		return pages
	}
	pages := maps.Clone(m.outerPages(block.around()))
	if pages == nil {
		pages = map[string]bool{}
	}
	for _, d := range block.all("error_page") {
		notePage(pages, d)
	}
	m.outer[block] = pages
	return pages
}

// pick is the server behind a door that a host gets to.
func (m *mapping) pick(d *door, host string) (*site, map[string]string) {
	m.spend(1 + len(d.regexes))
	return d.pick(host)
}
