package show

import (
	_ "embed"
	"io"

	"github.com/badgateway/badgateway/harness/check"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Schema is the JSON Schema (draft 2020-12) of what [JSON] writes: each field with its meaning and its unit.
//
//go:embed report.schema.json
var Schema string

// JSON writes a report as one indented object, in the form that its schema names ([check.Schema]). Lists that are empty
// are there. The error is the writer's.
func JSON(w io.Writer, r *check.Report) error {
	full := *r
	if full.Supplied == nil {
		full.Supplied = []check.Supply{}
	}
	if full.Faults == nil {
		full.Faults = []check.FaultInfo{}
	}
	if full.Findings == nil {
		full.Findings = []check.Finding{}
	}
	full.Routes = append([]check.Route{}, r.Routes...)
	for i := range full.Routes {
		if full.Routes[i].Cells == nil {
			full.Routes[i].Cells = []check.Cell{}
		}
		if full.Routes[i].Endpoints == nil {
			full.Routes[i].Endpoints = []check.Endpoint{}
		}
	}
	return terminal.JSON(w, full, "  ")
}
