package measure

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

// maxTurns bounds the requests until every peer of a pool had its turn.
const maxTurns = 128

// noteCalled notes which of the route's endpoints were called.
func (r *route) noteCalled(events lab.Events) {
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		own := allAddresses([]string{canonicalKey(e.Name)})
		e.Called = e.Called || slices.ContainsFunc(events.Calls, func(c lab.UpstreamCall) bool {
			return !c.Self && slices.Contains(own, canonicalKey(keyOf(c)))
		})
	}
}

// uncalledCount is how many endpoints no request got to so far.
func (r *route) uncalledCount(backups bool) (n int) {
	for i := range r.Endpoints {
		if e := &r.Endpoints[i]; !e.Called && (backups || !e.Backup) {
			n++
		}
	}
	return n
}

// uncalled are the endpoints that no request got to so far.
func (r *route) uncalled(backups bool) (names []string) {
	for _, e := range r.Endpoints {
		if !e.Called && (backups || !e.Backup) {
			names = append(names, e.Name)
		}
	}
	return names
}

// cover asks on until each endpoint of the route was called: by requests for which the config chooses another one, by as many
// as a pool has turns, by clients of other networks, and at last with all dead but the backups. What stays is noted.
func (s *session) cover(ctx context.Context, sb *lab.Sandbox, r *route, further []nginxconf.Candidate, names addressNames) error {
	if r.uncalledCount(true) == 0 {
		return nil
	}
	asked := 0
	ask := func(request request) error {
		if asked++; len(s.caches) > 0 {
			request = request.withArgument(fmt.Sprintf("badgateway-turn=%d", asked)) // so that no cache has the answer
		}
		answer, _, err := s.probe(ctx, sb, r, request.spec(cmp.Or(request.candidate.Method, "GET"), s.steps, s.waitLimit()), names)
		if err != nil {
			return err
		}
		names.learn(answer.Events)
		r.noteCalled(answer.Events)
		return nil
	}
	if r.otherBehaviours != nil { // the route here is the same as it was
		if err := sb.SetBehaviour(ctx, r.otherBehaviours, nil); err != nil {
			return err
		}
	}
	for n := 0; n < r.rounds() && r.uncalledCount(false) > 0 && r.turns() > 1; n++ {
		if err := ask(r.request.asClient(n, n >= 2*r.turns())); err != nil {
			return err
		}
	}
	choices := []request{r.request}
	repeated := false
	for _, a := range further {
		if s.behavioursFor(a, r.keys) != nil || a.Listen.QUIC || repeated && a.Repeat > 0 {
			continue
		}
		other := r.request
		other.candidate, other.udp = a, a.Listen.Network == "udp"
		choices = append(choices, other)
		repeated = repeated || a.Repeat > 0
	}
	pass := func() error {
		if !s.timeChooses {
			return nil
		}
		return sb.Wait(ctx, time.Second)
	}
	if err := r.askChoices(choices[1:], s.pools, ask, pass); err != nil {
		return err
	}
	killed := r.uncalledCount(true) > r.uncalledCount(false)
	if killed {
		if err := s.coverBackups(ctx, sb, r, choices, ask); err != nil {
			return err
		}
	}
	if r.otherBehaviours != nil || !s.stateless || killed {
		if err := s.restart(ctx, sb, names); err != nil {
			return err
		}
	}
	r.note = r.uncalledNote(asked, s.isOwnAddress)
	return nil
}

// askChoices makes the requests for which the config chooses another upstream. Where one is a pool that was not called before,
// its peers take turns: as many requests follow as it needs, so that all together are no more than a few for each endpoint.
func (r *route) askChoices(choices []request, pools map[nginxconf.Place]*peerPool, ask func(request) error, pass func() error) error {
	turned := map[*peerPool]bool{}
	for _, other := range choices {
		if r.uncalledCount(false) == 0 {
			break
		}
		before := r.calledAt()
		for n := 0; n < max(1, other.candidate.Repeat) && r.uncalledCount(true) == len(r.Endpoints)-len(before); n++ {
			if err := ask(other); err != nil {
				return err
			}
			if other.candidate.Repeat > 0 {
				if err := pass(); err != nil {
					return err
				}
			}
		}
		p := r.newPool(before, pools)
		if p == nil || turned[p] {
			continue
		}
		turned[p] = true
		for n := 0; n < 2*p.turns && r.uncalledCount(false) > 0; n++ {
			if err := ask(other.asClient(n, false)); err != nil {
				return err
			}
		}
	}
	return nil
}

// calledAt are the indexes of the endpoints that were called.
func (r *route) calledAt() map[int]bool {
	at := map[int]bool{}
	for i := range r.Endpoints {
		if r.Endpoints[i].Called {
			at[i] = true
		}
	}
	return at
}

// newPool is the pool of an endpoint that was not called before; nil when there is none, or when it has one peer.
func (r *route) newPool(before map[int]bool, pools map[nginxconf.Place]*peerPool) *peerPool {
	for i := range r.Endpoints {
		if r.Endpoints[i].Called && !before[i] {
			if p := pools[r.Endpoints[i].Place]; p != nil && p.turns > 1 {
				return p
			}
		}
	}
	return nil
}

// A peerPool is an upstream block.
type peerPool struct {
	turns int // requests until each of its peers had one
}

// poolsOf are the upstream blocks of a config by the places of their servers.
func poolsOf(c *nginxconf.Config) map[nginxconf.Place]*peerPool {
	pools := map[nginxconf.Place]*peerPool{}
	for _, block := range c.Find("upstream") {
		p := &peerPool{}
		for _, d := range block.Block {
			if d.Name == "server" && len(d.Args) > 0 {
				p.turns += weight(d.Args[1:])
				pools[d.Place] = p
			}
		}
	}
	return pools
}

// weight is how many turns in a row a peer has.
func weight(params []string) int {
	for _, param := range params {
		var n int
		if _, err := fmt.Sscanf(param, "weight=%d", &n); err == nil && n > 1 {
			return min(n, maxTurns)
		}
	}
	return 1
}

// coverBackups asks while all but the backups are dead.
func (s *session) coverBackups(ctx context.Context, sb *lab.Sandbox, r *route, choices []request, ask func(request) error) error {
	var dead []lab.UpstreamBehaviour
	backups := 0
	for _, e := range r.Endpoints {
		if e.Backup {
			backups++
			continue
		}
		for _, k := range allAddresses([]string{canonicalKey(e.Name)}) {
			dead = append(dead, lab.UpstreamBehaviour{At: k, Down: "refused"})
		}
	}
	if err := sb.SetBehaviour(ctx, append(dead, r.otherBehaviours...), nil); err != nil {
		return err
	}
	rounds := 2 * backups
	if len(choices) > 1 { // each has its own
		rounds = 2 + 2*backups/len(choices)
	}
	for _, one := range choices {
		for n := 0; n < rounds && r.uncalledCount(true) > r.uncalledCount(false) && one.candidate.Repeat == 0; n++ {
			if err := ask(one.asClient(n, n >= backups)); err != nil {
				return err
			}
		}
	}
	return sb.SetBehaviour(ctx, nil, nil)
}

// rounds is how many requests are tried: a pool that is hashed gives its peers no turns.
func (r *route) rounds() int {
	if b := r.conf.Target.Block; b != nil {
		for _, d := range b.Block {
			if d.Name == "hash" || d.Name == "ip_hash" || d.Name == "random" || d.Name == "sticky" {
				return maxTurns
			}
		}
	}
	return min(maxTurns, 4*r.turns())
}

// turns is how many requests a pool needs at the least until each peer had one: peers with more weight have more of them.
func (r *route) turns() int {
	n := 0
	for _, p := range r.conf.Target.Peers {
		n += weight(p.Params)
	}
	return n
}

// isOwnAddress reports whether the gateway itself listens at an upstream's address.
func (s *session) isOwnAddress(name string) bool {
	host, port, err := net.SplitHostPort(canonicalKey(name))
	if ip, perr := netip.ParseAddr(host); err != nil || perr != nil || !ip.IsLoopback() {
		return s.listensAt(strings.TrimPrefix(name, "unix:"))
	}
	return slices.ContainsFunc(s.routes, func(w nginxconf.Route) bool {
		return slices.ContainsFunc(w.Listens, func(l nginxconf.Listen) bool {
			return l.Network == "tcp" && fmt.Sprint(l.Port) == port
		})
	})
}

// client is the request as another client sends it: his address, his cookie and his URI choose him another peer where a
// pool is hashed by one of them.
func (r request) asClient(n int, another bool) request {
	if !another {
		return r
	}
	if r.candidate.From == "" {
		r.candidate.From = fmt.Sprintf("10.%d.%d.9", n%250+1, n*7%250)
	}
	return r.withArgument(fmt.Sprintf("badgateway=%d", n))
}

// uncalledNote says which endpoints no request got to, and what is known of the reason; empty when there are none.
// own reports where the gateway itself answers.
func (r *route) uncalledNote(asked int, own func(name string) bool) string {
	left := r.uncalled(true)
	if len(left) == 0 {
		return ""
	}
	why := fmt.Sprintf("%d further requests were all sent to others", asked)
	switch t := r.conf.Target; {
	case !slices.ContainsFunc(left, func(name string) bool { return !own(name) }):
		why = "the gateway itself answers there"
	case t.Variables:
		why += fmt.Sprintf(": no request was found for which %s is one of these", t.Written)
	case t.Block != nil && len(nginxconf.Effective(t.Block, "hash")) > 0:
		why += ", as the pool's hash has it"
	}
	shown := left
	if len(shown) > 5 {
		shown = append(slices.Clone(shown[:5]), fmt.Sprintf("%d more", len(left)-5))
	}
	return fmt.Sprintf("%s: %d of its %d endpoints were not called (%s): %s", r.ID, len(left), len(r.Endpoints),
		strings.Join(shown, ", "), why)
}
