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

// ledger holds what a Server saw since it was made or reset.
type ledger struct {
	connections atomic.Int64
	requests    atomic.Int64 // read in full

	waiting atomic.Int64 // how many wait, so that counting costs nothing while none does
	mu      sync.Mutex
	changed chan struct{} // closed and replaced when a count moves while some wait
	open    []*exchange   // those recorded, in order
	kept    int           // requests recorded
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{})} }

// wake tells those who wait that a count has moved.
func (l *ledger) wake() {
	if l.waiting.Load() == 0 {
		return
	}
	l.mu.Lock()
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
}

// wait returns once count has reached n.
func (l *ledger) wait(ctx context.Context, closed <-chan struct{}, count *atomic.Int64, n int, what string) error {
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

// records copies what is there.
func (l *ledger) records() []ConnectionRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]ConnectionRecord, len(l.open))
	for i, x := range l.open {
		all[i] = x.rec.copy()
		all[i].BytesIn, all[i].BytesOut = x.wire.in.Load(), x.wire.out.Load()
		all[i].RequestCount = int(x.count.Load())
	}
	return all
}
