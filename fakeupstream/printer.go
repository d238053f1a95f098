package fakeupstream

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// queued is how many lines wait to be printed before lines are left out.
const queued = 10_000

// printer prints lines in the order in which they come, and holds up nobody: an upstream goes on serving when nobody reads what it
// tells. Lines that there is no more room for are counted.
type printer struct {
	w     io.Writer
	lines chan string
	done  chan struct{} // closed when all is printed

	mu     sync.Mutex
	lost   int
	closed bool
}

func newPrinter(w io.Writer) *printer {
	p := &printer{w: w, lines: make(chan string, queued), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		for line := range p.lines {
			fmt.Fprint(p.w, line)
		}
	}()
	return p
}

// event prints an event.
func (p *printer) event(e Event) { p.print(fmt.Sprintf("%s %s\n", e.Time.Format("15:04:05.000"), e)) }

func (p *printer) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if p.lost > 0 && len(p.lines) < cap(p.lines)/2 { // its reader is back
		p.lines <- fmt.Sprintf("%d lines are not here: nobody read them in time\n", p.lost)
		p.lost = 0
	}
	select {
	case p.lines <- line:
	default:
		p.lost++
	}
}

// close waits until all is printed, but not for long.
func (p *printer) close() {
	p.mu.Lock()
	p.closed = true
	close(p.lines)
	p.mu.Unlock()
	select {
	case <-p.done:
	case <-time.After(time.Second):
	}
}
