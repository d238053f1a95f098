package scenario

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
)

// Run proves one variant of a scenario in a lab: healthy, fault, look, remedy, healthy. What differs from the expectation is
// in the evidence; a lab that failed is its Error, and never a finding. A run in which the machine had no processor for the
// lab proves nothing: it is done again in a sandbox of its own, which the evidence says, and by a clock that goes half as fast as
// the time before where it goes faster than the machine's, so that a machine that is slow throughout has the time it needs.
func Run(ctx context.Context, lab *lab.Lab, s Scenario, v Variant) Evidence {
	return untilProven(ctx, nil, func(again int) (Evidence, string) { return runAgain(ctx, lab, Job{s, v}, again) })
}

// runAgain runs a job that was run so often before.
func runAgain(ctx context.Context, l *lab.Lab, j Job, again int) (e Evidence, starved string) {
	begun := time.Now()
	e, starved = runOnce(ctx, l, j.Scenario, j.Variant, pace(j.Scenario, j.Scenario.Expect.After)/math.Pow(2, float64(again)))
	e.Took = time.Since(begun)
	return e, starved
}

// pace is how many times as fast as the machine's the clock of a gateway goes that can't be sent forward. A short wait gets a slower
// one, so that it takes 3 s too: what the machine needs for itself counts as many times over.
func pace(s Scenario, waits ...time.Duration) float64 {
	fastest := s.Gateway.Driver.Pace
	for _, d := range waits {
		if d > 0 {
			fastest = min(fastest, max(1, d.Seconds()/3))
		}
	}
	return fastest
}

// untilProven does a run again while it proves nothing, a few times; again has why it proved nothing before.
func untilProven(ctx context.Context, again []string, once func(again int) (e Evidence, starved string)) Evidence {
	begun := time.Now()
	for {
		e, starved := once(len(again))
		if starved != "" && len(again) < maxReruns && ctx.Err() == nil {
			again = append(again, starved)
			continue
		}
		if starved != "" {
			if e.Error != "" {
				starved = e.Error + ", and " + starved
			}
			e.Verdict, e.Error = Error, fmt.Sprintf("it was measured %d times, and each time the machine was too busy, at last so: %s; "+
				"give the lab more processors, or fewer scenarios at once (--parallel)", len(again)+1, starved)
		}
		e.MeasuredAgain, e.Took = again, time.Since(begun)
		return e
	}
}

// maxReruns is how often a run that was starved is done again.
const maxReruns = 3

// runOnce runs it, at that pace where the gateway has one. Starved says why the run proves nothing: the machine had no processor for it.
func runOnce(ctx context.Context, l *lab.Lab, s Scenario, v Variant, pace float64) (e Evidence, starved string) {
	e = Evidence{
		Scenario: s.ID, Variant: v.Kind, Family: s.Family, Causes: append([]string{}, s.Causes...), Claim: s.Claim, Said: s.Said, Fault: s.Fault,
		Confirm: s.Confirm, Remedy: s.Remedy, Source: s.Source, Again: "badgateway run " + s.ID,
	}
	program, err := l.Program(ctx, s.Gateway.Driver)
	if err != nil {
		if e.Skipped = skipped(err); e.Skipped == "" {
			e.Error = err.Error()
		}
		return e.judged(), ""
	}
	clock := program.Clock()
	e.Gateway, e.Clock, e.ClockWhy, e.ClockUnasked = program.Name, clock.Kind, clock.Why, clock.Unasked
	s, e.ExceptionReason = s.forBuild(program.Build)
	e.Expected = Expected{Expectation: s.Expect, RemedyTakes: v.RemedyTakes, UpstreamLog: v.UpstreamLog}
	if lack := LackFor(l, s, v); lack != nil {
		e.Skipped = (&lab.LackError{Lack: *lack}).Error()
		return e.judged(), ""
	}
	// Each run is bounded, so that a lab that hangs is reported as such. In real time the waits are as long as they say.
	limit := 3 * time.Minute
	if clock.Kind == lab.ClockReal {
		limit += 2 * totalWait(s, v)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the run did not end within %v", limit))
	defer cancel()
	r := &trialRun{lab: l, program: program, scenario: s, variant: v, pace: pace, evidence: &e}
	err = r.execute(ctx)
	if err != nil {
		if e.Skipped = skipped(err); e.Skipped == "" {
			e.Error = err.Error()
		}
		if unopened := (*lab.OpenError)(nil); errors.As(err, &unopened) {
			e.Transcript = unopened.Transcript
		}
	}
	if r.sandbox != nil {
		if e.Skipped == "" {
			starved = r.inconclusive(err)
		}
		e.Transcript = r.sandbox.Transcript()
		if err := r.sandbox.Close(); err != nil && e.Error == "" {
			e.Error = err.Error()
		}
	}
	return e.judged(), starved
}

// inconclusive says why a run proves nothing; empty when it does.
func (r *trialRun) inconclusive(err error) string {
	return inconclusiveReason(r.sandbox.TooLate(), err, []lab.Exchange{r.evidence.Healthy, r.evidence.Broken, r.evidence.Recovered}, r.sandbox.Starved)
}

// inconclusiveReason says why a run proves nothing; empty when it does. It goes by how late the lab was and how long it had to wait
// for processors, never by what came. What was quick proves what it proves, however busy the machine was.
func inconclusiveReason(late string, err error, seen []lab.Exchange, delayed func() time.Duration) string {
	if late != "" {
		return late
	}
	slow := func(e lab.Exchange) bool { return e.Real >= lab.AtOnce }
	if err == nil && !slices.ContainsFunc(seen, slow) {
		return ""
	}
	if d := delayed(); d >= starvation {
		return fmt.Sprintf("the lab waited %.1f s for a processor", d.Seconds())
	}
	return ""
}

// starvation is how long something of a sandbox may wait for a processor before what came too late in it counts for nothing: half
// of what "at once" allows.
const starvation = lab.AtOnce / 2

type trialRun struct {
	lab      *lab.Lab
	program  *lab.Program
	scenario Scenario
	variant  Variant
	pace     float64
	evidence *Evidence
	sandbox  *lab.Sandbox
	injected fault.Stack
	refusal  []gateway.LogRecord // what the gateway said when it did not start
}

func (r *trialRun) execute(ctx context.Context) error {
	e, s, v := r.evidence, r.scenario, r.variant
	setup := lab.Setup{Gateway: s.Gateway, Upstreams: v.Upstreams, Clock: r.needsClock(), Pace: r.pace}
	e.Config = s.Gateway.Config // what it is opened with, should it not open
	var err error
	if r.sandbox, err = r.lab.Open(ctx, setup); err != nil {
		return fmt.Errorf("the lab is not healthy before the fault: %w", err)
	}
	if e.Config, err = r.sandbox.Config(ctx); err != nil {
		return err
	}
	clock := r.clock()
	e.Clock, e.ClockWhy, e.ClockUnasked = clock.Kind, clock.Why, clock.Unasked
	if err := r.healthy(ctx); err != nil {
		return err
	}
	if err := r.inject(ctx, v.Inject); err != nil {
		return err
	}
	if conf, err := r.sandbox.Config(ctx); err == nil {
		e.Config = conf
	}
	asks := s.Ask
	if s.AskInstead != nil {
		asks = *s.AskInstead
	}
	if e.Broken, err = r.ask(ctx, asks, lab.WaitWindow{
		After: s.Expect.After, Until: s.Expect.Until, WaitFor: v.WaitFor, InFlight: r.inFlight(v.InjectInFlight), Leaves: s.Leaves,
	}); err != nil {
		return fmt.Errorf("asking under the fault: %w", err)
	}
	if len(e.Broken.Log) == 0 {
		// Some builds say why they do not start on the terminal only.
		e.Broken.Log = r.refusal
	}
	if err := r.awaitUpstreamLog(ctx); err != nil {
		return err
	}
	if err := r.remedy(ctx); err != nil {
		return fmt.Errorf("mending: %w", err)
	}
	after := lab.WaitWindow{After: v.RemedyTakes, WaitFor: r.waitForAfterRemedy()}
	if v.RemedyToleratesFault {
		after.WaitFor, after.InFlight = v.WaitFor, r.inFlight(v.InjectInFlight)
	}
	if e.Recovered, err = r.ask(ctx, s.Ask, after); err != nil {
		return fmt.Errorf("asking after the remedy: %w", err)
	}
	e.UpstreamCalls, err = r.sandbox.UpstreamCalls(ctx)
	return err
}

// clock says whose time the run is in.
func (r *trialRun) clock() lab.Clock {
	c := r.sandbox.Clock()
	switch {
	case c.Kind == lab.ClockReal || r.sandbox.Clocked():
		return c
	case r.anyFault(func(c fault.Fault) bool { s, ok := c.(interface{ Scaled() bool }); return ok && s.Scaled() }):
		return lab.Clock{Kind: lab.ClockScaled, Why: "the kernel's own timers are made shorter"}
	}
	return lab.Clock{Kind: lab.ClockReal, Why: ClockNotNeeded}
}

// needsClock reports whether time has to pass in the scenario.
func (r *trialRun) needsClock() bool {
	return r.scenario.Expect.After > 0 || r.variant.RemedyTakes > 0 || r.passesTime()
}

// passesTime reports whether one of the faults is that time passes.
func (r *trialRun) passesTime() bool {
	return r.anyFault(func(c fault.Fault) bool { _, waits := c.(waiter); return waits })
}

func (r *trialRun) anyFault(is func(fault.Fault) bool) bool {
	for _, list := range [][]fault.Fault{r.variant.Inject, r.variant.InjectInFlight, r.variant.Remedy} {
		if slices.ContainsFunc(list, is) {
			return true
		}
	}
	return false
}

// inFlight injects faults while a request is in flight; it is nil where there are none.
func (r *trialRun) inFlight(faults []fault.Fault) func(context.Context) error {
	if len(faults) == 0 {
		return nil
	}
	return func(ctx context.Context) error {
		for _, f := range faults {
			r.sandbox.Note("fault", "%v", f)
			if err := r.injected.Inject(ctx, r.sandbox, f); err != nil {
				return err
			}
		}
		return nil
	}
}

func (r *trialRun) waitForAfterRemedy() []lab.Condition {
	if r.variant.RemedyTakes > 0 {
		return r.variant.WaitFor
	}
	return nil
}

func (r *trialRun) ask(ctx context.Context, q lab.Request, p lab.WaitWindow) (lab.Exchange, error) {
	if p.After == 0 && p.InFlight == nil && !p.Leaves {
		return r.sandbox.Do(ctx, q)
	}
	return r.sandbox.Do(ctx, q, lab.Within(p))
}

// healthy asks before the fault.
func (r *trialRun) healthy(ctx context.Context) (err error) {
	if r.evidence.Healthy, err = r.sandbox.Do(ctx, r.scenario.Ask); err != nil {
		return fmt.Errorf("asking before the fault: %w", err)
	}
	if r.evidence.Healthy.Status == 0 {
		if ended := r.sandbox.GatewayEnded(ctx); ended != nil {
			return fmt.Errorf("the gateway listened and ended: %w", ended)
		}
	}
	if err = unhealthy(r.evidence.Healthy); err != nil {
		return fmt.Errorf("%w%s", err, elsewhere(r.evidence.Healthy.Tries, r.variant.Upstreams))
	}
	return nil
}

// elsewhere says that a config calls nobody of the scenario's, with the addresses of both; it is empty where it calls one of them, or none.
func elsewhere(tries []lab.Try, upstreams []lab.Upstream) string {
	var called, there []string
	for _, u := range upstreams {
		there = append(there, u.Address())
	}
	for _, t := range tries {
		if slices.Contains(there, t.Addr) {
			return ""
		}
		if !slices.Contains(called, t.Addr) {
			called = append(called, t.Addr)
		}
	}
	if len(called) == 0 || len(there) == 0 {
		return ""
	}
	return fmt.Sprintf("; the gateway's config calls %s, and the scenario's upstream listens at %s", strings.Join(called, " and "), strings.Join(there, " and "))
}

func (r *trialRun) inject(ctx context.Context, faults []fault.Fault) error {
	r.sandbox.Note("fault", "%s", r.scenario.Fault)
	for _, f := range faults {
		err := r.injected.Inject(ctx, r.sandbox, f)
		var refused *lab.ConfigError
		if errors.As(err, &refused) && r.scenario.Expect.NoAnswer != "" {
			// A gateway that does not start is what the fault leads to, and its own words are the log.
			r.refusal = refused.Lines
			continue
		}
		if err != nil {
			return fmt.Errorf("making the fault: %w", err)
		}
	}
	return nil
}

// remedy performs the remedy; without any, that is to undo the fault.
func (r *trialRun) remedy(ctx context.Context) error {
	r.sandbox.Note("remedy", "%s", r.scenario.Remedy)
	if r.variant.undoes() {
		if err := r.injected.Undo(ctx); err != nil {
			return err
		}
	}
	for _, f := range r.variant.Remedy {
		if _, err := f.Inject(ctx, r.sandbox); err != nil {
			return err
		}
	}
	return nil
}

// awaitUpstreamLog waits a while for the upstream's own log to say what it has to: a server may log a death after its client
// has noticed it.
func (r *trialRun) awaitUpstreamLog(ctx context.Context) error {
	e := &r.evidence.Broken
	for deadline := time.Now().Add(5 * time.Second); len(judgeUpstreamLog(r.variant.UpstreamLog, e.UpstreamLog)) > 0 && time.Now().Before(deadline); {
		news, err := r.sandbox.UpstreamLogs(ctx)
		if err != nil {
			return err
		}
		e.UpstreamLog = append(e.UpstreamLog, news...)
	}
	return nil
}
