package match

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/badgateway/badgateway/harness/gateway"
	"github.com/badgateway/badgateway/harness/scenario"
)

// HaveNoAlerts succeeds when the log has no line of level alert or emerg, by which nginx tells of its own bugs, of dead
// workers and of limits of the machine. It takes what [HaveLogLine] takes; of an evidence, all three exchanges count.
func HaveNoAlerts() types.GomegaMatcher { return &alertMatcher{} }

type alertMatcher struct{ alerts []gateway.LogRecord }

func (m *alertMatcher) Match(actual any) (bool, error) {
	if e, err := evidenceOf(actual); err == nil {
		actual = append(append(append([]gateway.LogRecord{}, e.Healthy.Log...), e.Broken.Log...), e.Recovered.Log...)
	}
	lines, err := linesOf("HaveNoAlerts", actual)
	if err != nil {
		return false, err
	}
	m.alerts = atLeast("alert", lines)
	return len(m.alerts) == 0, nil
}

func (m *alertMatcher) FailureMessage(actual any) string {
	return "Expected " + logOf(actual) + " to have no alert\n" + logged(m.alerts)
}

func (m *alertMatcher) NegatedFailureMessage(actual any) string {
	return "Expected " + logOf(actual) + " to have an alert, and it has none"
}

// HavePassed succeeds when the evidence of a scenario proves what was expected. The failure tells what differed and
// how to run the scenario again.
func HavePassed() types.GomegaMatcher { return &passedMatcher{} }

type passedMatcher struct{ got scenario.Evidence }

func (m *passedMatcher) Match(actual any) (bool, error) {
	e, err := evidenceOf(actual)
	m.got = e
	return err == nil && e.Verdict == scenario.Passed, err
}

func (m *passedMatcher) FailureMessage(any) string {
	e := m.got
	var b strings.Builder
	fmt.Fprintf(&b, "Expected scenario %s (%s) to pass: %s", e.Scenario, e.Variant, e.Claim)
	if e.Verdict == scenario.Error {
		fmt.Fprintf(&b, "\nThe lab failed: %s", e.Error)
	}
	for _, d := range e.Differences {
		fmt.Fprintf(&b, "\n%s\n    expected %s\n    came     %s", d.What, d.Want, d.Got)
	}
	fmt.Fprintf(&b, "\nThe visitor %s asked %s and got %s.\n%s", e.Broken.Visitor, e.Broken.Request, answer(e.Broken), logged(e.Broken.Log))
	if e.Again != "" {
		b.WriteString("\nRun it again: " + e.Again)
	}
	return b.String()
}

func (m *passedMatcher) NegatedFailureMessage(any) string {
	return fmt.Sprintf("Expected scenario %s (%s) not to pass, and it did", m.got.Scenario, m.got.Variant)
}

func evidenceOf(actual any) (scenario.Evidence, error) {
	switch a := actual.(type) {
	case scenario.Evidence:
		return a, nil
	case *scenario.Evidence:
		if a != nil {
			return *a, nil
		}
	}
	return scenario.Evidence{}, wrongType("HavePassed", "a scenario.Evidence", actual)
}
