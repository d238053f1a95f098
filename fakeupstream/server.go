package fakeupstream

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// Options are what a Server takes from its surroundings. The zero value is the machine.
type Options struct {
	// Listen opens the listener; nil means net.Listen. Give one to listen in another
	// network namespace, or to hand over connections that were accepted elsewhere. Any
	// listener does for most behaviours (backlog-full needs a socket, refuse of a stale
	// socket file a *net.UnixListener). Connections are *net.TCPConn, *net.UnixConn, or
	// wrap one and tell of it by a method NetConn() net.Conn, as *tls.Conn does, or have
	// SyscallConn: a reset needs the socket, and is a mere close without one. A wrapper of
	// a unix socket that is to be reset is read past.
	//
	// Where time is held still, whoever hands connections over may have to know that nothing will happen until it goes on.
	// A connection with a method MarkIdle() is called so when the upstream will neither read nor write any more, and one with
	// AwaitRead() before the end of an answer in part: it returns when the client has read all, and waits.
	Listen func(network, address string) (net.Listener, error)
	// ListenPacket listens for the datagrams of DNS; nil means net.ListenPacket, or with a Listen of yours that none are listened for.
	ListenPacket func(network, address string) (net.PacketConn, error)
	// Dial connects to the upstream's own address; nil means net.Dial. BacklogFull fills
	// its queue through it.
	Dial func(network, address string) (net.Conn, error)
	// Clock tells the time; nil means the machine's.
	Clock Clock
	// Observe is called with each thing the upstream sees and does, as it happens, from
	// many goroutines, never two at once for one Server. It must not call the Server.
	Observe func(Event)
}

// step is a behaviour made ready to be served.
type step struct {
	b    Behaviour
	text string    // b in words
	well *Well     // b, when it is a Well
	pre  *prebuilt // the finished answer in HTTP, when b is a Well that is small
	fcgi *prebuilt // the same in FastCGI
}

// serve serves the behaviour. A Well is served in place: most requests of a load test meet one, and a copy of it for each
// would be work for the garbage collector.
func (s *step) serve(x *Exchange) error {
	if s.well != nil {
		return s.well.serve(x)
	}
	return s.b.Serve(x)
}

// Server is a running upstream.
type Server struct {
	opts             Options
	name, protocol   string
	network, address string // address has the port that was got
	addr             net.Addr
	tls              *tlsSide
	done             chan struct{} // closed by Close
	wg               sync.WaitGroup
	observing        sync.Mutex

	mu       sync.Mutex
	spec     Spec
	listener net.Listener // nil while refusing
	undo     func() error // ends a listenerBehaviour
	brought  bool         // the listener is the caller's
	script   [][]step
	rules    *rules
	accepted int
	seen     *recorder
	live     map[*Exchange]struct{}
	client   *http.Client // nil until it is asked for
	closed   bool
}

// NewHTTP is a plain HTTP upstream: request j of each connection meets b[j], and the last
// behaviour is for the rest. Without behaviours it answers well.
func NewHTTP(listen string, b ...Behaviour) (*Server, error) {
	return New(specOf(listen, HTTP, b), Options{})
}

// NewFastCGI is NewHTTP for a FastCGI responder.
func NewFastCGI(listen string, b ...Behaviour) (*Server, error) {
	return New(specOf(listen, FastCGI, b), Options{})
}

func specOf(listen, protocol string, b []Behaviour) Spec {
	spec := Spec{Listen: listen, Protocol: protocol}
	if len(b) > 0 {
		spec.Script = Script{b}
	}
	return spec
}

// New starts an upstream. It is listening when New returns (or refusing, when that is its
// script). The Spec is taken as it is: what is done with it later changes nothing.
func New(spec Spec, opts Options) (*Server, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	brought := opts.Listen != nil
	if !brought {
		opts.Listen = net.Listen
		if opts.ListenPacket == nil {
			opts.ListenPacket = net.ListenPacket
		}
	}
	if opts.Dial == nil {
		opts.Dial = net.Dial
	}
	if opts.Clock == nil {
		opts.Clock = machineClock{}
	}
	s := &Server{
		spec: spec, name: spec.name(), protocol: spec.protocol(), opts: opts, done: make(chan struct{}),
		seen: newRecorder(), live: map[*Exchange]struct{}{},
		script: ready(spec.Script, spec.protocol()), rules: newRules(spec.Rules, spec.protocol()), brought: brought,
	}
	s.network, s.address = spec.where()
	if t := spec.tls(); t != nil {
		side, err := t.side(s.address, s.protocol)
		if err != nil {
			return nil, fmt.Errorf("upstream %q: tls: %w", spec.name(), err)
		}
		s.tls = side
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("upstream %q: %w", spec.name(), err)
	}
	return s, nil
}

// ready makes the script ready to be served; every list in it has an entry.
func ready(script Script, protocol string) [][]step {
	if len(script) == 0 {
		script = Script{nil}
	}
	all := make([][]step, len(script))
	for i, c := range script {
		if len(c) == 0 {
			c = Connection{Well{}}
		}
		for _, b := range c {
			all[i] = append(all[i], newStep(b, protocol))
		}
	}
	return all
}

func newStep(b Behaviour, protocol string) step {
	st := step{b: b, text: b.String()}
	if w, ok := b.(Well); ok {
		st.well = &w
		if protocol == HTTP || protocol == Any {
			st.pre = prebuild(&w, HTTP)
		}
		if protocol == FastCGI || protocol == Any {
			st.fcgi = prebuild(&w, FastCGI)
		}
	}
	return st
}

// Name is what records and events call this upstream.
func (s *Server) Name() string { return s.name }

// Spec is what the upstream was made from, or after Reset what is left of that.
func (s *Server) Spec() Spec {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spec
}

// Addr is where it listens, or where it refuses.
func (s *Server) Addr() net.Addr { return s.addr }

// Records is a copy of what was seen so far: the first 1000 connections, and in them the
// first 1000 requests.
func (s *Server) Records() []ConnectionRecord { return s.recorder().records(nil) }

// RecordsWhere is a copy of those that pick wants, by the number of the connection and how many of its requests were
// recorded. It copies no others, so that whoever looks often pays for what is new only. Pick must not call the Server.
func (s *Server) RecordsWhere(pick func(connection, requests int) bool) []ConnectionRecord {
	return s.recorder().records(pick)
}

// Counts tells how many connections were accepted and how many requests were read in full,
// those beyond the records included.
func (s *Server) Counts() (connections, requests int) {
	l := s.recorder()
	return int(l.connections.Load()), int(l.requests.Load())
}

// WaitRequests returns once n requests were read in full, head and declared body, since
// the upstream was made or reset. It fails when ctx ends or the upstream is closed first.
func (s *Server) WaitRequests(ctx context.Context, n int) error {
	l := s.recorder()
	return l.wait(ctx, s.done, &l.requests, n, "requests")
}

// WaitConnections is WaitRequests for connections that were accepted.
func (s *Server) WaitConnections(ctx context.Context, n int) error {
	l := s.recorder()
	return l.wait(ctx, s.done, &l.connections, n, "connections")
}

func (s *Server) recorder() *recorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// Reset makes everything well: script and rules are dropped, so that every request from now on is
// answered well, connections are closed, and the records start anew. An upstream that was
// refusing, or whose backlog was full, listens again. TLS faults are dropped too.
//
// Reset panics only if such an upstream cannot listen again, as its address was taken.
func (s *Server) Reset() {
	if err := s.reset(); err != nil {
		panic(err)
	}
}

func (s *Server) reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	undo := s.undo
	s.spec.Script, s.spec.Rules, s.undo = nil, nil, nil
	s.script, s.rules, s.accepted, s.seen = ready(nil, s.protocol), nil, 0, newRecorder()
	if s.tls != nil {
		s.tls = s.tls.well()
	}
	if s.spec.TLS != nil {
		t := *s.spec.TLS
		t.Fault = ""
		s.spec.TLS = &t
	}
	for x := range s.live {
		x.kill()
	}
	if undo == nil {
		return nil
	}
	if err := undo(); err != nil {
		return err
	}
	if s.listener == nil {
		ln, err := s.listen()
		if err != nil {
			return fmt.Errorf("upstream %q: %w", s.name, err)
		}
		s.listener = ln
	}
	s.wg.Add(1)
	go s.accept(s.listener)
	return nil
}

// Close stops listening, closes every connection and waits until all of its goroutines
// are gone. A unix socket's file is removed. Closing twice is fine.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return nil
	}
	s.closed = true
	close(s.done)
	var err error
	if s.listener != nil {
		err = closeNow(s.listener)
	}
	if s.undo != nil {
		err = first(err, s.undo())
	}
	for x := range s.live {
		x.kill()
	}
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
	s.mu.Unlock()
	s.wg.Wait()
	s.event(Event{Kind: EventStopped, Text: "stopped"})
	return err
}

// event hands e to the observer.
func (s *Server) event(e Event) {
	if s.opts.Observe == nil {
		return
	}
	s.observing.Lock()
	defer s.observing.Unlock()
	e.Time, e.Upstream = s.opts.Clock.Now(), s.name
	s.opts.Observe(e)
}

func itoa(n int) string { return strconv.Itoa(n) }
