package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/hostfile"
	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/scenario/report"
	"github.com/badgateway/badgateway/harness/terminal"
)

type judgeFlags struct {
	asJSON  bool
	reports string
}

func judgeCommand() *cobra.Command {
	var f judgeFlags
	c := &cobra.Command{
		Use:   "judge FILE...",
		Short: "Judge stored evidence again, without an engine",
		Long: `Reads what run has stored, evidence.json of --reports or the lines of --json, and judges it again: the verdicts in the file
count for nothing, and one that the evidence does not bear out is named. - is standard input. Several files, such as those of
the shards of a CI matrix, are shown as one; fakes are compared with what is real within each.

Exit codes: 0 all as expected, 1 something differs or cannot be written, 2 bad input, which a wrong verdict in a file is too,
130 interrupted.`,
		Example: `  badgateway judge report/evidence.json
  badgateway run --all --json | badgateway judge -
  badgateway judge shard-*/evidence.json --reports report     one JUnit, JSON and HTML page of all shards`,
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return errors.New("name a file of evidence (run --reports DIR writes DIR/evidence.json), or - for standard input")
			}
			return nil
		},
		ValidArgsFunction: cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(c *cobra.Command, files []string) error {
			return f.judge(c.Context(), c.InOrStdin(), c.OutOrStdout(), files)
		},
	}
	c.Flags().BoolVar(&f.asJSON, "json", false, "print the evidence as one JSON object a line, with the verdicts that follow from it")
	c.Flags().StringVar(&f.reports, "reports", "", "write junit.xml, evidence.json and index.html into this folder")
	return c
}

func (f *judgeFlags) judge(ctx context.Context, in io.Reader, out io.Writer, files []string) error {
	run := report.Run{Command: command()}
	var all []scenario.Evidence
	var heads []string
	var wrong []error
	for _, name := range files {
		stored, err := readStored(ctx, in, name)
		if err != nil {
			return err
		}
		judged := scenario.JudgeAll(stored.Evidence)
		all = append(all, judged...)
		for _, c := range stored.Contradictions(judged) {
			wrong = append(wrong, fmt.Errorf("%s: %s", terminal.OneLine(name), c))
		}
		if stored.Counts != nil {
			run = mergeEvidence(run, stored.Run)
			heads = append(heads, terminal.OneLine(name+": "+headline(stored.Run)))
		}
	}
	if f.reports != "" {
		if err := prepareReports(f.reports); err != nil {
			return err
		}
	}
	whole := scenarioCount(all) <= maxShownWhole && len(all) > 0
	if err := show(out, all, f.asJSON, whole); err != nil {
		return err
	}
	if !f.asJSON && !whole {
		for _, line := range heads {
			fmt.Fprintln(out, line)
		}
	}
	if f.reports != "" {
		if err := writeReports(f.reports, run, all); err != nil {
			return err
		}
		if !f.asJSON {
			announceReports(out, f.reports)
		}
	}
	if len(wrong) > 0 {
		return contradictions(wrong)
	}
	passed, failed, skipped := report.Count(all)
	switch {
	case failed > 0:
		return errDiffers
	case passed == 0 && skipped > 0:
		return fmt.Errorf("nothing is proven: all was skipped, as %s", terminal.OneLine(all[0].Skipped))
	}
	return nil
}

// readStored reads a file of stored evidence.
func readStored(ctx context.Context, in io.Reader, name string) (report.Stored, error) {
	var data []byte
	var err error
	if name == "-" {
		name = "standard input"
		data, err = hostfile.ReadStream(ctx, name, in, report.MaxSize)
	} else {
		data, err = hostfile.ReadTyped(ctx, name, report.MaxSize)
	}
	if err != nil {
		return report.Stored{}, fmt.Errorf("reading the evidence: %w", err)
	}
	stored, err := report.Read(data)
	if err != nil {
		return report.Stored{}, fmt.Errorf("%s: %w", terminal.OneLine(name), err)
	}
	return stored, nil
}

// mergeEvidence is the head of the report of several runs.
func mergeEvidence(sum, one report.Run) report.Run {
	if sum.Started.IsZero() || one.Started.Before(sum.Started) {
		sum.Started = one.Started
	}
	sum.Took += max(one.Took, 0)
	sum.Seed = cmp.Or(sum.Seed, one.Seed)
	sum.Image, sum.Engine, sum.Clock = addEvidence(sum.Image, one.Image), addEvidence(sum.Engine, one.Engine), addEvidence(sum.Clock, one.Clock)
	return sum
}

// addEvidence is a list of texts with one more, unless that is in it.
func addEvidence(list, one string) string {
	switch {
	case list == "" || list == one:
		return one
	case strings.Contains("; "+list+"; ", "; "+one+"; "):
		return list
	}
	return list + "; " + one
}

func scenarioCount(all []scenario.Evidence) int {
	ids := map[string]bool{}
	for _, e := range all {
		ids[e.Scenario] = true
	}
	return len(ids)
}

// maxContradictions is how many wrong verdicts are listed one by one.
const maxContradictions = 20

// contradictions is the error of files that say what their evidence does not bear out.
func contradictions(wrong []error) error {
	if more := len(wrong) - maxContradictions; more > 0 {
		wrong = append(wrong[:maxContradictions:maxContradictions], fmt.Errorf("and %d more", more))
	}
	return errors.Join(wrong...)
}
