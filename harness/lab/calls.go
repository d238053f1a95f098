package lab

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// calls is the account of a cell: whom the gateway's logs say that it called, and what the fake upstreams saw.
type accounting struct {
	mu             sync.Mutex
	tried          map[string]int  // how often each address was called, by the access log
	failedConnects map[string]int  // how often no connection came of it, by the error log
	served         map[string]hits // what the fakes saw that play no more, by where they listened
	inFlight       bool            // visitors are under way of whom the logs do not tell yet
}

// reach is how often a fake upstream was reached.
type hits struct{ connections, requests int }

func newAccounting() *accounting {
	return &accounting{tried: map[string]int{}, failedConnects: map[string]int{}, served: map[string]hits{}}
}

// logged takes what the gateway logged into the account: the tries of one request.
func (a *accounting) logged(tries []Try) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range tries {
		a.tried[t.Addr]++
	}
}

// failed takes the tries into the account of which the error log says that no connection came of them.
func (a *accounting) failed(lines []gateway.LogRecord) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range lines {
		// Without a free connection of its own there is no try, and $upstream_addr is empty.
		ownLimit := strings.HasSuffix(l.Message, "worker_connections are not enough")
		if l.Phase == "connecting to upstream" && l.AtLeast("error") && !ownLimit {
			a.failedConnects[upstreamAddr(l.Upstream)]++
		}
	}
}

// upstreamAddr is the address in the error log's field upstream, as $upstream_addr has it: "http://10.0.0.5:8080/path" is
// "10.0.0.5:8080", and "fastcgi://unix:/run/php.sock:" is "unix:/run/php.sock".
func upstreamAddr(field string) string {
	_, rest, _ := strings.Cut(field, "://")
	if path, local := strings.CutPrefix(rest, "unix:"); local {
		path, _, _ = strings.Cut(path, ":")
		return "unix:" + path
	}
	addr, _, _ := strings.Cut(rest, "/")
	return addr
}

// saw takes what a fake upstream saw into the account, of those that play no more.
func (a *accounting) saw(listen string, all []fakeupstream.ConnectionRecord) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.served[listen] = a.served[listen].and(all)
}

// and is the sum with what another fake saw.
func (r hits) and(all []fakeupstream.ConnectionRecord) hits {
	r.connections += len(all)
	for _, c := range all {
		r.requests += c.RequestCount
	}
	return r
}

// crowded says that there are visitors of whom the logs do not tell yet.
func (a *accounting) backgroundStarted() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight = true
}

// reached is what the fakes saw that play no more; known is false where the logs do not tell all.
func (a *accounting) reached() (seen map[string]hits, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.served), !a.inFlight && len(a.tried) > 0
}

// connected is how many of the gateway's tries connected to a listener.
func (a *accounting) connected(listen string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for addr, tried := range a.tried {
		if serves(listen, addr) {
			n += tried - a.failedConnects[addr]
		}
	}
	return n
}

// serves reports whether a listener takes the connections to an address.
func serves(listen, addr string) bool {
	if listen == addr {
		return true
	}
	host, port, err := net.SplitHostPort(listen)
	ip := net.ParseIP(host)
	_, called, err2 := net.SplitHostPort(addr)
	return err == nil && err2 == nil && port == called && (host == "" || ip != nil && ip.IsUnspecified())
}

// retire ends a fake upstream, and keeps what it has seen.
func (c *Sandbox) retire(ctx context.Context, u Upstream) error {
	var all []fakeupstream.ConnectionRecord
	if err := c.call(ctx, "Mute", agentapi.NameRef{Cell: c.id, Name: u.Name}, &all); err != nil {
		return err
	}
	c.calls.saw(u.listen(), all)
	return nil
}

// UpstreamCalls says how often a fake upstream was called, by the gateway's log and by the fake itself.
type UpstreamCalls struct {
	At          string `json:"at"`          // where the fake listens
	Logged      int    `json:"logged"`      // attempts that connected, by the gateway's log
	Connections int    `json:"connections"` // as the fake saw them
	Requests    int    `json:"requests"`    // as the fake saw them
}

// UpstreamCalls counts the calls to each fake upstream, in the order of their addresses. It returns none where the gateway's log
// can't be held against them: where a real upstream may have called too, where visitors are still under way, or where the
// gateway's config keeps no log of its attempts.
func (c *Sandbox) UpstreamCalls(ctx context.Context) ([]UpstreamCalls, error) {
	seen, known := c.calls.reached()
	for _, u := range c.setup.Upstreams {
		known = known && u.Fake != nil
	}
	if !known {
		return nil, nil
	}
	c.mu.Lock()
	playing := maps.Clone(c.playing)
	c.mu.Unlock()
	for _, u := range playing {
		if u.Fake == nil {
			continue
		}
		all, err := c.Records(ctx, u.Name)
		if err != nil {
			return nil, err
		}
		seen[u.listen()] = seen[u.listen()].and(all)
	}
	var calls []UpstreamCalls
	for _, at := range slices.Sorted(maps.Keys(seen)) {
		calls = append(calls, UpstreamCalls{At: at, Logged: c.calls.connected(at), Connections: seen[at].connections, Requests: seen[at].requests})
	}
	return calls, nil
}
