package fakeupstream

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Records are bounded so that a load test does not eat the memory.
const (
	keepRequests    = 1000
	keepConnections = 1000
)

// recorder holds what a Server saw since it was made or reset.
type recorder struct {
	connections atomic.Int64
	requests    atomic.Int64 // read in full

	waiting atomic.Int64 // how many wait, so that counting costs nothing while none does
	mu      sync.Mutex
	changed chan struct{} // closed and replaced when a count moves while some wait
	open    []*Exchange   // those recorded, in order
	kept    int           // requests recorded
}

func newRecorder() *recorder { return &recorder{changed: make(chan struct{})} }

// wake tells those who wait that a count has moved.
func (l *recorder) wake() {
	if l.waiting.Load() == 0 {
		return
	}
	l.mu.Lock()
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
}

// wait returns once count has reached n.
func (l *recorder) wait(ctx context.Context, closed <-chan struct{}, count *atomic.Int64, n int, what string) error {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if count.Load() >= int64(n) {
			return nil
		}
		select {
		case <-changed:
		case <-closed:
			return fmt.Errorf("the upstream was closed after %d of %d %s", count.Load(), n, what)
		case <-ctx.Done():
			return fmt.Errorf("saw %d of %d %s: %w", count.Load(), n, what, ctx.Err())
		}
	}
}

// records copies what is there, as far as it is picked.
func (l *recorder) records(pick func(connection, requests int) bool) []ConnectionRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := []ConnectionRecord{}
	for _, x := range l.open {
		if pick != nil && !pick(x.rec.Number, len(x.rec.Requests)) {
			continue
		}
		r := x.rec.copy()
		r.BytesIn, r.BytesOut, r.RequestCount = x.wire.in.Load(), x.wire.out.Load(), int(x.count.Load())
		all = append(all, r)
	}
	return all
}
