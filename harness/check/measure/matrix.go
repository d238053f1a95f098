package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/check"
)

// job is one cell of the matrix to be measured.
type job struct {
	route  *route
	at     int // in the route's cells
	fault  check.Fault
	method string
}

// jobs lays out the matrix: every route that was reached, every fault, every method. What does not apply says why.
func (s *session) jobs(routes []*route) []job {
	var all []job
	for _, r := range routes {
		if !r.Reached || r.Like != "" {
			continue
		}
		for _, f := range s.o.FaultList {
			for _, m := range methods(r, f) {
				r.Cells = append(r.Cells, check.Cell{Fault: f.ID, Method: m, Skipped: notFor(r, f)})
				if at := len(r.Cells) - 1; r.Cells[at].Skipped == "" {
					all = append(all, job{r, at, f, m})
				}
			}
		}
	}
	return all
}

func methods(r *route, f check.Fault) []string {
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
func notFor(r *route, f check.Fault) string {
	if len(r.keys) == 0 {
		return "the route calls no upstream of its own"
	}
	if len(f.Protocols) > 0 && !slices.Contains(f.Protocols, r.Protocol) {
		return "the upstream does not speak that protocol"
	}
	named := slices.ContainsFunc(r.keys, func(k string) bool { return !literal(k) })
	socket := slices.ContainsFunc(r.keys, func(k string) bool { return len(k) > 5 && k[:5] == "unix:" })
	switch f.Kind {
	case check.Off, check.OneSilent:
		if socket {
			return "a unix socket has no host that could be off"
		}
	case check.NameGone, check.NameMoved:
		if !named {
			return "the upstream is given by its address, not by a name"
		}
	}
	switch f.Kind {
	case check.OnePeer, check.OneSilent:
		if r.peers() < 2 {
			return "the route has one peer"
		}
	case check.Behaves:
		if r.request.udp {
			return "the upstream is asked by datagrams"
		}
	case check.Reuse, check.TLSFault:
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

// measure fills in the matrix, in several worlds at once.
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

// work measures cells in one world until none is left.
func (s *session) work(ctx context.Context, queue <-chan job, done func()) error {
	w, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { w.Close() }()
	names := seen{}
	for j := range queue {
		c := &j.route.Cells[j.at]
		err := s.cell(ctx, w, j, c, names)
		if errors.Is(err, context.Canceled) || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			// What went wrong may have left anything behind: the next cell gets a world of its own.
			c.Error = err.Error()
			w.Close()
			if w, err = s.open(ctx); err != nil {
				return err
			}
		}
		done()
	}
	return nil
}

// cell measures one cell: a fresh gateway, healthy, broken, looked at, mended, looked at.
func (s *session) cell(ctx context.Context, w *harness.World, j job, c *check.Cell, names seen) error {
	if err := s.freshly(ctx, w, j, names); err != nil {
		return err
	}
	m := &cellRun{s: s, w: w, r: j.route, fault: j.fault, method: j.method, cell: c, names: names}
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("%s, %s, %s: %w", j.route.ID, j.fault.ID, j.method, err)
	}
	return nil
}

// freshly starts the gateway anew with all upstreams well.
func (s *session) freshly(ctx context.Context, w *harness.World, j job, names seen) error {
	if err := w.Stop(ctx); err != nil {
		return err
	}
	if err := w.Behave(ctx, j.route.beside, nil); err != nil {
		return err
	}
	if err := s.start(ctx, w); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	news, err := w.News(ctx)
	names.learn(news)
	return err
}
