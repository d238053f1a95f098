package report

import (
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/terminal"
)

// Routes that are written one by one read as the whole report would, written at once.
func TestJSON_IsWrittenAsAWhole(t *testing.T) {
	for name, r := range map[string]*audit.Report{"sample": sample(), "hostile": hostile(), "refused": refusedSample()} {
		got := written(t, func(w *strings.Builder) error { return JSON(w, r) })
		for i := range r.Routes {
			if r.Routes[i].Measurements == nil {
				r.Routes[i].Measurements = []audit.Measurement{}
			}
			if r.Routes[i].Endpoints == nil {
				r.Routes[i].Endpoints = []audit.Endpoint{}
			}
		}
		if want := written(t, func(w *strings.Builder) error { return terminal.JSON(w, r, "  ") }); got != emptied(want) {
			t.Errorf("%s: it is not the same:\n%.2000s\nbut\n%.2000s", name, got, want)
		}
	}
}

// emptied writes lists that there are not as empty ones.
func emptied(s string) string {
	for _, list := range []string{"supplied", "findings", "faults", "routes"} {
		s = strings.ReplaceAll(s, `"`+list+`": null`, `"`+list+`": []`)
	}
	return s
}
