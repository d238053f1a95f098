package scenario

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/badgateway/badgateway/harness/lab"
)

// A Job is one variant of a scenario to be run.
type Job struct {
	Scenario Scenario
	Variant  Variant
}

// A Batch runs many jobs in one or more labs, several at once.
type Batch struct {
	Labs []*lab.Lab
	// Parallel is how many sandboxes are open at once in each lab. When it is 0 there are 4, more in a lab that is far away, and 8 besides
	// for what does nothing but wait, since the clock of its gateway can't be sent forward.
	Parallel int
	// Lean keeps of a variant that is run many times the first evidence whole, and those that are not like it; of all others the
	// verdict, the status and the times.
	Lean bool
	// Done gets each evidence as it comes, one at a time; nil for none.
	Done func(Evidence)
}

// asleep is how many more there are of those that wait.
func (b Batch) asleep() int {
	if b.Parallel > 0 {
		return 0
	}
	return 8
}

// waits reports whether a job takes its time, and hardly a processor.
func (j Job) waits() bool {
	d := j.Scenario.Gateway.Driver
	return d.Logged != nil || d.Pace > 0 && totalWait(j.Scenario, j.Variant) > 0
}

// Images are the names of the project's own images that the jobs need besides a lab's first, in alphabetical order.
func Images(jobs []Job) []string {
	needed := map[string]bool{}
	for _, j := range jobs {
		needed[j.Scenario.Gateway.Driver.Own] = true
		for _, u := range j.Variant.Upstreams {
			if u.Real != nil {
				needed[u.Real.Image] = true
			}
		}
	}
	delete(needed, "")
	return slices.Sorted(maps.Keys(needed))
}

func (b Batch) parallel(l *lab.Lab) int { return cmp.Or(b.Parallel, 4+l.Spare()) }

// Run runs the jobs in their order, and returns the evidence in that order. One for which the machine had no processor is run again when
// the others are done, and then with few others beside it. When ctx ends or a lab is gone it returns what it has, with the error. All are
// judged together, by [JudgeAll], as a fake has to agree with its real counterpart.
func (b Batch) Run(ctx context.Context, jobs []Job) ([]Evidence, error) {
	return b.run(ctx, jobs, runAgain)
}

func (b Batch) run(ctx context.Context, jobs []Job, measure measurement) ([]Evidence, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &batchRun{Batch: b, jobs: jobs, measure: measure, results: make([]*Evidence, len(jobs)), starved: make([]string, len(jobs)), first: map[string]*Evidence{}}
	apart := func(i int) bool { return b.asleep() > 0 && jobs[i].waits() }
	var wg sync.WaitGroup
	waiting, working := r.hand(ctx, apart), r.hand(ctx, func(i int) bool { return !apart(i) })
	for _, l := range b.Labs {
		for n := range b.parallel(l) + b.asleep() {
			next := working
			if n >= b.parallel(l) {
				next = waiting
			}
			wg.Go(func() { r.take(ctx, stop, l, next, r.once) })
		}
	}
	wg.Wait()
	again := r.hand(ctx, func(i int) bool { return r.starved[i] != "" })
	for _, l := range b.Labs {
		for range min(3, b.parallel(l)) {
			wg.Go(func() { r.take(ctx, stop, l, again, r.again) })
		}
	}
	wg.Wait()
	var all []Evidence
	for _, e := range r.results {
		if e != nil {
			all = append(all, *e)
		}
	}
	all = JudgeAll(all)
	if err := context.Cause(ctx); err != nil {
		return all, err
	}
	if len(all) < len(jobs) {
		return all, errors.New("not every scenario was run")
	}
	return all, nil
}

// A measurement runs a job that was run so often before, and says why it proves nothing.
type measurement func(ctx context.Context, l *lab.Lab, j Job, again int) (e Evidence, starved string)

// A batchRun is a batch under way.
type batchRun struct {
	Batch
	measure measurement
	jobs    []Job
	results []*Evidence
	starved []string // why a job has to be run again; each is written by the one that took it

	mu    sync.Mutex
	first map[string]*Evidence
}

// hand gives the numbers of the jobs that are taken, in their order.
func (r *batchRun) hand(ctx context.Context, takes func(i int) bool) <-chan int {
	next := make(chan int)
	go func() {
		defer close(next)
		for i := range r.jobs {
			if !takes(i) {
				continue
			}
			select {
			case next <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	return next
}

// take runs jobs in a lab, one after the other. A run that gives nothing is to come later.
func (r *batchRun) take(ctx context.Context, stop context.CancelCauseFunc, l *lab.Lab, next <-chan int, run func(context.Context, *lab.Lab, int) *Evidence) {
	for i := range next {
		e := run(ctx, l, i)
		select {
		case <-l.Gone():
			stop(lab.ErrGone)
			return
		case <-ctx.Done():
			return // it was cut off, and proves nothing
		default:
		}
		if e == nil {
			continue
		}
		r.mu.Lock()
		if r.Lean {
			*e = lean(r.first, *e)
		}
		r.results[i] = e
		if r.Done != nil {
			r.Done(*e)
		}
		r.mu.Unlock()
	}
}

// once runs a job for the first time: nil where the machine had no processor for it.
func (r *batchRun) once(ctx context.Context, l *lab.Lab, i int) *Evidence {
	e, starved := r.measure(ctx, l, r.jobs[i], 0)
	if r.starved[i] = starved; starved != "" {
		return nil
	}
	return &e
}

// again runs a job for which the machine had no processor, at first as fast as before: it has fewer beside it now.
func (r *batchRun) again(ctx context.Context, l *lab.Lab, i int) *Evidence {
	e := untilProven(ctx, []string{r.starved[i]}, func(n int) (Evidence, string) { return r.measure(ctx, l, r.jobs[i], n-1) })
	return &e
}

// lean leaves of an evidence what differs from the first of its variant.
func lean(first map[string]*Evidence, e Evidence) Evidence {
	key := e.Scenario + "\x00" + string(e.Variant)
	was := first[key]
	if was == nil {
		first[key] = &e
		return e
	}
	if e.Verdict != Passed || was.Verdict != Passed || sameForm(e.Broken.Log) != sameForm(was.Broken.Log) {
		return e
	}
	short := func(x lab.Exchange) lab.Exchange {
		return lab.Exchange{Visitor: x.Visitor, Request: x.Request, Status: x.Status, NoAnswer: x.NoAnswer, BodyBytes: x.BodyBytes, Cut: x.Cut, UpstreamLog: x.UpstreamLog,
			Waited: x.Waited, NotBefore: x.NotBefore, Real: x.Real, TriesUnknown: x.TriesUnknown}
	}
	body, access := "", ""
	if e.Expected.Page != "" {
		body = e.Broken.Body // it is judged again with all others
	}
	if e.Expected.Access != "" {
		access = e.Broken.Access
	}
	e.Healthy, e.Broken, e.Recovered = short(e.Healthy), short(e.Broken), short(e.Recovered)
	e.Broken.Body, e.Broken.Access = body, access
	e.Broken.Log, e.Broken.Tries = was.Broken.Log, was.Broken.Tries // they are the same, and held once
	e.Config = ""
	e.Transcript = []lab.Event{{Actor: "lab", Text: "as in the first run"}}
	return e
}
