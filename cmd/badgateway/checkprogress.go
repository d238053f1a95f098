package main

import (
	"fmt"
	"io"
)

// checkProgress says how far a check has come: on a terminal in one line that changes, else in a line for each tenth.
type checkProgress struct {
	*progress
	tenths int
}

func newCheckProgress(w io.Writer, quiet bool) *checkProgress {
	if quiet {
		w = io.Discard
	}
	return &checkProgress{progress: newProgress(w, 0)}
}

// say reports one long step, in place of what stood there.
func (p *checkProgress) say(format string, a ...any) {
	p.mu.Lock()
	p.clear()
	p.mu.Unlock()
	p.progress.say(format, a...)
}

// matrix says how many measurements of the matrix are measured.
func (p *checkProgress) matrix(done, of int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch tenths := done * 10 / max(of, 1); {
	case p.terminal:
		p.clear()
		fmt.Fprintf(p.w, "[%d/%d] faults made", done, of)
	case of >= 100 && tenths > p.tenths:
		p.tenths = tenths
		fmt.Fprintf(p.w, "[%d/%d] faults made\n", done, of)
	}
}
