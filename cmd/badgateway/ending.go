package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// errInterrupted says that the user ended the run, or closed its terminal.
var errInterrupted = errors.New("interrupted")

// errUnread says that nobody reads the output any more, as after `| head`. Whoever left knows, so it is not said.
var errUnread = errors.New("nobody reads the output any more")

// endWithin bounds how long a program that was told to end takes to do so in order. After that it ends at once: what it
// leaves is its watcher's to remove.
const endWithin = 10 * time.Second

// signalContext returns the context of all that the program does. Its end, with errInterrupted or errUnread as its cause, is
// an order to end.
func signalContext(stdout *os.File) context.Context {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, endingSignals()...)
	// With this, a write that nobody reads is an error, and does not kill the program.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	lost := make(chan error, 1)
	go func() { lost <- readerLost(stdout) }()
	go func() {
		why := errInterrupted
		select {
		case <-signals:
		case why = <-lost:
		}
		stop(why)
		signal.Stop(signals) // a second one ends the program at once, and the lab with it
		time.AfterFunc(endWithin, func() {
			if why == errInterrupted {
				fmt.Fprintln(stderr, "badgateway:", why)
			}
			os.Exit(exitCode(why))
		})
	}()
	return ctx
}

// endingSignals are those by which a user, a terminal that closes or a service manager ends a program.
func endingSignals() []os.Signal {
	all := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// exitError is the error of a command, given why the program was told to end, if it was: whatever was cut off by it is no news.
// The output's own error is one of a reader that left, or of a disk that is full.
func exitError(err, why, output error) error {
	after, said := new(interruptedAfter), new(explained)
	switch {
	case errors.As(err, said) && output == nil:
		return err
	case err != nil && errors.Is(why, errInterrupted) && errors.As(err, after):
		return *after
	case err != nil && errors.Is(why, errInterrupted):
		return errInterrupted
	case errors.Is(output, syscall.EPIPE), err != nil && errors.Is(why, errUnread):
		return errUnread
	case output != nil:
		return notWritten{fmt.Errorf("writing the output: %w", output)}
	}
	return err
}
