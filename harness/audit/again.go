package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
)

// Differing compares two checks of the same config on the same gateway, measurement by measurement, and returns a line for each thing that
// is not the same: with one worker process, the same config behaves the same each time, down to which peer is tried when. Any
// difference is a bug of the lab's, or the config lets chance decide (random, $request_id).
func Differing(a, b *Report) []string {
	var all []string
	add := func(where, was, is string) {
		if was != is {
			all = append(all, fmt.Sprintf("%s: %s, then %s", where, was, is))
		}
	}
	add("the verdict", a.Verdict, b.Verdict)
	add("the routes", routeIDs(a), routeIDs(b))
	add("the findings", findingIDs(a), findingIDs(b))
	add("what was supplied", supplies(a), supplies(b))
	for _, r := range a.Routes {
		i := slices.IndexFunc(b.Routes, func(o Route) bool { return o.ID == r.ID })
		if i < 0 {
			continue
		}
		o := b.Routes[i]
		add(r.ID+", healthy", summary(Measurement{Outcome: r.Healthy}), summary(Measurement{Outcome: o.Healthy}))
		for j := range max(len(r.Measurements), len(o.Measurements)) {
			if j >= len(r.Measurements) || j >= len(o.Measurements) {
				add(r.ID, fmt.Sprintf("%d cells", len(r.Measurements)), fmt.Sprintf("%d cells", len(o.Measurements)))
				break
			}
			x, y := r.Measurements[j], o.Measurements[j]
			where := fmt.Sprintf("%s, %s, %s", r.ID, x.Fault, x.Method)
			switch {
			case summary(x) != summary(y):
				add(where, summary(x), summary(y))
			case differ(x, y):
				add(where, summary(x)+exactTimes(x), summary(y)+exactTimes(y))
			}
		}
	}
	return all
}

// summary is all of a measurement that is the same each time it is measured.
func summary(c Measurement) string {
	c.Waited, c.ErrorsFor = 0, 0 // compared by differ
	words := []string{visible(c, Measurement{})}
	if c.Skipped != "" {
		words = []string{"skipped (" + c.Skipped + ")"}
	}
	if c.Error != "" {
		words = []string{"not known (" + c.Error + ")"}
	}
	words = append(words, fmt.Sprintf("page %q", c.Page), fmt.Sprintf("tries %q", c.Tries), fmt.Sprintf("repeated %d", c.Repeated),
		fmt.Sprintf("%d of %d", c.Bad, c.Of))
	for _, l := range append(startLines(c), c.Log...) {
		words = append(words, l.Same())
	}
	return strings.Join(words, "; ")
}

// exactTimes are the times of a measurement, which vary a little with each measurement.
func exactTimes(c Measurement) string {
	return fmt.Sprintf(" (after %v, errors for %v)", c.Waited, c.ErrorsFor)
}

// sorted is in an order of its own.
func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

func routeIDs(r *Report) string {
	var ids []string
	for _, one := range r.Routes {
		ids = append(ids, fmt.Sprintf("%s (reached: %v)", one.ID, one.Reached))
	}
	return strings.Join(ids, ", ")
}

func findingIDs(r *Report) string {
	var ids []string
	for _, f := range r.Findings {
		ids = append(ids, fmt.Sprintf("%s at %s:%d of %v under %v", f.Rule, f.Place.File, f.Place.Line, f.Routes, f.Faults))
	}
	return strings.Join(sorted(ids), ", ")
}

func supplies(r *Report) string {
	var all []string
	for _, s := range r.Supplied {
		all = append(all, s.Kind+" "+s.What)
	}
	return strings.Join(sorted(all), ", ")
}

func startLines(c Measurement) []gateway.LogRecord {
	lines, _ := nginx.ParseLogs(c.NotStarted)
	return lines
}
