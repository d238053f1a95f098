package lab

import (
	"context"
	"strings"
	"testing"
)

// What is logged up to the end is shown, also what came since the last look.
func TestFollowLooksOnceMoreAtTheEnd(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var shown strings.Builder
	looks := 0
	ask := func(ctx context.Context, news *map[string]string) error {
		looks++
		switch looks {
		case 1:
			stop() // while the first look is under way
			*news = map[string]string{"/log": "first\n"}
		case 2:
			*news = map[string]string{"/log": "last\n"}
		}
		return ctx.Err()
	}
	if err := follow(ctx, &shown, func(path string) string { return path }, func(string, string) bool { return false }, ask); err != nil {
		t.Fatal(err)
	}
	if want := "/log: first\n/log: last\n"; shown.String() != want {
		t.Errorf("it shows %q, not %q", shown.String(), want)
	}
}
