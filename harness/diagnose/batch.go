package diagnose

import (
	"runtime"
	"sync"
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

// A batch is some lines in a row. When they have been handed on, it is filled anew.
type batch struct {
	lines []Line
	raw   []string // what is to be read of each; empty for one that has been
	read  chan struct{}
}

var batches = sync.Pool{New: func() any {
	return &batch{lines: make([]Line, 0, batchLines), raw: make([]string, 0, batchLines), read: make(chan struct{}, 1)}
}}

func newPipeline(each func(*Line) bool) *pipeline {
	n := runtime.GOMAXPROCS(0)
	p := &pipeline{each: each, work: make(chan *batch, n), order: make(chan *batch, 2*n), done: make(chan struct{})}
	for range n {
		go func() {
			var m memory
			for b := range p.work {
				b.readAll(&m)
			}
		}()
	}
	go p.handOn()
	return p
}

func (b *batch) readAll(m *memory) {
	for i := range b.lines {
		if b.raw[i] != "" {
			b.lines[i].read(b.raw[i], m)
		}
	}
	b.read <- struct{}{}
}

// handOn calls each with the lines that say anything.
func (p *pipeline) handOn() {
	defer close(p.done)
	for b := range p.order {
		<-b.read
		for i := range b.lines {
			if l := &b.lines[i]; l.Text != "" && !p.stopped.Load() && !p.each(l) {
				p.stopped.Store(true)
			}
		}
		clear(b.lines)
		clear(b.raw)
		b.lines, b.raw = b.lines[:0], b.raw[:0]
		batches.Put(b)
	}
}

// add is the next line, of which raw is to be read; its caller fills in the rest.
func (p *pipeline) add(raw string) *Line {
	b := p.filling
	if b != nil && len(b.lines) == batchLines {
		p.send()
		b = nil
	}
	if b == nil {
		b = batches.Get().(*batch)
		p.filling = b
	}
	b.lines, b.raw = b.lines[:len(b.lines)+1], append(b.raw, raw)
	return &b.lines[len(b.lines)-1]
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
