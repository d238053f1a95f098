package audit

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// A check of which a part, or all, says nothing does not pass, until somebody has said that it may.
func TestNotKnown(t *testing.T) {
	dark := func(r *Report) { r.Routes = append(r.Routes, Route{ID: "dark", Why: "nothing leads to it"}) }
	for name, c := range map[string]struct {
		policy  string
		change  func(*Report)
		rule    string
		routes  []string
		verdict string
	}{
		"all is known": {"", func(*Report) {}, "", nil, Passed},
		"no upstream":  {"", func(r *Report) { r.Routes = nil }, UnmeasuredRule, []string{}, Findings},
		"no upstream, waived": {"waive: [{rule: unmeasured, reason: only pages, until: 2026-11-23}]", func(r *Report) { r.Routes = nil },
			UnmeasuredRule, []string{}, Passed},
		"one of two routes is not reached": {"", dark, UnreachedRule, []string{"dark"}, Findings},
		"the same, waived":                 {"waive: [{rule: unreached, reason: unused, until: 2026-11-23}]", dark, UnreachedRule, []string{"dark"}, Passed},
		"the same, as --init writes it":    {"init", dark, UnreachedRule, []string{"dark"}, Passed},
		"no route is reached":              {"", func(r *Report) { dark(r); r.Routes = r.Routes[1:] }, UnmeasuredRule, []string{"dark"}, Findings},
		"nothing is broken but the column without a fault": {"", func(r *Report) {
			r.Routes[0].Measurements = []Measurement{{Fault: Healthy, Method: "GET"}, {Fault: "off", Method: "GET", Skipped: "it is a socket"}}
		}, UnmeasuredRule, []string{`example.com ~ \.php$`}, Findings},
		"a finding says why it is not reached": {"fail_on: high", func(r *Report) {
			dark(r)
			r.Findings = []Finding{{Rule: HealthyRule, Severity: "high", Routes: []string{"dark"}}}
		}, "", nil, Findings},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := measuredReport()
			r.Findings = nil
			c.change(r)
			if c.policy == "init" {
				DefaultPolicy().Apply(r, today)
				c.policy = string(InitPolicy(r))
				g.Expect(strings.Count(c.policy, "rule: unreached")).To(Equal(1))
			}
			parsed(t, c.policy).Apply(r, today)
			g.Expect(r.Verdict).To(Equal(c.verdict))
			found := []Finding{}
			for _, f := range r.Findings {
				if f.Rule == UnmeasuredRule || f.Rule == UnreachedRule {
					found = append(found, f)
				}
			}
			if c.rule == "" {
				g.Expect(found).To(BeEmpty())
				return
			}
			g.Expect(found).To(HaveLen(1))
			g.Expect(found[0].Rule).To(Equal(c.rule))
			g.Expect(found[0].Routes).To(Equal(c.routes))
		})
	}
}

// What a failed upstream comes out as is judged by what visitors need: 200 with an error page is not survived, and no better than a 502.
func TestMasked_IsNoSuccess(t *testing.T) {
	g := NewWithT(t)
	well := Outcome{Status: 200, Page: "upstream"}
	masked := Measurement{Fault: "refused", Method: "GET", Masked: true, Outcome: Outcome{Status: 200, Page: "config"}}
	g.Expect(survived(masked, well)).To(BeFalse())
	g.Expect(survived(Measurement{Outcome: well}, well)).To(BeTrue())
	honest := Measurement{Fault: "refused", Method: "GET", Outcome: Outcome{Status: 502, Page: "config"}}
	g.Expect(direction(honest, masked)).To(Equal(Worse))
	g.Expect(direction(masked, honest)).To(Equal(Better))
}
