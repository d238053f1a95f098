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
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// cellRun measures one measurement.
type cellRun struct {
	s       *session
	w       *lab.Sandbox
	r       *route
	fault   audit.Fault
	method  string
	cell    *audit.Measurement
	names   seen
	healthy audit.Outcome
	next    *agentapi.BehaviourSpec // takes effect before the next request
	ill     bool                    // the route was not answered well before the fault
	fresh   string                  // makes the URI another one, so that no cache has the answer
}

func (m *cellRun) run(ctx context.Context) error {
	if m.fault.Kind == audit.Reuse {
		return m.reuse(ctx)
	}
	var err error
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if skip := m.unhealthy(); skip != "" {
		m.cell.Skipped, m.ill = skip, true
		return nil
	}
	if m.r.caches() {
		m.fresh = "badgateway=broken"
	}
	switch m.fault.Kind {
	case audit.NameGone:
		return m.nameGone(ctx)
	case audit.NameMoved:
		return m.nameMoved(ctx)
	case audit.OnePeer, audit.OneSilent:
		return m.onePeer(ctx)
	}
	m.behave(m.broken(m.r.keys), nil)
	if m.cell.Outcome, err = m.ask(ctx); err != nil {
		return err
	}
	m.look()
	if m.fault.Kind == audit.Restart {
		// Clients go on to come while it is away, so that every peer is known to be dead.
		for range m.r.peers() {
			if _, err := m.ask(ctx); err != nil {
				return err
			}
		}
	}
	m.behave(nil, nil)
	return m.recover(ctx)
}

// unhealthy says why this method can't be used on the route; empty when it is answered as it was when the route was found.
func (m *cellRun) unhealthy() string {
	want := m.r.Healthy
	if m.method == m.r.Ask.Method {
		if !good(m.healthy, want) {
			return fmt.Sprintf("the route %s before the fault, not %s", exactly(m.healthy), exactly(want))
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

// exactly is all of an answer that tells a healthy one.
func exactly(o audit.Outcome) string {
	text := answered(o)
	if o.Cut {
		text += ", cut"
	}
	if o.TimedOut {
		text += ", without end"
	}
	return fmt.Sprintf("%s, page %q", text, o.Page)
}

func (m *cellRun) ask(ctx context.Context) (audit.Outcome, error) {
	spec := m.r.request.fresh(m.fresh).spec(m.method, m.s.steps, m.s.patience())
	spec.Behaviour, m.next = m.next, nil
	answer, err := m.w.Probe(ctx, spec)
	if err != nil {
		return audit.Outcome{}, err
	}
	if answer.Killed != nil {
		return audit.Outcome{}, answer.Killed
	}
	return m.r.outcome(answer, m.names), nil
}

// behave says how upstreams and names are from before the next request on. What lies beside the route stays as it has to be
// for requests to get there.
func (m *cellRun) behave(conducts []agentapi.UpstreamBehaviour, names []agentapi.NameBehaviour) {
	m.next = &agentapi.BehaviourSpec{Upstreams: append(conducts, m.r.beside...), Names: names}
}

// broken are the conducts by which the fault strikes these upstreams.
func (m *cellRun) broken(keys []string) []agentapi.UpstreamBehaviour {
	var all []agentapi.UpstreamBehaviour
	for _, k := range addresses(keys) {
		c := agentapi.UpstreamBehaviour{At: k}
		switch m.fault.Kind {
		case audit.Refuses, audit.OnePeer, audit.Restart:
			c.Down = "refused"
		case audit.Off, audit.OneSilent:
			c.Down = "off"
		case audit.Behaves:
			c.Script = fakeupstream.Always(m.does())
		case audit.TLSFault:
			c.TLS = m.fault.TLS
		}
		all = append(all, c)
	}
	return all
}

// does is what the upstream does; an error that it answers with has a page of its own.
func (m *cellRun) does() fakeupstream.Behaviour {
	does := m.fault.For(m.r.Protocol)
	if w, ok := does.(fakeupstream.Well); ok && w.Status >= 400 {
		return answering(w.Status)
	}
	return does
}

// look completes what was seen under the fault.
func (m *cellRun) look() {
	c := m.cell
	// The upstream's answer was cut, and the client's was not: he can't know.
	// Of what an auth service or a mirror answers he sees nothing.
	beside := m.r.Role == nginxconf.Auth || m.r.Role == nginxconf.Mirror
	c.SilentTruncation = m.fault.Cuts && !beside && c.Status == m.healthy.Status && !c.Cut && !c.TimedOut && c.Page == "upstream"
}

// recover finds for how long clients still get errors after all is well.
func (m *cellRun) recover(ctx context.Context) error {
	passed := time.Duration(0)
	for {
		o, err := m.ask(ctx)
		if err != nil {
			return err
		}
		if good(o, m.healthy) {
			m.cell.ErrorsFor = passed
			return nil
		}
		if len(o.Calls) == 0 && len(o.Log) == 0 && o.Status >= 400 && m.r.caches() {
			m.cell.Cached = true
		}
		next, more := m.later(passed)
		if !more {
			m.cell.ErrorsFor, m.cell.NotRecovered = passed, true
			return nil
		}
		if err := m.w.Wait(ctx, next-passed); err != nil {
			return err
		}
		passed = next
	}
}

// caches reports whether the route's answers are cached.
func (r *route) caches() bool {
	for _, name := range []string{"proxy_cache", "fastcgi_cache", "uwsgi_cache", "scgi_cache"} {
		for _, d := range nginxconf.Effective(r.way.Location, name) {
			if len(d.Args) > 0 && d.Args[0] != "off" {
				return true
			}
		}
	}
	return false
}

// later is the next moment at which an answer may be good again: just after one of the config's own times, or the next of a
// row that grows.
func (m *cellRun) later(passed time.Duration) (time.Duration, bool) {
	moments := []time.Duration{1, 2, 5, 11, 21, 31, 61, 121, 301, 601, 1801, 3601}
	for i := range moments {
		moments[i] *= time.Second
	}
	for _, s := range slices.Concat(m.s.steps, m.s.kept) {
		moments = append(moments, s+time.Second) // for caches count in whole seconds
	}
	slices.Sort(moments)
	for _, t := range moments {
		if t > passed && t <= m.s.observation() {
			return t, true
		}
	}
	return 0, false
}

// onePeer breaks one of several peers, and asks until each had its turn.
func (m *cellRun) onePeer(ctx context.Context) error {
	dead := m.r.keys[0]
	m.behave(m.broken([]string{dead}), nil)
	if m.r.request.udp {
		if err := m.lostDatagram(dead, func() (audit.Outcome, error) { return m.ask(ctx) }); err != nil {
			return err
		}
		m.behave(nil, nil)
		return m.recover(ctx)
	}
	first := true
	for range min(2*m.r.peers(), 12) {
		o, err := m.ask(ctx)
		if err != nil {
			return err
		}
		m.cell.Of++
		bad := !good(o, m.healthy) || o.Waited >= time.Second
		if bad {
			m.cell.Bad++
		}
		if first || worse(o, m.cell.Outcome, m.healthy) {
			m.cell.Outcome, first = o, false
		}
	}
	m.behave(nil, nil)
	return m.recover(ctx)
}

// lostDatagram asks until a datagram went to the dead peer, and counts one for each peer: a client who gets no datagram back
// can't tell when nginx gives that peer up, and so how many of a few are lost is chance. What becomes of one that goes there is
// not.
func (m *cellRun) lostDatagram(dead string, ask func() (audit.Outcome, error)) error {
	tries := 16 * m.r.peers()
	for range tries {
		o, err := ask()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(o.Calls, func(c audit.Call) bool { return slices.Contains(addresses([]string{dead}), called(c.Endpoint)) }) {
			continue
		}
		m.cell.Outcome, m.cell.Of = o, m.r.peers()
		if !good(o, m.healthy) || o.Waited >= time.Second {
			m.cell.Bad = 1
		}
		return nil
	}
	m.cell.Skipped = fmt.Sprintf("none of %d datagrams went to the dead peer", tries)
	return nil
}

// worse reports whether a client would rather have had the other answer.
func worse(a, than, healthy audit.Outcome) bool {
	if ga, gt := good(a, healthy), good(than, healthy); ga != gt {
		return gt
	}
	if a.Waited != than.Waited {
		return a.Waited > than.Waited
	}
	return a.Repeated > than.Repeated || a.Repeated == than.Repeated && len(a.Tries) > len(than.Tries)
}

// nameGone starts the gateway while the upstream's name does not resolve.
func (m *cellRun) nameGone(ctx context.Context) error {
	err := m.startWithoutNames(ctx)
	var refused *lab.ConfigError
	switch {
	case errors.As(err, &refused):
		m.cell.NotStarted = refused.Error()
		if len(refused.Lines) > 0 {
			m.cell.NotStarted, m.cell.Log = refused.Lines[0].Raw, refused.Lines[:1]
		}
		m.cell.NoAnswer = "refused"
	case err != nil:
		return err
	default:
		if m.cell.Outcome, err = m.ask(ctx); err != nil {
			return err
		}
	}
	m.behave(nil, nil)
	if refused != nil {
		return nil // it does not come back of itself; whoever starts it again has it well
	}
	return m.recover(ctx)
}

// startWithoutNames starts the gateway anew while the upstreams' names do not resolve. Where it does not start, that is a
// [lab.ConfigError].
func (m *cellRun) startWithoutNames(ctx context.Context) error {
	if err := m.w.StopGateway(ctx); err != nil {
		return err
	}
	var gone []agentapi.NameBehaviour
	for _, k := range m.r.keys {
		if host, _, err := net.SplitHostPort(k); err == nil && !literal(k) {
			gone = append(gone, agentapi.NameBehaviour{Name: host, Gone: true})
		}
	}
	if err := m.w.SetBehaviour(ctx, m.r.beside, gone); err != nil {
		return err
	}
	return m.s.start(ctx, m.w, m.names)
}

// nameMoved gives the upstream's name another address, where it is well, and leaves nothing at the old one.
func (m *cellRun) nameMoved(ctx context.Context) error {
	err := m.moveNames(ctx)
	if err != nil {
		return err
	}
	if m.cell.Outcome, err = m.ask(ctx); err != nil {
		return err
	}
	if good(m.cell.Outcome, m.healthy) {
		return nil
	}
	return m.recover(ctx)
}

func (m *cellRun) moveNames(ctx context.Context) error {
	var moved []agentapi.NameBehaviour
	var old []agentapi.UpstreamBehaviour
	for _, k := range m.r.keys {
		host, _, err := net.SplitHostPort(k)
		if err != nil || literal(k) {
			continue
		}
		moved = append(moved, agentapi.NameBehaviour{Name: host, Move: 1})
		old = append(old, agentapi.UpstreamBehaviour{At: k, Down: "refused"})
	}
	if err := m.w.SetBehaviour(ctx, append(old, m.r.beside...), moved); err != nil {
		return err
	}
	// The answers of the DNS are good for 5 s.
	return m.w.Wait(ctx, 6*time.Second)
}

// reuse closes a kept connection of one peer as it is used again.
func (m *cellRun) reuse(ctx context.Context) error {
	m.behave(m.onReuse(), nil)
	var err error
	if m.healthy, err = m.ask(ctx); err != nil {
		return err
	}
	if skip := m.unhealthy(); skip != "" {
		m.cell.Skipped, m.ill = skip, true
		return nil
	}
	// Peers take turns.
	for range 8 * m.r.peers() {
		if m.cell.Outcome, err = m.ask(ctx); err != nil {
			return err
		}
		reused := func(c audit.Call) bool { return c.Reused && called(c.Endpoint) == m.r.keys[0] }
		if slices.ContainsFunc(m.cell.Calls, reused) || !good(m.cell.Outcome, m.healthy) {
			m.look()
			return nil
		}
	}
	m.cell.Outcome, m.cell.Skipped = audit.Outcome{}, "connections to the upstream are not kept"
	return nil
}

// onReuse is how one peer closes a kept connection as it is used again.
func (m *cellRun) onReuse() []agentapi.UpstreamBehaviour {
	var all []agentapi.UpstreamBehaviour
	for _, k := range addresses(m.r.keys[:1]) {
		all = append(all, agentapi.UpstreamBehaviour{At: k, Script: fakeupstream.OnReuse(1, m.does())})
	}
	return all
}
