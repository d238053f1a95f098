package once

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestItIsMadeOnce(t *testing.T) {
	var v Value[int]
	var made atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			n, err := v.Get(t.Context(), func(context.Context) (int, error) { made.Add(1); return 7, nil })
			if n != 7 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
	if n, ok := v.Made(); n != 7 || !ok {
		t.Errorf("made: %d, %v", n, ok)
	}
}

func TestAnErrorIsRememberedToo(t *testing.T) {
	var v Value[int]
	wrong := errors.New("wrong")
	_, _ = v.Get(t.Context(), func(context.Context) (int, error) { return 0, wrong })
	if _, err := v.Get(t.Context(), func(context.Context) (int, error) { return 7, nil }); !errors.Is(err, wrong) {
		t.Errorf("then %v", err)
	}
	if _, ok := v.Made(); ok {
		t.Error("an error is no value")
	}
}

// A caller who is cancelled spoils it for nobody: neither for those who wait meanwhile, nor for those who come later.
func TestACancelledCallerSpoilsNothing(t *testing.T) {
	var v Value[int]
	ctx, cancel := context.WithCancelCause(t.Context())
	begun := make(chan struct{})
	first := make(chan error)
	go func() {
		_, err := v.Get(ctx, func(ctx context.Context) (int, error) {
			close(begun)
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		first <- err
	}()
	<-begun
	second := make(chan int)
	go func() {
		n, _ := v.Get(t.Context(), func(context.Context) (int, error) { return 7, nil })
		second <- n
	}()
	impatient, stop := context.WithCancel(t.Context())
	stop()
	if _, err := v.Get(impatient, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("who gives up waiting gets %v", err)
	}
	given := errors.New("given up")
	cancel(given)
	if err := <-first; !errors.Is(err, given) {
		t.Errorf("who is cancelled gets %v", err)
	}
	if n := <-second; n != 7 {
		t.Errorf("who waited gets %d", n)
	}
}
