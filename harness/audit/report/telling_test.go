package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// A column in which every route gets what is right is told in a word; whatever else there is to see has its column.
func TestTable_ColumnsThatComeOutWell(t *testing.T) {
	t.Parallel()
	right := audit.Outcome{Status: 401, Page: "upstream"}
	for name, c := range map[string]struct {
		change func(*audit.Report, *audit.Measurement)
		shown  bool
	}{
		"what the application says":       {func(*audit.Report, *audit.Measurement) {}, false},
		"another status":                  {func(_ *audit.Report, m *audit.Measurement) { m.Status = 500 }, true},
		"the healthy answer in its place": {func(_ *audit.Report, m *audit.Measurement) { m.Status = 200 }, true},
		"another page":                    {func(_ *audit.Report, m *audit.Measurement) { m.Page = "nginx" }, true},
		"an auth service's, whose page nobody sees": {func(r *audit.Report, m *audit.Measurement) {
			r.Routes[0].Role, m.Page = nginxconf.Auth, "nginx"
		}, false},
		"a wait":         {func(_ *audit.Report, m *audit.Measurement) { m.Waited = time.Minute }, true},
		"a mark":         {func(_ *audit.Report, m *audit.Measurement) { m.ErrorsFor = time.Minute }, true},
		"a breach":       {func(_ *audit.Report, m *audit.Measurement) { m.Breaches = []string{"status 401"} }, true},
		"the lab failed": {func(_ *audit.Report, m *audit.Measurement) { m.Error = "no lab" }, true},
		"a finding": {func(r *audit.Report, m *audit.Measurement) {
			r.Findings = []audit.Finding{{Rule: "x", Severity: "low", Routes: []string{"a/"}, Faults: []string{"401"}}}
		}, true},
		"asked for by name": {func(r *audit.Report, m *audit.Measurement) { r.Partial = true }, true},
		"a fault that visitors do not notice": {func(r *audit.Report, m *audit.Measurement) {
			r.Faults[0].Says, m.Outcome = 0, audit.Outcome{Status: 200, Page: "upstream", Waited: time.Millisecond, Tries: []string{"a:80", "b:80"}}
		}, false},
	} {
		r := &audit.Report{
			Verdict: audit.Passed, Faults: []audit.FaultInfo{{ID: "401", Title: "asks for a name", Claim: "c", Says: 401}},
			Routes: []audit.Route{{ID: "a/", Reached: true, Healthy: audit.Outcome{Status: 200, Page: "upstream", Waited: 2 * time.Millisecond},
				Measurements: []audit.Measurement{{Fault: "401", Method: "GET", Outcome: right}, {Fault: "401", Method: "POST", Skipped: "why not"}}}},
		}
		c.change(r, &r.Routes[0].Measurements[0])
		var b bytes.Buffer
		if err := Table(&b, r, View{}); err != nil {
			t.Fatal(err)
		}
		well := strings.Contains(b.String(), "Come out well on each of these routes that meets them: asks for a name.")
		if well == c.shown {
			t.Errorf("%s: has a column: %v\n%s", name, !well, b.String())
		}
	}
}
