package measure

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

// maxClientsMeasured bounds the listeners of which it is looked at what an ordinary client gets: each takes a gateway of its own.
const maxClientsMeasured = 4

// noteClients tells what the lab takes for granted of visitors, where that decides what comes out.
func (s *session) noteClients(ctx context.Context, routes []*route) error {
	var told []nginxconf.Place
	for _, r := range routes {
		l := r.request.candidate.Listen
		if !r.Reached || !l.Proxy || slices.Contains(told, l.Place) {
			continue
		}
		told = append(told, l.Place)
		note := fmt.Sprintf("the lab's client speaks the PROXY protocol to %s (%s), as the load balancer in front has to", connectAddress(l), l.Place)
		if len(told) <= maxClientsMeasured {
			without, err := s.answersWith(ctx, r, func(spec *lab.ProbeSpec) { spec.Proxy = false })
			if err != nil {
				return err
			}
			note += "; without that " + without
		}
		s.report.Notes = append(s.report.Notes, note)
	}
	if by := s.byAddress(); by != nil {
		s.report.Notes = append(s.report.Notes, fmt.Sprintf("each request comes from an address of its own, as of as many visitors; %s (%s) goes by the address: "+
			"behind a load balancer or a CDN they may have one", by.Name, by.Place))
	}
	return nil
}

// byAddress is the first directive that treats requests by the address that they come from; nil where there is none.
func (s *session) byAddress() *nginxconf.Directive {
	for _, name := range []string{"limit_req_zone", "limit_conn_zone", "ip_hash", "hash", "split_clients"} {
		for _, d := range s.config.Find(name) {
			if name == "ip_hash" || len(d.Args) > 0 && strings.Contains(d.Args[0], "remote_addr") {
				return d
			}
		}
	}
	return nil
}

// noteCaches tells that caches were empty, and what one that has the page gives in place of an error.
func (s *session) noteCaches(routes []*route) {
	for _, r := range routes {
		if !r.Reached || r.SameAs != "" || !r.hasCache() {
			continue
		}
		well := map[bool][]string{}
		for _, m := range r.Measurements {
			if m.Warm != 0 {
				well[m.Warm == r.Healthy.Status] = append(well[m.Warm == r.Healthy.Status], m.Fault)
			}
		}
		note := fmt.Sprintf("%s: each fault meets a cache that has not the page", r.ID)
		if len(well[true]) > 0 {
			note += fmt.Sprintf("; with one that has it, and whose time is over, GET is still answered %d under %s", r.Healthy.Status, strings.Join(well[true], ", "))
		}
		if len(well[false]) > 0 {
			note += fmt.Sprintf("; a page whose time is over is not served under %s", strings.Join(well[false], ", "))
		}
		s.report.Notes = append(s.report.Notes, note)
	}
}

// warm finds what a visitor gets under the fault where the cache has the page, and its time is over: whether it is served all the same
// (use_stale).
func (m *measurement) warm(ctx context.Context) error {
	if m.method != "GET" || !m.route.hasCache() || asHealthy(m.result.Outcome, m.healthy) || m.session.report.Clock != "moved" {
		return nil
	}
	m.cacheBuster = ""
	o, err := m.ask(ctx)
	if err != nil || !asHealthy(o, m.healthy) {
		return err
	}
	longest := m.session.longestCacheTime()
	if longest > m.session.observation() {
		return nil
	}
	if err := m.sandbox.Wait(ctx, longest/2); err != nil {
		return err
	}
	if _, err = m.ask(ctx); err != nil { // a page that nobody asks for is taken out sooner (inactive)
		return err
	}
	if err := m.sandbox.Wait(ctx, longest-longest/2); err != nil {
		return err
	}
	m.setBehaviour(m.brokenBehaviours(m.route.keys), nil)
	if o, err = m.ask(ctx); err != nil {
		return err
	}
	m.result.Warm = o.Status
	return nil
}
