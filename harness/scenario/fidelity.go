package scenario

import "slices"

// The verdicts of a [Fidelity].
const (
	Alike    = "alike"     // the fake led to what the real component led to
	Unlike   = "unlike"    // it did not, and is not to be believed
	OnlyReal = "real only" // no fake stages it
	OnlyFake = "fake only" // no real component does
	Unproven = "unproven"  // one of the two did not pass, or was not run
)

// A Fidelity says whether a fake can be believed: what it led to in a scenario beside what the real component did.
type Fidelity struct {
	Scenario string `json:"scenario"`
	Gateway  string `json:"gateway"`
	// Verdict is [Alike], [Unlike], [OnlyReal], [OnlyFake] or [Unproven].
	Verdict string `json:"verdict"`
	// Real and Fake are what followed on each; nil where that was not run to its end.
	Real *Expectation `json:"real,omitempty"`
	Fake *Expectation `json:"fake,omitempty"`
	// Differences are what the fake led to that the real component did not.
	Differences []Difference `json:"differences,omitempty"`
	// Why says why only one of them stages it, or why nothing is proven.
	Why string `json:"why,omitempty"`
}

// CompareVariants says of each of the scenarios what evidence of its variants proves, as [JudgeAll] has judged it. A variant may be there
// several times: all of them have to agree.
func CompareVariants(some []Scenario, all []Evidence) []Fidelity {
	of := map[string]map[VariantKind][]Evidence{}
	for _, e := range all {
		if of[e.Scenario] == nil {
			of[e.Scenario] = map[VariantKind][]Evidence{}
		}
		of[e.Scenario][e.Variant] = append(of[e.Scenario][e.Variant], e)
	}
	var found []Fidelity
	for _, s := range some {
		found = append(found, s.fidelity(of[s.ID][Real], of[s.ID][Fake]))
	}
	return found
}

func (s Scenario) fidelity(real, fake []Evidence) Fidelity {
	f := Fidelity{Scenario: s.ID, Gateway: s.Gateway.Driver.Name, Verdict: Alike, Real: gotFirst(real), Fake: gotFirst(fake)}
	if seen := slices.Concat(real, fake); len(seen) > 0 && seen[0].Gateway != "" {
		f.Gateway = seen[0].Gateway
	}
	stages := func(kind VariantKind) bool {
		return slices.ContainsFunc(s.Variants, func(v Variant) bool { return v.Kind == kind })
	}
	switch {
	case !stages(Fake):
		f.Verdict, f.Why = OnlyReal, s.Alone
	case !stages(Real):
		f.Verdict, f.Why = OnlyFake, s.Alone
	}
	for _, one := range []struct {
		kind VariantKind
		seen []Evidence
	}{{Real, real}, {Fake, fake}} {
		if why := unproven(one.seen); why != "" && stages(one.kind) {
			f.Verdict, f.Why = Unproven, string(one.kind)+" "+why
		}
	}
	for _, r := range real {
		for _, k := range fake {
			if found := unlike(r, k); len(found) > 0 && conclusive(r) && conclusive(k) {
				f.Verdict, f.Differences = Unlike, found
				return f
			}
		}
	}
	return f
}

// gotFirst is what followed in the first that says something.
func gotFirst(all []Evidence) *Expectation {
	i := slices.IndexFunc(all, conclusive)
	if i < 0 {
		return nil
	}
	got := all[i].Got()
	return &got
}

// unproven says why evidence of one variant proves nothing of it; empty where it does. That variants differ is not a reason.
func unproven(all []Evidence) string {
	if len(all) == 0 {
		return "is not in the evidence"
	}
	for _, e := range all {
		byItself := slices.DeleteFunc(slices.Clone(e.Differences), func(d Difference) bool { return d.What == variantsDiffer })
		if e.Verdict != Failed || len(byItself) > 0 {
			e.Differences = byItself
			if doubt := e.doubt(); doubt != "" {
				return doubt
			}
		}
	}
	return ""
}
