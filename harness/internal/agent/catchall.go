//go:build linux

package agent

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
)

// catchAll is what a sandbox has more when it is a catch-all sandbox: every address, every port and every name answers, as an upstream that
// speaks whatever protocol it is spoken to in.
type catchAll struct {
	cell  *sandbox
	net   *catchAllNet
	names *names
	busy  *activityTracker

	mu       sync.Mutex
	conducts []agentapi.UpstreamBehaviour // with addresses in place of names
	playing  map[string]*endpoint         // by the address that was called
	retired  []agentapi.UpstreamCall      // of endpoints that play no more, not yet told
	sockets  map[string]*socketListener
	certain  []string // names that every certificate is for
	selves   int      // calls of the gateway to itself since the last news
	loop     bool
	aside    []agentapi.UpstreamCall // calls that no endpoint takes: datagrams, and the gateway's to itself
	syslog   []string

	lost atomic.Int64 // packets that were sent and, as far as has been waited for them, never arrive
}

// endpoint is the fake upstream at one address.
type endpoint struct {
	at, name string
	feed     *chanListener
	server   *fakeupstream.Server
	told     map[int]int // connection -> how many of its requests the news told of, and 1
}

// selfLimit is how often a gateway may call itself for one client before it is taken to do so without end.
const selfLimit = 100

// setUpCatchAll is for the sandbox's own thread, when its loopback is up.
func (c *sandbox) setUpCatchAll(spec agentapi.CatchAllSpec) error {
	w := &catchAll{cell: c, names: newNames(), busy: &activityTracker{}, playing: map[string]*endpoint{}, sockets: map[string]*socketListener{}, certain: spec.Names}
	c.catchAll = w
	var err error
	if w.net, err = newWorldNet(w); err != nil {
		return fmt.Errorf("making the sandbox of sandbox %s: %w", c.id, err)
	}
	for _, s := range spec.Sockets {
		if err := w.openSocket(s); err != nil {
			return err
		}
	}
	return nil
}

// close ends all that the sandbox does.
func (w *catchAll) close() {
	if w.net != nil {
		w.net.close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sockets {
		s.close()
	}
	for _, e := range w.playing {
		_ = e.server.Close()
	}
}

// setBehaviour makes the upstreams and names behave so from now on.
func (w *catchAll) setBehaviour(ctx context.Context, spec agentapi.BehaviourSpec) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, e := range w.playing {
		w.retired = append(w.retired, e.drain()...)
		_ = e.server.Close()
		delete(w.playing, at)
	}
	w.cell.clock.forget()
	w.names.setBehaviour(spec.Names)
	w.conducts = spec.Upstreams
	for i := range w.conducts {
		w.conducts[i].At = w.address(w.conducts[i].At)
	}
	for path, s := range w.sockets {
		if err := s.set(ctx, w.down("unix:"+path) == "refused"); err != nil {
			return err
		}
	}
	return w.net.takeDown(w.conducts)
}

// address is where the sandbox has an upstream that is named "app:8080".
func (w *catchAll) address(at string) string {
	host, port, err := net.SplitHostPort(at)
	if err != nil || strings.HasPrefix(at, "unix:") {
		return at
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(ip.Unmap().String(), port)
	}
	return net.JoinHostPort(w.names.base(host).String(), port)
}

// behaviourOf is how the upstream at an address behaves.
func (w *catchAll) behaviourOf(at string) agentapi.UpstreamBehaviour {
	for _, u := range w.conducts {
		if u.At == "" || u.At == at {
			return u
		}
	}
	return agentapi.UpstreamBehaviour{}
}

func (w *catchAll) down(at string) string { return w.behaviourOf(at).Down }

// accepted hands a connection of the gateway's to the upstream that it called.
func (w *catchAll) accepted(conn net.Conn, at string) {
	w.mu.Lock()
	e, err := w.endpoint(at)
	w.mu.Unlock()
	if err != nil {
		conn.Close()
		return
	}
	if c, ok := conn.(*countedConn); ok {
		c.whenTaken = func() { w.taken(conn.RemoteAddr(), at) }
	}
	e.feed.push(conn)
}

// taken waits until the gateway has read all that came on its connection from one address to the other, and sleeps. Of unix
// sockets that is not looked for.
func (w *catchAll) taken(from net.Addr, to string) {
	local, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return
	}
	remote, err := netip.ParseAddrPort(to)
	if err != nil {
		return
	}
	_ = pollFast(w.cell.life, takenLimit, func() (bool, error) {
		s, there, err := w.cell.tcp(netip.AddrPortFrom(local.Addr().Unmap(), local.Port()), remote)
		if err != nil || !there || s.unread > 0 {
			return !there, err
		}
		p, err := w.cell.process(gatewayProcess)
		if err != nil {
			return true, err
		}
		return p.idle()
	})
}

// takenLimit is for a gateway that reads no more, and never comes to rest.
const takenLimit = 5 * time.Second

// endpoint is the fake at an address, which is made when it is first called.
func (w *catchAll) endpoint(at string) (*endpoint, error) {
	if e := w.playing[at]; e != nil {
		return e, nil
	}
	e := &endpoint{at: at, name: w.names.of(at), feed: newChanListener(), told: map[int]int{}}
	conduct := w.behaviourOf(at)
	spec := fakeupstream.Spec{
		Name: at, Listen: "127.0.0.1:1", Protocol: fakeupstream.Any, Script: conduct.Script,
		TLS: &fakeupstream.TLS{Names: append(certificateNames(at, e.name), w.certain...), Fault: fakeupstream.TLSFault(conduct.TLS), Authority: &clientAuthority},
	}
	if len(spec.Script) == 0 {
		spec.Script = fakeupstream.Always(fakeupstream.Well{Chunked: true, Body: "badgateway: " + cmp.Or(e.name, at) + " answers\n"})
	}
	var err error
	e.server, err = fakeupstream.New(spec, fakeupstream.Options{
		Clock:  w.cell.clock,
		Listen: func(string, string) (net.Listener, error) { return e.feed, nil },
	})
	if err != nil {
		return nil, fmt.Errorf("making the upstream %s: %w", at, err)
	}
	w.playing[at] = e
	return e, nil
}

// certificateNames are what an upstream's certificate is for.
func certificateNames(at, name string) []string {
	names := []string{"localhost"}
	if host, _, err := net.SplitHostPort(at); err == nil {
		names = append(names, host)
	}
	if name != "" {
		names = append([]string{name}, names...)
	}
	return names
}

// drain is what the endpoint saw since it was last asked.
func (e *endpoint) drain() []agentapi.UpstreamCall {
	var fresh []agentapi.UpstreamCall
	for _, r := range e.server.RecordsWhere(func(connection, requests int) bool {
		told, known := e.told[connection]
		return !known || told != requests
	}) {
		told := e.told[r.Number]
		e.told[r.Number] = len(r.Requests)
		r.Requests = r.Requests[told:]
		fresh = append(fresh, agentapi.UpstreamCall{At: e.at, Name: e.name, Record: r})
	}
	return fresh
}

// drain is what upstreams and names saw since it was last asked for.
func (w *catchAll) drain() agentapi.Events {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := agentapi.Events{Calls: append(w.retired, w.aside...), DNSQueries: w.names.drain(), Loop: w.loop, Syslog: w.syslog}
	w.retired, w.aside, w.syslog, w.loop, w.selves = nil, nil, nil, false, 0
	for _, e := range w.playing {
		n.Calls = append(n.Calls, e.drain()...)
	}
	slices.SortStableFunc(n.Calls, func(a, b agentapi.UpstreamCall) int { return begun(a).Compare(begun(b)) })
	return n
}

// news is what upstreams and names saw since it was last asked for, and the calls that none could see.
func (w *catchAll) news() (agentapi.Events, error) {
	n := w.drain()
	var err error
	w.mu.Lock()
	defer w.mu.Unlock()
	n.DownCalls, err = w.net.drainDownCalls()
	return n, err
}

// begun is when the first of the requests that a call tells of came, or the connection without any: one that was kept may have
// been opened long before.
func begun(c agentapi.UpstreamCall) time.Time {
	if len(c.Record.Requests) > 0 {
		return c.Record.Requests[0].Started
	}
	return c.Record.Opened
}

// calls is how many connections and requests the upstreams have seen: it grows when something happens.
func (w *catchAll) calls() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.playing {
		connections, requests := e.server.Counts()
		n += connections + requests
	}
	return n + len(w.aside) + w.selves
}

// toItself passes a connection on to a listener of the gateway's own.
func (w *catchAll) toItself(conn net.Conn, at netip.AddrPort) {
	w.mu.Lock()
	w.selves++
	endless := w.selves > selfLimit
	w.loop = w.loop || endless
	if !endless {
		w.aside = append(w.aside, agentapi.UpstreamCall{At: at.String(), Self: true})
	}
	w.mu.Unlock()
	if endless {
		conn.Close()
		return
	}
	var other net.Conn
	err := w.cell.online(func() (err error) {
		other, err = ours.DialContext(w.cell.life, "tcp", at.String())
		return err
	})
	if err != nil {
		conn.Close()
		return
	}
	join(conn, w.busy.count(other))
}

// join makes one connection of two, until both directions have ended.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	both.Add(2)
	go func() { defer both.Done(); pour(a, b) }()
	go func() { defer both.Done(); pour(b, a) }()
	go func() {
		both.Wait()
		a.Close()
		b.Close()
	}()
}

// pour copies until the source ends, and ends that direction then. Where the other cannot be written to, the source is shut.
func pour(to, from net.Conn) {
	if _, err := io.Copy(to, struct{ io.Reader }{from}); err != nil {
		from.Close()
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// clocked reports whether the gateway obeys the sandbox's clock.
func (c *sandbox) clocked() bool {
	p, err := c.process(gatewayProcess)
	return err == nil && p.spec.Clock
}
