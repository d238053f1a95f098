package lab

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// accounting is the account of a sandbox: whom the gateway called, and what the fake upstreams saw.
type accounting struct {
	mu             sync.Mutex
	connects       map[string]int // how often each address was called, as the last answer told
	failedConnects map[string]int // how often no connection came of it, by the error log
	served         map[string]int // connections to the fakes that run no more, by where they listened
	inFlight       bool           // clients are under way, for whom it may call meanwhile
}

func newAccounting() *accounting {
	return &accounting{failedConnects: map[string]int{}, served: map[string]int{}}
}

// called takes into the account whom the gateway has called so far.
func (a *accounting) called(connects map[string]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.connects = connects
}

// failed takes a call into the account of which the error log says that no connection came of it.
func (a *accounting) failed(addr string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failedConnects[addr]++
}

// saw takes into the account what a fake upstream saw that plays no more.
func (a *accounting) saw(listen string, all []fakeupstream.ConnectionRecord) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.served[listen] += len(all)
}

// backgroundStarted says that there are clients for whom the gateway may call at any time.
func (a *accounting) backgroundStarted() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.inFlight = true
}

// taken is how many connections the fakes had that play no more; known is false where it is not known whom the gateway called.
func (a *accounting) taken() (connections map[string]int, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.served), !a.inFlight && a.connects != nil
}

// connected is how many connections to a listener the gateway has made.
func (a *accounting) connected(listen string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for addr, calls := range a.connects {
		if serves(listen, addr) {
			n += calls - a.failedConnects[addr]
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
	if err := c.call(ctx, "StopFake", agentapi.NameRef{Name: u.Name}, &all); err != nil {
		return err
	}
	c.calls.saw(u.Address(), all)
	return nil
}

// UpstreamCalls says how often a fake upstream was called, by the gateway and by anybody.
type UpstreamCalls struct {
	At          string `json:"at"`          // where the fake listens
	Made        int    `json:"made"`        // connections that the gateway made
	Connections int    `json:"connections"` // as the fake saw them
}

// UpstreamCalls counts the connections to each fake upstream but those that speak DNS, in the order of their addresses. It returns none where those of the
// gateway are not all that may be: where a real upstream may have called too, or where clients are still under way.
func (c *Sandbox) UpstreamCalls(ctx context.Context) ([]UpstreamCalls, error) {
	taken, known := c.calls.taken()
	asked := map[string]bool{} // by datagrams, which are no connections of the gateway's
	for _, u := range c.setup.Upstreams {
		known = known && u.Fake != nil
		asked[u.Address()] = u.Fake != nil && u.Fake.Protocol == fakeupstream.DNS
	}
	if !known {
		return nil, nil
	}
	var playing map[string]int
	if err := c.call(ctx, "Connections", agentapi.None{}, &playing); err != nil {
		return nil, err
	}
	for name, connections := range playing {
		if u, runs := c.Running(name); runs {
			taken[u.Address()] += connections
		}
	}
	var calls []UpstreamCalls
	for _, at := range slices.Sorted(maps.Keys(taken)) {
		if asked[at] {
			continue
		}
		calls = append(calls, UpstreamCalls{At: at, Made: c.calls.connected(at), Connections: taken[at]})
	}
	return calls, nil
}
