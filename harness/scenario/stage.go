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

// A Stage is a scenario that is kept as it is, for somebody to try by hand. Its clock goes on as his does. One in haste may
// move it: by [Stage.Pass], and where the remedy is to wait.
type Stage struct {
	r      *run
	haste  bool       // its waits are not as long as they say
	why    string     // what is another on the lab's gateway than on most; empty where nothing is
	failed chan error // what a strike could not do

	mu     sync.Mutex // held while anything is changed, and from before a request comes until it is struck
	armed  bool       // requests are struck
	mended bool
	struck bool          // one was, and what it broke has not been put right
	live   chan struct{} // closed when the visitor of the last one has gone, and all is put right; nil before there was one
}

// SetStage sets a scenario up, and sees it healthy once, as [Run] does.
func SetStage(ctx context.Context, l *lab.Lab, scenario Scenario, t Variant, haste bool) (*Stage, error) {
	program, err := l.Program(ctx, scenario.Gateway.Driver)
	if err != nil {
		return nil, err
	}
	scenario, why := scenario.on(program.Build)
	r := &run{lab: l, program: program, scenario: scenario, twin: t, evidence: &Evidence{}}
	if r.cell, err = l.Open(ctx, lab.Setup{Gateway: scenario.Gateway, Upstreams: t.Upstreams, Clock: true, KernelTime: !haste}); err != nil {
		return nil, fmt.Errorf("the lab is not healthy before the fault: %w", err)
	}
	s := &Stage{r: r, why: why, haste: haste, failed: make(chan error, 1)}
	if err = r.healthy(ctx); err == nil {
		err = s.awaitRest(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, r.cell.Close())
	}
	return s, nil
}

// Cell is the stage's cell.
func (s *Stage) Cell() *lab.Sandbox { return s.r.cell }

// Scenario is the scenario with the expectation that holds on the lab's gateway.
func (s *Stage) Scenario() Scenario { return s.r.scenario }

// Exception says why the lab's gateway answers otherwise than most do; it is empty where it does not.
func (s *Stage) Exception() string { return s.why }

// Refusal is what the gateway said when the fault kept it from starting.
func (s *Stage) Refusal() []gateway.LogRecord { return s.r.refusal }

// Break makes the fault, and lets the clock go on. What strikes while a request is under way strikes each that comes through
// [Stage.Dial].
func (s *Stage) Break(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.r.breakIt(ctx, withoutWaits(s.r.twin.Inject)); err != nil {
		return err
	}
	s.armed = len(s.strikes()) > 0
	return s.r.cell.Run(ctx)
}

// withoutWaits are the changes but for those that let time pass: on a stage it passes by itself.
func withoutWaits(all []fault.Fault) []fault.Fault {
	return slices.DeleteFunc(slices.Clone(all), func(c fault.Fault) bool { _, waits := c.(waiter); return waits })
}

// A waiter is a change that lets time pass.
type waiter interface{ Passes() time.Duration }

// MendTakes is how long the remedy waits.
func (s *Stage) RemedyTakes() (d time.Duration) {
	for _, c := range s.r.twin.Remedy {
		if w, ok := c.(waiter); ok {
			d += w.Passes()
		}
	}
	return d
}

// Mend performs the remedy. What it waits is real, unless the stage is in haste.
func (s *Stage) Remedy(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.struck {
		if err := s.putRight(ctx); err != nil {
			return err
		}
	}
	s.armed, s.mended = s.r.twin.RemedyToleratesFault, true
	if len(s.r.twin.Remedy) == 0 {
		if err := s.r.undo(ctx, withoutWaits(s.r.twin.Inject)); err != nil {
			return err
		}
	}
	for _, c := range s.r.twin.Remedy {
		if err := s.remedy(ctx, c); err != nil {
			return err
		}
	}
	return s.awaitRest(ctx)
}

// restWithin bounds the wait for what earlier requests have begun.
const restWithin = 30 * time.Second

// awaitRest waits until what earlier requests have begun is through, or waits itself, so that it does not stand in the way of
// those that come. It does not wait for ever: a script may compute without end.
func (s *Stage) awaitRest(ctx context.Context) error {
	for deadline := time.Now().Add(restWithin); time.Now().Before(deadline); {
		if rests, err := s.r.cell.Resting(ctx); err != nil || rests {
			return err
		}
	}
	return nil
}

func (s *Stage) remedy(ctx context.Context, c fault.Fault) error {
	w, waits := c.(waiter)
	if !waits || s.haste {
		return c.Do(ctx, s.r.cell)
	}
	select {
	case <-time.After(w.Passes()):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Pass moves the clock, and tells whether it could: only while all that runs waits for something to happen.
func (s *Stage) Pass(ctx context.Context, d time.Duration) (bool, error) {
	// While a request is to be struck, or something is mended, that comes first.
	if !s.r.cell.Clocked() || !s.mu.TryLock() {
		return false, nil
	}
	defer s.mu.Unlock()
	rests, err := s.r.cell.Resting(ctx)
	if err != nil || !rests {
		return false, err
	}
	return true, s.r.cell.Advance(ctx, d)
}

// Clocked tells whether the stage's time can be moved.
func (s *Stage) Clocked() bool { return s.r.cell.Clocked() }

// Listens tells whether the gateway takes connections.
func (s *Stage) Listens(ctx context.Context) (bool, error) {
	return s.r.cell.Listens(ctx, lab.FrontDoor)
}

// Failed tells of a strike that could not be done.
func (s *Stage) Failed() <-chan error { return s.failed }

// Close ends the stage.
func (s *Stage) Close() error { return s.r.cell.Close() }

// FollowLogs writes what the stage's programs log, as it comes, until ctx ends.
func (s *Stage) FollowLogs(ctx context.Context, w io.Writer) error {
	return s.r.cell.FollowLogs(ctx, w)
}
