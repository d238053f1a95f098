package match

import (
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// HaveOnlyLogLines succeeds when the lines of level warn and above are these, in this order, and no others. Every
// part of a [scenario.LogLine] counts: an Errno of 0 is that of a line without one. Without arguments, nothing may be
// logged. It takes what [HaveLogLine] takes.
func HaveOnlyLogLines(lines ...scenario.LogLine) types.GomegaMatcher {
	return &onlyMatcher{want: lines}
}

type onlyMatcher struct {
	want []scenario.LogLine
	got  []gateway.LogRecord
	all  []scenario.Difference
}

func (m *onlyMatcher) Match(actual any) (bool, error) {
	lines, err := linesOf("HaveOnlyLogLines", actual)
	if err != nil {
		return false, err
	}
	m.got, m.all = atLeast("warn", lines), nil
	for _, d := range scenario.Judge(scenario.Expectation{Log: m.want}, lab.Exchange{Log: m.got}) {
		if d.What == "log" {
			m.all = append(m.all, d)
		}
	}
	return len(m.all) == 0, nil
}

func (m *onlyMatcher) FailureMessage(actual any) string {
	var b strings.Builder
	b.WriteString("Expected " + logOf(actual) + " to be just as told")
	for _, d := range m.all {
		b.WriteString("\n    expected " + d.Want + "\n    came     " + d.Got)
	}
	return b.String() + "\n" + logged(m.got)
}

func (m *onlyMatcher) NegatedFailureMessage(actual any) string {
	return "Expected " + logOf(actual) + " to be other than this\n" + logged(m.got)
}
