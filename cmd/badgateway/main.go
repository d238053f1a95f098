// Command badgateway reproduces the causes of 502 Bad Gateway on a real gateway, shows how each is recognised, and proves
// what mends it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/engine"
	"github.com/badgateway/badgateway/harness/wire"
)

// The exit codes, on which scripts can rely.
const (
	exitOK          = 0
	exitDiffers     = 1
	exitBadInput    = 2
	exitNoLab       = 3
	exitInterrupted = 130
)

// errDiffers says that something was not as expected; the details are printed already.
var errDiffers = errors.New("something differs from what was expected")

// errInterrupted says that the user ended the run.
var errInterrupted = errors.New("interrupted")

// interruptedAfter says how far the run had come.
type interruptedAfter struct{ done, of int }

func (e interruptedAfter) Error() string {
	return fmt.Sprintf("%v after %d of %d runs", errInterrupted, e.done, e.of)
}
func (e interruptedAfter) Unwrap() error { return errInterrupted }

func main() {
	// What runs inside a container, or watches over one, is no command for people, and needs none of what follows.
	if len(os.Args) == 2 && os.Args[1] == "agent" {
		os.Exit(agentMain())
	}
	if len(os.Args) == 3 && os.Args[1] == engine.ReapCommand {
		os.Exit(engine.Reap(os.Args[2], os.Stdin))
	}
	// A run is short and its memory small: processor time belongs to the lab.
	debug.SetGCPercent(400)
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		stop(errInterrupted)
		signal.Stop(signals) // a second one ends the program at once, and the lab with it
	}()
	err := root().ExecuteContext(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		// Whatever was cut off by it is no news.
		if after := new(interruptedAfter); errors.As(err, after) {
			err = *after
		} else {
			err = errInterrupted
		}
	}
	code := exitCode(err)
	if err != nil && !errors.Is(err, errDiffers) {
		fmt.Fprintln(os.Stderr, "badgateway:", err)
	}
	os.Exit(code)
}

// exitCode is what a script learns of an error.
func exitCode(err error) int {
	var lab noLab
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDiffers):
		return exitDiffers
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &lab), errors.Is(err, wire.ErrGone):
		return exitNoLab
	default:
		return exitBadInput
	}
}

// noLab marks an error that kept the lab from starting.
type noLab struct{ error }

func (e noLab) Unwrap() error { return e.error }

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "badgateway",
		Short: "Reproduce, recognise and mend every cause of 502 Bad Gateway",
		Long: `badgateway starts a real nginx with programmable fake and real upstreams in a sealed container, breaks one thing at a
time, and proves what follows: the status the visitor gets, the line in the error log, how long it took, how many tries
were made, and what mends it.

Exit codes: 0 all as expected, 1 something differs, 2 bad input, 3 no lab could be had, 130 interrupted.`,
		Example: `  badgateway list                       what can go wrong
  badgateway run fpm-dead               one cause: its log line, its meaning, its remedy
  badgateway run --all                  everything, with a table at the end
  badgateway lab fpm-dead               keep it broken, to try by hand`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.AddCommand(listCommand(), runCommand(), labCommand(), fakeCommand(), imagesCommand(), cleanCommand())
	return c
}

// labFlags are the flags of all commands that start a lab.
type labFlags struct {
	image    string
	realTime bool
	config   string
}

func (f *labFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.image, "gateway-image", "", "run this image's nginx, as it is (nginx:1.29, nginx:alpine, your own)")
	c.Flags().BoolVar(&f.realTime, "real-time", false, "leave the clock alone: a time-out of 60 s takes 60 s")
	c.Flags().StringVar(&f.config, "config", "", "use this nginx.conf in place of the scenario's")
}

func (f *labFlags) options(say func(string, ...any)) harness.Options {
	return harness.Options{GatewayImage: f.image, RealTime: f.realTime, Install: true, Say: say}
}

// withConfig puts the user's config in place of the scenario's.
func (f *labFlags) withConfig(s harness.Scenario) (harness.Scenario, error) {
	if f.config == "" {
		return s, nil
	}
	text, err := os.ReadFile(f.config)
	if err != nil {
		return s, fmt.Errorf("reading the config: %w", err)
	}
	files := append(s.Gateway.Files[:0:0], s.Gateway.Files...)
	for i := range files {
		if files[i].Path == s.Gateway.Program.Conf {
			files[i].Data = string(text)
		}
	}
	s.Gateway.Files = files
	return s, nil
}

func startLab(ctx context.Context, o harness.Options) (*harness.Lab, error) {
	lab, err := harness.Start(ctx, o)
	if err != nil {
		return nil, noLab{err}
	}
	return lab, nil
}
