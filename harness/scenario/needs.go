package scenario

import (
	"errors"
	"slices"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
)

// needs are what a scenario takes of the engine besides what every sandbox does.
func (s Scenario) needs(v Variant) []string {
	var all []string
	for _, u := range v.Upstreams {
		if u.Real != nil && u.Real.Memory > 0 {
			all = append(all, lab.NeedMemory)
		}
		if u.Real != nil && u.Real.CPUs > 0 {
			all = append(all, lab.NeedCPUs)
		}
		if u.Real != nil && u.Real.Filters {
			all = append(all, lab.NeedFilters)
		}
	}
	for _, list := range [][]fault.Fault{v.Inject, v.InjectInFlight, v.Remedy} {
		for _, c := range list {
			if n, ok := c.(interface{ Needs() string }); ok && !slices.Contains(all, n.Needs()) {
				all = append(all, n.Needs())
			}
		}
	}
	return all
}

// LackFor says why a lab can't stage a variant of a scenario; nil when it can.
func LackFor(l *lab.Lab, s Scenario, v Variant) *lab.Lack { return lackOf(l.Lacks(), s, v) }

func lackOf(lacks []lab.Lack, s Scenario, v Variant) *lab.Lack {
	for _, need := range s.needs(v) {
		for _, have := range lacks {
			if have.Need == need {
				return &have
			}
		}
	}
	return nil
}

// skipped is the reason, where an error says that a scenario can't be staged here; empty otherwise.
func skipped(err error) string {
	if lack := (*lab.LackError)(nil); errors.As(err, &lack) {
		return lack.Error()
	}
	return ""
}
