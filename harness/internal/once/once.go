// Package once makes things that are needed several times, and made once.
package once

import (
	"context"
	"sync"
)

// A Value is made by whoever needs it first. The zero Value is not made yet.
type Value[T any] struct {
	mu     sync.Mutex
	making chan struct{} // closed when somebody who makes it has ended; nil while nobody does
	made   bool
	value  T
	err    error
}

// Get gives the value, or the error of making it. Whose context ends gives up waiting, or making: then it is the next
// one's turn, as the end of one caller's context says nothing of the value.
func (v *Value[T]) Get(ctx context.Context, makeIt func(context.Context) (T, error)) (T, error) {
	for {
		v.mu.Lock()
		if v.made {
			defer v.mu.Unlock()
			return v.value, v.err
		}
		if v.making == nil {
			v.making = make(chan struct{})
			v.mu.Unlock()
			return v.make(ctx, makeIt)
		}
		making := v.making
		v.mu.Unlock()
		select {
		case <-making:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
}

func (v *Value[T]) make(ctx context.Context, makeIt func(context.Context) (T, error)) (value T, err error) {
	whole := false
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		close(v.making)
		v.making = nil
		if whole && (err == nil || ctx.Err() == nil) {
			v.made, v.value, v.err = true, value, err
		}
	}()
	value, err = makeIt(ctx)
	whole = true // and no panic
	return value, err
}

// Made is the value, where it was made without an error.
func (v *Value[T]) Made() (value T, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.value, v.made && v.err == nil
}
