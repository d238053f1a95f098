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
	"github.com/badgateway/badgateway/harness/lab"
)

// job is one measurement of the matrix to be measured.
type job struct {
	route  *route
	at     int // in the route's measurements
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
		for _, f := range s.o.FaultList {
			for _, m := range methods(r, f) {
				r.Cells = append(r.Cells, audit.Measurement{Fault: f.ID, Method: m, Skipped: notFor(r, f)})
				if at := len(r.Cells) - 1; r.Cells[at].Skipped == "" {
					all = append(all, job{r, at, f, m})
				}
			}
		}
	}
	return all
}

func methods(r *route, f audit.Fault) []string {
	switch {
	case r.request.udp:
		return []string{"UDP"}
	case r.way.Stream:
		return []string{"TCP"}
	case r.request.ask.Method != "" && r.request.ask.Method != "GET":
		return []string{r.request.ask.Method}
	case len(f.Methods) > 0:
		return f.Methods
	}
	return []string{"GET", "POST"}
}

// notFor says why a fault makes no sense for a route; empty when it does.
func notFor(r *route, f audit.Fault) string {
	if len(r.keys) == 0 {
		return "the route calls no upstream of its own"
	}
	if len(f.Protocols) > 0 && !slices.Contains(f.Protocols, r.Protocol) {
		return "the upstream does not speak that protocol"
	}
	named := slices.ContainsFunc(r.keys, func(k string) bool { return !literal(k) })
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
	case audit.Behaves:
		if r.request.udp {
			return "the upstream is asked by datagrams"
		}
	case audit.Reuse, audit.TLSFault:
		if r.request.udp {
			return "the upstream is asked by datagrams"
		}
	}
	return ""
}

// peers is how many peers of one upstream share the route's requests.
func (r *route) peers() int {
	if r.way.Target.Upstream == "" || r.way.Target.Variables {
		return 1
	}
	return len(r.Endpoints)
}

// measure fills in the matrix, in several sandboxes at once.
func (s *session) measure(ctx context.Context, jobs []job) error {
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
	for range min(s.o.Parallel, len(jobs)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := s.work(ctx, queue, func() { s.o.Progress(int(done.Add(1)), len(jobs)) }); err != nil {
				cancel(err)
			}
		}()
	}
	wg.Wait()
	return context.Cause(ctx)
}

// worker measures measurements in a sandbox of its own.
type worker struct {
	s     *session
	w     *lab.Sandbox
	names seen
	// fresh is true while the gateway runs and holds nothing of the measurements before: no peer that it takes for dead, no answer
	// that it keeps.
	fresh bool
}

// work measures measurements until none is left.
func (s *session) work(ctx context.Context, queue <-chan job, done func()) error {
	k := &worker{s: s, names: s.known()}
	defer k.close()
	for j := range queue {
		c := &j.route.Cells[j.at]
		err := k.proven(ctx, j, c)
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			// What went wrong may have left anything behind: the next measurement gets a sandbox of its own.
			c.Error = fmt.Sprintf("%s, %s, %s: %v", j.route.ID, j.fault.ID, j.method, err)
			k.close()
		}
		s.evidence.Take(&c.Outcome)
		done()
	}
	return nil
}

// proven measures one measurement, and once more, in a sandbox of its own, where the lab failed because the machine had no processor
// for it.
func (k *worker) proven(ctx context.Context, j job, c *audit.Measurement) error {
	var again []string
	for {
		err := k.cell(ctx, j, c)
		if err == nil || len(again) == timesAgain || k.w == nil || ctx.Err() != nil {
			c.MeasuredAgain = again
			return err
		}
		starved := k.w.Starved()
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
	// timesAgain is how often a measurement that was starved is measured again.
	timesAgain = 3
	// starvation is how long something of a sandbox has to have waited for a processor for an error of the lab to come of that.
	starvation = 2 * time.Second
)

func (k *worker) close() {
	if k.w != nil {
		_ = k.w.Close() // the lab ends it at the latest
	}
	k.w, k.fresh = nil, false
}

// measurement measures one measurement: healthy, broken, looked at, mended, looked at.
func (k *worker) cell(ctx context.Context, j job, c *audit.Measurement) error {
	was := k.fresh
	for {
		if err := k.freshen(ctx, j); err != nil {
			return err
		}
		m := &cellRun{s: k.s, w: k.w, r: j.route, fault: j.fault, method: j.method, cell: c, names: k.names}
		m.behave(nil, nil)
		k.fresh = false
		if err := m.run(ctx); err != nil {
			return err
		}
		if m.ill && was {
			// A gateway that was begun anew says whether that is the route's own way, or the measurements' before.
			*c, was = audit.Measurement{Fault: c.Fault, Method: c.Method}, false
			continue
		}
		k.fresh = k.s.forgetful && j.route.remembersNothing() && j.fault.PassesBy()
		return nil
	}
}

// freshen sees to it that a gateway runs that holds nothing of the measurements before.
func (k *worker) freshen(ctx context.Context, j job) (err error) {
	if k.w == nil {
		if k.w, err = k.s.open(ctx); err != nil {
			return err
		}
	}
	// What the gateway looked up earlier is older than what it looks up now, and is looked up again sooner.
	if k.fresh && j.fault.Kind != audit.NameMoved {
		return nil
	}
	return k.s.freshly(ctx, k.w, j, k.names)
}

// remembersNothing reports whether the gateway keeps nothing of a request on the route: a single peer is never left out.
func (r *route) remembersNothing() bool { return r.peers() == 1 && !r.caches() }

// freshly starts the gateway anew with all upstreams well.
func (s *session) freshly(ctx context.Context, w *lab.Sandbox, j job, names seen) error {
	if err := w.StopGateway(ctx); err != nil {
		return err
	}
	if err := w.SetBehaviour(ctx, j.route.beside, nil); err != nil {
		return err
	}
	if err := s.start(ctx, w, names); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	news, err := w.DrainEvents(ctx)
	names.learn(news)
	return err
}
