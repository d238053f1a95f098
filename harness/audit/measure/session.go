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
	"github.com/badgateway/badgateway/harness/lab"
)

// A session is one check under way.
type session struct {
	options          Options
	lab              *lab.Lab
	tree             *provision.Tree
	config           *nginxconf.Config
	routes           []nginxconf.Route
	pools            map[nginxconf.Place]*peerPool
	prefix, errorLog string   // that nginx was built with
	logs             []string // where the gateway writes its errors
	catchAll         lab.CatchAll
	caches           []string // folders that must not outlive a gateway
	steps            []time.Duration
	cacheTimes       []time.Duration // for how long caches keep answers
	lateNames        []string        // names of upstream servers that the gateway looks up after its start
	// stateless is true when the gateway counts nothing over several requests.
	stateless     bool
	authUpstreams []string // the upstreams that are asked for leave (auth_request)
	mirrors       []string // those that are called beside the answer (mirror, post_action)
	// timeChooses is true when the hour chooses between upstreams (split_clients by the time) and the clock can be moved on.
	timeChooses bool
	report      *audit.Report
	allFaults   []audit.Fault // those of the options before some were picked
	evidence    Allowance
}

// open makes a sandbox with the config in it. The gateway does not run yet.
func (s *session) open(ctx context.Context) (*lab.Sandbox, error) {
	sb, err := s.lab.Open(ctx, lab.Setup{CatchAll: &s.catchAll, Logs: s.logs})
	if err != nil {
		return nil, err
	}
	if err := sb.Put(ctx, s.tree.All()...); err != nil {
		_ = sb.Close()
		return nil, err
	}
	return sb, nil
}

// start starts the gateway anew, with nothing left of the one before.
func (s *session) start(ctx context.Context, sb *lab.Sandbox, names addressNames) error {
	if len(s.caches) > 0 {
		if err := sb.Wipe(ctx, s.caches...); err != nil {
			return err
		}
	}
	if err := sb.StartCommand(ctx, s.tree.Argv()...); err != nil {
		return err
	}
	return s.awaitResolved(ctx, sb, names)
}

// awaitResolved waits until the gateway knows the addresses of upstream servers that it looks up itself ("resolve"): until then
// it answers 502 of its own. That it has asked for all, and asks no more, is as near as can be seen from outside.
// https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve
func (s *session) awaitResolved(ctx context.Context, sb *lab.Sandbox, names addressNames) error {
	if len(s.lateNames) == 0 {
		return nil
	}
	asked := map[string]bool{}
	quiet := 0
	for range 200 {
		events, err := sb.DrainEvents(ctx)
		if err != nil {
			return err
		}
		names.learn(events)
		for _, l := range events.DNSQueries {
			asked[strings.ToLower(strings.TrimSuffix(l.Name, "."))] = true
		}
		all := !slices.ContainsFunc(s.lateNames, func(host string) bool { return !asked[host] })
		if quiet++; !all || len(events.DNSQueries) > 0 {
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
	if s.routes = s.config.Routes(ctx); ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := CheckRouteCount(s.routes); err != nil {
		return err
	}
	s.pools = poolsOf(s.config)
	s.logs = nil
	if s.errorLog != "" && s.errorLog != "stderr" {
		s.logs = []string{absolute(s.errorLog, s.prefix)}
	}
	for _, d := range s.config.Find("error_log") {
		if len(d.Args) > 0 && !strings.HasPrefix(d.Args[0], "syslog:") && d.Args[0] != "stderr" && d.Args[0] != "/dev/null" {
			s.logs = appendUnique(s.logs, absolute(d.Args[0], s.prefix))
		}
	}
	for _, name := range []string{"proxy_cache_path", "fastcgi_cache_path", "uwsgi_cache_path", "scgi_cache_path"} {
		for _, d := range s.config.Find(name) {
			if len(d.Args) > 0 {
				s.caches = appendUnique(s.caches, absolute(d.Args[0], s.prefix))
			}
		}
	}
	for _, w := range s.routes {
		for _, p := range w.Target.Peers {
			if w.Role == nginxconf.Auth {
				s.authUpstreams = appendUnique(s.authUpstreams, canonicalKey(peerKey(p)))
			}
			if w.Role == nginxconf.Mirror || w.Role == nginxconf.After {
				s.mirrors = appendUnique(s.mirrors, canonicalKey(peerKey(p)))
			}
			if slices.Contains(p.Params, "resolve") && !p.Down && p.Socket == "" && !isLiteral(peerKey(p)) {
				s.lateNames = appendUnique(s.lateNames, dnsName(p))
			}
			if p.Socket != "" && !s.listensAt(p.Socket) {
				s.catchAll.Sockets = appendUnique(s.catchAll.Sockets, p.Socket)
			}
		}
	}
	for _, name := range []string{"proxy_cache_valid", "fastcgi_cache_valid", "uwsgi_cache_valid", "scgi_cache_valid"} {
		for _, d := range s.config.Find(name) {
			if t, err := nginxconf.Duration(lastArg(d)); err == nil {
				s.cacheTimes = appendUnique(s.cacheTimes, t)
			}
		}
	}
	s.stateless = true
	for _, name := range []string{"limit_req", "limit_conn", "limit_req_zone", "limit_conn_zone"} {
		s.stateless = s.stateless && len(s.config.Find(name)) == 0
	}
	for _, d := range s.config.Find("split_clients") {
		by := d.Args[0]
		s.timeChooses = s.timeChooses || s.report.Clock == "moved" && (strings.Contains(by, "$time") || strings.Contains(by, "${time") || strings.Contains(by, "msec"))
	}
	for _, name := range []string{"proxy_ssl_name", "grpc_ssl_name", "uwsgi_ssl_name"} {
		for _, d := range s.config.Find(name) {
			if len(d.Args) > 0 && !strings.Contains(d.Args[0], "$") {
				s.catchAll.Names = appendUnique(s.catchAll.Names, d.Args[0])
			}
		}
	}
	s.steps = s.config.Durations()
	// What no config names: a resolver asks again after 5 s, and gives up after 30.
	for _, d := range []time.Duration{5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 75 * time.Second} {
		s.steps = appendUnique(s.steps, d)
	}
	slices.Sort(s.steps)
	return nil
}

// knownNames are the names that are known without a look at the DNS.
func (s *session) knownNames() addressNames {
	names := addressNames{}
	for address, name := range s.tree.Hosts {
		names[address] = name
	}
	return names
}

// dnsName is what the gateway asks the DNS for a peer.
func dnsName(p nginxconf.Peer) string {
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
	return slices.ContainsFunc(s.routes, func(w nginxconf.Route) bool {
		return slices.ContainsFunc(w.Listens, func(l nginxconf.Listen) bool { return l.Network == "unix" && l.Address == socket })
	})
}

func absolute(p, prefix string) string {
	if path.IsAbs(p) {
		return p
	}
	return path.Join(prefix, p)
}

func appendUnique[T comparable](all []T, one T) []T {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}

// peerKey is how reports name a peer, and how the lab knows it.
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

// canonicalKey is the key of an address as the gateway calls it: some names are the machine's own.
func canonicalKey(key string) string {
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

// allAddresses are all that the gateway may call for these keys: localhost has one of each kind.
func allAddresses(keys []string) []string {
	all := slices.Clone(keys)
	for _, k := range keys {
		if port, ok := strings.CutPrefix(k, "127.0.0.1:"); ok {
			all = append(all, "[::1]:"+port)
		}
	}
	return all
}

// isLiteral reports whether a key is an address or a socket, so that no name has to be looked up.
func isLiteral(key string) bool {
	host, _, err := net.SplitHostPort(canonicalKey(key))
	if err != nil || strings.HasPrefix(key, "unix:") {
		return true
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

// listSupplied lists the names, addresses and sockets that the upstreams are.
func (s *session) listSupplied(names addressNames) {
	known := map[string]bool{}
	for _, one := range s.report.Supplied {
		known[one.Kind+one.What] = true
	}
	for _, w := range s.routes {
		for _, p := range w.Target.Peers {
			key := peerKey(p)
			one := audit.Supply{Kind: "name", What: p.Host, Place: p.Place}
			switch {
			case p.Socket != "":
				one.Kind, one.What, one.With = "socket", p.Socket, "a listener of the lab's"
			case isLiteral(key):
				one.Kind, one.What, one.With = "address", key, "a host of the lab's"
			default:
				address := names.addressOf(canonicalKey(key))
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

// statusBehaviours are the behaviours that leave a route's own upstreams healthy while all others answer a status.
func statusBehaviours(keys []string, status int) []lab.UpstreamBehaviour {
	var all []lab.UpstreamBehaviour
	for _, k := range allAddresses(keys) {
		all = append(all, lab.UpstreamBehaviour{At: k})
	}
	return append(all, lab.UpstreamBehaviour{Script: fakeupstream.Always(statusBehaviour(status))})
}

// longestCacheTime is after how long no cache has a page whose time is not over.
func (s *session) longestCacheTime() time.Duration {
	longest := time.Duration(0)
	for _, t := range s.cacheTimes {
		longest = max(longest, t)
	}
	return longest + 2*time.Second // caches count in whole seconds
}

func lastArg(d *nginxconf.Directive) string {
	if len(d.Args) == 0 {
		return ""
	}
	return d.Args[len(d.Args)-1]
}
