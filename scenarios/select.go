package scenarios

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// Select picks scenarios by patterns: an id or a shell pattern of ids ("fpm-*"), "family:time", "cause:B1", "gateway:apache",
// "row:silent", "status:502", or "side:kernel" (of a cause that its evidence is diagnosed with), each scenario once, in the order of
// the patterns. Without any it picks all. A pattern that picks nothing is an error that names what there is: the nearest id, the
// families, the causes or the gateways.
func Select(patterns ...string) ([]scenario.Scenario, error) {
	return pick(patterns, func(string, scenario.Scenario) bool { return true })
}

// ToRun picks as [Select] does, but leaves out what takes an image that is not made in advance ([lab.UsualImages]), as a browser's of 1 GB,
// unless a pattern names it by its id or its family.
func ToRun(patterns ...string) ([]scenario.Scenario, error) {
	return pick(patterns, func(pattern string, s scenario.Scenario) bool {
		named := strings.HasPrefix(pattern, "family:") || !strings.Contains(pattern, ":")
		return pattern != "" && named || !takesLargeImage(s)
	})
}

func takesLargeImage(s scenario.Scenario) bool {
	usual := lab.UsualImages()
	return slices.ContainsFunc(scenario.Images(Jobs([]scenario.Scenario{s})), func(name string) bool { return !slices.Contains(usual, name) })
}

// pick picks what a pattern means and may; the pattern is empty where there is none.
func pick(patterns []string, may func(pattern string, s scenario.Scenario) bool) ([]scenario.Scenario, error) {
	all := All()
	if len(patterns) == 0 {
		return slices.DeleteFunc(all, func(s scenario.Scenario) bool { return !may("", s) }), nil
	}
	picked := make([]bool, len(all))
	var some []scenario.Scenario
	for _, p := range patterns {
		found := false
		for i, s := range all {
			ok, err := matches(p, s)
			if err != nil {
				return nil, fmt.Errorf("the pattern %q: %w", p, err)
			}
			ok = ok && may(p, s)
			if ok && !picked[i] {
				some = append(some, s)
			}
			picked[i], found = picked[i] || ok, found || ok
		}
		if !found {
			return nil, unknown(p, all)
		}
	}
	return some, nil
}

func matches(pattern string, s scenario.Scenario) (bool, error) {
	if family, ok := strings.CutPrefix(pattern, "family:"); ok {
		return s.Family == family, nil
	}
	if cause, ok := strings.CutPrefix(pattern, "cause:"); ok {
		for _, c := range s.Causes {
			if strings.EqualFold(c, cause) {
				return true, nil
			}
		}
		return false, nil
	}
	if gateway, ok := strings.CutPrefix(pattern, "gateway:"); ok {
		return s.Gateway.Driver.Name == gateway, nil
	}
	if row, ok := strings.CutPrefix(pattern, "row:"); ok {
		return s.Row != "" && s.Row == row, nil
	}
	if status, ok := strings.CutPrefix(pattern, "status:"); ok {
		return strconv.Itoa(s.Expect.Status) == status, nil
	}
	if side, ok := strings.CutPrefix(pattern, "side:"); ok {
		return ofSide(s, side), nil
	}
	return path.Match(pattern, s.ID)
}

func unknown(pattern string, all []scenario.Scenario) error {
	var families, causes, gateways []string
	for _, s := range all {
		families = append(families, s.Family)
		gateways = append(gateways, s.Gateway.Driver.Name)
		causes = append(causes, s.Causes...)
	}
	id, isCause := strings.CutPrefix(pattern, "cause:")
	c, known := CauseByID(id)
	switch {
	case isCause && known:
		return fmt.Errorf("%q matches nothing: no scenario reproduces %s (%s)", pattern, c.ID, c.Missing)
	case isCause:
		return fmt.Errorf("%q matches nothing; causes: %s (badgateway list causes says what they are)", pattern, inWords(causes))
	case strings.HasPrefix(pattern, "gateway:"):
		return fmt.Errorf("%q matches nothing; gateways: %s (badgateway list shows all)", pattern, inWords(gateways))
	case strings.HasPrefix(pattern, "family:"), strings.ContainsAny(pattern, "*?["):
		return fmt.Errorf("%q matches nothing; families: %s (badgateway list shows all)", pattern, inWords(families))
	}
	if strings.ContainsAny(pattern, " \n\t(") {
		return fmt.Errorf("no scenario is called so; a log line is for badgateway diagnose 'LINE', which names the scenarios that show it")
	}
	nearest, distance, small := "", 1<<30, strings.ToLower(pattern)
	for _, s := range all {
		if d := levenshtein.ComputeDistance(small, s.ID); d < distance {
			nearest, distance = s.ID, d
		}
	}
	if distance > max(2, len(small)/2) {
		return fmt.Errorf("no scenario is called %q (badgateway list shows all, badgateway explain says what a word means)", pattern)
	}
	return fmt.Errorf("no scenario is called %q; the nearest is %q (badgateway list shows all)", pattern, nearest)
}

// inWords lists each word once, in order.
func inWords(all []string) string {
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// Jobs are the variants of the scenarios, in their order.
func Jobs(some []scenario.Scenario) []scenario.Job {
	var jobs []scenario.Job
	for _, s := range some {
		for _, t := range s.Variants {
			jobs = append(jobs, scenario.Job{Scenario: s, Variant: t})
		}
	}
	return jobs
}

// Shuffle puts jobs in the random order that a seed stands for.
func Shuffle(jobs []scenario.Job, seed int64) {
	r := rand.New(rand.NewPCG(uint64(seed), 0))
	r.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
}

// Shard is the part of the scenarios that one of several machines runs, written "2/5": the second of five.
func Shard(some []scenario.Scenario, part string) ([]scenario.Scenario, error) {
	if part == "" {
		return some, nil
	}
	which, of, ok := strings.Cut(part, "/")
	k, err1 := strconv.Atoi(which)
	n, err2 := strconv.Atoi(of)
	if !ok || err1 != nil || err2 != nil || k < 1 || k > n {
		return nil, fmt.Errorf("a shard is written K/N with K from 1 to N, like 2/5, not %q", part)
	}
	var mine []scenario.Scenario
	for i, s := range some {
		if i%n == k-1 {
			mine = append(mine, s)
		}
	}
	return mine, nil
}
