//go:build linux

package agent

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
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
	running.Add(1)
	onItsOwn(func() {
		defer running.Done()
		err := enter()
		entered <- err
		if err == nil {
			t.serve()
		}
	})
	return t, <-entered
}

// onItsOwn runs a function on an OS thread that ends with it, and so do the namespaces that nobody else is in.
func onItsOwn(f func()) {
	begun := make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends with this goroutine
		if unix.Gettid() == unix.Getpid() {
			// The program's first thread never ends. While it is held here, another is found.
			onItsOwn(f)
			runtime.UnlockOSThread()
			close(begun)
			return
		}
		close(begun)
		f()
	}()
	<-begun
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
