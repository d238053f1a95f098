package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

type runFlags struct {
	labFlags
	all      bool
	asJSON   bool
	reports  string
	shard    string
	variant  string
	seed     int64
	labs     int
	parallel int
	repeat   int
	load     int
	leftOut  int // scenarios that are for another gateway than the config
	ownConf  int // scenarios that put a config of their own in place of the user's
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [PATTERN...]",
		Short: "Break it, look, mend it, and show the evidence",
		Long: `Runs scenarios in a sealed lab. Each is proven healthy first, then broken, looked at, mended, and proven healthy again.

A pattern is an id (fpm-dead), a shell pattern of ids ('fpm-*'), family:time, cause:B1, gateway:apache, or row:silent, the
same fault on each gateway. A few scenarios are shown whole, as an operator wants to read them; many end in a table. With --repeat, a few are a row for each variant
("20/20 passed"), and whole is what did not pass. What takes a large image (browser-*, a real Chromium) runs where its id or family is named.

Exit codes: 0 all as expected, 1 something differs or cannot be written, 2 bad input, 3 no lab could be had, 130 interrupted.`,
		Example: `  badgateway run fpm-dead
  badgateway run 'fpm-*' family:firewall
  badgateway run --all --reports report     JUnit, JSON and one HTML page in ./report
  badgateway run --all --shard 2/5          the second of five machines of a CI matrix
  badgateway run --all --gateway-image nginx:alpine
  badgateway run fpm-dead --json | jq .broken.status`,
		ValidArgsFunction: completeIDs,
		RunE: func(c *cobra.Command, args []string) error {
			if !f.all && len(args) == 0 {
				return errors.New("name a scenario, or give --all (badgateway list shows what there is)")
			}
			return f.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), args)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&f.all, "all", false, "run the whole catalogue, or all that the patterns pick, and end with a table")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the evidence as one JSON object a line, at the end, when the variants were compared")
	c.Flags().StringVar(&f.reports, "reports", "", "write junit.xml, evidence.json and index.html into this folder")
	c.Flags().StringVar(&f.shard, "shard", "", "run one part of the scenarios, as K/N")
	c.Flags().StringVar(&f.variant, "twin", "", "run one kind of upstream only: real or fake")
	c.Flags().Int64Var(&f.seed, "seed", 0, "the random order's seed (printed at the end of every run of many)")
	c.Flags().IntVar(&f.labs, "labs", 1, "how many labs to run in")
	c.Flags().IntVar(&f.parallel, "parallel", 0, "how many scenarios run at once in each lab (default 4, and more where the engine is far away)")
	c.Flags().IntVar(&f.repeat, "repeat", 1, "run everything so many times, and count what passed and the verdicts that differ")
	addLoad(c.Flags(), &f.load)
	completeVariant(c)
	return c
}

// maxLabs is how many labs one machine is asked for at the most.
const maxLabs = 32

// maxShownWhole is how many scenarios are shown whole rather than as rows of a table.
const maxShownWhole = 3

func (f *runFlags) run(ctx context.Context, out, progress io.Writer, patterns []string) error {
	some, jobs, err := f.choose(patterns)
	if err != nil {
		return err
	}
	// Whatever can be known to fail is said before time is spent in a lab.
	if f.reports != "" {
		if err := prepareReports(f.reports); err != nil {
			return err
		}
	}
	p := newProgress(progress, len(jobs))
	if len(jobs) == 0 {
		p.say("this shard is empty: nothing to run")
		return f.report(report.Run{Started: time.Now(), Seed: f.seed, Command: command()}, nil)
	}
	run, all, err := f.measure(ctx, p, some, jobs)
	var refused refusedConfig
	if run.Started.IsZero() || errors.As(err, &refused) {
		return err
	}
	if len(all) > 0 || err == nil {
		if perr := f.print(out, run, all, len(some) <= maxShownWhole && !f.all); perr != nil {
			return perr
		}
	}
	if errors.Is(err, errInterrupted) {
		return interruptedAfter{len(all), len(jobs)}
	}
	if err != nil {
		return err
	}
	if f.repeat > 1 {
		p.say("%d differing verdicts in %d runs%s", differing(all), len(all), measuredAgain(all, func(e scenario.Evidence) []string { return e.MeasuredAgain }))
	}
	return result(all)
}

// measure runs the jobs in labs that it starts and ends. The run has not started where none was to be had.
func (f *runFlags) measure(ctx context.Context, p *progress, some []scenario.Scenario, jobs []scenario.Job) (run report.Run, all []scenario.Evidence, err error) {
	o := f.options(p.say)
	if f.image == "" {
		o.Needs = slices.DeleteFunc(scenario.Images(jobs), func(name string) bool { return f.backends[name] != "" })
	}
	labs, err := f.start(ctx, o)
	defer func() {
		for _, l := range labs {
			if err := l.Close(); err != nil {
				p.say("badgateway: ending the lab: %v", err)
			}
		}
	}()
	if err != nil {
		return run, nil, err
	}
	if f.load > 0 {
		defer burnProcessors(f.load)()
	}
	taken, err := programs(ctx, labs[0], jobs)
	if err != nil {
		return run, nil, noLab{err}
	}
	if f.leftOut > 0 {
		p.say("left out: %d scenarios of other gateways, as the config is taken for nginx's", f.leftOut)
	}
	if f.ownConf > 0 {
		p.say("left out: %d scenarios whose fault or remedy is a config of their own, which would stand in place of yours", f.ownConf)
	}
	if lost := f.unheard(jobs); len(lost) > 0 {
		p.say("not heard: the config logs to %s, where the lab does not listen; what goes there alone is no part of what is judged", strings.Join(lost, ", "))
	}
	run = f.header(labs[0], taken)
	for _, program := range taken {
		p.say("%s, %v", program.Name, program.Clock())
	}
	p.begin(jobs, labs[0].Clock(), scenario.Batch{Labs: labs, Parallel: f.parallel}.Estimate(jobs))
	all, err = f.runJobs(ctx, labs, jobs, p)
	p.end()
	run.Took = time.Since(run.Started)
	return run, inOrder(all, some), err
}

// unheard are the machines to which the user's config sends log lines that the lab does not hear.
func (f *runFlags) unheard(jobs []scenario.Job) (lost []string) {
	if f.config == "" {
		return nil
	}
	if g := jobs[0].Scenario.Gateway; g.Driver.Syslog != nil {
		_, lost = g.Driver.Syslog(g.Config)
	}
	return lost
}

// result is what a script learns of the evidence.
func result(all []scenario.Evidence) error {
	passed, failed, skipped := report.Count(all)
	switch {
	case failed > 0:
		return errDiffers
	case passed == 0 && skipped > 0:
		return noLab{fmt.Errorf("nothing could be run on this engine: %s", all[0].Skipped)}
	}
	return nil
}

// runJobs runs the jobs. A config of the user's that the gateway refuses ends it at once.
func (f *runFlags) runJobs(ctx context.Context, labs []*lab.Lab, jobs []scenario.Job, p *progress) ([]scenario.Evidence, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done := func(e scenario.Evidence) {
		if words, refused := refusal(e); refused && f.config != "" {
			stop(refusedConfig{f.config, words})
			return
		}
		p.done(e)
	}
	all, err := scenario.Batch{Labs: labs, Parallel: f.parallel, Lean: f.repeat > 1, Done: done}.Run(ctx, jobs)
	for i := range all {
		all[i].Again = f.rerunCommand(typed(os.Args[0]), all[i].Scenario)
	}
	return all, err
}

// rerunCommand is the command that runs a scenario alone, with the flags that its outcome depends on.
func (f *runFlags) rerunCommand(program, id string) string {
	words := []string{program, "run", id}
	for _, flag := range []struct{ name, value string }{
		{"--gateway-image", f.image}, {"--config", f.config}, {"--twin", f.variant},
	} {
		if flag.value != "" {
			words = append(words, flag.name, terminal.Quote(flag.value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.backends)) {
		words = append(words, "--backend-image", terminal.Quote(name+"="+f.backends[name]))
	}
	if f.realTime {
		words = append(words, "--real-time")
	}
	return strings.Join(words, " ")
}

// takeConfig keeps the scenarios that the user's config is for: nginx's, unless all of them are another gateway's, and of these
// the ones that do not put a config of their own in its place. One that is picked alone is kept, to be refused with the reason.
func (f *runFlags) takeConfig(some []scenario.Scenario) []scenario.Scenario {
	var kept []scenario.Scenario
	for _, s := range some {
		if gatewayOf(s) == nginx.Driver.Name {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		kept = some
	}
	f.leftOut = len(some) - len(kept)
	if taking := slices.DeleteFunc(slices.Clone(kept), ownConfigs); len(taking) > 0 {
		f.ownConf = len(kept) - len(taking)
		return taking
	}
	return kept
}

// choose picks the scenarios, and puts their variants in random order.
func (f *runFlags) choose(patterns []string) ([]scenario.Scenario, []scenario.Job, error) {
	some, err := scenarios.ToRun(patterns...)
	if err != nil {
		return nil, nil, err
	}
	if f.variant != "" && f.variant != string(scenario.Real) && f.variant != string(scenario.Fake) {
		return nil, nil, fmt.Errorf("--twin is real or fake, not %q", f.variant)
	}
	if f.parallel < 0 || f.labs < 1 || f.labs > maxLabs || f.repeat < 1 {
		return nil, nil, fmt.Errorf("--labs is 1 to %d, --repeat is 1 or more, --parallel is not negative", maxLabs)
	}
	if err := f.checkImages(); err != nil {
		return nil, nil, err
	}
	var jobs []scenario.Job
	has := func(s scenario.Scenario) bool {
		return slices.ContainsFunc(s.Variants, func(v scenario.Variant) bool { return f.wantsVariant(v) })
	}
	if !slices.ContainsFunc(some, has) {
		return nil, nil, fmt.Errorf("none of these scenarios has a variant of the kind %s: leave out --twin", f.variant)
	}
	if some, err = scenarios.Shard(some, f.shard); err != nil {
		return nil, nil, err
	}
	if f.config != "" {
		some = f.takeConfig(some)
	}
	for i, s := range some {
		if some[i], err = f.withConfig(s); err != nil {
			return nil, nil, err
		}
	}
	for range f.repeat {
		for _, j := range scenarios.Jobs(some) {
			if f.wantsVariant(j.Variant) {
				jobs = append(jobs, j)
			}
		}
	}
	needed := scenario.Images(jobs)
	for _, name := range slices.Sorted(maps.Keys(f.backends)) {
		if len(jobs) > 0 && !slices.Contains(needed, name) {
			return nil, nil, fmt.Errorf("--backend-image %s: nothing that is picked runs a backend of it", name)
		}
	}
	if f.seed == 0 {
		f.seed = time.Now().UnixNano() % 1_000_000
	}
	scenarios.Shuffle(jobs, f.seed)
	return some, jobs, nil
}

func (f *runFlags) wantsVariant(v scenario.Variant) bool {
	return f.variant == "" || f.variant == string(v.Kind)
}

func (f *runFlags) start(ctx context.Context, o lab.Options) ([]*lab.Lab, error) {
	var labs []*lab.Lab
	for range f.labs {
		l, err := startLab(ctx, o)
		if err != nil {
			return labs, err
		}
		labs = append(labs, l)
	}
	return labs, nil
}

// programs are the gateways that the jobs take, by their names. One that the lab's image lacks is left out: its jobs say why
// they are skipped.
func programs(ctx context.Context, l *lab.Lab, jobs []scenario.Job) ([]*lab.Program, error) {
	var all []*lab.Program
	for _, j := range jobs {
		program, err := l.Program(ctx, j.Scenario.Gateway.Driver)
		if lack := (*lab.LackError)(nil); errors.As(err, &lack) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, program) {
			all = append(all, program)
		}
	}
	slices.SortFunc(all, func(a, b *lab.Program) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (f *runFlags) header(l *lab.Lab, taken []*lab.Program) report.Run {
	run := report.Run{
		Started: time.Now(), Seed: f.seed, Engine: l.Engine().Name() + " " + l.Engine().Version(), Command: command(),
	}
	for _, program := range taken {
		run.Image, run.Clock = addEvidence(run.Image, program.Name), addEvidence(run.Clock, program.Clock().String())
	}
	return run
}

func command() string { return "badgateway " + strings.Join(os.Args[1:], " ") }

// inOrder brings the evidence back into the order of the catalogue.
func inOrder(all []scenario.Evidence, some []scenario.Scenario) []scenario.Evidence {
	byID := map[string][]scenario.Evidence{}
	for _, e := range all {
		byID[e.Scenario] = append(byID[e.Scenario], e)
	}
	var ordered []scenario.Evidence
	for _, s := range some {
		for _, v := range s.Variants {
			for _, e := range byID[s.ID] {
				if e.Variant == v.Kind {
					ordered = append(ordered, e)
				}
			}
		}
	}
	return ordered
}

// print shows the evidence in the form that was asked for, and writes the reports.
func (f *runFlags) print(out io.Writer, run report.Run, all []scenario.Evidence, whole bool) error {
	if err := show(out, all, f.asJSON, whole); err != nil {
		return err
	}
	if !f.asJSON && !whole {
		fmt.Fprintln(out, headline(run))
	}
	if err := f.report(run, all); err != nil || f.reports == "" {
		return err
	}
	if !f.asJSON {
		announceReports(out, f.reports)
	}
	return nil
}

// headline says of a run what its evidence does not.
func headline(run report.Run) string {
	return fmt.Sprintf("%s in %.1f s, order of seed %d", run.Image, run.Took.Seconds(), run.Seed)
}

// show prints evidence: as JSON, whole where that was not run many times, or as a table after the transcripts of what did not pass.
func show(out io.Writer, all []scenario.Evidence, asJSON, whole bool) error {
	colour, width := screen(out)
	switch {
	case asJSON:
		for _, e := range all {
			if err := report.Line(out, e); err != nil {
				return err
			}
		}
		return nil
	case whole && report.Repeated(all):
		return report.Repeats(out, all, colour)
	case whole:
		return report.ShowAll(out, all, scenarios.Neighbours, colour)
	}
	for _, e := range all {
		if e.Verdict != scenario.Passed && e.Verdict != scenario.Skipped {
			if err := report.Transcript(out, e); err != nil {
				return err
			}
		}
	}
	return report.Table(out, all, colour, width)
}

// report writes the reports, if any are wanted.
func (f *runFlags) report(run report.Run, all []scenario.Evidence) error {
	if f.reports == "" {
		return nil
	}
	return writeReports(f.reports, run, all)
}

// screen reports whether out is one, for colour, and how wide.
func screen(out io.Writer) (colour bool, width int) {
	if !isTerminal(out) {
		return false, 160
	}
	width = 80 // where it does not say
	f := out.(interface{ Fd() uintptr })
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		width = w
	}
	return os.Getenv("NO_COLOR") == "", width
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// measuredAgain says how many had to be measured more than once, as the machine had no processor for them; nothing when none.
func measuredAgain[T any](all []T, why func(T) []string) string {
	n := 0
	for _, one := range all {
		if len(why(one)) > 0 {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %d measured again, as the machine had no processor for them", n)
}

// differing counts the runs whose verdict is not that of the first run of the same variant.
func differing(all []scenario.Evidence) int {
	first := map[string]string{}
	n := 0
	for _, e := range all {
		key := e.Scenario + string(e.Variant)
		if _, known := first[key]; !known {
			first[key] = e.Verdict
		}
		if first[key] != e.Verdict {
			n++
		}
	}
	return n
}
