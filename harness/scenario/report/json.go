package report

import (
	"io"

	"github.com/badgateway/badgateway/harness/scenario"
	"github.com/badgateway/badgateway/harness/terminal"
)

// The schemas of [JSON] and [Line]; see the package's documentation for what each promises.
const (
	RunSchema      = "badgateway.run/2"
	ScenarioSchema = "badgateway.scenario/2"
)

// JSON writes the whole run as one indented object. The error is the writer's.
func JSON(w io.Writer, run Run, all []scenario.Evidence) error {
	passed, failed, skipped := Count(all)
	if all == nil {
		all = []scenario.Evidence{} // a list, even when it is empty
	}
	return terminal.JSON(w, struct {
		Schema    string              `json:"schema"`
		Run       Run                 `json:"run"`
		Passed    int                 `json:"passed"`
		Failed    int                 `json:"failed"`
		Skipped   int                 `json:"skipped,omitempty"`
		Scenarios []scenario.Evidence `json:"scenarios"`
	}{RunSchema, run, passed, failed, skipped, all}, "  ")
}

// Line writes one evidence as one object on one line, to be read while the run goes on. The error is the writer's.
func Line(w io.Writer, e scenario.Evidence) error {
	return terminal.JSON(w, struct {
		Schema string `json:"schema"`
		scenario.Evidence
	}{ScenarioSchema, e}, "")
}
