package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/scenario"
)

// measuredFlags are those of commands that show what a run proves: one that they make, or one that is stored.
type measuredFlags struct {
	runFlags
	evidence string
}

func (f *measuredFlags) add(c *cobra.Command) {
	f.labs, f.repeat = 1, 1
	c.Flags().StringVar(&f.image, "gateway-image", "", "run this image's nginx, as it is (nginx:1.29, nginx:alpine, your own)")
	c.Flags().BoolVar(&f.realTime, "real-time", false, realTimeUsage)
	c.Flags().IntVar(&f.parallel, "parallel", 0, "how many scenarios run at once (default 4, and more where the engine is far away)")
	addEvidenceFlag(c, &f.evidence)
	c.MarkFlagsMutuallyExclusive("evidence", "gateway-image")
	c.MarkFlagsMutuallyExclusive("evidence", "real-time")
}

// measured is the evidence of those scenarios, judged.
func (f *measuredFlags) measured(ctx context.Context, in io.Reader, progress io.Writer, some []scenario.Scenario) ([]scenario.Evidence, error) {
	if f.evidence != "" {
		stored, err := readStored(ctx, in, f.evidence)
		return scenario.JudgeAll(stored.Evidence), err
	}
	ids := make([]string, len(some))
	for i, s := range some {
		ids[i] = s.ID
	}
	some, jobs, err := f.choose(ids)
	if err != nil {
		return nil, err
	}
	_, all, err := f.measure(ctx, newProgress(progress, len(jobs)), some, jobs)
	return all, err
}
