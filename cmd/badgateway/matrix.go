package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

type matrixFlags struct {
	measuredFlags
	versions               []string
	stated                 bool
	asJSON, markdown, html bool
}

func matrixCommand() *cobra.Command {
	var f matrixFlags
	c := &cobra.Command{
		Use:   "matrix [FAULT...]",
		Short: "Show what each gateway makes of the same faults",
		Long: `Makes the same faults behind each gateway, on real applications, and shows what follows: the visitor's answer, how long he waits, and
how many peers were asked where that is more than one (×4). Of faults that are named it shows all: the lines of the log in the gateway's own
words, and what mends it there.

With --nginx, several versions of nginx are compared, by all scenarios of nginx or those of patterns as run takes them, and only what
differs is shown.

Exit codes: 0 all is proven, 1 something is not, 2 bad input, 3 no lab could be had, 130 interrupted.`,
		Example: `  badgateway matrix
  badgateway matrix silent refused                        all that is known of two faults
  badgateway matrix --html > matrix.html
  badgateway matrix --evidence report/evidence.json       as a run with --reports report has measured it
  badgateway matrix --nginx 1.18,1.22,1.26,1.30           what an upgrade of nginx changes
  badgateway matrix --json | jq -r '.cells[] | select(.got.status == 504) | .scenario'`,
		ValidArgsFunction: completeRows,
		RunE: func(c *cobra.Command, faults []string) error {
			return f.matrix(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr(), faults)
		},
	}
	f.add(c)
	f.variant = string(scenario.Real)
	c.Flags().StringSliceVar(&f.versions, "nginx", nil, "compare these `VERSIONS` of nginx ("+strings.Join(lab.NginxVersions(), ",")+")")
	c.Flags().BoolVar(&f.stated, "stated", false, "run nothing: show what the catalogue states, which make test-scenarios proves")
	c.Flags().BoolVar(&f.asJSON, "json", false, "one JSON object a line, for each fault")
	c.Flags().BoolVar(&f.markdown, "markdown", false, "a table in Markdown")
	c.Flags().BoolVar(&f.html, "html", false, "one HTML page")
	c.MarkFlagsMutuallyExclusive("json", "markdown", "html")
	c.MarkFlagsMutuallyExclusive("evidence", "stated", "nginx")
	c.MarkFlagsMutuallyExclusive("gateway-image", "nginx")
	_ = c.RegisterFlagCompletionFunc("nginx", cobra.FixedCompletions(lab.NginxVersions(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// completeRows completes the faults by which gateways are compared.
func completeRows(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, r := range scenarios.Rows() {
		if strings.HasPrefix(r.Name, begun) {
			all = append(all, r.Name+"\t"+r.Fault)
		}
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

func (f *matrixFlags) matrix(ctx context.Context, in io.Reader, out, progress io.Writer, faults []string) error {
	if len(f.versions) > 0 {
		return f.ofVersions(ctx, out, progress, faults)
	}
	rows, err := rowsOf(faults)
	if err != nil {
		return err
	}
	var some []scenario.Scenario
	for _, s := range scenarios.All() {
		if slices.ContainsFunc(rows, func(r scenario.Row) bool { return r.Name == s.Row }) {
			some = append(some, s)
		}
	}
	trials := scenario.Trials(some)
	if !f.stated {
		evidence, err := f.measured(ctx, in, progress, some)
		if err != nil {
			return err
		}
		trials = scenario.TrialsSeen(evidence)
	}
	var columns []scenario.Column
	for _, gateway := range scenarios.Compared() {
		columns = append(columns, scenario.Column{Title: titleOf(gateway, some, trials), Gateway: gateway, Trials: trials})
	}
	return f.print(out, scenario.NewMatrix(rows, some, columns), len(faults) > 0)
}

// titleOf is how a gateway names itself in what was measured.
func titleOf(gateway string, some []scenario.Scenario, trials []scenario.Trial) string {
	for _, s := range some {
		if gatewayOf(s) != gateway {
			continue
		}
		if i := slices.IndexFunc(trials, func(t scenario.Trial) bool { return t.Scenario == s.ID && t.Gateway != "" }); i >= 0 {
			return trials[i].Gateway
		}
	}
	return gateway
}

// ofVersions compares versions of nginx.
func (f *matrixFlags) ofVersions(ctx context.Context, out, progress io.Writer, patterns []string) error {
	if len(f.versions) < 2 {
		return errors.New("--nginx takes two versions or more, with commas between")
	}
	for _, v := range f.versions {
		if !slices.Contains(lab.NginxVersions(), v) {
			return fmt.Errorf("there is no image of nginx %s: %s", terminal.OneLine(v), strings.Join(lab.NginxVersions(), ", "))
		}
	}
	all, err := scenarios.ToRun(patterns...)
	if err != nil {
		return err
	}
	var rows []scenario.Row
	var some []scenario.Scenario
	for _, s := range all {
		real := slices.ContainsFunc(s.Variants, func(v scenario.Variant) bool { return v.Kind == scenario.Real })
		if gatewayOf(s) == nginx.Driver.Name && real {
			s.Row = s.ID // of one gateway, each scenario is a fault
			some, rows = append(some, s), append(rows, scenario.Row{Name: s.ID, Fault: s.Fault})
		}
	}
	if len(some) == 0 {
		return errors.New("none of these is a scenario of nginx on a real application")
	}
	var columns []scenario.Column
	for _, f.nginx = range f.versions {
		evidence, err := f.measured(ctx, nil, progress, some)
		if err != nil {
			return err
		}
		trials := scenario.TrialsSeen(evidence)
		columns = append(columns, scenario.Column{Title: titleOf(nginx.Driver.Name, some, trials), Gateway: nginx.Driver.Name, Trials: trials})
	}
	whole := scenario.NewMatrix(rows, some, columns)
	differing := whole.Differing()
	if err := f.print(out, differing, false); err != nil || f.asJSON || f.html || f.markdown {
		return err
	}
	if err := report.MatrixLogs(out, differing); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d of %d scenarios differ\n", len(differing.Rows), len(whole.Rows))
	return err
}

// rowsOf are the faults of these names; all where there are none.
func rowsOf(names []string) ([]scenario.Row, error) {
	all := scenarios.Rows()
	if len(names) == 0 {
		return all, nil
	}
	var some []scenario.Row
	for _, n := range names {
		i := slices.IndexFunc(all, func(r scenario.Row) bool { return r.Name == n })
		if i < 0 {
			var known []string
			for _, r := range all {
				known = append(known, r.Name)
			}
			return nil, fmt.Errorf("there is no fault %q to compare gateways by: %s", n, strings.Join(known, " "))
		}
		some = append(some, all[i])
	}
	return some, nil
}

func (f *matrixFlags) print(out io.Writer, m scenario.Matrix, details bool) error {
	var err error
	colour, width := screen(out)
	switch {
	case f.asJSON:
		for _, r := range m.Rows {
			if err = terminal.JSON(out, r, ""); err != nil {
				break
			}
		}
	case f.markdown:
		err = report.MatrixMarkdown(out, m, details)
	case f.html:
		err = report.MatrixHTML(out, m)
	case details:
		err = report.MatrixDetails(out, m, colour)
	default:
		err = report.Matrix(out, m, colour, width)
	}
	if err == nil && !m.Proven() {
		return errDiffers
	}
	return err
}
