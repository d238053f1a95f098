package audit

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

func TestJudge(t *testing.T) {
	g := NewWithT(t)
	e := &Evidence{Report: &Report{}}
	at := func(line int) nginxconf.Place { return nginxconf.Place{File: "a.conf", Line: line} }
	rules := []Rule{
		{ID: "one", Severity: "low", Title: "t1", Why: "w1", Source: "s1", Find: func(*Evidence) []Finding {
			return []Finding{{Place: at(1)}, {Place: at(2), Severity: "high", Title: "own"}}
		}},
		{ID: "two", Severity: "medium", Title: "t2", Find: func(got *Evidence) []Finding {
			g.Expect(got).To(BeIdenticalTo(e))
			return []Finding{{Place: at(9)}, {Place: at(3)}}
		}},
	}
	g.Expect(Judge(e, rules)).To(Equal([]Finding{
		{Rule: "one", RuleTitle: "t1", Severity: "high", Title: "own", Why: "w1", Source: "s1", Place: at(2)},
		{Rule: "two", RuleTitle: "t2", Severity: "medium", Title: "t2", Place: at(3)},
		{Rule: "two", RuleTitle: "t2", Severity: "medium", Title: "t2", Place: at(9)},
		{Rule: "one", RuleTitle: "t1", Severity: "low", Title: "t1", Why: "w1", Source: "s1", Place: at(1)},
	}))
}
