package report

import (
	"bufio"
	_ "embed"
	"io"
	"strings"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Schema is the JSON Schema (draft 2020-12) of what [JSON] writes: each field with its meaning and its unit.
//
//go:embed report.schema.json
var Schema string

// JSON writes a report as one indented object, in the form that its schema names ([audit.Schema]). Lists that are empty
// are there. The error is the writer's.
func JSON(w io.Writer, r *audit.Report) error {
	full := *r
	if full.Supplied == nil {
		full.Supplied = []audit.Supply{}
	}
	if full.Faults == nil {
		full.Faults = []audit.FaultInfo{}
	}
	if full.Findings == nil {
		full.Findings = []audit.Finding{}
	}
	full.Routes = []audit.Route{}
	var frame strings.Builder
	if err := terminal.JSON(&frame, full, "  "); err != nil {
		return err
	}
	// The routes are most of it, and written one by one: encoding/json makes two copies of a whole text.
	before, after, found := strings.Cut(frame.String(), noRoutes)
	if len(r.Routes) == 0 || !found {
		_, err := io.WriteString(w, frame.String())
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString(before + strings.TrimSuffix(noRoutes, "]"))
	for i, route := range r.Routes {
		if route.Measurements == nil {
			route.Measurements = []audit.Measurement{}
		}
		if route.Endpoints == nil {
			route.Endpoints = []audit.Endpoint{}
		}
		var one strings.Builder
		if err := terminal.JSON(&one, route, "  "); err != nil {
			return err
		}
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n    " + strings.ReplaceAll(strings.TrimSuffix(one.String(), "\n"), "\n", "\n    "))
	}
	out.WriteString("\n  ]" + after)
	return out.Flush() // which gives the first error of all
}

// noRoutes is where the routes stand in a report that has none: no value has a line break of its own.
const noRoutes = "\n  \"routes\": []"
