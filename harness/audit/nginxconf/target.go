package nginxconf

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// passes are the directives that call an upstream, with the protocol they speak.
var passes = map[string]string{
	"proxy_pass": "http", "fastcgi_pass": "fastcgi", "uwsgi_pass": "uwsgi", "scgi_pass": "scgi", "grpc_pass": "grpc",
	"memcached_pass": "memcached",
}

// manyPeers is from when on pass directives with the same variables share their peers.
const manyPeers = 256

var passNames = slices.Sorted(maps.Keys(passes))

// target reads what a pass directive calls.
func (m *routeFinder) target(pass *Directive, stream bool) Target {
	t := Target{Protocol: passes[pass.Name], Written: pass.arg(0), Pass: pass, Variables: hasVariable(pass.arg(0))}
	if stream {
		t.Protocol = "tcp"
	}
	key := pass.Name + " " + authority(t.Written)
	if was, ok := m.targets[key]; ok && !stream {
		was.Written, was.Pass = t.Written, pass
		return was
	}
	var values []string
	if t.Variables {
		m.vars.beginEntry()
		values, t.Dynamic = m.vars.expand(authority(t.Written), pass.Parent, 0)
	} else {
		values = []string{t.Written}
	}
	seen := map[peerKey]bool{}
	for _, value := range values {
		m.addValue(&t, value, stream, seen)
	}
	if len(values) > manyPeers && !stream && m.vars.fixed(authority(t.Written)) {
		m.targets[key] = t
	}
	if stream {
		server := pass.Parent
		switch udp := slices.ContainsFunc(listens(server, true), func(l Listen) bool { return l.Network == "udp" }); {
		case udp:
			t.Protocol = "udp"
		case effective(server, "proxy_ssl").arg(0) == "on":
			t.Protocol = "tls"
		}
	}
	return t
}

// addValue adds the peers of one value of the directive's argument.
func (m *routeFinder) addValue(t *Target, value string, stream bool, seen map[peerKey]bool) {
	scheme, rest, has := strings.Cut(value, "://")
	if scheme == "unix" {
		has = false // "unix:///run/app.sock": a path with more slashes than it needs
	}
	if has {
		scheme = strings.ToLower(scheme)
	} else {
		scheme, rest = "", value
	}
	protocol := t.Protocol
	if scheme != "" && passes[t.Pass.Name] != "fastcgi" && !stream {
		protocol = scheme
		if len(t.Peers) == 0 { // of several that of the first
			t.Protocol = protocol
		}
	}
	if rest == "" {
		return
	}
	peer := Peer{Place: t.Pass.Place}
	if socket, ok := strings.CutPrefix(rest, "unix:"); ok {
		if has { // behind a second colon begins the path of the request
			socket, _, _ = strings.Cut(socket, ":")
		}
		if upstream := m.upstream(rest, stream); upstream == nil {
			peer.Socket = path.Clean(socket)
			t.addPeer(peer, seen)
			return
		}
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if upstream := m.upstream(rest, stream); upstream != nil {
		if t.Block == nil {
			t.Block, t.Upstream = upstream, upstream.arg(0)
		}
		peers, open := m.peers(upstream, stream)
		t.Dynamic = t.Dynamic || open
		for _, p := range peers {
			t.addPeer(p, seen)
		}
		return
	}
	host, port := splitHostPort(rest)
	if host == "" {
		return
	}
	peer.Host, peer.Port = host, defaultPort(protocol)
	if n, err := strconv.Atoi(port); err == nil {
		peer.Port = n
	}
	t.addPeer(peer, seen)
}

// A peerKey identifies a peer: two lines of an upstream block that are alike are two.
type peerKey struct {
	host, socket string
	port         int
	place        Place
}

func (t *Target) addPeer(p Peer, seen map[peerKey]bool) {
	key := peerKey{p.Host, p.Socket, p.Port, p.Place}
	if !seen[key] {
		seen[key] = true
		t.Peers = append(t.Peers, p)
	}
}

func defaultPort(protocol string) int {
	switch protocol {
	case "http", "grpc":
		return 80
	case "https", "grpcs":
		return 443
	}
	return 0
}

// uriVars are the variables that begin with a slash or a question mark: where one stands, the address has ended.
var uriVars = []string{"request_uri", "uri", "document_uri", "is_args", "args", "query_string"}

// authority is the part of an argument with variables that the address can be read from: the path's variables have no
// say in it.
func authority(text string) string {
	var out strings.Builder
	scheme := false // whether "://" is behind, so that a slash ends it
	for i, p := range pieces(text) {
		if p.name != "" {
			before := out.String()
			if slices.Contains(uriVars, p.name) && i > 0 {
				break
			}
			if n := strings.LastIndexByte(before, ':'); p.name[0] <= '9' && n >= 0 && isPorts(before[n+1:]) {
				break // http://127.0.0.1:8080$1
			}
			out.WriteString("${" + p.name + "}")
			continue
		}
		rest := p.text
		if !scheme {
			if head, tail, ok := strings.Cut(rest, "://"); ok {
				out.WriteString(head + "://")
				rest, scheme = tail, true
			}
		}
		if strings.HasPrefix(rest, "unix:") || strings.HasSuffix(out.String(), "unix:") || !scheme && i == 0 {
			out.WriteString(rest) // a socket's path has slashes
			continue
		}
		if end := strings.IndexAny(rest, "/?"); end >= 0 && !strings.Contains(out.String()+rest[:end], "unix:") {
			out.WriteString(rest[:end])
			break
		}
		out.WriteString(rest)
	}
	return out.String()
}

// upstream finds the block of that name.
func (m *routeFinder) upstream(name string, stream bool) *Directive {
	return m.upstreams[upstreamKey(name, stream)]
}

func upstreamKey(name string, stream bool) string {
	if stream {
		return "stream " + strings.ToLower(name)
	}
	return strings.ToLower(name)
}

// peers reads the servers of an upstream block; open when something else than the block chooses them.
func (m *routeFinder) peers(block *Directive, stream bool) (peers []Peer, open bool) {
	for _, d := range block.Block {
		switch d.Name {
		case "balancer_by_lua_block", "balancer_by_lua_file", "js_upstream", "consul", "zookeeper":
			open = true
		case "server":
			if len(d.Args) == 0 {
				continue
			}
			p := Peer{Params: d.Args[1:], Place: d.Place}
			p.Backup, p.Down = slices.Contains(p.Params, "backup"), slices.Contains(p.Params, "down")
			if socket, ok := strings.CutPrefix(d.Args[0], "unix:"); ok {
				p.Socket = path.Clean(socket)
				peers = append(peers, p)
				continue
			}
			host, port := splitHostPort(d.Args[0])
			p.Host = host
			if n, err := strconv.Atoi(port); err == nil {
				p.Port = n
			} else if !stream {
				p.Port = 80
			}
			peers = append(peers, p)
		}
	}
	return peers, open
}
