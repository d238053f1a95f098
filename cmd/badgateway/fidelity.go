package main

import (
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

type fidelityFlags struct {
	measuredFlags
	asJSON bool
}

func fidelityCommand() *cobra.Command {
	var f fidelityFlags
	c := &cobra.Command{
		Use:   "fidelity [PATTERN...]",
		Short: "Show whether the fakes can be believed: each beside the real component",
		Long: `Runs scenarios on the real component and on the fake, and compares what followed: the visitor's answer, the gateway's log
lines (without times, process ids and connection numbers) and how many peers were asked. What only one of them can stage is named, with
the reason. All scenarios, or those of patterns as run takes them; with --evidence, a stored run is compared.

Exit codes: 0 all alike, 1 a fake differs, or a variant did not pass or is missing, 2 bad input, 3 no lab could be had, 130 interrupted.`,
		Example: `  badgateway fidelity
  badgateway fidelity 'fpm-*' gateway:apache
  badgateway fidelity --evidence report/evidence.json
  badgateway fidelity --json | jq -r 'select(.verdict == "unlike") | .scenario'`,
		ValidArgsFunction: completeIDs,
		RunE: func(c *cobra.Command, patterns []string) error {
			return f.fidelity(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr(), patterns)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&f.asJSON, "json", false, "one JSON object a line")
	return c
}

func (f *fidelityFlags) fidelity(ctx context.Context, in io.Reader, out, progress io.Writer, patterns []string) error {
	some, err := scenarios.ToRun(patterns...)
	if err != nil {
		return err
	}
	evidence, err := f.measured(ctx, in, progress, some)
	if err != nil {
		return err
	}
	all := scenario.CompareVariants(some, evidence)
	if f.asJSON {
		for _, one := range all {
			if err := terminal.JSON(out, one, ""); err != nil {
				return err
			}
		}
	} else {
		colour, width := screen(out)
		if err := report.Fidelity(out, all, colour, width); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(all, func(f scenario.Fidelity) bool { return f.Verdict == scenario.Unlike || f.Verdict == scenario.Unproven }) {
		return errDiffers
	}
	return nil
}
