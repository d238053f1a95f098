package diagnose

import (
	"runtime"
	"sync/atomic"
)

// batchLines is how many lines are handed to a processor at once.
const batchLines = 512

// A pipeline reads lines on all processors, and hands them on in their order.
type pipeline struct {
	each    func(*Line) bool
	filling *batch
	work    chan *batch // to be read
	order   chan *batch // in the order in which they came
	done    chan struct{}
	stopped atomic.Bool // each wants no more
}

// A batch is some lines in a row.
type batch struct {
	lines []*Line
	raw   []string // what is to be read of each; empty for one that has been
	read  chan struct{}
}

func newPipeline(each func(*Line) bool) *pipeline {
	n := runtime.GOMAXPROCS(0)
	p := &pipeline{each: each, work: make(chan *batch, n), order: make(chan *batch, 2*n), done: make(chan struct{})}
	for range n {
		go func() {
			for b := range p.work {
				b.readAll()
			}
		}()
	}
	go p.handOn()
	return p
}

func (b *batch) readAll() {
	for i, l := range b.lines {
		if b.raw[i] != "" {
			l.read(b.raw[i])
		}
	}
	close(b.read)
}

// handOn calls each with the lines that say anything.
func (p *pipeline) handOn() {
	defer close(p.done)
	for b := range p.order {
		<-b.read
		for _, l := range b.lines {
			if l.Text != "" && !p.stopped.Load() && !p.each(l) {
				p.stopped.Store(true)
			}
		}
	}
}

// add takes a line that is to be read, or that has been where raw is empty.
func (p *pipeline) add(l *Line, raw string) {
	if p.filling == nil {
		p.filling = &batch{read: make(chan struct{})}
	}
	p.filling.lines, p.filling.raw = append(p.filling.lines, l), append(p.filling.raw, raw)
	if len(p.filling.lines) == batchLines {
		p.send()
	}
}

func (p *pipeline) send() {
	if p.filling != nil {
		p.order <- p.filling
		p.work <- p.filling
		p.filling = nil
	}
}

// end waits until all lines are handed on.
func (p *pipeline) end() {
	p.send()
	close(p.work)
	close(p.order)
	<-p.done
}
