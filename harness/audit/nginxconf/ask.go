package nginxconf

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
)

// An Ask is what a line of a log tells of a request.
type Ask struct {
	// Server is the server block's first name, as nginx's error log has it; empty where it is not known, or there is none.
	Server string
	// Host is the name that the visitor asked for, with a port or without.
	Host   string
	Method string // GET where it is empty
	URI    string // path and query
	// Upstream is the address that was called, as the log has it ("10.0.0.5:8080", "/run/php.sock"), or the name of an upstream block. It
	// decides between servers that are alike.
	Upstream string
}

// A Way is where a config leads a request.
type Way struct {
	Server, Location *Directive // Location is the server itself where no location takes the path
	// Target is what is called; its Pass is nil where nothing is, and Reason says why then.
	Target Target
	Reason string
	// Called is false where the upstream of the ask is none of the target's.
	Called bool
}

// Way finds where a request goes: which server and location take it, and which pass directive. The error says what of it is not in the config.
func (c *Config) Way(ctx context.Context, a Ask) (Way, error) {
	m := c.finder(ctx)
	servers := m.serversFor(a)
	if len(servers) == 0 {
		return Way{}, fmt.Errorf("no server block has the name %q%s", cmp.Or(a.Server, a.Host), m.namesThere())
	}
	if !strings.HasPrefix(a.URI, "/") {
		if len(servers) > 1 {
			return Way{}, fmt.Errorf("the path of the request is not known, and %d server blocks can be meant", len(servers))
		}
		return Way{}, fmt.Errorf("the path of the request is not known, so no location of the server at %s", servers[0].server.Place)
	}
	var best Way
	for i, s := range servers {
		w := m.way(s, a)
		if better := w.score() - best.score(); i == 0 || better > 0 {
			best = w
		}
	}
	return best, nil
}

// score orders ways: one that calls the upstream of the log, one that calls another, one that has a location at least.
func (w Way) score() int {
	switch {
	case w.Target.Pass == nil && w.Location == w.Server:
		return 0
	case w.Target.Pass == nil:
		return 1
	case w.Called:
		return 3
	}
	return 2
}

// serversFor are the servers that can be meant, those that are named first.
func (m *routeFinder) serversFor(a Ask) (all []*vhost) {
	host := strings.ToLower(a.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if a.Server != "" {
		for _, s := range m.vhosts {
			if len(s.names) > 0 && strings.EqualFold(s.names[0], a.Server) {
				all = append(all, s)
			}
		}
		return all
	}
	for _, s := range m.vhosts {
		for _, l := range s.listens {
			if picked, _ := m.pick(m.sockets[l.key()], host); picked == s && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return all
}

func (m *routeFinder) namesThere() string {
	var names []string
	for _, s := range m.vhosts {
		for _, n := range s.names {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	const most = 8
	switch {
	case len(m.vhosts) == 0:
		return ": the config has no server block of http"
	case len(names) == 0:
		return ": none of them has a server_name"
	case len(names) > most:
		return fmt.Sprintf("; there are %s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return "; there are " + strings.Join(names, ", ")
}

// way sends the request through a server, at the listen that takes it farthest.
func (m *routeFinder) way(s *vhost, a Ask) (best Way) {
	path, _, _ := strings.Cut(a.URI, "?")
	for i, l := range s.easiestFirst() {
		host := cmp.Or(a.Host, firstHost(s))
		_, groups := m.pick(m.sockets[l.key()], host)
		out := m.simulate(s, Candidate{Listen: l, Method: cmp.Or(a.Method, "GET"), URI: a.URI, Host: host}, groups)
		w := Way{Server: s.server, Location: m.locate(s.server, decode(path)), Reason: out.reason}
		for n, h := range out.hits {
			t := m.target(h.pass, false)
			found := Way{Server: s.server, Location: h.location, Target: t, Called: a.Upstream == "" || t.calls(a.Upstream)}
			if found.score() > w.score() || n > 0 && found.score() == w.score() && h.role == Content && h.requiresStatus == 0 && w.Target.Pass == nil {
				w = found
			}
		}
		if i == 0 || w.score() > best.score() {
			best = w
		}
	}
	return best
}

func firstHost(s *vhost) string {
	for _, h := range s.hosts() {
		if isHost(h) {
			return h
		}
	}
	return ""
}

// calls reports whether a target can have that address. One whose names are looked up can have any.
func (t Target) calls(address string) bool {
	if t.Dynamic || t.Upstream != "" && strings.EqualFold(t.Upstream, address) {
		return true
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	for _, p := range t.Peers {
		switch {
		case p.Socket != "":
			if strings.HasPrefix(address, "/") && strings.TrimLeft(p.Socket, "/") == strings.TrimLeft(address, "/") {
				return true
			}
		case strings.HasPrefix(address, "/"):
		case net.ParseIP(p.Host) != nil && p.Host != host && net.ParseIP(host) != nil:
		case p.Port != 0 && port != "" && itoa(p.Port) != port:
		default:
			return true
		}
	}
	return false
}
