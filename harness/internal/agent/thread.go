//go:build linux

package agent

import (
	"context"
	"runtime"
	"sync"
)

// thread runs functions, one after the other, on an OS thread of its own. It may be used from several goroutines at once.
type thread struct {
	life context.Context // when it ends, so does the thread
	jobs chan func()
}

// startThread starts one, which first makes itself ready by enter. It counts as running until it has ended.
func startThread(life context.Context, running *sync.WaitGroup, enter func() error) (*thread, error) {
	t := &thread{life: life, jobs: make(chan func())}
	entered := make(chan error, 1)
	running.Go(func() {
		// Never unlocked: the thread ends with this goroutine, and so do the namespaces that nobody else is in.
		runtime.LockOSThread()
		err := enter()
		entered <- err
		if err == nil {
			t.serve()
		}
	})
	return t, <-entered
}

func (t *thread) serve() {
	for {
		select {
		case job := <-t.jobs:
			job()
		case <-t.life.Done():
			return
		}
	}
}

// do runs a function there, and gives its error, or why the thread or the caller has ended before it was its turn. Once it is begun
// it is waited for.
func (t *thread) do(ctx context.Context, f func() error) error {
	if t.life.Err() != nil {
		return context.Cause(t.life)
	}
	done := make(chan error, 1)
	select {
	case t.jobs <- func() { done <- f() }:
		return <-done
	case <-t.life.Done():
		return context.Cause(t.life)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
