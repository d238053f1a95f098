package docker

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// unseenFor bounds how long a watcher looks for what was being made when its
// owner ended. The engine completes what it has begun, and nobody else is told
// of it.
const unseenFor = 15 * time.Second

// Reap is the watcher: it waits for the end of the news, which is the end of
// the owner, and removes what the owner has left on the engine and on this
// machine. It returns the exit code.
func Reap(owner string, news io.Reader) int {
	// A service manager that ends a whole service means the owner.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return after(owner, news)
}

func after(owner string, news io.Reader) int {
	l := hear(news)
	endChildren(owner)
	err := l.removePaths()
	if l.being+l.running+l.builds > 0 {
		if e := l.reap(owner); e != nil {
			err = e
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "badgateway reap:", err)
		return 1
	}
	return 0
}

// left is what an owner has left, as far as it has told.
type left struct {
	being, running int // containers that were being made, and that were running
	builds         int
	paths          map[string]bool
}

// hear reads the news to their end.
func hear(news io.Reader) left {
	l := left{paths: map[string]bool{}}
	for lines := bufio.NewScanner(news); lines.Scan(); {
		if line := lines.Text(); line != "" {
			l.note(line[0], line[1:])
		}
	}
	return l
}

func (l *left) note(news byte, what string) {
	step := 1
	if news == newsGone {
		step = -1
	}
	switch {
	case what == aBuild:
		l.builds += step
	case what == aContainer && news == newsBegun:
		l.being++
	case what == aContainer && news == newsMade:
		l.being, l.running = l.being-1, l.running+1
	case what == aContainer:
		l.running--
	default:
		if path, err := strconv.Unquote(what); err == nil {
			if l.paths[path] = true; news == newsGone {
				delete(l.paths, path)
			}
		}
	}
}

// backWithin is how long a watcher waits for an engine that has ended too: one that is restarted has kept the volume.
var backWithin = 5 * time.Minute

// reap finds the engine, and removes there what was left.
func (l *left) reap(owner string) error {
	ctx, cancel := context.WithTimeout(context.Background(), backWithin)
	defer cancel()
	e, err := findAgain(ctx)
	if err != nil {
		return err
	}
	return e.reap(ctx, owner, l)
}

// findAgain waits for the engine.
func findAgain(ctx context.Context) (*Engine, error) {
	for {
		e, err := Find(ctx, Options{})
		if err == nil {
			return e, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// reap removes an owner's things. Containers that were running may be gone
// unseen; for those that were being made it waits until it has seen as many,
// or has seen nothing for unseenFor, as after a build, which makes any number.
func (e *Engine) reap(ctx context.Context, owner string, l *left) error {
	seen := map[string]bool{}
	last := time.Now()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		found, err := e.remove(ctx, func(t thing) bool { return belongs(t.label, owner) })
		for _, t := range found {
			last = time.Now()
			if t.kind == "container" {
				seen[t.id] = true
			}
		}
		all := l.builds == 0 && (l.being == 0 || len(seen) >= l.being+l.running)
		if err == nil && len(found) == 0 && (all || time.Since(last) > unseenFor) {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
