package fault

import (
	"context"
	"fmt"
	"time"
)

// Wait is a step that lets time pass, by the sandbox's clock where that can be moved.
type Wait struct {
	For time.Duration
	// ByHand says that it has to pass for somebody who tries the fault by hand too, for whom time passes by itself otherwise: nothing is
	// broken before.
	ByHand bool
}

// Inject waits. There is nothing to undo: time does not go back.
func (f Wait) Inject(ctx context.Context, t Target) (Undo, error) { return nil, t.Wait(ctx, f.For) }

// Passes is how much time passes, so that the sandbox's clock has to be one that can be moved.
func (f Wait) Passes() time.Duration { return f.For }

// Waits is how long it takes where no clock is moved.
func (f Wait) Waits() time.Duration { return f.For }

func (f Wait) String() string { return fmt.Sprintf("%v pass", f.For) }

// Undone is the first step of a remedy that is more than to undo the fault: who runs the scenario undoes it there.
type Undone struct{}

// Inject does nothing of its own.
func (f Undone) Inject(context.Context, Target) (Undo, error) { return nil, nil }

func (f Undone) String() string { return "the fault is undone" }
