package measure

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

const (
	// uploaded is how many bytes a large body has: a photograph, or a document with some.
	uploaded = 3 << 20
	// maxCrowd bounds how many visitors ask at once.
	maxCrowd = 100
	// inFlight is how long an upstream is at work on each request of a crowd, so that all are there at once.
	inFlight = 100 * time.Millisecond
	// large is the size of an answer that no buffer of a connection has room for; paused for how long a slow reader takes nothing of it.
	large  = 16 << 20
	paused = 30 * time.Second
)

// visitorReason says why the route does not meet what a visitor does; empty when it does.
func visitorReason(r *route, f audit.Fault) string {
	listen, http := r.request.candidate.Listen, !r.conf.Stream
	webs := []string{"http", "https"}
	switch {
	case r.aside || slices.Contains([]nginxconf.Role{nginxconf.Auth, nginxconf.Mirror, nginxconf.After}, r.Role):
		return "visitors get no answer from it"
	case r.request.udp:
		return "visitors send datagrams"
	}
	switch f.Kind {
	case audit.NoProxy:
		return unless(listen.Proxy, "the listener takes no PROXY line")
	case audit.NoName:
		return unless(r.request.candidate.TLSName != "", "visitors come without TLS")
	case audit.Crowds:
		switch {
		case r.request.candidate.From != "":
			return "it lets in visitors of certain addresses alone"
		case len(r.limits()) > 0 && r.letIn() >= maxCrowd:
			return fmt.Sprintf("its limit lets %d in at once, more than the lab sends", r.letIn())
		}
		return unless(len(r.limits()) > 0, "it has no limit on requests or connections")
	}
	if !http {
		return "it takes connections, not requests"
	}
	if listen.H2C && (f.Kind == audit.Idles || f.Kind == audit.AsksMore) {
		return "the listener speaks HTTP/2 alone"
	}
	switch f.Kind {
	case audit.Idles:
		return unless(slices.Contains(webs, r.Protocol) && r.conf.Upgrades(), "it passes on no websockets")
	case audit.Uploads:
		if m := r.request.candidate.Method; m != "" && m != "GET" && m != "POST" {
			return "it is asked by " + m
		}
		return unless(!strings.HasPrefix(r.Protocol, "grpc") && r.Protocol != "memcached", "nobody uploads by that protocol")
	case audit.AsksMore:
		return unless(len(r.mirrors) > 0, "it mirrors nothing to another upstream")
	case audit.OverH2:
		return unless(listen.TLS && listen.HTTP2 && !listen.QUIC, "the listener speaks no HTTP/2 over TLS")
	case audit.OverH3:
		_, ok := r.quic()
		return unless(ok, "the server has no listener for HTTP/3")
	}
	return ""
}

// quic is the server's first listener for HTTP/3.
func (r *route) quic() (nginxconf.Listen, bool) {
	i := slices.IndexFunc(r.conf.Listens, func(l nginxconf.Listen) bool { return l.QUIC })
	if i < 0 {
		return nginxconf.Listen{}, false
	}
	return r.conf.Listens[i], true
}

func unless(it bool, why string) string {
	if it {
		return ""
	}
	return why
}

// visit measures what a visitor does that is out of the ordinary, with all upstreams healthy.
func (m *measurement) visit(ctx context.Context) error {
	spec := m.request(m.method)
	does := fakeupstream.Behaviour(nil) // of the route's own upstreams
	at := m.route.keys
	switch m.fault.Kind {
	case audit.Crowds:
		m.crowd(&spec)
		if len(m.route.directives("limit_conn")) > 0 {
			does = fakeupstream.Delay{For: inFlight}
		}
	case audit.Idles:
		spec = m.route.request.withHeader(map[string]string{
			"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "YmFkZ2F0ZXdheS1jaGVjaw==",
		}).spec("GET", m.session.steps, m.session.waitLimit())
		spec.Idles = true
		does = fakeupstream.Upgrade{}
	case audit.Uploads:
		spec.BodyTimes = uploaded / len(spec.Body)
		spec.Raw = regexp.MustCompile(`(?m)^Content-Length: \d+`).ReplaceAll(spec.Raw, fmt.Appendf(nil, "Content-Length: %d", spec.BodyTimes*len(spec.Body)))
	case audit.Leaves:
		spec.Leaves = true
		does = fakeupstream.Silent{}
	case audit.NoProxy:
		spec.Proxy = false
	case audit.AsksMore:
		kept := m.route.request.withHeader(map[string]string{"Connection": "keep-alive"})
		spec.First = kept.spec(m.method, nil, 0).Raw
		does, at = fakeupstream.Silent{}, m.route.mirrors
	case audit.Pauses:
		spec.ReadsAfter = paused
		does = fakeupstream.Well{BodySize: large}
	case audit.NoName:
		spec.ServerName = ""
	case audit.OverH2:
		spec.ALPN, spec.HTTP2 = "h2", true
	case audit.OverH3:
		listen, _ := m.route.quic()
		spec.To, spec.HTTP2, spec.HTTP3, spec.Proxy = connectAddress(listen), false, true, false
		spec.ServerName = cmp.Or(spec.ServerName, m.route.request.candidate.Host) // QUIC always has TLS, and browsers name the server
	}
	var behaviours []lab.UpstreamBehaviour
	if does != nil {
		for _, k := range allAddresses(at) {
			behaviours = append(behaviours, lab.UpstreamBehaviour{At: k, Script: fakeupstream.Always(does)})
		}
	}
	m.setBehaviour(behaviours, nil)
	spec.Behaviour, m.nextBehaviour = m.nextBehaviour, nil
	var answer lab.ProbeAnswer
	var err error
	if m.fault.Kind == audit.Crowds {
		if err := m.sandbox.Wait(ctx, m.session.refill(m.route)); err != nil { // none of them is the one who asked before
			return err
		}
		answer, err = m.sandbox.Probe(ctx, spec)
	} else {
		answer, _, err = m.session.probe(ctx, m.sandbox, m.route, spec, m.names)
	}
	if err != nil {
		return err
	}
	if answer.Killed != nil {
		return answer.Killed
	}
	m.result.Outcome = m.route.outcome(answer, m.names)
	m.judgeVisit(answer)
	return nil
}

// judgeVisit adds what the answer alone does not say.
func (m *measurement) judgeVisit(answer lab.ProbeAnswer) {
	c := m.result
	switch m.fault.Kind {
	case audit.Crowds:
		c.Of = 1 + len(answer.Beside)
		if m.route.isLimited(answer, c.Outcome) {
			c.Bad = 1
			for _, status := range answer.Beside {
				if status == c.Status {
					c.Bad++
				}
			}
		} else if len(m.route.directives("limit_conn")) > 0 {
			c.Waited, c.NotBefore = 0, 0 // for the upstream, which was to be at work for a while
		}
		c.Calls, c.CallsMore, c.Tries, c.Repeated = nil, c.CallsMore+len(c.Calls), nil, 0 // those of all of them
	case audit.NoProxy:
		if c.NoAnswer == "reset" {
			c.NoAnswer = "closed" // which of the two depends on whether all of the request had come by then
		}
	case audit.Leaves:
		c.Held = !m.let(answer.Events)
	case audit.Pauses:
		c.Held = m.atWork(answer.Events)
		if asHealthy(c.Outcome, m.healthy) {
			c.Waited, c.NotBefore = 0, 0 // it was his own pause
		}
	case audit.AsksMore:
		if c.NoAnswer == lab.NotKept {
			*c = audit.Measurement{Fault: c.Fault, Method: c.Method, Skipped: "the gateway keeps no connection of a visitor"}
		}
	}
}

// let reports whether the gateway has closed all its connections to the route's own upstreams.
func (m *measurement) let(events lab.Events) bool {
	return !slices.ContainsFunc(events.Calls, func(c lab.UpstreamCall) bool {
		return c.Record.Closed.IsZero() && slices.Contains(allAddresses(m.route.keys), canonicalKey(keyOf(c)))
	})
}

// atWork reports whether one of the route's own upstreams was still at work on its answer while the client took nothing of it.
func (m *measurement) atWork(events lab.Events) bool {
	for _, c := range events.Calls {
		if !slices.Contains(allAddresses(m.route.keys), canonicalKey(keyOf(c))) {
			continue
		}
		for _, r := range c.Record.Requests {
			if r.Answered.IsZero() || r.Answered.Sub(r.Started) > paused/2 {
				return true
			}
		}
	}
	return false
}

// request is the route's request as the lab takes it.
func (m *measurement) request(method string) lab.ProbeSpec {
	return m.route.request.withArgument(m.cacheBuster).spec(method, m.session.steps, m.session.waitLimit())
}

// crowd makes of a request those of many visitors behind one address: each is another one by what the gateway in front says of him.
// One more asks than the narrowest limit would let in if they were one.
func (m *measurement) crowd(spec *lab.ProbeSpec) {
	proxy := m.front()
	member := func(n int) lab.ProbeSpec {
		visitor := fmt.Sprintf("203.0.113.%d", n+1)
		one := m.route.request.withHeader(m.session.visitorHeader(m.route, visitor)).spec(m.method, m.session.steps, m.session.waitLimit())
		one.From, one.ProxyFrom = proxy, visitor
		return one
	}
	n := m.route.letIn()
	*spec = member(n)
	for i := range n {
		spec.Beside = append(spec.Beside, member(i))
	}
}

// front is the address of what stands in front of the gateway: one that it trusts, where it says whom.
func (m *measurement) front() string {
	unknown := netip.MustParseAddr("192.0.2.200")
	for _, d := range m.route.directives("set_real_ip_from") {
		if net, err := netip.ParsePrefix(lastArg(d)); err == nil && net.Addr().Is4() && !net.Contains(unknown) {
			return net.Masked().Addr().Next().String()
		}
		if ip, err := netip.ParseAddr(lastArg(d)); err == nil && ip.Is4() {
			return ip.String()
		}
	}
	return unknown.String()
}

// ownHeader are fields of a request by which a zone may tell visitors apart.
var ownHeader = regexp.MustCompile(`\$\{?(http|cookie)_(\w+)`)

// visitorHeader is what a CDN or a load balancer, and the visitor's own browser, put into a request so that visitors can be told apart.
func (s *session) visitorHeader(r *route, visitor string) map[string]string {
	header := map[string]string{}
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP"} {
		header[name] = visitor
	}
	for _, d := range r.directives("real_ip_header") {
		if name := lastArg(d); name != "proxy_protocol" {
			header[name] = visitor
		}
	}
	var cookies []string
	for _, limit := range r.limits() {
		if zone := s.config.ZoneOf(limit); zone != nil && len(zone.Args) > 0 {
			for _, v := range ownHeader.FindAllStringSubmatch(zone.Args[0], -1) {
				if v[1] == "cookie" {
					cookies = append(cookies, v[2]+"="+visitor)
				} else if name := strings.ReplaceAll(v[2], "_", "-"); !slices.Contains([]string{"host", "connection"}, name) && !hasHeader(header, name) {
					header[name] = visitor
				}
			}
		}
	}
	if len(cookies) > 0 {
		header["Cookie"] = strings.Join(cookies, "; ")
	}
	return header
}

func hasHeader(header map[string]string, name string) bool {
	for n := range header {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}
