package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/report"
	"github.com/badgateway/badgateway/scenarios"
)

type runFlags struct {
	labFlags
	all      bool
	asJSON   bool
	reports  string
	shard    string
	twin     string
	seed     int64
	labs     int
	parallel int
	repeat   int
	load     bool
}

func runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run [PATTERN...]",
		Short: "Break it, look, mend it, and show the evidence",
		Long: `Runs scenarios in a sealed lab. Each is proven healthy first, then broken, looked at, mended, and proven healthy again.

A pattern is an id (fpm-dead), a shell pattern of ids ('fpm-*'), family:time, or cause:B1. A few scenarios are shown whole,
as an operator wants to read them; many end in a table.

Exit codes: 0 all as expected, 1 something differs, 2 bad input, 3 no lab could be had, 130 interrupted.`,
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
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the evidence as one JSON object a line")
	c.Flags().StringVar(&f.reports, "reports", "", "write junit.xml, evidence.json and index.html into this folder")
	c.Flags().StringVar(&f.shard, "shard", "", "run one part of the scenarios, as K/N")
	c.Flags().StringVar(&f.twin, "twin", "", "run one kind of upstream only: real or fake")
	c.Flags().Int64Var(&f.seed, "seed", 0, "the random order's seed (printed at the end of every run of many)")
	c.Flags().IntVar(&f.labs, "labs", 1, "how many labs to run in")
	c.Flags().IntVar(&f.parallel, "parallel", 4, "how many scenarios run at once in each lab")
	c.Flags().IntVar(&f.repeat, "repeat", 1, "run everything so many times, and count the verdicts that differ")
	c.Flags().BoolVar(&f.load, "load", false, "keep every processor of this machine busy meanwhile")
	return c
}

// wholeUpTo is how many scenarios are shown whole rather than as rows of a table.
const wholeUpTo = 3

func (f *runFlags) run(ctx context.Context, out, progress io.Writer, patterns []string) error {
	some, jobs, err := f.choose(patterns)
	if err != nil {
		return err
	}
	p := newProgress(progress, len(jobs))
	labs, err := f.start(ctx, p.say)
	defer func() {
		for _, l := range labs {
			l.Close()
		}
	}()
	if err != nil {
		return err
	}
	if f.load {
		defer busy()()
	}
	run := f.header(labs[0])
	p.begin(len(jobs))
	all, err := harness.Batch{Labs: labs, Parallel: f.parallel, Done: p.done}.Run(ctx, jobs)
	p.end()
	run.Took = time.Since(run.Started)
	all = inOrder(all, some)
	if perr := f.print(out, run, all, len(some) <= wholeUpTo && !f.all); perr != nil {
		return perr
	}
	if err != nil {
		return err
	}
	if f.repeat > 1 {
		fmt.Fprintf(out, "%d differing verdicts in %d runs\n", differing(all), len(all))
	}
	if e := refused(all); e != nil && f.config != "" {
		return fmt.Errorf("%s: %s", f.config, e.Error)
	}
	if _, failed := report.Count(all); failed > 0 {
		return errDiffers
	}
	return nil
}

// choose picks the scenarios, and puts their twins in random order.
func (f *runFlags) choose(patterns []string) ([]harness.Scenario, []harness.Job, error) {
	some, err := scenarios.Select(patterns...)
	if err != nil {
		return nil, nil, err
	}
	if some, err = scenarios.Shard(some, f.shard); err != nil {
		return nil, nil, err
	}
	if f.twin != "" && f.twin != string(harness.Real) && f.twin != string(harness.Fake) {
		return nil, nil, fmt.Errorf("--twin is real or fake, not %q", f.twin)
	}
	if f.parallel < 1 || f.labs < 1 || f.repeat < 1 {
		return nil, nil, errors.New("--parallel, --labs and --repeat are 1 or more")
	}
	var jobs []harness.Job
	for i, s := range some {
		if some[i], err = f.withConfig(s); err != nil {
			return nil, nil, err
		}
	}
	for range f.repeat {
		for _, j := range scenarios.Jobs(some) {
			if f.twin == "" || f.twin == string(j.Twin.Kind) {
				jobs = append(jobs, j)
			}
		}
	}
	if f.seed == 0 {
		f.seed = time.Now().UnixNano() % 1_000_000
	}
	scenarios.Shuffle(jobs, f.seed)
	return some, jobs, nil
}

func (f *runFlags) start(ctx context.Context, say func(string, ...any)) ([]*harness.Lab, error) {
	var labs []*harness.Lab
	for range f.labs {
		l, err := startLab(ctx, f.options(say))
		if err != nil {
			return labs, err
		}
		labs = append(labs, l)
	}
	return labs, nil
}

func (f *runFlags) header(l *harness.Lab) report.Run {
	return report.Run{
		Started: time.Now(), Seed: f.seed, Image: l.GatewayVersion(), Engine: "Docker " + l.Engine().Version(),
		Command: "badgateway " + strings.Join(os.Args[1:], " "),
	}
}

// inOrder brings the evidence back into the order of the catalogue.
func inOrder(all []harness.Evidence, some []harness.Scenario) []harness.Evidence {
	byID := map[string][]harness.Evidence{}
	for _, e := range all {
		byID[e.Scenario] = append(byID[e.Scenario], e)
	}
	var ordered []harness.Evidence
	for _, s := range some {
		for _, t := range s.Twins {
			for _, e := range byID[s.ID] {
				if e.Twin == t.Kind {
					ordered = append(ordered, e)
				}
			}
		}
	}
	return ordered
}

// print shows the evidence in the form that was asked for, and writes the reports.
func (f *runFlags) print(out io.Writer, run report.Run, all []harness.Evidence, whole bool) error {
	colour, width := terminal(out)
	switch {
	case f.asJSON:
		for _, e := range all {
			if err := report.Line(out, e); err != nil {
				return err
			}
		}
	case whole:
		for _, e := range all {
			if err := report.Show(out, e, colour); err != nil {
				return err
			}
		}
	default:
		for _, e := range all {
			if e.Verdict != harness.Passed {
				if err := report.Transcript(out, e); err != nil {
					return err
				}
			}
		}
		if err := report.Table(out, all, colour, width); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s in %.1f s, order of seed %d\n", run.Image, run.Took.Seconds(), run.Seed)
	}
	if f.reports == "" {
		return nil
	}
	if err := writeReports(f.reports, run, all); err != nil {
		return err
	}
	if !f.asJSON {
		fmt.Fprintf(out, "reports: %s, junit.xml and evidence.json beside it\n", filepath.Join(f.reports, "index.html"))
	}
	return nil
}

func writeReports(dir string, run report.Run, all []harness.Evidence) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder for the reports: %w", err)
	}
	for name, write := range map[string]func(io.Writer, report.Run, []harness.Evidence) error{
		"junit.xml": report.JUnit, "evidence.json": report.JSON, "index.html": report.HTML,
	} {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if err := errors.Join(write(f, run, all), f.Close()); err != nil {
			return fmt.Errorf("writing the report %s: %w", f.Name(), err)
		}
	}
	return nil
}

// terminal tells whether out is one, for colour, and how wide.
func terminal(out io.Writer) (colour bool, width int) {
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 160
	}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		width = w
	}
	return os.Getenv("NO_COLOR") == "", width
}

// differing counts the runs whose verdict is not that of the first run of the same twin.
func differing(all []harness.Evidence) int {
	first := map[string]string{}
	n := 0
	for _, e := range all {
		key := e.Scenario + string(e.Twin)
		if _, known := first[key]; !known {
			first[key] = e.Verdict
		}
		if first[key] != e.Verdict {
			n++
		}
	}
	return n
}

// refused finds a run in which the gateway did not take its config.
func refused(all []harness.Evidence) *harness.Evidence {
	for i, e := range all {
		if strings.Contains(e.Error, "does not start with this config") {
			return &all[i]
		}
	}
	return nil
}

// busy keeps every processor busy until it is told to stop.
func busy() (stop func()) {
	quit := make(chan struct{})
	for range runtime.NumCPU() {
		go func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
			}
		}()
	}
	return func() { close(quit) }
}
