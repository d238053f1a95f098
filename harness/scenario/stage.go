package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// A Stage is a scenario that is kept as it is, for somebody to try by hand. Its clock goes on as his does. A fast one may
// move it: by [Stage.Pass], and where the remedy is to wait.
type Stage struct {
	r               *trialRun
	fast            bool       // its waits are not as long as they say
	exceptionReason string     // what is another on the lab's gateway than on most; empty where nothing is
	failed          chan error // what could not be injected into a request in flight

	mu         sync.Mutex // held while anything is changed, and from before a request comes until the fault met it
	armed      bool       // faults are injected while requests are in flight
	remedied   bool
	injected   bool          // a request was met by the fault, which has not been undone
	lastClient chan struct{} // closed when the client of the last one has gone, and the fault is undone; nil before there was one
}

// SetStage sets a scenario up, and sees it healthy once, as [Run] does. The clock goes on as the caller's does.
func SetStage(ctx context.Context, l *lab.Lab, scenario Scenario, v Variant, fast bool) (*Stage, error) {
	program, err := l.Program(ctx, scenario.Gateway.Driver)
	if err != nil {
		return nil, err
	}
	scenario, why := scenario.forBuild(program.Build)
	r := &trialRun{lab: l, program: program, scenario: scenario, variant: v, evidence: &Evidence{}}
	waits := []time.Duration{scenario.Expect.After}
	if scenario.Then != nil {
		waits = append(waits, scenario.Then.For)
	}
	if r.sandbox, err = l.Open(ctx, lab.Setup{Gateway: scenario.Gateway, Upstreams: v.Upstreams, Clock: true, Pace: pace(scenario, waits...), KernelTime: !fast}); err != nil {
		return nil, fmt.Errorf("the lab is not healthy before the fault: %w", err)
	}
	s := &Stage{r: r, exceptionReason: why, fast: fast, failed: make(chan error, 1)}
	if err = r.healthy(ctx); err == nil {
		err = s.awaitIdle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.sandbox.Close())
	}
	return s, nil
}

// Sandbox is what the scenario is staged in.
func (s *Stage) Sandbox() *lab.Sandbox { return s.r.sandbox }

// Scenario is the scenario with the expectation that holds on the lab's gateway.
func (s *Stage) Scenario() Scenario { return s.r.scenario }

// Exception says why the lab's gateway answers otherwise than most do; it is empty where it does not.
func (s *Stage) Exception() string { return s.exceptionReason }

// Refusal is what the gateway said when the fault kept it from starting.
func (s *Stage) Refusal() []gateway.LogRecord { return s.r.refusal }

// Inject makes the fault, and lets the clock go on. What is injected while a request is in flight meets each that comes
// through [Stage.Dial].
func (s *Stage) Inject(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.r.inject(ctx, withoutWaits(s.r.variant.Inject)); err != nil {
		return err
	}
	s.armed = len(s.inFlight()) > 0
	return s.r.sandbox.Run(ctx)
}

// withoutWaits are the faults but for those that let time pass: on a stage it passes by itself.
func withoutWaits(all []fault.Fault) []fault.Fault {
	return slices.DeleteFunc(slices.Clone(all), func(c fault.Fault) bool {
		_, waits := c.(waiter)
		w, _ := c.(fault.Wait)
		return waits && !w.ByHand
	})
}

// A waiter is a fault that lets time pass.
type waiter interface{ Passes() time.Duration }

// RemedyTakes is how long the remedy waits.
func (s *Stage) RemedyTakes() (d time.Duration) {
	for _, c := range s.r.variant.Remedy {
		if w, ok := c.(waiter); ok {
			d += w.Passes()
		}
	}
	return d
}

// Remedy performs the remedy. What it waits is real, unless the stage is fast.
func (s *Stage) Remedy(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.injected {
		if err := s.reset(ctx); err != nil {
			return err
		}
	}
	s.armed, s.remedied = s.r.variant.RemedyToleratesFault, true
	if s.r.variant.undoes() {
		if err := s.r.injected.Undo(ctx); err != nil {
			return err
		}
	}
	s.r.injected.Forget() // a remedy may stand on what it leaves
	for _, c := range s.r.variant.Remedy {
		if err := s.remedy(ctx, c); err != nil {
			return err
		}
	}
	return s.awaitIdle(ctx)
}

// idleTimeout bounds the wait for what earlier requests have begun.
const idleTimeout = 30 * time.Second

// awaitIdle waits until what earlier requests have begun has ended, or waits itself, so that it does not stand in the way of
// those that come. It does not wait for ever: a script may compute without end.
func (s *Stage) awaitIdle(ctx context.Context) error {
	limit := idleTimeout
	if s.r.scenario.Gateway.Driver.Logged != nil {
		limit = idleTimeout / 30 // who writes its log looks every few milliseconds whether there is more
	}
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if rests, err := s.r.sandbox.Resting(ctx); err != nil || rests {
			return err
		}
	}
	return nil
}

func (s *Stage) remedy(ctx context.Context, c fault.Fault) error {
	w, waits := c.(waiter)
	if !waits || s.fast {
		_, err := c.Inject(ctx, s.r.sandbox)
		return err
	}
	select {
	case <-time.After(w.Passes()):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Pass moves the clock, and reports whether it could: only while all that runs waits for something to happen.
func (s *Stage) Pass(ctx context.Context, d time.Duration) (bool, error) {
	// While the fault is to meet a request, or a remedy is performed, that comes first.
	if !s.r.sandbox.Moves() || !s.mu.TryLock() {
		return false, nil
	}
	defer s.mu.Unlock()
	rests, err := s.r.sandbox.Resting(ctx)
	if err != nil || !rests {
		return false, err
	}
	return true, s.r.sandbox.Advance(ctx, d)
}

// Clocked reports whether the stage's time is the lab's.
func (s *Stage) Clocked() bool { return s.r.sandbox.Clocked() }

// frontDoor is where the scenario's client connects to.
func (s *Stage) frontDoor(ctx context.Context) (string, error) {
	return s.r.sandbox.ClientConnectsTo(ctx, s.r.scenario.Ask)
}

// Listens reports whether the gateway takes connections.
func (s *Stage) Listens(ctx context.Context) (bool, error) {
	at, err := s.frontDoor(ctx)
	if err != nil {
		return false, err
	}
	return s.r.sandbox.Listens(ctx, at)
}

// Failed reports a fault that could not be injected while a request was in flight.
func (s *Stage) Failed() <-chan error { return s.failed }

// Close ends the stage.
func (s *Stage) Close() error { return s.r.sandbox.Close() }

// FollowLogs writes what the stage's programs log, as it comes, until ctx ends.
func (s *Stage) FollowLogs(ctx context.Context, w io.Writer) error {
	return s.r.sandbox.FollowLogs(ctx, w)
}
