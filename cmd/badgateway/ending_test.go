package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
)

func TestExitError_Precedence(t *testing.T) {
	cut := fmt.Errorf("the lab: %w", context.Canceled)
	full := fmt.Errorf("write: %w", syscall.ENOSPC)
	left := fmt.Errorf("write: %w", syscall.EPIPE)
	after := fmt.Errorf("run: %w", interruptedAfter{3, 9})
	for _, c := range []struct {
		name             string
		err, why, output error
		want             error // what it is
		text             string
		code             int
	}{
		{name: "all well", code: exitOK},
		{name: "all well, and told to end when it was done", why: errInterrupted, code: exitOK},
		{name: "read to the end by one that left then", why: errUnread, code: exitOK},
		{name: "interrupted", err: cut, why: errInterrupted, want: errInterrupted, text: "interrupted", code: exitInterrupted},
		{name: "interrupted on the way", err: after, why: errInterrupted, want: errInterrupted,
			text: "interrupted after 3 of 9 runs", code: exitInterrupted},
		{name: "interrupted, its terminal gone", err: cut, why: errInterrupted, output: syscall.EIO, want: errInterrupted,
			text: "interrupted", code: exitInterrupted},
		{name: "its reader left", err: cut, why: errUnread, want: errUnread, text: errUnread.Error(), code: exitDiffers},
		{name: "its reader left, which a write found out", output: left, want: errUnread, text: errUnread.Error(), code: exitDiffers},
		{name: "a full disk", output: full, want: syscall.ENOSPC, text: "writing the output: write: no space left on device", code: exitDiffers},
	} {
		got := exitError(c.err, c.why, c.output)
		if !errors.Is(got, c.want) || got != nil && got.Error() != c.text || exitCode(got) != c.code {
			t.Errorf("%s: %v, code %d; want %q, code %d", c.name, got, exitCode(got), c.text, c.code)
		}
	}
}
