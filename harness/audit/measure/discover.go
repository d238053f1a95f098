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
	"github.com/badgateway/badgateway/harness/lab"
)

// A route is one of the config's, with all that is needed to ask for it and to break it.
type route struct {
	audit.Route
	conf    nginxconf.Route
	note    string // of what the reader should know of how it was found
	request request
	// keys are its upstreams', as canonicalKey writes them.
	keys []string
	// otherBehaviours are the behaviours of other upstreams under which requests get here.
	otherBehaviours []lab.UpstreamBehaviour
	// mirrors are the upstreams that the request calls beside its answer, as far as they are others than the route's own.
	mirrors []string
	// aside is true for an upstream that no route of the config explains.
	aside bool
	// otherKeys are upstreams that the request calls on its way here, as far as they had to be kept apart from the route's own.
	otherKeys []string
}

// statusBehaviour is what an upstream does that answers a status with a page of its own.
func statusBehaviour(status int) fakeupstream.Well {
	w := fakeupstream.Well{Status: status, Chunked: true, Body: fmt.Sprintf("%sthe upstream says %d\n", ownPage, status)}
	if status >= 300 && status < 400 {
		w.Headers = []string{"Location: http://" + redirectTarget + "/moved"}
	}
	return w
}

// redirectTarget is where upstreams that answer with a redirect send to: some gateways go there themselves.
const redirectTarget = "elsewhere.example.com:80"

// accelScript is what an upstream does that sends the client to an internal location.
func accelScript(accel string) fakeupstream.Script {
	return fakeupstream.Always(fakeupstream.Well{Chunked: true, Headers: []string{"X-Accel-Redirect: " + accel}})
}

// behavioursFor are the behaviours of other upstreams under which a candidate gets to the upstreams that are the route's own; nil where
// all may be healthy.
func (s *session) behavioursFor(candidate nginxconf.Candidate, own []string) []lab.UpstreamBehaviour {
	switch {
	case candidate.AccelRedirect != "":
		var all []lab.UpstreamBehaviour
		for _, p := range candidate.AccelFrom {
			for _, k := range allAddresses([]string{canonicalKey(peerKey(p))}) {
				all = append(all, lab.UpstreamBehaviour{At: k, Script: accelScript(candidate.AccelRedirect)})
			}
		}
		return all
	case candidate.RequiresStatus == 502 || candidate.RequiresStatus == 504:
		// Not an answer of that status, which passes where errors are not intercepted, but what nginx says so of itself. Whom
		// the gateway asks for leave stays healthy, or nobody would be let in.
		all := statusBehaviours(append(slices.Clone(own), s.authUpstreams...), candidate.RequiresStatus)
		fails := fakeupstream.Script(fakeupstream.Always(fakeupstream.Close{}))
		if candidate.RequiresStatus == 504 {
			fails = fakeupstream.Always(fakeupstream.Silent{})
		}
		all[len(all)-1].Script = fails
		return all
	case candidate.RequiresStatus != 0:
		return statusBehaviours(own, candidate.RequiresStatus)
	}
	return nil
}

// requirement says in words what others have to answer.
func requirement(candidate nginxconf.Candidate) string {
	switch {
	case candidate.AccelRedirect != "":
		return fmt.Sprintf("%s answers with X-Accel-Redirect: %s", peerKey(candidate.AccelFrom[0]), candidate.AccelRedirect)
	case candidate.RequiresStatus == 502:
		return "all other upstreams close without an answer"
	case candidate.RequiresStatus == 504:
		return "all other upstreams are silent"
	case candidate.RequiresStatus != 0:
		return fmt.Sprintf("all other upstreams answer %d", candidate.RequiresStatus)
	}
	return ""
}

// How many requests are tried for a route before it is given up: all that there are, but few where each needs the gateway to
// be started anew, or where the config has very many routes.
const (
	maxCandidates       = 64
	maxCostlyCandidates = 8
	manyRoutes          = 200
)

// discover proves a request for each route, and finds what the gateway calls besides, in several sandboxes at once where there
// are many. Names are learnt meanwhile.
func (s *session) discover(ctx context.Context, names addressNames) ([]*route, error) {
	all := make([]*route, len(s.routes))
	queue := make(chan int)
	go func() {
		defer close(queue)
		for i := range s.routes {
			select {
			case queue <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	workers := min(s.options.Parallel, 1+len(s.routes)/20)
	learnt, errs := make([]addressNames, workers), make([]error, workers)
	var wg sync.WaitGroup
	for k := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			learnt[k] = s.knownNames()
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
	return s.withUnlistedUpstreams(all), nil
}

// search takes routes from a queue and looks for a request that gets to each, in one sandbox.
func (s *session) search(ctx context.Context, queue <-chan int, all []*route, names addressNames) error {
	sb, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if sb != nil { // the one in its place could not be had
			_ = sb.Close() // the lab ends it at the latest
		}
	}()
	if err := s.begin(ctx, sb, names); err != nil {
		return err
	}
	events, err := sb.DrainEvents(ctx)
	if err != nil {
		return err
	}
	names.learn(events)
	for i := range queue {
		r := s.newRoute(s.routes[i])
		all[i] = r
		s.applyPolicyRequest(r)
		if len(r.conf.Candidates) == 0 {
			r.Why = cmp.Or(r.conf.UnreachableReason, "no request could be worked out that gets there")
			continue
		}
		err := s.reach(ctx, sb, r, names)
		if err == nil {
			continue
		}
		err = fmt.Errorf("looking for the route %s: %w", r.ID, err)
		if errors.Is(err, lab.ErrGone) || lab.Overrun(err) != nil || ctx.Err() != nil {
			return err
		}
		// One route that the gateway fails on leaves the others to be looked for.
		r.Reached, r.Why = false, err.Error()
		_ = sb.Close()
		if sb, err = s.open(ctx); err != nil {
			return err
		}
		if err := s.start(ctx, sb, names); err != nil {
			return fmt.Errorf("starting the gateway: %w", err)
		}
	}
	return nil
}

func (s *session) newRoute(conf nginxconf.Route) *route {
	r := &route{conf: conf, Route: audit.Route{
		ID: conf.ID, Location: conf.Match, Role: conf.Role, Protocol: conf.Target.Protocol, Pass: conf.Target.Written,
		Upstream: conf.Target.Upstream, Dynamic: conf.Target.Dynamic, Measurements: []audit.Measurement{},
	}}
	if r.Role == "" {
		r.Role = nginxconf.Content
	}
	if conf.Target.Pass != nil {
		r.Place = conf.Target.Pass.Place
	}
	if len(conf.Names) > 0 {
		r.Server = conf.Names[0]
	}
	for _, l := range conf.Listens {
		if r.Listen != "" {
			r.Listen += ", "
		}
		r.Listen += shownListen(l)
	}
	for _, p := range conf.Target.Peers {
		if p.Down {
			r.Down = append(r.Down, peerKey(p))
			continue
		}
		key := peerKey(p)
		if slices.Contains(r.keys, canonicalKey(key)) {
			continue
		}
		r.keys = append(r.keys, canonicalKey(key))
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

// reach asks until a request gets to the route.
func (s *session) reach(ctx context.Context, sb *lab.Sandbox, r *route, names addressNames) error {
	var last audit.Outcome
	var plain *audit.Route // the answer to the first request that needs no other upstream to fail, where it is an error
	most, dear := maxCandidates, 0
	if len(s.routes) > manyRoutes {
		most = maxCostlyCandidates
	}
	for i, candidate := range r.conf.Candidates {
		if i >= most {
			break
		}
		own := r.keys
		if len(own) == 0 && candidate.RequiresStatus >= 300 && candidate.RequiresStatus < 400 {
			own = []string{redirectTarget} // no pass directive names it; the answer does
		}
		behaviours := s.behavioursFor(candidate, own)
		if candidate.Listen.QUIC || behaviours != nil && dear >= maxCostlyCandidates {
			continue
		}
		r.request = request{
			candidate: candidate, stream: r.conf.Stream, udp: candidate.Listen.Network == "udp",
			auth: !r.conf.Stream && asksForPassword(r.conf.Location), cert: s.tree.Client, key: s.tree.ClientKey,
		}
		method := cmp.Or(candidate.Method, "GET")
		spec := r.request.spec(method, s.steps, s.waitLimit())
		r.otherKeys = nil
		if behaviours != nil {
			dear++
			if r.Dynamic || len(r.keys) == 0 {
				aside := r.request
				if len(s.caches) > 0 {
					aside = aside.withArgument("badgateway=plain") // so that no cache has the answer, nor will have
				}
				plain, err := sb.Probe(ctx, aside.spec(method, s.steps, s.waitLimit()))
				if err != nil {
					return err
				}
				names.learn(plain.Events)
				for _, c := range plain.Events.Calls {
					r.otherKeys = appendUnique(r.otherKeys, keyOf(c))
				}
			}
			r.otherBehaviours = behaviours
			if err := sb.SetBehaviour(ctx, r.otherBehaviours, nil); err != nil {
				return err
			}
		}
		answer, _, err := s.probe(ctx, sb, r, spec, names)
		if err != nil {
			return err
		}
		if len(answer.Events.Calls) == 0 && len(s.caches) > 0 && answer.Killed == nil { // an answer that another request had brought
			if err := s.restart(ctx, sb, names); err != nil {
				return err
			}
			if err := sb.SetBehaviour(ctx, r.otherBehaviours, nil); err != nil {
				return err
			}
			if answer, _, err = s.probe(ctx, sb, r, spec, names); err != nil {
				return err
			}
		}
		for n := 1; n < candidate.Repeat && answer.Killed == nil; n++ { // chance decides
			names.learn(answer.Events)
			if _, got := r.hit(answer.Events); got {
				break
			}
			if answer, _, err = s.probe(ctx, sb, r, spec, names); err != nil {
				return err
			}
		}
		if answer.Killed != nil {
			return answer.Killed
		}
		last = r.outcome(answer, names)
		if behaviours != nil {
			// Peers that failed may be left out for a while.
			if err := s.restart(ctx, sb, names); err != nil {
				return err
			}
		}
		if behaviours == nil && plain == nil && (last.Status == 0 || last.Status >= 500) && !r.conf.Stream {
			plain = &audit.Route{Ask: r.request.shown(method), Healthy: last}
		}
		if answer.Events.Loop {
			r.Why = "the gateway calls itself without end"
			r.otherBehaviours = nil
			continue // another request may be sent elsewhere
		}
		keys, got := r.hit(answer.Events)
		if len(own) > len(r.keys) {
			got = slices.Contains(keys, redirectTarget)
			keys = own
		}
		if got && !r.conf.Stream && (last.Status == 0 || last.Status >= 500) && last.Page != "upstream" {
			// An upstream that is healthy and an answer that is not: nothing could be learnt from breaking it.
			r.Why = unhealthyAnswer(last)
			r.otherBehaviours = nil
			continue
		} else if got {
			r.Reached, r.Why, r.Healthy = true, "", last
			r.Ask = r.request.shown(method)
			r.Ask.Requires = requirement(candidate)
			r.adopt(keys)
			r.noteCalled(answer.Events)
			for _, c := range last.Calls {
				if k := canonicalKey(c.Endpoint); slices.Contains(s.mirrors, k) && !slices.Contains(allAddresses(r.keys), k) {
					r.mirrors = appendUnique(r.mirrors, k)
				}
			}
			return s.cover(ctx, sb, r, r.conf.Candidates[i+1:min(len(r.conf.Candidates), most)], names)
		}
		r.otherBehaviours = nil
	}
	r.Healthy, r.Ask = last, r.request.shown(cmp.Or(r.request.candidate.Method, "GET"))
	r.Ask.Requires = requirement(r.request.candidate)
	if plain != nil {
		r.Healthy, r.Ask = plain.Healthy, plain.Ask
	}
	r.Why = cmp.Or(r.Why, unreachedReason(last, r.Ask))
	return nil
}

// unhealthyAnswer says what is wrong with a route whose upstream is healthy.
func unhealthyAnswer(o audit.Outcome) string {
	why := "it " + answered(o) + " although the upstream is well"
	for _, l := range o.Log {
		return why + ": " + l.Message
	}
	return why
}

func (s *session) restart(ctx context.Context, sb *lab.Sandbox, names addressNames) error {
	if err := sb.StopGateway(ctx); err != nil {
		return err
	}
	if err := sb.SetBehaviour(ctx, nil, nil); err != nil {
		return err
	}
	return s.start(ctx, sb, names)
}

func unreachedReason(o audit.Outcome, ask audit.ClientRequest) string {
	var calls []string
	for _, c := range o.Calls {
		calls = appendUnique(calls, c.Endpoint)
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

// hit reports whether a request got to the route, and which upstreams were called that the config does not list for it.
func (r *route) hit(events lab.Events) (fresh []string, got bool) {
	for _, c := range events.Calls {
		switch {
		case c.Self:
			// A route to the gateway itself leads on to what that calls.
			_, port, _ := net.SplitHostPort(c.At)
			for _, p := range r.conf.Target.Peers {
				if fmt.Sprint(p.Port) == port {
					got = true
				}
			}
		case slices.Contains(allAddresses(r.keys), canonicalKey(keyOf(c))):
			got = true
		case !slices.Contains(r.otherKeys, keyOf(c)):
			fresh = appendUnique(fresh, keyOf(c))
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
			if c.Protocol != "itself" && !slices.Contains(r.otherKeys, c.Endpoint) {
				fresh = appendUnique(fresh, c.Endpoint)
			}
		}
	}
	if !self && !r.Dynamic && len(r.keys) > 0 {
		return
	}
	for _, key := range fresh {
		if slices.Contains(r.keys, canonicalKey(key)) {
			continue
		}
		r.keys = append(r.keys, canonicalKey(key))
		r.Endpoints = append(r.Endpoints, audit.Endpoint{Name: key})
	}
}

// locate fills in where the lab has the endpoints.
func (s *session) locate(r *route, names addressNames) {
	for i := range r.Endpoints {
		e := &r.Endpoints[i]
		e.Address = names.addressOf(canonicalKey(e.Name))
	}
}

// withUnlistedUpstreams adds a route for each upstream that a request called and no route of the config explains.
func (s *session) withUnlistedUpstreams(all []*route) []*route {
	known := map[string]bool{}
	for _, r := range all {
		for _, k := range allAddresses(r.keys) {
			known[k] = true
		}
	}
	for _, r := range slices.Clone(all) {
		if !r.Reached {
			continue
		}
		for _, c := range r.Healthy.Calls {
			key := canonicalKey(c.Endpoint)
			if c.Protocol == "itself" || known[key] {
				continue
			}
			known[key] = true
			added := *r
			added.ID, added.aside = r.ID+" > "+c.Endpoint, true
			added.keys = []string{key}
			added.Endpoints = []audit.Endpoint{{Name: c.Endpoint}}
			added.Dynamic, added.Upstream, added.Pass = true, "", c.Endpoint
			all = append(all, &added)
		}
	}
	return all
}
