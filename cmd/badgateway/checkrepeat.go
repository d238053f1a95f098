package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/measure"
)

// repeatCheck checks the same config many times, and prints what is not the same each time.
func (f *checkFlags) repeatCheck(c *cobra.Command, o measure.Options, p *checkProgress) error {
	var first *audit.Report
	var all []audit.Measurement
	differences := 0
	for n := range f.repeat {
		r, err := f.measure(c.Context(), o, p)
		if err != nil {
			return fmt.Errorf("check %d of %d: %w", n+1, f.repeat, err)
		}
		for _, route := range r.Routes {
			for _, c := range route.Measurements { // without the evidence, which is that of each check
				all = append(all, audit.Measurement{MeasuredAgain: c.MeasuredAgain})
			}
		}
		if first == nil {
			first = r
			continue
		}
		for _, line := range audit.Differing(first, r) {
			differences++
			fmt.Fprintf(c.OutOrStdout(), "check %d: %s\n", n+1, line)
		}
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %d differences in %d checks of %d cells%s\n", o.Path, differences, f.repeat, len(all)/f.repeat,
		measuredAgain(all, func(c audit.Measurement) []string { return c.MeasuredAgain }))
	if differences > 0 {
		return errDiffers
	}
	return labFailed(first) // where all failed alike, nothing differs
}
