package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
	"github.com/badgateway/badgateway/harness/lab"
)

// job is one measurement of the matrix to be measured.
type job struct {
	route  *route
	index  int // in the route's measurements
	fault  audit.Fault
	method string
}

// jobs lays out the matrix: every route that was reached, every fault, every method. What does not apply says why.
func (s *session) jobs(routes []*route) []job {
	var all []job
	for _, r := range routes {
		if !r.Reached || r.SameAs != "" {
			continue
		}
		for _, f := range s.options.FaultList {
			for _, m := range methods(r, f) {
				c := audit.Measurement{Fault: f.ID, Method: m, Skipped: s.skipReason(r, f)}
				switch c.Skipped {
				case "":
					all = append(all, job{r, len(r.Measurements), f, m})
				case r.lacks(f.Needs):
					c.SkippedAs = audit.Immune
				}
				r.Measurements = append(r.Measurements, c)
			}
		}
	}
	return all
}

func methods(r *route, f audit.Fault) []string {
	switch {
	case r.request.udp:
		return []string{"UDP"}
	case r.conf.Stream:
		return []string{"TCP"}
	case r.request.candidate.Method != "" && r.request.candidate.Method != "GET":
		return []string{r.request.candidate.Method}
	case len(f.Methods) > 0:
		return f.Methods
	case f.Kind == audit.NoFault:
		return append([]string{"GET", "POST"}, nginxconf.Methods(r.conf.Location)...)
	}
	return []string{"GET", "POST"}
}

// skipReason says why a fault is not tried on a route, by the config or by the policy; empty when it is.
func (s *session) skipReason(r *route, f audit.Fault) string {
	if p := s.options.Policy; p != nil {
		if application := p.Application(r.ID); !f.OfApplication(application) {
			return fmt.Sprintf("the policy says that the application is %s, of which it is not known", application)
		}
	}
	return inapplicableReason(r, f)
}

// inapplicableReason says why a fault makes no sense for a route; empty when it does.
func inapplicableReason(r *route, f audit.Fault) string {
	if f.Kind == audit.NoFault {
		return ""
	}
	if len(r.keys) == 0 {
		return "the route calls no upstream of its own"
	}
	if len(f.Protocols) > 0 && !slices.Contains(f.Protocols, r.Protocol) {
		return "the upstream does not speak that protocol"
	}
	if f.Visitor {
		return visitorReason(r, f)
	}
	named := slices.ContainsFunc(r.keys, func(k string) bool { return !isLiteral(k) })
	socket := slices.ContainsFunc(r.keys, func(k string) bool { return len(k) > 5 && k[:5] == "unix:" })
	switch f.Kind {
	case audit.Off, audit.OneSilent:
		if socket {
			return "a unix socket has no host that could be off"
		}
	case audit.NameGone, audit.NameMoved:
		if !named {
			return "the upstream is given by its address, not by a name"
		}
	}
	switch f.Kind {
	case audit.OnePeer, audit.OneSilent:
		if r.peers() < 2 {
			return "the route has one peer"
		}
		if f.Does != nil && r.request.udp {
			return "the upstream is asked by datagrams"
		}
	case audit.OneOfName:
		if r.manyNamed() == "" {
			return "the upstream is given by one address"
		}
	case audit.Behaves:
		if r.request.udp {
			return "the upstream is asked by datagrams"
		}
	case audit.Reuse, audit.TLSFault:
		if r.request.udp {
			return "the upstream is asked by datagrams"
		}
	}
	return r.lacks(f.Needs)
}

// peers is how many peers of one upstream share the route's requests.
func (r *route) peers() int {
	if r.conf.Target.Upstream == "" || r.conf.Target.Variables {
		return 1
	}
	return len(r.Endpoints)
}

// rank puts the jobs that take the longest before all others: at the end one sandbox would work on them while the others idle.
func (j job) rank() int {
	switch j.fault.Kind {
	case audit.Pauses, audit.NameMoved, audit.Uploads:
		return 0
	}
	return 1
}

// measure fills in the matrix, in several sandboxes at once.
func (s *session) measure(ctx context.Context, jobs []job) error {
	jobs = slices.Clone(jobs)
	slices.SortStableFunc(jobs, func(a, b job) int { return a.rank() - b.rank() })
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan job)
	go func() {
		defer close(queue)
		for _, j := range jobs {
			select {
			case queue <- j:
			case <-ctx.Done():
				return
			}
		}
	}()
	var done atomic.Int64
	var wg sync.WaitGroup
	for range min(s.options.Parallel, len(jobs)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := s.work(ctx, queue, func() { s.options.Progress(int(done.Add(1)), len(jobs)) }); err != nil {
				cancel(err)
			}
		}()
	}
	wg.Wait()
	return context.Cause(ctx)
}

// worker measures measurements in a sandbox of its own.
type worker struct {
	session *session
	sandbox *lab.Sandbox
	names   addressNames
	// fresh is true while the gateway runs and holds nothing of the measurements before: no peer that it takes for dead, no answer
	// that it keeps.
	fresh bool
}

// work measures measurements until none is left.
func (s *session) work(ctx context.Context, queue <-chan job, done func()) error {
	k := &worker{session: s, names: s.knownNames()}
	defer k.close()
	for j := range queue {
		c := &j.route.Measurements[j.index]
		err := k.measureUntilProven(ctx, j, c)
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			// What went wrong may have left anything behind: the next measurement gets a sandbox of its own.
			c.Error = fmt.Sprintf("%s, %s, %s: %v", j.route.ID, j.fault.ID, j.method, err)
			k.close()
		}
		c.Masked = j.route.masked(j.fault, *c)
		s.evidence.Take(&c.Outcome)
		done()
	}
	return nil
}

// measureUntilProven measures one measurement, and once more, in a sandbox of its own, where the lab failed because the machine had no processor
// for it.
func (k *worker) measureUntilProven(ctx context.Context, j job, c *audit.Measurement) error {
	var again []string
	for {
		err := k.measure(ctx, j, c)
		if err == nil || len(again) == maxReruns || k.sandbox == nil || ctx.Err() != nil {
			c.MeasuredAgain = again
			return err
		}
		starved := k.sandbox.Starved()
		if starved < starvation {
			c.MeasuredAgain = again
			return err
		}
		again = append(again, fmt.Sprintf("the lab waited %.1f s for a processor: %v", starved.Seconds(), err))
		k.close()
		*c = audit.Measurement{Fault: c.Fault, Method: c.Method}
	}
}

const (
	// maxReruns is how often a measurement that was starved is measured again.
	maxReruns = 3
	// starvation is how long something of a sandbox has to have waited for a processor for an error of the lab to come of that.
	starvation = 2 * time.Second
)

func (k *worker) close() {
	if k.sandbox != nil {
		_ = k.sandbox.Close() // the lab ends it at the latest
	}
	k.sandbox, k.fresh = nil, false
}

// measure measures once: healthy, broken, looked at, remedied, looked at.
func (k *worker) measure(ctx context.Context, j job, c *audit.Measurement) error {
	was := k.fresh
	for {
		if err := k.ensureFresh(ctx, j); err != nil {
			return err
		}
		m := &measurement{session: k.session, sandbox: k.sandbox, route: j.route, fault: j.fault, method: j.method, result: c, names: k.names}
		m.setWell()
		k.fresh = false
		if err := m.run(ctx); err != nil {
			return err
		}
		if m.notHealthy && was {
			// A gateway that was begun anew says whether that is the route's own, or the measurements' before.
			*c, was = audit.Measurement{Fault: c.Fault, Method: c.Method}, false
			continue
		}
		k.fresh = k.session.stateless && j.route.isStateless() && j.fault.PassesBy()
		return nil
	}
}

// ensureFresh sees to it that a gateway runs that holds nothing of the measurements before.
func (k *worker) ensureFresh(ctx context.Context, j job) (err error) {
	if k.sandbox == nil {
		if k.sandbox, err = k.session.open(ctx); err != nil {
			return err
		}
	}
	// What the gateway looked up earlier is older than what it looks up now, and is looked up again sooner.
	if k.fresh && j.fault.Kind != audit.NameMoved {
		return nil
	}
	return k.session.restartHealthy(ctx, k.sandbox, j, k.names)
}

// isStateless reports whether the gateway keeps nothing of a request on the route: a single peer is never left out. The two addresses of
// localhost are peers as those of an upstream block are.
func (r *route) isStateless() bool {
	name := r.manyNamed()
	return r.peers() == 1 && (name == "" || !isLiteral(name)) && !r.hasCache()
}

// restartHealthy starts the gateway anew with all upstreams healthy.
func (s *session) restartHealthy(ctx context.Context, sb *lab.Sandbox, j job, names addressNames) error {
	if err := sb.StopGateway(ctx); err != nil {
		return err
	}
	if err := sb.SetBehaviour(ctx, j.route.otherBehaviours, nil); err != nil {
		return err
	}
	if err := s.start(ctx, sb, names); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	events, err := sb.DrainEvents(ctx)
	names.learn(events)
	return err
}
