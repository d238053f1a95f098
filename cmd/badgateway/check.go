package main

import (
	"context"
	"errors"
	"fmt"

	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
	"github.com/badgateway/badgateway/harness/audit/report"
	"github.com/badgateway/badgateway/harness/audit/review"
	"github.com/badgateway/badgateway/harness/hostfile"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/terminal"
)

type checkFlags struct {
	image    string
	nginx    string
	env      []string
	envFile  string
	policy   string
	init     bool
	force    bool
	routes   []string
	faults   []string
	keep     bool
	fast     bool
	listen   string
	against  string
	format   string
	asJSON   bool
	reports  string
	realTime bool
	quiet    bool
	supplied bool
	every    bool
	failOn   string
	repeat   int
	load     int
	noLimits bool
	static   bool
	fix      bool
	write    bool

	// run measures a config; the tests put their own here.
	run func(context.Context, measure.Options) (*audit.Report, error)
}

// The forms of what is printed.
const (
	asTable    = "table"
	asMarkdown = "markdown"
	asJSON     = "json"
)

func checkCommand() *cobra.Command { return newCheckCommand(measure.Run) }

func newCheckCommand(run func(context.Context, measure.Options) (*audit.Report, error)) *cobra.Command {
	f := checkFlags{run: run}
	c := &cobra.Command{
		Use:   "check [PATH]",
		Short: "Run your own nginx config against every failure, before it is deployed",
		Long: `Takes an nginx config as it is, runs it on a real nginx in a sealed lab where every name, address, user, file and
certificate that it asks for exists, breaks each of its upstreams in each way, and says what visitors would get, what is
wrong with that, at which line, and how to mend it. Not a byte of your files is changed, and nothing reaches the network.

PATH is an nginx.conf, a folder laid out as /etc/nginx, or a fragment with server blocks; with --image it can be left out,
and the image's own config is checked. What may happen stands in badgateway.yaml beside the config, which --init writes.

In CI:
  badgateway check deploy/nginx --reports report
keeps report.html to read, junit.xml for the list of tests, report.sarif for the code host to show at the line, and
report.json for programs; in a merge request,
  badgateway check deploy/nginx --against git:origin/main --format markdown
writes what visitors would notice of the change.

Exit codes: 0 within the policy, 1 findings, outcomes against the policy, or a change for the worse; 2 the config can't be
loaded, or bad input; 3 no lab could be had, or it failed to measure something; 130 interrupted.`,
		Example: `  badgateway check /etc/nginx                       first: the matrix, the findings, the lines that mend them
  badgateway check /etc/nginx --route example.com/api/ --fault silent     then: all the evidence of one cell
  badgateway check /etc/nginx --init                and: from now on every change of behaviour fails

  badgateway check /etc/nginx --fix | git apply     put in the mends that were proven in the lab (--write: without git)
  badgateway check nginx.conf --static              before a commit: what can be read, without an engine, at once
  badgateway check nginx.conf --nginx 1.26 --env BACKEND=app:8080
  badgateway check --image company/gateway:4
  badgateway check conf --route example.com/api/ --fault silent --keep    keep it broken, to try by hand (--fast: and not wait)
  badgateway check conf --against git:main          what visitors would notice of my change
  badgateway check conf --nginx 1.30 --against nginx:1.22`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("name one config, not %d (%s)", len(args), strings.Join(args, " "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return f.check(c, strings.Join(args, ""))
		},
	}
	c.Flags().StringVar(&f.image, "image", "", "run the nginx of the image `REF` (nginx:1.29, your own); without PATH, check the config that it has")
	c.Flags().StringVar(&f.nginx, "nginx", "", "run this `VERSION` of nginx ("+strings.Join(lab.NginxVersions(), ", ")+")")
	c.Flags().StringArrayVar(&f.env, "env", nil, "fill ${K} of a template: `K=V`, or K with its value from the environment")
	c.Flags().StringVar(&f.envFile, "env-file", "", "a `FILE` of K=V lines, to the same end")
	c.Flags().StringVar(&f.policy, "policy", "", "the `FILE` of what may happen (default "+audit.PolicyName+" beside the config, where there is one)")
	c.Flags().BoolVar(&f.init, "init", false, "write the policy from what is measured, so that every change fails from then on")
	c.Flags().BoolVar(&f.force, "force", false, "let --init overwrite a policy")
	c.Flags().StringArrayVar(&f.routes, "route", nil, "look at the route `ID` alone: its id or location, or a shell pattern of ids")
	c.Flags().StringArrayVar(&f.faults, "fault", nil, "make the fault `ID` alone: its id, or a shell pattern of ids")
	c.Flags().BoolVar(&f.keep, "keep", false, "with one --route and one --fault: keep it broken, to try by hand")
	c.Flags().BoolVar(&f.fast, "fast", false, "with --keep: let no wait take its time, by moving the lab's clock on while a request waits")
	c.Flags().StringVar(&f.listen, "listen", anyPort, "with --keep: the `ADDRESS` to listen on for your request")
	c.Flags().StringVar(&f.against, "against", "", "show what visitors would notice since `OLD`: a path, git:REV, image:REF or nginx:VERSION")
	c.Flags().StringVar(&f.format, "format", asTable, "`FORM` of the output: table, markdown or json")
	c.Flags().BoolVar(&f.asJSON, "json", false, "the same as --format json")
	c.Flags().StringVar(&f.reports, "reports", "", "write report.html, report.json, junit.xml and report.sarif into the folder `DIR`")
	c.Flags().BoolVar(&f.realTime, "real-time", false, realTimeUsage)
	c.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "tell nothing of the progress")
	c.Flags().BoolVar(&f.supplied, "supplied", false, "list each thing that the lab made up")
	c.Flags().BoolVar(&f.every, "every-route", false, "measure also those of very many routes that are alike")
	c.Flags().StringVar(&f.failOn, "fail-on", "", "the least `SEVERITY` of a finding that fails: high, medium or low (default the policy's, or medium)")
	c.Flags().IntVar(&f.repeat, "repeat", 1, "check so many times, and print what is not the same each time, cell by cell")
	addLoad(c.Flags(), &f.load)
	c.Flags().BoolVar(&f.noLimits, "without-limits", false, "take an engine that limits neither memory nor processes; for a config that you trust")
	c.Flags().BoolVar(&f.fix, "fix", false, "write the mends that were proven as a diff, which git apply takes")
	c.Flags().BoolVar(&f.write, "write", false, "with --fix: put them into the files")
	c.Flags().BoolVar(&f.static, "static", false, "only read the config, without an engine, in under a second: findings that are read, not proven")
	f.complete(c)
	return c
}

// check does what the flags ask for.
func (f *checkFlags) check(c *cobra.Command, path string) error {
	if err := f.valid(path); err != nil {
		return err
	}
	p := newCheckProgress(c.ErrOrStderr(), f.quiet)
	o, err := f.options(c.Context(), path, p)
	if err != nil {
		return err
	}
	if f.reports != "" { // whatever can be known to fail is said before time is spent in a lab
		if err := prepareReports(f.reports); err != nil {
			return err
		}
	}
	if f.load > 0 {
		defer burnProcessors(f.load)()
	}
	switch {
	case f.repeat > 1:
		return f.repeatCheck(c, o, p)
	case f.keep:
		return f.keepOne(c, o)
	case f.against != "":
		return f.compare(c, o, p)
	case f.init:
		return f.initPolicy(c, o, p)
	case f.fix:
		return f.fixConfig(c, o, p)
	}
	r, err := f.measure(c.Context(), o, p)
	if err != nil {
		return err
	}
	if err := f.print(c.OutOrStdout(), r); err != nil {
		return err
	}
	if f.reports != "" {
		if err := writeCheckReports(f.reports, r); err != nil {
			return err
		}
		if f.format == asTable && !f.quiet {
			p.say("reports: %s, with report.json, junit.xml and report.sarif beside it", reportIn(f.reports, htmlReport))
		}
	}
	return verdict(r)
}

// valid says what is wrong with the flags before anything is done.
func (f *checkFlags) valid(path string) error {
	if f.asJSON {
		f.format = asJSON
	}
	switch {
	case path == "" && f.image == "":
		return errors.New("name a config (an nginx.conf, or a folder laid out as /etc/nginx), or an image that has one, with --image")
	case !slices.Contains([]string{asTable, asMarkdown, asJSON}, f.format):
		return fmt.Errorf("--format is table, markdown or json, not %q", f.format)
	case f.failOn != "" && !slices.Contains(audit.Severities, f.failOn):
		return fmt.Errorf("--fail-on is %s, not %q", strings.Join(audit.Severities, ", "), f.failOn)
	case f.static && (f.image != "" || f.keep || f.init || f.against != "" || f.repeat != 1 || f.load > 0 || len(f.faults) > 0):
		return errors.New("--static only reads a config: it goes without --image, --fault, --keep, --init, --against, --repeat and --load")
	case f.image != "" && f.nginx != "":
		return errors.New("--image has an nginx of its own: leave out --nginx")
	case f.keep && (len(f.routes) != 1 || len(f.faults) != 1):
		return errors.New("--keep breaks one thing: name it with one --route and one --fault")
	case f.init && len(f.routes)+len(f.faults) > 0:
		return errors.New("--init writes a policy for all routes and faults: leave out --route and --fault")
	case f.init && f.against != "", f.keep && f.against != "", f.keep && f.init:
		return errors.New("--keep, --init and --against are three different things: give one of them")
	case f.repeat < 1, f.repeat > 1 && (f.keep || f.init || f.against != ""):
		return errors.New("--repeat is 1 or more, and more than 1 goes without --keep, --init and --against")
	case f.fast && !f.keep:
		return errors.New("--fast lets nobody wait who tries by hand: it goes with --keep")
	case f.listen != anyPort && !f.keep:
		return errors.New("--listen is where --keep waits for your request: it goes with --keep")
	case f.fast && f.realTime:
		return errFastReal
	case f.force && !f.init:
		return errors.New("--force lets --init overwrite a policy: it goes with --init")
	}
	if err := f.validFix(); err != nil {
		return err
	}
	return imageName("--image", f.image)
}

// options are what the flags say to the runner.
func (f *checkFlags) options(ctx context.Context, path string, p *checkProgress) (measure.Options, error) {
	o := measure.Options{
		Path: path, Image: f.image, Nginx: f.nginx, RealTime: f.realTime, Routes: f.routes, Faults: f.faults,
		FaultList: review.Faults(), Rules: review.Rules(), Everything: f.every, WithoutLimits: f.noLimits, Install: true, Logger: loggerTo(p.say), Progress: p.matrix,
	}
	if _, err := hostfile.Place(path); path != "" && err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, err // before its policy is looked for
	}
	o.NoMends = f.against != "" || f.init || f.repeat > 1 // there they are not told
	var err error
	if o.Env, err = environment(ctx, f.envFile, f.env); err != nil {
		return o, err
	}
	if o.Policy, err = f.loadPolicy(ctx, path); err != nil {
		return o, err
	}
	return o, nil
}

// measure runs a check, and fills in what only the command knows.
func (f *checkFlags) measure(ctx context.Context, o measure.Options, p *checkProgress) (*audit.Report, error) {
	run := f.run
	if f.static {
		run = measure.Read
	}
	r, err := run(ctx, o)
	p.end()
	if err != nil {
		return nil, checkError(err)
	}
	r.Version = version()
	r.Command, r.FailOn = f.command(typed(os.Args[0]), o.Path), o.Policy.FailOn
	return r, nil
}

// checkError distinguishes an error of the lab from one of the input.
func checkError(err error) error {
	var none *measure.NoLab
	var version *lab.NoNginxError
	if errors.As(err, &none) && !errors.As(err, &version) {
		return noLab{err}
	}
	return err
}

// command is what checks the same again, without what only chose how it is shown. Values of the environment are left
// out: a report goes to more readers than a shell does.
func (f *checkFlags) command(program, path string) string {
	words := []string{program, "check"}
	if path != "" {
		words = append(words, terminal.Quote(path))
	}
	for _, flag := range []struct{ name, value string }{
		{"--image", f.image}, {"--nginx", f.nginx}, {"--env-file", f.envFile}, {"--policy", f.policy}, {"--fail-on", f.failOn},
	} {
		if flag.value != "" {
			words = append(words, flag.name, terminal.Quote(flag.value))
		}
	}
	for _, pair := range f.env {
		name, _, _ := strings.Cut(pair, "=")
		words = append(words, "--env", terminal.Quote(name))
	}
	if f.realTime {
		words = append(words, "--real-time")
	}
	if f.static {
		words = append(words, "--static")
	}
	if f.every {
		words = append(words, "--every-route")
	}
	if f.noLimits {
		words = append(words, "--without-limits")
	}
	return strings.Join(words, " ")
}

// print shows a report in the form that was asked for; one route, or one measurement, in detail.
func (f *checkFlags) print(out io.Writer, r *audit.Report) error {
	colour, width := screen(out)
	v := report.View{Width: width, Colour: colour, Supplied: f.supplied}
	switch {
	case f.format == asJSON:
		return report.JSON(out, r)
	case f.format == asMarkdown:
		return report.Markdown(out, r)
	case f.static: // there is no evidence to look at
		return report.Table(out, r, v)
	case r.Refused == nil && len(f.routes) > 0 && len(r.Routes) == 1 && len(r.Faults) > 0 && len(r.Faults) <= 2 && len(f.faults) > 0:
		return report.Measurement(out, r, r.Routes[0].ID, r.Faults[len(r.Faults)-1].ID, v) // the first is what comes while all is well
	case r.Refused == nil && len(f.routes) > 0 && len(r.Routes) == 1:
		return report.Route(out, r, r.Routes[0].ID, v)
	}
	return report.Table(out, r, v)
}

// verdict is what a script learns of a report.
func verdict(r *audit.Report) error {
	switch {
	case r.Refused != nil:
		return refusedCheck{r}
	case r.Verdict != audit.Passed:
		return errDiffers
	}
	return labFailed(r)
}

// labFailed is an error where the lab failed to measure something: that nothing came of it is no proof.
func labFailed(reports ...*audit.Report) error {
	for _, r := range reports {
		for _, route := range r.Routes {
			for _, c := range route.Measurements {
				if c.Error != "" {
					return noLab{fmt.Errorf("not all is known, as the lab failed: %s", c.Error)}
				}
			}
		}
	}
	return nil
}

// refusedCheck says that a config can't be loaded; the details are printed already.
type refusedCheck struct{ report *audit.Report }

func (e refusedCheck) Error() string {
	at := ""
	if p := e.report.Refused.Place; p.Line > 0 {
		at = fmt.Sprintf("%s:%d: ", p.File, p.Line)
	}
	return fmt.Sprintf("%s can't be loaded: %s%s", e.report.Config, at, e.report.Refused.Message)
}
