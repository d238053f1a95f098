package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

// measurement measures one measurement.
type measurement struct {
	session       *session
	sandbox       *lab.Sandbox
	route         *route
	fault         audit.Fault
	method        string
	result        *audit.Measurement
	names         addressNames
	healthy       audit.Outcome
	nextBehaviour *lab.BehaviourSpec // takes effect before the next request
	notHealthy    bool               // the route was not answered as it should be before the fault
	cacheBuster   string             // makes the URI another one, so that no cache has the answer
	waited        time.Duration      // until limits let a client in, in the config's time
}

func (m *measurement) run(ctx context.Context) error {
	if m.fault.Kind == audit.Reuse {
		return m.reuse(ctx)
	}
	var err error
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if m.fault.Kind == audit.NoFault {
		m.result.Outcome, m.notHealthy = m.healthy, m.unhealthyReason() != ""
		return nil
	}
	if skip := m.unhealthyReason(); skip != "" {
		m.result.Skipped, m.result.SkippedAs, m.notHealthy = skip, audit.Unhealthy, true
		return nil
	}
	if m.route.hasCache() {
		m.cacheBuster = "badgateway=broken"
	}
	if m.fault.Visitor {
		return m.visit(ctx)
	}
	switch m.fault.Kind {
	case audit.NameGone:
		return m.nameGone(ctx)
	case audit.NameMoved:
		return m.nameMoved(ctx)
	case audit.OnePeer, audit.OneSilent:
		m.setBehaviour(m.brokenBehaviours(m.route.keys[:1]), nil)
		return m.onePeer(ctx, m.route.peers())
	case audit.OneOfName:
		if err := m.startWithBoth(ctx); err != nil {
			return err
		}
		return m.onePeer(ctx, m.route.peers()+1)
	}
	m.setBehaviour(m.brokenBehaviours(m.route.keys), nil)
	if m.result.Outcome, err = m.ask(ctx); err != nil {
		return err
	}
	m.markSilentTruncation()
	if m.fault.Kind == audit.Restart {
		// Clients go on to come while it is away, so that every peer is known to be dead.
		for range m.route.peers() {
			if _, err := m.ask(ctx); err != nil {
				return err
			}
		}
	}
	m.setWell()
	if m.fault.Says != 0 {
		return nil // it was no failure, and a cache may rightly keep it
	}
	if err := m.recover(ctx); err != nil {
		return err
	}
	return m.warm(ctx)
}

// unhealthyReason says why this method can't be used on the route; empty when it is answered as it was when the route was found.
func (m *measurement) unhealthyReason() string {
	want := m.route.Healthy
	if m.method == m.route.Ask.Method {
		if !asHealthy(m.healthy, want) {
			return fmt.Sprintf("the route %s before the fault, not %s", exactAnswer(m.healthy), exactAnswer(want))
		}
		return ""
	}
	if m.healthy.Status != want.Status || len(m.healthy.Calls) == 0 {
		return fmt.Sprintf("%s %s without any fault", m.method, answered(m.healthy))
	}
	return ""
}

// answered is what came, in words.
func answered(o audit.Outcome) string {
	if o.Status == 0 {
		return "gets no answer (" + o.NoAnswer + ")"
	}
	return fmt.Sprintf("is answered %d", o.Status)
}

// exactAnswer is all of an answer by which a healthy one is known.
func exactAnswer(o audit.Outcome) string {
	text := answered(o)
	if o.Cut {
		text += ", cut"
	}
	if o.TimedOut {
		text += ", without end"
	}
	return fmt.Sprintf("%s, page %q", text, o.Page)
}

func (m *measurement) ask(ctx context.Context) (audit.Outcome, error) {
	spec := m.route.request.withArgument(m.cacheBuster).spec(m.method, m.session.steps, m.session.waitLimit())
	spec.Behaviour, m.nextBehaviour = m.nextBehaviour, nil
	answer, wait, err := m.session.probe(ctx, m.sandbox, m.route, spec, m.names)
	m.waited += wait
	if err != nil {
		return audit.Outcome{}, err
	}
	if answer.Killed != nil {
		return audit.Outcome{}, answer.Killed
	}
	return m.route.outcome(answer, m.names), nil
}

// setBehaviour says how upstreams and names are from before the next request on. What lies beside the route stays as it has to be
// for requests to get there.
func (m *measurement) setBehaviour(behaviours []lab.UpstreamBehaviour, names []lab.NameBehaviour) {
	m.nextBehaviour = &lab.BehaviourSpec{Upstreams: append(behaviours, m.route.otherBehaviours...), Names: names}
}

// setWell makes all well.
func (m *measurement) setWell() {
	var well []lab.UpstreamBehaviour
	if m.fault.Well != nil {
		for _, k := range allAddresses(m.route.keys) {
			well = append(well, lab.UpstreamBehaviour{At: k, Script: fakeupstream.Always(m.fault.Well)})
		}
	}
	m.setBehaviour(well, nil)
}

// brokenBehaviours are the behaviours by which the fault breaks these upstreams.
func (m *measurement) brokenBehaviours(keys []string) []lab.UpstreamBehaviour {
	var all []lab.UpstreamBehaviour
	for _, k := range allAddresses(keys) {
		c := lab.UpstreamBehaviour{At: k}
		switch m.fault.Kind {
		case audit.Refuses, audit.OnePeer, audit.OneOfName, audit.Restart:
			if c.Down = "refused"; m.fault.Does != nil {
				c.Down, c.Script = "", fakeupstream.Always(m.faultBehaviour())
			}
		case audit.Off, audit.OneSilent:
			c.Down = "off"
		case audit.Behaves:
			c.Script = fakeupstream.Always(m.faultBehaviour())
		case audit.TLSFault:
			c.TLS = m.fault.TLS
		}
		all = append(all, c)
	}
	return all
}

// faultBehaviour is what the upstream does; an error that it answers with has a page of its own.
func (m *measurement) faultBehaviour() fakeupstream.Behaviour {
	does := m.fault.For(m.route.Protocol)
	if w, ok := does.(fakeupstream.Well); ok && w.Status >= 400 {
		page := statusBehaviour(w.Status)
		page.Headers = w.Headers
		return page
	}
	return does
}

// markSilentTruncation completes what was seen under the fault.
func (m *measurement) markSilentTruncation() {
	c := m.result
	// The upstream's answer was cut, and the client's was not: he can't know.
	// Of what an auth service or a mirror answers he sees nothing.
	beside := m.route.Role == nginxconf.Auth || m.route.Role == nginxconf.Mirror
	c.SilentTruncation = m.fault.Cuts && !beside && c.Status == m.healthy.Status && !c.Cut && !c.TimedOut && c.Page == "upstream"
}

// recover finds for how long clients still get errors after all are healthy.
func (m *measurement) recover(ctx context.Context) error {
	passed, erred := time.Duration(0), false
	for {
		before := m.waited
		o, err := m.ask(ctx)
		if err != nil {
			return err
		}
		passed += m.waited - before
		if asHealthy(o, m.healthy) {
			if erred { // a limit that was waited for is no error
				m.result.ErrorsFor = passed
			}
			return nil
		}
		erred = true
		if len(o.Calls) == 0 && len(o.Log) == 0 && (o.Status >= 400 || o.NoAnswer == m.result.NoAnswer) && m.route.hasCache() {
			m.result.Cached = true
		}
		next, more := m.nextMoment(passed)
		if !more {
			m.result.ErrorsFor, m.result.NotRecovered = passed, true
			return nil
		}
		if err := m.sandbox.Wait(ctx, next-passed); err != nil {
			return err
		}
		passed = next
	}
}

// hasCache reports whether the route's answers are cached.
func (r *route) hasCache() bool {
	for _, name := range []string{"proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache"} {
		for _, d := range nginxconf.Effective(r.conf.Location, name) {
			if len(d.Args) > 0 && d.Args[0] != "off" {
				return true
			}
		}
	}
	return false
}

// nextMoment is the next moment at which an answer may be good again: just after one of the config's own times, or the next of a
// row that grows.
func (m *measurement) nextMoment(passed time.Duration) (time.Duration, bool) {
	moments := []time.Duration{1, 2, 5, 11, 21, 31, 61, 121, 301, 601, 1801, 3601}
	for i := range moments {
		moments[i] *= time.Second
	}
	for _, s := range slices.Concat(m.session.steps, m.session.cacheTimes) {
		moments = append(moments, s+time.Second) // for caches count in whole seconds
	}
	slices.Sort(moments)
	for _, t := range moments {
		if t > passed && t <= m.session.observation() {
			return t, true
		}
	}
	return 0, false
}

// onePeer asks, of several peers of which one is broken, until each had its turn.
func (m *measurement) onePeer(ctx context.Context, peers int) error {
	dead := m.route.keys[0]
	if m.route.request.udp {
		if err := m.lostDatagram(dead, func() (audit.Outcome, error) { return m.ask(ctx) }); err != nil {
			return err
		}
		m.setWell()
		return m.recover(ctx)
	}
	first := true
	for range min(2*peers, 12) {
		o, err := m.ask(ctx)
		if err != nil {
			return err
		}
		m.result.Of++
		bad := !asHealthy(o, m.healthy) || o.Waited >= time.Second
		if bad {
			m.result.Bad++
		}
		if first || worse(o, m.result.Outcome, m.healthy) {
			m.result.Outcome, first = o, false
		}
	}
	m.setWell()
	return m.recover(ctx)
}

// manyNamed is the first of the route's upstreams that is given by a name which may have several addresses; empty when there is
// none. localhost has two.
func (r *route) manyNamed() string {
	for _, k := range r.keys {
		host, port, err := net.SplitHostPort(k)
		if err != nil {
			continue // a socket
		}
		if !isLiteral(k) || host == "127.0.0.1" && slices.ContainsFunc(r.conf.Target.Peers, func(p nginxconf.Peer) bool {
			return p.Host == "localhost" && fmt.Sprint(p.Port) == port
		}) {
			return k
		}
	}
	return ""
}

// startWithBoth starts the gateway anew while a name has two addresses, of which one refuses.
func (m *measurement) startWithBoth(ctx context.Context) error {
	if err := m.sandbox.StopGateway(ctx); err != nil {
		return err
	}
	name := m.route.manyNamed()
	host, port, _ := net.SplitHostPort(name)
	dead, names := lab.UpstreamBehaviour{At: name, Down: "refused"}, []lab.NameBehaviour{{Name: host, Both: true}}
	if isLiteral(name) { // localhost: what listens on 127.0.0.1 only
		dead.At, names = "[::1]:"+port, nil
	}
	if err := m.sandbox.SetBehaviour(ctx, append([]lab.UpstreamBehaviour{dead}, m.route.otherBehaviours...), names); err != nil {
		return err
	}
	m.nextBehaviour = nil
	return m.session.start(ctx, m.sandbox, m.names)
}

// lostDatagram asks until a datagram went to the dead peer, and counts one for each peer: a client who gets no datagram back
// can't tell when nginx gives that peer up, and so how many of a few are lost is chance. What becomes of one that goes there is
// not.
func (m *measurement) lostDatagram(dead string, ask func() (audit.Outcome, error)) error {
	tries := 16 * m.route.peers()
	for range tries {
		o, err := ask()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(o.Calls, func(c audit.Call) bool {
			return slices.Contains(allAddresses([]string{dead}), canonicalKey(c.Endpoint))
		}) {
			continue
		}
		m.result.Outcome, m.result.Of = o, m.route.peers()
		if !asHealthy(o, m.healthy) || o.Waited >= time.Second {
			m.result.Bad = 1
		}
		return nil
	}
	m.result.Skipped = fmt.Sprintf("none of %d datagrams went to the dead peer", tries)
	return nil
}

// worse reports whether a client would rather have had the other answer.
func worse(a, than, healthy audit.Outcome) bool {
	if ga, gt := asHealthy(a, healthy), asHealthy(than, healthy); ga != gt {
		return gt
	}
	if a.Waited != than.Waited {
		return a.Waited > than.Waited
	}
	return a.Repeated > than.Repeated || a.Repeated == than.Repeated && len(a.Tries) > len(than.Tries)
}

// nameGone starts the gateway while the upstream's name does not resolve.
func (m *measurement) nameGone(ctx context.Context) error {
	err := m.startWithoutNames(ctx)
	var refused *lab.ConfigError
	switch {
	case errors.As(err, &refused):
		m.result.NotStarted = refused.Error()
		if len(refused.Lines) > 0 {
			m.result.NotStarted, m.result.Log = refused.Lines[0].Raw, refused.Lines[:1]
		}
		if !m.route.namesOne(m.result.NotStarted) {
			return fmt.Errorf("the gateway does not start, and not for a name of this route's: %w", err)
		}
		m.result.NoAnswer = "refused"
	case err != nil:
		return err
	default:
		if m.result.Outcome, err = m.ask(ctx); err != nil {
			return err
		}
	}
	m.setWell()
	if refused != nil {
		return nil // it does not come back of itself; whoever starts it again has it healthy
	}
	return m.recover(ctx)
}

// namesOne reports whether a text has one of the names that the route's upstreams go by.
func (r *route) namesOne(text string) bool {
	return slices.ContainsFunc(r.keys, func(k string) bool {
		host, _, err := net.SplitHostPort(k)
		return err == nil && !isLiteral(k) && strings.Contains(strings.ToLower(text), strings.ToLower(host))
	})
}

// startWithoutNames starts the gateway anew while the upstreams' names do not resolve. Where it does not start, that is a
// [lab.ConfigError].
func (m *measurement) startWithoutNames(ctx context.Context) error {
	if err := m.sandbox.StopGateway(ctx); err != nil {
		return err
	}
	var gone []lab.NameBehaviour
	for _, k := range m.route.keys {
		if host, _, err := net.SplitHostPort(k); err == nil && !isLiteral(k) {
			gone = append(gone, lab.NameBehaviour{Name: host, Gone: true})
		}
	}
	if err := m.sandbox.SetBehaviour(ctx, m.route.otherBehaviours, gone); err != nil {
		return err
	}
	return m.session.start(ctx, m.sandbox, m.names)
}

// nameMoved gives the upstream's name another address, where it is healthy, and leaves nothing at the old one.
func (m *measurement) nameMoved(ctx context.Context) error {
	err := m.moveNames(ctx)
	if err != nil {
		return err
	}
	if m.result.Outcome, err = m.ask(ctx); err != nil {
		return err
	}
	if asHealthy(m.result.Outcome, m.healthy) {
		return nil
	}
	return m.recover(ctx)
}

func (m *measurement) moveNames(ctx context.Context) error {
	var moved []lab.NameBehaviour
	var old []lab.UpstreamBehaviour
	for _, k := range m.route.keys {
		host, _, err := net.SplitHostPort(k)
		if err != nil || isLiteral(k) {
			continue
		}
		moved = append(moved, lab.NameBehaviour{Name: host, Move: 1})
		old = append(old, lab.UpstreamBehaviour{At: k, Down: "refused"})
	}
	if err := m.sandbox.SetBehaviour(ctx, append(old, m.route.otherBehaviours...), moved); err != nil {
		return err
	}
	// The answers of the DNS are good for 5 s.
	return m.sandbox.Wait(ctx, 6*time.Second)
}

// reuse closes a kept connection of one peer as it is used again: the next request over it, or where the upstream keeps connections
// for a time only, the first that comes as that time ends. A gateway that has closed the connection before opens another then.
func (m *measurement) reuse(ctx context.Context) error {
	answered := 1
	if m.fault.Idle > 0 {
		answered = 2 // the second shows that it is kept
	}
	m.setBehaviour(m.reuseBehaviours(answered), nil)
	var err error
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if skip := m.unhealthyReason(); skip != "" {
		m.result.Skipped, m.result.SkippedAs, m.notHealthy = skip, audit.Unhealthy, true
		return nil
	}
	kept, err := m.askUntil(ctx, 8*m.route.peers(), func(c audit.Call) bool { return c.Reused })
	if err != nil || !kept {
		m.result.Outcome, m.result.Skipped, m.result.SkippedAs = audit.Outcome{}, notKept, audit.Immune
		return err
	}
	if m.fault.Idle > 0 {
		if err := m.sandbox.Wait(ctx, m.fault.Idle-beforeIdle); err != nil {
			return err
		}
		if _, err := m.askUntil(ctx, 2*m.route.peers(), func(audit.Call) bool { return true }); err != nil {
			return err
		}
	}
	m.markSilentTruncation()
	return nil
}

// beforeIdle is how much sooner than the upstream closes an idle connection the gateway uses it again.
const beforeIdle = 250 * time.Millisecond

// askUntil asks, as peers take turns, until the first one was called so, or an answer is bad.
func (m *measurement) askUntil(ctx context.Context, times int, called func(audit.Call) bool) (bool, error) {
	for range times {
		var err error
		if m.result.Outcome, err = m.ask(ctx); err != nil {
			return false, err
		}
		so := func(c audit.Call) bool { return canonicalKey(c.Endpoint) == m.route.keys[0] && called(c) }
		if slices.ContainsFunc(m.result.Calls, so) || !asHealthy(m.result.Outcome, m.healthy) {
			return true, nil
		}
	}
	return false, nil
}

// healthyBehaviour answers well with a page that is an upstream's in every protocol.
func healthyBehaviour() fakeupstream.Behaviour {
	return fakeupstream.Well{Chunked: true, Body: ownPage + "the upstream answers\n"}
}

// reuseBehaviours is how one peer closes a connection that has carried so many requests as it is used again.
func (m *measurement) reuseBehaviours(answered int) []lab.UpstreamBehaviour {
	var script fakeupstream.Connection
	for range answered {
		script = append(script, healthyBehaviour())
	}
	script = append(script, m.faultBehaviour())
	var all []lab.UpstreamBehaviour
	for _, k := range allAddresses(m.route.keys[:1]) {
		all = append(all, lab.UpstreamBehaviour{At: k, Script: fakeupstream.Script{script}})
	}
	return all
}
