package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

func sampleChanges() audit.Changes {
	return audit.Changes{Old: "git:main", New: "deploy/nginx", Changes: []audit.Change{
		{Kind: audit.AnswerChanged, Route: "shop.example.com @app", Faults: []string{"silent"}, Methods: []string{"GET", "POST"}, Before: "504 after 60 s", After: "504 after 5 s",
			Direction: audit.Better, Text: "shop.example.com @app, silent: 504 after 60 s before, after 5 s now"},
		{Kind: audit.AnswerChanged, Route: "shop.example.com/api/", Faults: []string{"refused"}, Methods: []string{"POST"}, Before: "502", After: "502, sent twice",
			Direction: audit.Worse, Text: "shop.example.com/api/, refused, POST: 502 before, sent twice | now"},
		{Kind: audit.RouteNew, Route: "stream :3306", After: "db:3306", Text: "stream :3306: is new (to db:3306)"},
	}, Documented: []audit.VersionNote{{
		Since: "1.29.7", Text: "connections to upstreams are kept", Source: "https://nginx.org/en/CHANGES",
		Places: []nginxconf.Place{{File: "a.conf", Line: 3}, {File: "b|.conf", Line: 4}},
	}, {Since: "1.25.1", Text: "ssl on is gone", Source: "https://nginx.org/en/CHANGES", Places: []nginxconf.Place{{File: "a.conf", Line: 9}}, Undone: true}}}
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

Documented of nginx, touches this config, and not measured
- since 1.29.7: connections to upstreams are kept (a.conf:3, b|.conf:4;
  https://nginx.org/en/CHANGES)
- no longer, as before 1.25.1: ssl on is gone (a.conf:9; https://nginx.org/en/CHANGES)

3 changes: 1 worse, 1 changed, 1 better; 2 documented changes of nginx not measured
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
