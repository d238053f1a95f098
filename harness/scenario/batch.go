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

// Run runs the jobs in their order, and returns the evidence in that order. When ctx ends or a lab is gone it returns
// what it has, with the error. All are judged together, by [JudgeAll], as a fake has to agree with its real counterpart.
func (b Batch) Run(ctx context.Context, jobs []Job) ([]Evidence, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	results := make([]*Evidence, len(jobs))
	hand := func(takes func(Job) bool) <-chan int {
		next := make(chan int)
		go func() {
			defer close(next)
			for i, j := range jobs {
				if !takes(j) {
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
	apart := func(j Job) bool { return b.asleep() > 0 && j.waits() }
	waiting, working := hand(apart), hand(func(j Job) bool { return !apart(j) })
	var wg sync.WaitGroup
	var done sync.Mutex
	first := map[string]*Evidence{}
	for _, l := range b.Labs {
		for n := range b.parallel(l) + b.asleep() {
			next := working
			if n >= b.parallel(l) {
				next = waiting
			}
			wg.Go(func() {
				for i := range next {
					e := Run(ctx, l, jobs[i].Scenario, jobs[i].Variant)
					select {
					case <-l.Gone():
						stop(lab.ErrGone)
						return
					case <-ctx.Done():
						return // it was cut off, and proves nothing
					default:
					}
					done.Lock()
					if b.Lean {
						e = lean(first, e)
					}
					results[i] = &e
					if b.Done != nil {
						b.Done(e)
					}
					done.Unlock()
				}
			})
		}
	}
	wg.Wait()
	var all []Evidence
	for _, e := range results {
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
