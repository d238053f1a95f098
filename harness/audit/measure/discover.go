package measure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/internal/agentapi"
	"github.com/badgateway/badgateway/harness/lab"
)

// route is a way, with all that is needed to ask for it and to break it.
type route struct {
	audit.Route
	way     nginxconf.Route
	note    string // of what the reader should know of how it was found
	request request
	// keys are its upstreams', as called tells them.
	keys []string
	// beside are the conducts of other upstreams under which requests get here.
	beside []agentapi.UpstreamBehaviour
	// others are upstreams that the request calls on its way here, as far as they had to be told from the route's own.
	others []string
}

// answering is what an upstream does that answers a status with a page of its own.
func answering(status int) fakeupstream.Behaviour {
	w := fakeupstream.Well{Status: status, Chunked: true, Body: fmt.Sprintf("%sthe upstream says %d\n", ownPage, status)}
	if status >= 300 && status < 400 {
		w.Headers = []string{"Location: http://" + elsewhere + "/moved"}
	}
	return w
}

// elsewhere is where upstreams that answer with a redirect send to: some gateways go there themselves.
const elsewhere = "elsewhere.example.com:80"

// sending is what an upstream does that sends the client to an internal location.
func sending(accel string) fakeupstream.Script {
	return fakeupstream.Always(fakeupstream.Well{Chunked: true, Headers: []string{"X-Accel-Redirect: " + accel}})
}

// leading are the conducts of other upstreams under which an ask gets to the upstreams that are the route's own; nil where
// all may be well.
func (s *session) leading(ask nginxconf.Candidate, own []string) []agentapi.UpstreamBehaviour {
	switch {
	case ask.AccelRedirect != "":
		var all []agentapi.UpstreamBehaviour
		for _, p := range ask.AccelFrom {
			for _, k := range addresses([]string{called(peerKey(p))}) {
				all = append(all, agentapi.UpstreamBehaviour{At: k, Script: sending(ask.AccelRedirect)})
			}
		}
		return all
	case ask.RequiresStatus == 502 || ask.RequiresStatus == 504:
		// Not an answer of that status, which passes where errors are not intercepted, but what nginx says so of itself. Whom
		// the gateway asks for leave stays well, or nobody would be let in.
		all := wellFor(append(slices.Clone(own), s.guards...), ask.RequiresStatus)
		fails := fakeupstream.Script(fakeupstream.Always(fakeupstream.Close{}))
		if ask.RequiresStatus == 504 {
			fails = fakeupstream.Always(fakeupstream.Silent{})
		}
		all[len(all)-1].Script = fails
		return all
	case ask.RequiresStatus != 0:
		return wellFor(own, ask.RequiresStatus)
	}
	return nil
}

// given says in words what others have to answer.
func given(ask nginxconf.Candidate) string {
	switch {
	case ask.AccelRedirect != "":
		return fmt.Sprintf("%s answers with X-Accel-Redirect: %s", peerKey(ask.AccelFrom[0]), ask.AccelRedirect)
	case ask.RequiresStatus == 502:
		return "all other upstreams close without an answer"
	case ask.RequiresStatus == 504:
		return "all other upstreams are silent"
	case ask.RequiresStatus != 0:
		return fmt.Sprintf("all other upstreams answer %d", ask.RequiresStatus)
	}
	return ""
}

// How many requests are tried for a way before it is given up: all that there are, but few where each needs the gateway to
// be started anew, or where the config has very many ways.
const (
	tooMany  = 64
	tooDear  = 8
	manyWays = 200
)

// discover proves a request for each way, and finds what the gateway calls besides, in several sandboxes at once where there
// are many. Names are learnt on the way.
func (s *session) discover(ctx context.Context, names seen) ([]*route, error) {
	all := make([]*route, len(s.ways))
	queue := make(chan int)
	go func() {
		defer close(queue)
		for i := range s.ways {
			select {
			case queue <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	workers := min(s.o.Parallel, 1+len(s.ways)/20)
	learnt, errs := make([]seen, workers), make([]error, workers)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			learnt[k] = s.known()
			errs[k] = s.search(ctx, queue, all, learnt[k])
			for range queue { // where it failed, the others take the rest
			}
		}()
	}
	wg.Wait()
	for _, l := range learnt {
		maps.Copy(names, l)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, r := range all {
		s.locate(r, names)
		if r.note != "" {
			s.report.Notes = append(s.report.Notes, r.note)
		}
	}
	return s.withStrangers(all), nil
}

// search takes ways from a queue and looks for a request that gets to each, in one sandbox.
func (s *session) search(ctx context.Context, queue <-chan int, all []*route, names seen) error {
	w, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if w != nil { // the one in its place could not be had
			_ = w.Close() // the lab ends it at the latest
		}
	}()
	if err := s.begin(ctx, w, names); err != nil {
		return err
	}
	news, err := w.DrainEvents(ctx)
	if err != nil {
		return err
	}
	names.learn(news)
	for i := range queue {
		r := s.newRoute(s.ways[i])
		all[i] = r
		s.asUserSays(r)
		if len(r.way.Candidates) == 0 {
			r.Why = cmp.Or(r.way.UnreachableReason, "no request could be worked out that gets there")
			continue
		}
		err := s.reach(ctx, w, r, names)
		if err == nil {
			continue
		}
		err = fmt.Errorf("looking for the way %s: %w", r.ID, err)
		if errors.Is(err, agentapi.ErrGone) || agentapi.Overrun(err) != nil || ctx.Err() != nil {
			return err
		}
		// One way that the gateway comes to grief on leaves the others to be looked for.
		r.Reached, r.Why = false, err.Error()
		_ = w.Close()
		if w, err = s.open(ctx); err != nil {
			return err
		}
		if err := s.start(ctx, w, names); err != nil {
			return fmt.Errorf("starting the gateway: %w", err)
		}
	}
	return nil
}

func (s *session) newRoute(way nginxconf.Route) *route {
	r := &route{way: way, Route: audit.Route{
		ID: way.ID, Location: way.Match, Role: way.Role, Protocol: way.Target.Protocol, Pass: way.Target.Written,
		Upstream: way.Target.Upstream, Dynamic: way.Target.Dynamic, Cells: []audit.Measurement{},
	}}
	if r.Role == "" {
		r.Role = nginxconf.Content
	}
	if way.Target.Pass != nil {
		r.Place = way.Target.Pass.Place
	}
	if len(way.Names) > 0 {
		r.Server = way.Names[0]
	}
	for _, l := range way.Listens {
		if r.Listen != "" {
			r.Listen += ", "
		}
		r.Listen += shownListen(l)
	}
	for _, p := range way.Target.Peers {
		if p.Down {
			continue
		}
		key := peerKey(p)
		if slices.Contains(r.keys, called(key)) {
			continue
		}
		r.keys = append(r.keys, called(key))
		r.Endpoints = append(r.Endpoints, audit.Endpoint{Name: key, Place: p.Place, Backup: p.Backup})
	}
	return r
}

func shownListen(l nginxconf.Listen) string {
	if l.Network == "unix" {
		return "unix:" + l.Address
	}
	host := l.Address
	if host == "" {
		host = "*"
	}
	text := net.JoinHostPort(host, fmt.Sprint(l.Port))
	switch {
	case l.QUIC:
		text += " quic"
	case l.Network == "udp":
		text += " udp"
	}
	if l.TLS && !l.QUIC {
		text += " ssl"
	}
	return text
}

// reach asks until a request gets to the way.
func (s *session) reach(ctx context.Context, w *lab.Sandbox, r *route, names seen) error {
	var last audit.Outcome
	most, dear := tooMany, 0
	if len(s.ways) > manyWays {
		most = tooDear
	}
	for i, ask := range r.way.Candidates {
		if i >= most {
			break
		}
		own := r.keys
		if len(own) == 0 && ask.RequiresStatus >= 300 && ask.RequiresStatus < 400 {
			own = []string{elsewhere} // no pass directive names it; the answer does
		}
		led := s.leading(ask, own)
		if ask.Listen.QUIC || led != nil && dear >= tooDear {
			continue
		}
		r.request = request{
			ask: ask, stream: r.way.Stream, udp: ask.Listen.Network == "udp",
			auth: !r.way.Stream && asksForPassword(r.way.Location), cert: s.tree.Client, key: s.tree.ClientKey,
		}
		method := cmp.Or(ask.Method, "GET")
		spec := r.request.spec(method, s.steps, s.patience())
		r.others = nil
		if led != nil {
			dear++
			if r.Dynamic || len(r.keys) == 0 {
				aside := r.request
				if len(s.caches) > 0 {
					aside = aside.fresh("badgateway=plain") // so that no cache has the answer, nor will have
				}
				plain, err := w.Probe(ctx, aside.spec(method, s.steps, s.patience()))
				if err != nil {
					return err
				}
				names.learn(plain.Events)
				for _, c := range plain.Events.Calls {
					r.others = appendNew(r.others, keyOf(c))
				}
			}
			r.beside = led
			if err := w.SetBehaviour(ctx, r.beside, nil); err != nil {
				return err
			}
		}
		answer, err := w.Probe(ctx, spec)
		if err != nil {
			return err
		}
		if len(answer.Events.Calls) == 0 && len(s.caches) > 0 && answer.Killed == nil { // an answer that another request had brought
			if err := s.restart(ctx, w, names); err != nil {
				return err
			}
			if err := w.SetBehaviour(ctx, r.beside, nil); err != nil {
				return err
			}
			if answer, err = w.Probe(ctx, spec); err != nil {
				return err
			}
		}
		for n := 1; n < ask.Repeat && answer.Killed == nil; n++ { // chance decides
			names.learn(answer.Events)
			if _, got := r.hit(answer.Events); got {
				break
			}
			if answer, err = w.Probe(ctx, spec); err != nil {
				return err
			}
		}
		if answer.Killed != nil {
			return answer.Killed
		}
		last = r.outcome(answer, names)
		if led != nil {
			// Peers that failed may be left out for a while.
			if err := s.restart(ctx, w, names); err != nil {
				return err
			}
		}
		if answer.Events.Loop {
			r.Why = "the gateway calls itself without end"
			r.beside = nil
			continue // another request may be sent elsewhere
		}
		keys, got := r.hit(answer.Events)
		if len(own) > len(r.keys) {
			got = slices.Contains(keys, elsewhere)
			keys = own
		}
		if got && !r.way.Stream && (last.Status == 0 || last.Status >= 500) && last.Page != "upstream" {
			// An upstream that is well and an answer that is not: nothing could be learnt from breaking it.
			r.Why = unwell(last)
			r.beside = nil
			continue
		} else if got {
			r.Reached, r.Why, r.Healthy = true, "", last
			r.Ask = r.request.shown(method)
			r.Ask.Requires = given(ask)
			r.adopt(keys)
			r.saw(answer.Events)
			return s.cover(ctx, w, r, r.way.Candidates[i+1:min(len(r.way.Candidates), most)], names)
		}
		r.beside = nil
	}
	r.Healthy, r.Ask = last, r.request.shown(cmp.Or(r.request.ask.Method, "GET"))
	r.Why = cmp.Or(r.Why, whyNot(last, r.Ask))
	return nil
}

// unwell says what is wrong with a route whose upstream is well.
func unwell(o audit.Outcome) string {
	why := "it " + answered(o) + " although the upstream is well"
	for _, l := range o.Log {
		return why + ": " + l.Message
	}
	return why
}

func (s *session) restart(ctx context.Context, w *lab.Sandbox, names seen) error {
	if err := w.StopGateway(ctx); err != nil {
		return err
	}
	if err := w.SetBehaviour(ctx, nil, nil); err != nil {
		return err
	}
	return s.start(ctx, w, names)
}

func whyNot(o audit.Outcome, ask audit.ClientRequest) string {
	var calls []string
	for _, c := range o.Calls {
		calls = appendNew(calls, c.Endpoint)
	}
	whom := "nobody"
	if len(calls) > 0 {
		whom = strings.Join(calls, ", ")
	}
	why := fmt.Sprintf("%s %s %s, and the gateway calls %s", ask.Method, ask.URL, answered(o), whom)
	if o.Status >= 500 && len(o.Log) > 0 {
		why += ": " + o.Log[0].Message
	}
	return why
}

func asksForPassword(location *nginxconf.Directive) bool {
	for _, d := range nginxconf.Effective(location, "auth_basic") {
		if len(d.Args) > 0 && d.Args[0] != "off" {
			return true
		}
	}
	return false
}

// hit reports whether a request got to the way, and which upstreams were called that the config does not list for it.
func (r *route) hit(news agentapi.Events) (fresh []string, got bool) {
	for _, c := range news.Calls {
		switch {
		case c.Self:
			// A way to the gateway itself leads on to what that calls.
			_, port, _ := net.SplitHostPort(c.At)
			for _, p := range r.way.Target.Peers {
				if fmt.Sprint(p.Port) == port {
					got = true
				}
			}
		case slices.Contains(addresses(r.keys), called(keyOf(c))):
			got = true
		case !slices.Contains(r.others, keyOf(c)):
			fresh = appendNew(fresh, keyOf(c))
		}
	}
	if r.Dynamic || len(r.keys) == 0 {
		return fresh, got || len(fresh) > 0
	}
	return fresh, got
}

// adopt takes the upstreams that were called as the route's own where the config does not list them, or lists only the
// gateway itself.
func (r *route) adopt(fresh []string) {
	self := slices.ContainsFunc(r.Healthy.Calls, func(c audit.Call) bool { return c.Protocol == "itself" })
	if self {
		r.Endpoints, r.keys = nil, nil
		for _, c := range r.Healthy.Calls {
			if c.Protocol != "itself" && !slices.Contains(r.others, c.Endpoint) {
				fresh = appendNew(fresh, c.Endpoint)
			}
		}
	}
	if !self && !r.Dynamic && len(r.keys) > 0 {
		return
	}
	for _, key := range fresh {
		if slices.Contains(r.keys, called(key)) {
			continue
		}
		r.keys = append(r.keys, called(key))
		r.Endpoints = append(r.Endpoints, audit.Endpoint{Name: key})
	}
}

// locate fills in where the lab has the endpoints.
func (s *session) locate(r *route, names seen) {
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		e.Address = names.addressOf(called(e.Name))
	}
}

// withStrangers adds a route for each upstream that a request called and no way explains.
func (s *session) withStrangers(all []*route) []*route {
	known := map[string]bool{}
	for _, r := range all {
		for _, k := range addresses(r.keys) {
			known[k] = true
		}
	}
	for _, r := range slices.Clone(all) {
		if !r.Reached {
			continue
		}
		for _, c := range r.Healthy.Calls {
			key := called(c.Endpoint)
			if c.Protocol == "itself" || known[key] {
				continue
			}
			known[key] = true
			stranger := *r
			stranger.ID = r.ID + " > " + c.Endpoint
			stranger.keys = []string{key}
			stranger.Endpoints = []audit.Endpoint{{Name: c.Endpoint}}
			stranger.Dynamic, stranger.Upstream, stranger.Pass = true, "", c.Endpoint
			all = append(all, &stranger)
		}
	}
	return all
}
