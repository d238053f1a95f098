// Package byhand lets somebody try with his own client what is kept broken in a lab: an address to ask, the logs as they
// come, and time that goes as his does, or does not let him wait.
package byhand

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// A Target is what is kept broken.
type Target interface {
	// Inject makes the fault, and Remedy performs what helps.
	Inject(context.Context) error
	Remedy(context.Context) error
	// Listens reports whether the gateway takes connections, and Dial is one.
	Listens(context.Context) (bool, error)
	Dial(context.Context) (net.Conn, error)
	// Pass moves the clock, and reports whether it could: only while all that runs waits for something to happen.
	Pass(context.Context, time.Duration) (bool, error)
	// FollowLogs writes what is logged, as it comes.
	FollowLogs(context.Context, io.Writer) error
	// Failed reports what could not be kept as it was.
	Failed() <-chan error
}

// Options say how it is tried.
type Options struct {
	Listener net.Listener // where it is asked
	In       io.Reader    // a line starts the remedy, the next one ends it; its end does neither
	Out      io.Writer    // what is to be known, and the logs; several goroutines write to it
	// Fast moves the clock on while a request waits and nothing else happens.
	Fast bool
	// Gone is closed when the lab has ended.
	Gone <-chan struct{}
}

// Texts are printed beside the logs.
type Texts struct {
	Broken    func(address string) string // once it is broken
	Remedying string                      // before the remedy, where that takes its time
	Remedied  func(address string) string // once that is done
}

// Try breaks the target, and keeps it so until the first line comes in; it performs the remedy then, and keeps it healthy until the next.
func Try(ctx context.Context, p Target, o Options, w Texts) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := p.Inject(ctx); err != nil {
		return err
	}
	f := newForwarder(o.Listener, p)
	defer f.close()
	if err := f.update(ctx); err != nil {
		return err
	}
	if o.Fast {
		go f.advanceClock(ctx)
	}
	t := &session{Target: p, options: o, enter: make(chan struct{}), noMore: make(chan struct{})}
	go t.read(ctx, t.noMore)
	fmt.Fprint(o.Out, w.Broken(f.address), "\nThe logs follow. Enter mends it.\n\n")
	if err := t.follow(ctx); err != nil {
		return err
	}
	if w.Remedying != "" {
		fmt.Fprint(o.Out, "\n", w.Remedying)
	}
	if err := p.Remedy(ctx); err != nil {
		return err
	}
	if err := f.update(ctx); err != nil {
		return err
	}
	fmt.Fprint(o.Out, "\n", w.Remedied(f.address), "Try again; Enter ends the lab.\n\n")
	return t.follow(ctx)
}

type session struct {
	Target
	options Options
	enter   chan struct{}
	noMore  chan struct{} // closed when the input has ended; nil once that was said
}

// noMoreEnter is printed when the input ends before the second Enter.
const noMoreEnter = "Standard input has ended, which is no Enter: SIGTERM or Ctrl-C ends the lab.\n\n"

// read waits for Enter. Where there is no keyboard (nohup, a service), a signal ends the lab.
func (t *session) read(ctx context.Context, ended chan<- struct{}) {
	defer close(ended)
	for lines := bufio.NewScanner(t.options.In); lines.Scan(); {
		select {
		case t.enter <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// follow shows the logs as they come, until Enter.
func (t *session) follow(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var err error // why the logs ended, once they have
	ended := make(chan struct{})
	go func() {
		err = t.FollowLogs(ctx, t.options.Out)
		close(ended)
	}()
	for {
		select {
		case <-t.enter:
			stop()
			<-ended
			return nil
		case <-t.noMore:
			fmt.Fprint(t.options.Out, noMoreEnter)
			t.noMore = nil
		case err := <-t.Failed():
			return err
		case <-ended:
			if err == nil {
				err = context.Cause(ctx)
			}
			return err
		case <-t.options.Gone:
			return errors.New("the lab is gone: its container or the container engine has ended")
		}
	}
}
