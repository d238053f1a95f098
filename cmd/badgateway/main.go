// Command badgateway reproduces the causes of 502 Bad Gateway on a real gateway, shows how each is recognised, and proves
// what helps.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/badgateway/badgateway/harness/agentmain"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/hostfile"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
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

// interruptedAfter says how far the run had come.
type interruptedAfter struct{ done, of int }

func (e interruptedAfter) Error() string {
	return fmt.Sprintf("%v after %d of %d runs", errInterrupted, e.done, e.of)
}
func (e interruptedAfter) Unwrap() error { return errInterrupted }

func main() {
	// What runs inside a container, or watches over one, is no command for people, and needs none of what follows.
	if code, own := agentmain.Main(os.Args[1:]); own {
		os.Exit(code)
	}
	leanMemory()
	ctx := signalContext(stdout.file.File)
	c := root()
	c.SetOut(stdout)
	c.SetErr(stderr)
	err := c.ExecuteContext(ctx)
	stdout.close()
	err = exitError(err, context.Cause(ctx), stdout.writeError())
	code := exitCode(err)
	said := explained(0)
	if err != nil && !errors.Is(err, errDiffers) && !errors.Is(err, errUnread) && !errors.As(err, &said) {
		fmt.Fprintln(stderr, "badgateway:", err)
	}
	stderr.close()
	os.Exit(code)
}

// emptyFlags says which flag was given nothing, as an unset variable of a script gives it: to leave the flag out means something else.
func emptyFlags(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		if t := f.Value.Type(); t == "string" && f.Value.String() == "" || t == "stringSlice" && f.Value.String() == "[]" {
			err = fmt.Errorf("--%s is given nothing: name something, or leave it out", f.Name)
		}
	})
	return err
}

// leanMemory sets how memory is looked after: a run is short and takes little, and processor time belongs to the lab; what a
// hostile config leaves behind is not kept.
func leanMemory() {
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(300 << 20)
}

// exitCode is what a script learns of an error.
func exitCode(err error) int {
	var none noLab
	var lost notWritten
	var said explained
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &said):
		return int(said)
	case errors.Is(err, errDiffers), errors.As(err, &lost), errors.Is(err, errUnread):
		return exitDiffers
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &none), errors.Is(err, lab.ErrGone):
		return exitNoLab
	default:
		return exitBadInput
	}
}

// explained is the exit code of what has printed its own error.
type explained int

func (e explained) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// noLab marks an error that kept the lab from starting.
type noLab struct{ error }

func (e noLab) Unwrap() error { return e.error }

// notWritten marks an error that kept a result from being written, which the user's input is not to blame for.
type notWritten struct{ error }

func (e notWritten) Unwrap() error { return e.error }

// typed is how the user called this program: by its path where he gave one, as it may not be in his PATH.
func typed(program string) string {
	if filepath.Base(program) == program {
		return "badgateway"
	}
	return terminal.Quote(program)
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "badgateway",
		Short: "Reproduce, recognise and mend every cause of 502 Bad Gateway",
		Long: `badgateway starts a real nginx, or another gateway, with programmable fake and real upstreams in a sealed container, breaks one
thing at a time, and proves what follows: the status the visitor gets, the line in the error log, how long it took, how many
tries were made, and what mends it.

Exit codes: 0 all as expected, 1 something differs or cannot be written, 2 bad input, 3 no lab could be had, 130 interrupted.`,
		Example: `  badgateway list                       what can go wrong
  badgateway run fpm-dead               one cause: its log line, its meaning, its remedy
  badgateway run --all                  everything, with a table at the end
  badgateway lab fpm-dead               keep it broken, to try by hand`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.AddCommand(listCommand(), claimsCommand(), runCommand(), judgeCommand(), fidelityCommand(), matrixCommand(), diagnoseCommand(), explainCommand(), labCommand(), checkCommand(), fakeCommand(), doctorCommand(), imagesCommand(), cleanCommand())
	strict(c)
	withVersion(c)
	c.PersistentPreRunE = func(c *cobra.Command, _ []string) error { return emptyFlags(c.Flags()) }
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		var bad *pflag.InvalidValueError
		if errors.As(err, &bad) && bad.GetFlag().Value.Type() == "int" {
			return fmt.Errorf("--%s takes a number, not %q", bad.GetFlag().Name, bad.GetValue())
		}
		return err
	})
	return c
}

// strict makes the commands that cobra adds refuse what they do not know, as all others do.
func strict(c *cobra.Command) {
	c.InitDefaultHelpCmd()
	c.InitDefaultCompletionCmd()
	for _, sub := range c.Commands() {
		switch sub.Name() {
		case "help":
			sub.Args = func(help *cobra.Command, args []string) error {
				if _, rest, err := help.Root().Find(args); err != nil || len(rest) > 0 {
					return fmt.Errorf("there is no command %q (badgateway --help shows all)", strings.Join(args, " "))
				}
				return nil
			}
		case "completion":
			// Without something to run, cobra shows the help and looks at no argument.
			sub.RunE = func(completion *cobra.Command, _ []string) error { return completion.Help() }
			sub.Args = func(_ *cobra.Command, args []string) error {
				if len(args) > 0 {
					return fmt.Errorf("there is no completion for %q: name bash, zsh, fish or powershell", args[0])
				}
				return nil
			}
		}
	}
}

// realTimeUsage is the same in all commands, as the flag does the same.
const realTimeUsage = "touch no clock, nowhere: a time-out of 60 s takes 60 s, and so does a remedy that has to wait"

// errFastReal says that two flags exclude each other.
var errFastReal = errors.New("--fast moves the lab's clock, and --real-time touches none: give one of them")

// labFlags are the flags of all commands that start a lab.
type labFlags struct {
	image    string
	backends map[string]string // images in place of the project's own, by their names
	nginx    string            // the version of nginx that the lab runs; empty for the lab's own
	realTime bool
	config   string
}

func (f *labFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.image, "gateway-image", "", "run this image's gateway, as it is (nginx:1.29, nginx:alpine, haproxy:2.6, your own)")
	c.Flags().StringToStringVar(&f.backends, "backend-image", nil, "run the real backends of the image NAME (badgateway images) in another one (node=node:22)")
	c.Flags().BoolVar(&f.realTime, "real-time", false, realTimeUsage)
	c.Flags().StringVar(&f.config, "config", "", "use this config in place of the scenario's, nginx's unless all that is picked is for another gateway")
}

// checkImages says what is wrong with the images that are named, before an engine is asked for them.
func (f *labFlags) checkImages() error {
	for _, name := range slices.Sorted(maps.Keys(f.backends)) {
		if !slices.Contains(lab.Images(), name) {
			return fmt.Errorf("--backend-image %s: no image is named so; there are %s", terminal.OneLine(name), strings.Join(lab.Images(), ", "))
		}
		if f.backends[name] == "" {
			return fmt.Errorf("--backend-image %s= names no image to take", name)
		}
		if err := imageName("--backend-image", f.backends[name]); err != nil {
			return err
		}
	}
	return imageName("--gateway-image", f.image)
}

// imageName says what is wrong with the name of an image, before an engine is asked for it.
func imageName(flag, image string) error {
	if image == "" {
		return nil
	}
	if _, err := reference.ParseAnyReference(image); err != nil {
		return fmt.Errorf("%s %s: %w; name an image as nginx:1.29 or registry.example.com/team/nginx:4", flag, terminal.OneLine(image), err)
	}
	return nil
}

func (f *labFlags) options(say func(string, ...any)) lab.Options {
	return lab.Options{GatewayImage: f.image, BackendImages: f.backends, Nginx: f.nginx, RealTime: f.realTime, Install: true, Logger: loggerTo(say)}
}

// withConfig puts the user's config in place of the scenario's.
func (f *labFlags) withConfig(s scenario.Scenario) (scenario.Scenario, error) {
	if f.config == "" {
		return s, nil
	}
	if ownConfigs(s) {
		return s, fmt.Errorf("%s takes no --config: its fault or its remedy is another config, which would stand in place of yours. "+
			"Make that change in a copy of yours, and see what comes of it with badgateway check", s.ID)
	}
	text, err := hostfile.ReadTyped(context.Background(), f.config, 1<<20)
	if err != nil {
		return s, fmt.Errorf("reading the config: %w", err)
	}
	s.Gateway.Config = string(text)
	return s, nil
}

// ownConfigs reports whether a scenario puts configs of its own in place of the gateway's.
func ownConfigs(s scenario.Scenario) bool {
	isConfig := func(f fault.Fault) bool {
		_, is := f.(fault.Config)
		return is
	}
	return slices.ContainsFunc(s.Variants, func(v scenario.Variant) bool {
		return slices.ContainsFunc(slices.Concat(v.Inject, v.InjectInFlight, v.Remedy), isConfig)
	})
}

func startLab(ctx context.Context, o lab.Options) (*lab.Lab, error) {
	lab, err := lab.Start(ctx, o)
	if err != nil {
		return nil, noLab{err}
	}
	return lab, nil
}
