package fault

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
)

// Flood is a step: so many requests, one right after the other, of which each status has to have its share.
type Flood struct {
	Requests int
	Request  lab.Request
	// Shares are how many of them get each status.
	Shares map[int]int
}

// Inject sends the requests. There is nothing to undo: they are answered.
func (f Flood) Inject(ctx context.Context, t Target) (Undo, error) {
	got := map[int]int{}
	for range f.Requests {
		e, err := t.Do(ctx, f.Request)
		if err != nil {
			return nil, err
		}
		got[e.Status]++
	}
	if !maps.Equal(got, f.Shares) {
		return nil, fmt.Errorf("of %d requests %s, not %s", f.Requests, shares(got), shares(f.Shares))
	}
	t.Note("visitors", "of %d requests %s", f.Requests, shares(got))
	return nil, nil
}

func (f Flood) String() string {
	return fmt.Sprintf("of %d requests %s", f.Requests, shares(f.Shares))
}

// shares says how many got which status: "6 get 200, 44 get 503".
func shares(all map[int]int) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(all)) {
		parts = append(parts, fmt.Sprintf("%d get %d", all[status], status))
	}
	return strings.Join(parts, ", ")
}
