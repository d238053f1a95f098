package measure

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/audit/provision"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// session is one check under way.
type session struct {
	o                Options
	lab              *lab.Lab
	tree             *provision.Tree
	config           *nginxconf.Config
	ways             []nginxconf.Route
	pools            map[nginxconf.Place]*peerPool
	prefix, errorLog string   // that nginx was built with
	logs             []string // where the gateway writes its errors
	world            agentapi.CatchAllSpec
	caches           []string // folders that must not outlive a gateway
	steps            []time.Duration
	kept             []time.Duration // for how long caches keep answers
	late             []string        // names of upstream servers that the gateway looks up after its start
	// forgetful is true when the gateway counts nothing over several requests.
	forgetful bool
	guards    []string // the upstreams that are asked for leave (auth_request)
	// ticks is true when the hour chooses between upstreams (split_clients by the time) and the clock can be moved on.
	ticks    bool
	report   *audit.Report
	evidence Allowance
}

// open makes a sandbox with the config in it. The gateway does not run yet.
func (s *session) open(ctx context.Context) (*lab.Sandbox, error) {
	w, err := s.lab.Open(ctx, lab.Setup{CatchAll: &s.world, Logs: s.logs})
	if err != nil {
		return nil, err
	}
	if err := w.Put(ctx, s.tree.All()...); err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// start starts the gateway anew, with nothing left of the one before.
func (s *session) start(ctx context.Context, w *lab.Sandbox, names seen) error {
	if len(s.caches) > 0 {
		if err := w.Wipe(ctx, s.caches...); err != nil {
			return err
		}
	}
	if err := w.StartCommand(ctx, s.tree.Argv()...); err != nil {
		return err
	}
	return s.resolved(ctx, w, names)
}

// resolved waits until the gateway knows the addresses of upstream servers that it looks up itself ("resolve"): until then
// it answers 502 of its own. That it has asked for all, and asks no more, is as near as can be seen from outside.
// https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve
func (s *session) resolved(ctx context.Context, w *lab.Sandbox, names seen) error {
	if len(s.late) == 0 {
		return nil
	}
	asked := map[string]bool{}
	quiet := 0
	for range 200 {
		news, err := w.DrainEvents(ctx)
		if err != nil {
			return err
		}
		names.learn(news)
		for _, l := range news.DNSQueries {
			asked[strings.ToLower(strings.TrimSuffix(l.Name, "."))] = true
		}
		all := !slices.ContainsFunc(s.late, func(host string) bool { return !asked[host] })
		if quiet++; !all || len(news.DNSQueries) > 0 {
			quiet = 0
		}
		if quiet == 3 {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil // the first request shows what is wrong
}

// read reads what the config says of logs, sockets, caches and times.
func (s *session) read(ctx context.Context) error {
	if s.ways = s.config.Routes(ctx); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := FewRoutes(s.ways); err != nil {
		return err
	}
	s.pools = poolsOf(s.config)
	s.logs = nil
	if s.errorLog != "" && s.errorLog != "stderr" {
		s.logs = []string{absolute(s.errorLog, s.prefix)}
	}
	for _, d := range s.config.Find("error_log") {
		if len(d.Args) > 0 && !strings.HasPrefix(d.Args[0], "syslog:") && d.Args[0] != "stderr" && d.Args[0] != "/dev/null" {
			s.logs = appendNew(s.logs, absolute(d.Args[0], s.prefix))
		}
	}
	for _, name := range []string{"proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path"} {
		for _, d := range s.config.Find(name) {
			if len(d.Args) > 0 {
				s.caches = appendNew(s.caches, absolute(d.Args[0], s.prefix))
			}
		}
	}
	for _, w := range s.ways {
		for _, p := range w.Target.Peers {
			if w.Role == nginxconf.Auth {
				s.guards = appendNew(s.guards, called(peerKey(p)))
			}
			if slices.Contains(p.Params, "resolve") && !p.Down && p.Socket == "" && !literal(peerKey(p)) {
				s.late = appendNew(s.late, lateName(p))
			}
			if p.Socket != "" && !s.listensAt(p.Socket) {
				s.world.Sockets = appendNew(s.world.Sockets, p.Socket)
			}
		}
	}
	for _, name := range []string{"proxy_cache_valid", "fastcgi_cache_valid", "uwsgi_cache_valid", "scgi_cache_valid"} {
		for _, d := range s.config.Find(name) {
			if t, err := nginxconf.Duration(lastArg(d)); err == nil {
				s.kept = appendNew(s.kept, t)
			}
		}
	}
	s.forgetful = true
	for _, name := range []string{"limit_req", "limit_conn", "limit_req_zone", "limit_conn_zone"} {
		s.forgetful = s.forgetful && len(s.config.Find(name)) == 0
	}
	for _, d := range s.config.Find("split_clients") {
		by := d.Args[0]
		s.ticks = s.ticks || s.report.Clock == "moved" && (strings.Contains(by, "$time") || strings.Contains(by, "${time") || strings.Contains(by, "msec"))
	}
	for _, name := range []string{"proxy_ssl_name", "grpc_ssl_name", "uwsgi_ssl_name"} {
		for _, d := range s.config.Find(name) {
			if len(d.Args) > 0 && !strings.Contains(d.Args[0], "$") {
				s.world.Names = appendNew(s.world.Names, d.Args[0])
			}
		}
	}
	s.steps = s.config.Durations()
	// What no config names: a resolver asks again after 5 s, and gives up after 30.
	for _, d := range []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 75 * time.Second} {
		s.steps = appendNew(s.steps, d)
	}
	slices.Sort(s.steps)
	return nil
}

// known are the names that are known without a look at the DNS.
func (s *session) known() seen {
	names := seen{}
	for address, name := range s.tree.Hosts {
		names[address] = name
	}
	return names
}

// lateName is what the gateway asks the DNS for a peer.
func lateName(p nginxconf.Peer) string {
	host := strings.ToLower(strings.TrimSuffix(p.Host, "."))
	for _, param := range p.Params {
		if service, ok := strings.CutPrefix(param, "service="); ok {
			if !strings.Contains(service, ".") {
				service = "_" + service + "._tcp"
			}
			return strings.ToLower(service) + "." + host
		}
	}
	return host
}

// listensAt reports whether the gateway itself listens at a unix socket.
func (s *session) listensAt(socket string) bool {
	return slices.ContainsFunc(s.ways, func(w nginxconf.Route) bool {
		return slices.ContainsFunc(w.Listens, func(l nginxconf.Listen) bool { return l.Network == "unix" && l.Address == socket })
	})
}

func absolute(p, prefix string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join(prefix, p)
}

func appendNew[T comparable](all []T, one T) []T {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// peerKey is how reports name a peer, and how the lab is told of it.
func peerKey(p nginxconf.Peer) string {
	if p.Socket != "" {
		return "unix:" + p.Socket
	}
	host := strings.ToLower(strings.TrimSuffix(p.Host, "."))
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		host = ip.Unmap().String()
	}
	return net.JoinHostPort(host, fmt.Sprint(p.Port))
}

// called is the key of an address as the gateway calls it: some names are the machine's own.
func called(key string) string {
	host, port, err := net.SplitHostPort(key)
	if err != nil || strings.HasPrefix(key, "unix:") {
		return key
	}
	switch host {
	case "localhost", "0.0.0.0":
		host = "127.0.0.1"
	case "ip6-localhost", "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// addresses are all that the gateway may call for these keys: localhost has one of each kind.
func addresses(keys []string) []string {
	all := slices.Clone(keys)
	for _, k := range keys {
		if port, ok := strings.CutPrefix(k, "127.0.0.1:"); ok {
			all = append(all, "[::1]:"+port)
		}
	}
	return all
}

// literal reports whether a key is an address or a socket, so that no name has to be looked up.
func literal(key string) bool {
	host, _, err := net.SplitHostPort(called(key))
	if err != nil || strings.HasPrefix(key, "unix:") {
		return true
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

// supplied lists the names, addresses and sockets that the upstreams are.
func (s *session) supplied(names seen) {
	known := map[string]bool{}
	for _, one := range s.report.Supplied {
		known[one.Kind+one.What] = true
	}
	for _, w := range s.ways {
		for _, p := range w.Target.Peers {
			key := peerKey(p)
			one := audit.Supply{Kind: "name", What: p.Host, Place: p.Place}
			switch {
			case p.Socket != "":
				one.Kind, one.What, one.With = "socket", p.Socket, "a listener of the lab's"
			case literal(key):
				one.Kind, one.What, one.With = "address", key, "a host of the lab's"
			default:
				address := names.addressOf(called(key))
				if host, _, err := net.SplitHostPort(address); err == nil {
					address = host
				}
				if address == p.Host {
					address = "an address of its own"
				}
				one.With = address
			}
			if !known[one.Kind+one.What] {
				known[one.Kind+one.What] = true
				s.report.Supplied = append(s.report.Supplied, one)
			}
		}
	}
}

// wellFor are the conducts that leave a route's own upstreams well while all others answer a status.
func wellFor(keys []string, status int) []agentapi.UpstreamBehaviour {
	var all []agentapi.UpstreamBehaviour
	for _, k := range addresses(keys) {
		all = append(all, agentapi.UpstreamBehaviour{At: k})
	}
	return append(all, agentapi.UpstreamBehaviour{Script: fakeupstream.Always(answering(status))})
}

func lastArg(d *nginxconf.Directive) string {
	if len(d.Args) == 0 {
		return ""
	}
	return d.Args[len(d.Args)-1]
}
