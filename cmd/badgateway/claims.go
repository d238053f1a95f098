package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/harness/terminal"
	"github.com/badgateway/badgateway/scenarios"
)

type claimsFlags struct {
	evidence string
	asJSON   bool
	markdown bool
}

func claimsCommand() *cobra.Command {
	var f claimsFlags
	c := &cobra.Command{
		Use:   "claims [CAUSE...]",
		Short: "Show what articles say of each cause beside what was measured",
		Long: `What articles about 502 Bad Gateway commonly say, each claim with the scenarios that test it and a verdict that follows from them:
it holds in each of them, in none (false), or in some (depends). All or those of some causes.

Without --evidence it is what the catalogue states, which make test-scenarios proves. With it, it is what a stored run proves, and
a claim is marked where the run does not prove all of it, or another verdict than the catalogue's.

Exit codes: 0 as the catalogue states, 1 something is not proven or differs, 2 bad input.`,
		Example: `  badgateway claims
  badgateway claims B1 B2
  badgateway claims --evidence report/evidence.json     as a run with --reports report has measured it
  badgateway claims --json | jq -r 'select(.verdict == "false") | .says'`,
		ValidArgsFunction: completeCauses,
		RunE: func(c *cobra.Command, causes []string) error {
			return f.claims(c.Context(), c.InOrStdin(), c.OutOrStdout(), causes)
		},
	}
	addEvidenceFlag(c, &f.evidence)
	c.Flags().BoolVar(&f.asJSON, "json", false, "one JSON object a line")
	c.Flags().BoolVar(&f.markdown, "markdown", false, "a short table in Markdown")
	c.MarkFlagsMutuallyExclusive("json", "markdown")
	return c
}

// addEvidenceFlag adds the flag of commands that judge a stored run in place of the catalogue.
func addEvidenceFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "evidence", "", "judge from this evidence.json of run --reports (- is standard input)")
	_ = c.RegisterFlagCompletionFunc("evidence", cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt))
}

func (f *claimsFlags) claims(ctx context.Context, in io.Reader, out io.Writer, causes []string) error {
	if _, err := causesOf(causes); err != nil {
		return err
	}
	all := slices.DeleteFunc(scenarios.WeighedClaims(), func(c scenario.Weighed) bool {
		return len(causes) > 0 && !slices.ContainsFunc(causes, func(id string) bool { return strings.EqualFold(id, c.Cause) })
	})
	if len(all) == 0 {
		return fmt.Errorf("no claim is known of %s (badgateway claims shows all)", strings.Join(causes, " "))
	}
	if f.evidence != "" {
		stored, err := readStored(ctx, in, f.evidence)
		if err != nil {
			return err
		}
		all = weighSeen(all, scenario.TrialsSeen(scenario.JudgeAll(stored.Evidence)))
	}
	if err := f.print(out, all); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(c scenario.Weighed) bool { return len(c.Doubts) > 0 }) {
		return errDiffers
	}
	return nil
}

// weighSeen weighs the claims anew, by what was seen, and doubts each verdict that is not the one that was stated.
func weighSeen(stated []scenario.Weighed, seen []scenario.Trial) []scenario.Weighed {
	var all []scenario.Weighed
	for _, c := range stated {
		w := c.Weigh(seen)
		if w.Verdict != c.Verdict && len(w.Doubts) == 0 {
			w.Doubts = append(w.Doubts, "The catalogue's verdict is another: "+c.Verdict+".")
		}
		all = append(all, w)
	}
	return all
}

func (f *claimsFlags) print(out io.Writer, all []scenario.Weighed) error {
	switch {
	case f.asJSON:
		for _, c := range all {
			if err := terminal.JSON(out, c, ""); err != nil {
				return err
			}
		}
		return nil
	case f.markdown:
		return report.ClaimsMarkdown(out, all)
	}
	colour, width := screen(out)
	err := report.Claims(out, all, colour, width)
	if f.evidence == "" {
		_, more := fmt.Fprintln(out, "as the catalogue states it; make test-scenarios proves it, and --evidence FILE shows what a run measured")
		err = errors.Join(err, more)
	}
	return err
}
