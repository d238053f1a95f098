package scenarios

import (
	"slices"

	"github.com/badgateway/badgateway/harness/scenario"
)

// Neighbours are scenarios that an operator can take for this one: behind the same gateway, with the same protocol spoken to the upstream,
// they lead to the same status and the same first log line, and another check tells them apart. Those with the same config come first, and
// of several with the same check there is one.
func Neighbours(id string) []scenario.Scenario {
	all := All()
	at := slices.IndexFunc(all, func(s scenario.Scenario) bool { return s.ID == id })
	if at < 0 || len(all[at].Expect.Log) == 0 {
		return nil
	}
	this := all[at]
	var near, far []scenario.Scenario
	checks := []string{this.Confirm}
	for _, s := range all {
		switch {
		case s.Gateway.Driver.Name != this.Gateway.Driver.Name || schemeOf(s) != schemeOf(this):
		case s.Expect.Status != this.Expect.Status || len(s.Expect.Log) == 0 || s.Expect.Log[0] != this.Expect.Log[0]:
		case slices.Contains(checks, s.Confirm):
		case s.Gateway.Config == this.Gateway.Config:
			checks, near = append(checks, s.Confirm), append(near, s)
		default:
			checks, far = append(checks, s.Confirm), append(far, s)
		}
	}
	return slices.Concat(near, far)
}
