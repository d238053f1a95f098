package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
)

func sampleChanges() audit.Changes {
	return audit.Changes{Old: "git:main", New: "deploy/nginx", Changes: []audit.Change{
		{Kind: audit.AnswerChanged, Route: "shop.example.com @app", Faults: []string{"silent"}, Methods: []string{"GET", "POST"}, Before: "504 after 60 s", After: "504 after 5 s",
			Direction: audit.Better, Text: "shop.example.com @app, silent: 504 after 60 s before, after 5 s now"},
		{Kind: audit.AnswerChanged, Route: "shop.example.com/api/", Faults: []string{"refused"}, Methods: []string{"POST"}, Before: "502", After: "502, sent twice",
			Direction: audit.Worse, Text: "shop.example.com/api/, refused, POST: 502 before, sent twice | now"},
		{Kind: audit.RouteNew, Route: "stream :3306", After: "db:3306", Text: "stream :3306: is new (to db:3306)"},
	}}
}

func TestTableChanges(t *testing.T) {
	out := written(t, func(w *strings.Builder) error { return TableChanges(w, sampleChanges(), View{Width: 100}) })
	want := `git:main -> deploy/nginx

Worse
- shop.example.com/api/, refused, POST: 502 before, sent twice | now

Changed
- stream :3306: is new (to db:3306)

Better
- shop.example.com @app, silent: 504 after 60 s before, after 5 s now

3 changes: 1 worse, 1 changed, 1 better
`
	if out != want {
		t.Errorf("got\n%s", out)
	}
	same := audit.Changes{Old: "a", New: "b"}
	has(t, written(t, func(w *strings.Builder) error { return TableChanges(w, same, View{}) }), "\nvisitors would notice no difference\n")
}

func TestMarkdownChanges(t *testing.T) {
	out := written(t, func(w *strings.Builder) error { return MarkdownChanges(w, sampleChanges()) })
	has(t, out, "`deploy/nginx` instead of `git:main`: 3 changes: 1 worse", "### Worse\n\n- `shop.example.com/api/`, refused, POST: 502 before, sent twice \\| now\n",
		"- `shop.example.com @app`, silent: 504 after 60 s before")
}

func TestJSONChanges(t *testing.T) {
	out := written(t, func(w *strings.Builder) error { return JSONChanges(w, sampleChanges()) })
	var got struct {
		Schema string
		audit.Changes
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Schema != "badgateway.changes/1" || !reflect.DeepEqual(got.Changes, sampleChanges()) {
		t.Errorf("%v: %+v", err, got)
	}
	has(t, written(t, func(w *strings.Builder) error { return JSONChanges(w, audit.Changes{}) }), `"changes": []`)
}
