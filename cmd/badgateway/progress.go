package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// progress says what is going on while it is: on a terminal in one line that changes, else in a line for each tenth.
type progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	n, of    int
	failed   int
}

func newProgress(w io.Writer, of int) *progress {
	d, ok := w.(*output)
	return &progress{w: w, of: of, terminal: ok && term.IsTerminal(int(d.Fd()))}
}

// say reports one long step.
func (p *progress) say(format string, a ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, format+"\n", a...)
}

// begin reports what may take long.
func (p *progress) begin(jobs []scenario.Job, clock lab.Clock, takes time.Duration) {
	text := ""
	if clock.Kind == lab.ClockReal {
		text = fmt.Sprintf(" in real time, about %v", takes.Round(time.Second))
	}
	if w := clock.Warning(takes); w != "" {
		p.say("%s", w)
	}
	switch {
	case len(jobs) > 1:
		p.say("running %d%s: each healthy, broken, looked at, mended, healthy", len(jobs), text)
	case len(jobs) == 1 && text != "":
		p.say("running %s (%s)%s", jobs[0].Scenario.ID, jobs[0].Variant.Kind, text)
	}
}

// done reports one run that has ended.
func (p *progress) done(e scenario.Evidence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	if e.Verdict != scenario.Passed && e.Verdict != scenario.Skipped {
		p.failed++
		p.clear()
		fmt.Fprintf(p.w, "%s: %s (%s)\n", e.Verdict, e.Scenario, e.Variant)
	}
	switch {
	case p.terminal:
		p.clear()
		fmt.Fprintf(p.w, "[%d/%d] %s (%s)", p.n, p.of, e.Scenario, e.Variant)
	case p.of >= 10 && p.n%max(p.of/10, 1) == 0:
		fmt.Fprintf(p.w, "[%d/%d] %d failed\n", p.n, p.of, p.failed)
	}
}

func (p *progress) clear() {
	if d, ok := p.w.(*output); ok && p.terminal {
		d.Erase()
	}
}

func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}
