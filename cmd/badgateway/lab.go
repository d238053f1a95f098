package main

import (
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/byhand"
	"github.com/badgateway/badgateway/scenarios"
)

func labCommand() *cobra.Command {
	var f labFlags
	var listen, variant string
	var fast bool
	c := &cobra.Command{
		Use:   "lab ID",
		Short: "Keep one thing broken, to try by hand",
		Long: `Starts the scenario's lab, breaks it, and keeps it so: prints the command to try, what it gets, at first and from then on, and
shows the logs as they come. Enter mends it, Enter again ends it. The end of standard input is no Enter: without a keyboard
(nohup, a pipe), SIGTERM ends it.

The lab's clock goes as yours does: a time-out of 60 s takes 60 s, and a server that is left alone for 10 s comes back after
them. With --fast the clock runs ahead while a request waits and nothing else happens. With --real-time there is no clock
of the lab's: what lies in the past of a fault has to pass as well.`,
		Example: `  badgateway lab fpm-dead
  badgateway lab fpm-read-timeout --fast
  badgateway lab fpm-dead --twin fake --listen 127.0.0.1:8080`,
		Args:              oneScenario,
		ValidArgsFunction: completeOneID,
		RunE: func(c *cobra.Command, args []string) error {
			if fast && f.realTime {
				return errFastReal
			}
			some, err := scenarios.Select(args[0])
			if err != nil {
				return err
			}
			if len(some) != 1 {
				return fmt.Errorf("%q is %d scenarios: a lab shows one", args[0], len(some))
			}
			s, err := f.withConfig(some[0])
			if err != nil {
				return err
			}
			v, err := variantOf(s, variant)
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return fmt.Errorf("listening for your curl on %s: %w (--listen 127.0.0.1:0 takes any free port)", listen, err)
			}
			defer l.Close()
			if err := f.checkImages(); err != nil {
				return err
			}
			say := newProgress(c.ErrOrStderr(), 0).say
			lab, err := startLab(c.Context(), f.options(say))
			if err != nil {
				return err
			}
			defer func() {
				if err := lab.Close(); err != nil {
					say("badgateway: ending the lab: %v", err)
				}
			}()
			program, err := lab.Program(c.Context(), s.Gateway.Driver)
			if err != nil {
				return noLab{err}
			}
			say("%s, %v", program.Name, clockByHand(program.Clock(), fast))
			if w := lab.Clock().Warning(0); w != "" {
				say("%s", w)
			}
			return f.asRefusal(byhand.Scenario(c.Context(), lab, s, v, byhand.Options{
				Listener: l, In: c.InOrStdin(), Out: c.OutOrStdout(), Fast: fast,
			}))
		},
	}
	f.add(c)
	c.Flags().StringVar(&listen, "listen", anyPort, "where to listen for your curl")
	c.Flags().BoolVar(&fast, "fast", false, "let no wait take its time: move the lab's clock on while a request waits")
	c.Flags().StringVar(&variant, "twin", "", "the kind of upstream, real or fake; the first that the scenario has when empty")
	completeVariant(c)
	return c
}

func variantOf(s scenario.Scenario, kind string) (scenario.Variant, error) {
	for _, v := range s.Variants {
		if kind == "" || string(v.Kind) == kind {
			return v, nil
		}
	}
	return scenario.Variant{}, fmt.Errorf("%s has no variant of kind %q; it has %s", s.ID, kind, kinds(s))
}

// clockByHand is a lab's clock where somebody waits in front of it.
func clockByHand(c lab.Clock, fast bool) lab.Clock {
	switch {
	case c.Kind == lab.ClockReal:
	case !fast:
		c = lab.Clock{Kind: lab.ClockMoved, Why: "it goes as yours does"}
	case c.Kind == lab.ClockMoved:
		c.Why = "it runs ahead while you wait (--fast)"
	}
	return c
}
