package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
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
}

func (m *measurement) run(ctx context.Context) error {
	if m.fault.Kind == audit.Reuse {
		return m.reuse(ctx)
	}
	var err error
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if skip := m.unhealthyReason(); skip != "" {
		m.result.Skipped, m.notHealthy = skip, true
		return nil
	}
	if m.route.hasCache() {
		m.cacheBuster = "badgateway=broken"
	}
	switch m.fault.Kind {
	case audit.NameGone:
		return m.nameGone(ctx)
	case audit.NameMoved:
		return m.nameMoved(ctx)
	case audit.OnePeer, audit.OneSilent:
		return m.onePeer(ctx)
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
	m.setBehaviour(nil, nil)
	return m.recover(ctx)
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
	answer, err := m.sandbox.Probe(ctx, spec)
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

// brokenBehaviours are the behaviours by which the fault breaks these upstreams.
func (m *measurement) brokenBehaviours(keys []string) []lab.UpstreamBehaviour {
	var all []lab.UpstreamBehaviour
	for _, k := range allAddresses(keys) {
		c := lab.UpstreamBehaviour{At: k}
		switch m.fault.Kind {
		case audit.Refuses, audit.OnePeer, audit.Restart:
			c.Down = "refused"
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
		return statusBehaviour(w.Status)
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
	passed := time.Duration(0)
	for {
		o, err := m.ask(ctx)
		if err != nil {
			return err
		}
		if asHealthy(o, m.healthy) {
			m.result.ErrorsFor = passed
			return nil
		}
		if len(o.Calls) == 0 && len(o.Log) == 0 && o.Status >= 400 && m.route.hasCache() {
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

// onePeer breaks one of several peers, and asks until each had its turn.
func (m *measurement) onePeer(ctx context.Context) error {
	dead := m.route.keys[0]
	m.setBehaviour(m.brokenBehaviours([]string{dead}), nil)
	if m.route.request.udp {
		if err := m.lostDatagram(dead, func() (audit.Outcome, error) { return m.ask(ctx) }); err != nil {
			return err
		}
		m.setBehaviour(nil, nil)
		return m.recover(ctx)
	}
	first := true
	for range min(2*m.route.peers(), 12) {
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
	m.setBehaviour(nil, nil)
	return m.recover(ctx)
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
		m.result.NoAnswer = "refused"
	case err != nil:
		return err
	default:
		if m.result.Outcome, err = m.ask(ctx); err != nil {
			return err
		}
	}
	m.setBehaviour(nil, nil)
	if refused != nil {
		return nil // it does not come back of itself; whoever starts it again has it healthy
	}
	return m.recover(ctx)
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

// reuse closes a kept connection of one peer as it is used again.
func (m *measurement) reuse(ctx context.Context) error {
	m.setBehaviour(m.reuseBehaviours(), nil)
	var err error
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if skip := m.unhealthyReason(); skip != "" {
		m.result.Skipped, m.notHealthy = skip, true
		return nil
	}
	// Peers take turns.
	for range 8 * m.route.peers() {
		if m.result.Outcome, err = m.ask(ctx); err != nil {
			return err
		}
		reused := func(c audit.Call) bool { return c.Reused && canonicalKey(c.Endpoint) == m.route.keys[0] }
		if slices.ContainsFunc(m.result.Calls, reused) || !asHealthy(m.result.Outcome, m.healthy) {
			m.markSilentTruncation()
			return nil
		}
	}
	m.result.Outcome, m.result.Skipped = audit.Outcome{}, "connections to the upstream are not kept"
	return nil
}

// reuseBehaviours is how one peer closes a kept connection as it is used again.
func (m *measurement) reuseBehaviours() []lab.UpstreamBehaviour {
	var all []lab.UpstreamBehaviour
	for _, k := range allAddresses(m.route.keys[:1]) {
		all = append(all, lab.UpstreamBehaviour{At: k, Script: fakeupstream.OnReuse(1, m.faultBehaviour())})
	}
	return all
}
