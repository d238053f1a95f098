package fault

import (
	"context"
	"fmt"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
)

// OtherRequest is a step: another client's request, whose answer has to have a status.
type OtherRequest struct {
	Request lab.Request
	Status  int
	// Page is a text that the first 4 KiB of the answer have to hold; empty leaves it open.
	Page string
}

// Inject asks. There is nothing to undo.
func (f OtherRequest) Inject(ctx context.Context, t Target) (Undo, error) {
	e, err := t.Do(ctx, f.Request)
	if err != nil {
		return nil, err
	}
	if e.Status != f.Status {
		return nil, fmt.Errorf("another visitor got %d (%s), not %d", e.Status, e.NoAnswer, f.Status)
	}
	if !strings.Contains(e.Body, f.Page) {
		return nil, fmt.Errorf("another visitor got a page without %q: %q", f.Page, e.Body)
	}
	return nil, nil
}

func (f OtherRequest) String() string { return fmt.Sprintf("another visitor gets %d", f.Status) }

// ConcurrentRequests is a step: clients who come one after the other, and all wait for their answers.
type ConcurrentRequests struct {
	Clients int
	Request lab.Request
	// WaitFor is where each one's request has to be before the next one comes.
	WaitFor lab.Condition
}

// Inject sends the requests. There is nothing to undo: they wait until they are answered.
func (f ConcurrentRequests) Inject(ctx context.Context, t Target) (Undo, error) {
	for range f.Clients {
		if err := t.StartBackground(ctx, f.Request, f.WaitFor); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (f ConcurrentRequests) String() string {
	return fmt.Sprintf("%d other visitors ask and wait", f.Clients)
}

// AbandonedRequests is a step: clients who come one after the other, and leave before they have an answer.
type AbandonedRequests struct {
	Clients int
	Request lab.Request
	// WaitFor is where each one's request has to be before he leaves.
	WaitFor lab.Condition
}

// Inject sends the requests. There is nothing to undo: what they have set going goes on.
func (f AbandonedRequests) Inject(ctx context.Context, t Target) (Undo, error) {
	for range f.Clients {
		e, err := t.Do(ctx, f.Request, lab.Within(lab.WaitWindow{WaitFor: []lab.Condition{f.WaitFor}, Leaves: true}))
		if err != nil {
			return nil, err
		}
		if e.Status != 0 {
			return nil, fmt.Errorf("another visitor got %d before he could leave", e.Status)
		}
	}
	return nil, nil
}

func (f AbandonedRequests) String() string {
	return fmt.Sprintf("%d other visitors ask and leave", f.Clients)
}
