//go:build linux

package agent

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// Whoever comes while a thread ends is told so, and what was begun is ended: nobody panics and nobody waits for ever.
func TestThreadThatEndsWhileItIsUsed(t *testing.T) {
	for range 200 {
		th := newThread()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			th.serve()
		}()
		var ran, told, refused atomic.Int64
		var users sync.WaitGroup
		for range 8 {
			users.Go(func() {
				for {
					err := th.do(func() error { ran.Add(1); return nil })
					if errors.Is(err, errThreadEnded) {
						refused.Add(1)
						return
					}
					told.Add(1)
				}
			})
		}
		th.end()
		th.end()
		users.Wait()
		<-gone
		if ran.Load() != told.Load() || refused.Load() != 8 {
			t.Fatalf("%d ran, %d were told so, %d of 8 were refused", ran.Load(), told.Load(), refused.Load())
		}
	}
	th := newThread()
	go th.serve()
	defer th.end()
	wrong := errors.New("wrong")
	if err := th.do(func() error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("its error is %v", err)
	}
}
