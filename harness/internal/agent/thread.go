//go:build linux

package agent

import (
	"errors"
	"sync"
)

// errThreadEnded says that a thread takes no more work.
var errThreadEnded = errors.New("its thread has ended")

// thread takes functions to run, one after the other, on the one thread that serves it. It may be used from several
// goroutines at once.
type thread struct {
	jobs chan func()
	quit chan struct{} // closed when it is to end
	once sync.Once
}

func newThread() *thread { return &thread{jobs: make(chan func()), quit: make(chan struct{})} }

// serve runs what it is given until it is to end.
func (t *thread) serve() {
	for {
		select {
		case job := <-t.jobs:
			job()
		case <-t.quit:
			return
		}
	}
}

// do runs a function there, and gives its error. Once the thread is to end, that is errThreadEnded; what was begun before
// is waited for.
func (t *thread) do(f func() error) error {
	done := make(chan error, 1)
	select {
	case <-t.quit:
		return errThreadEnded
	default:
	}
	select {
	case t.jobs <- func() { done <- f() }:
		return <-done
	case <-t.quit:
		return errThreadEnded
	}
}

// end lets it end after what it does now.
func (t *thread) end() { t.once.Do(func() { close(t.quit) }) }
