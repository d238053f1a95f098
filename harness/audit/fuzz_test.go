package audit

import (
	"strings"
	"testing"
	"time"

	"github.com/badgateway/badgateway/harness/internal/nasty"
)

// FuzzParsePolicy holds that no text makes the reading of a policy fall over, and that what is wrong is reported in lines that name
// the file, and not without end.
func FuzzParsePolicy(f *testing.F) {
	for _, text := range []string{
		"fail_on: high\nall: {wait: 10s, status: [200, 5xx]}\nroutes:\n  'shop/*': {faults: {silent: {status: 504, wait: about 5s}}}\n",
		"requests:\n  shop/api: {method: POST, path: /x, header: {A: b}}\nwaive:\n- {rule: long-wait, route: [a, b], reason: x, until: 2026-01-01}\n",
		"all: &a {wait: 1s}\nroutes: {x: *a}\n", "a: &a [*a]\n", "<<: *x", "? [a]\n: b\n", "all: {wait: 1s, wait: 2s}\n", "\xff", "%YAML 1.1\n---\n...\n", nasty.Text,
		"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nall: *c\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy("x.yaml", text)
		if err == nil {
			_ = p.Known([]FaultInfo{{ID: "silent"}}, []string{"long-wait"})
			p.Apply(&Report{Routes: []Route{{ID: "shop/api", Reached: true, Measurements: []Measurement{{Fault: "silent", Method: "GET"}}}}}, time.Now())
			return
		}
		if n := len(err.Error()); n > 1000+100*len(text) {
			t.Fatalf("%d bytes of policy are refused in %d", len(text), n)
		}
		for line := range strings.Lines(err.Error()) {
			if !strings.Contains(err.Error(), "x.yaml") {
				t.Fatalf("the refusal names no file: %q", line)
			}
		}
	})
}

// FuzzInitPolicy holds that the policy that is written of a report can be read, and allows that report, whatever its texts are.
func FuzzInitPolicy(f *testing.F) {
	f.Add("shop.example.com/api/", "long-wait", "visitors wait", "conf.d/shop.conf")
	f.Add(nasty.Text, nasty.Text, nasty.Text, nasty.Text)
	f.Add("a: b # c", "- x", "*a &b !c", "\"'{[")
	f.Fuzz(func(t *testing.T, route, rule, title, file string) {
		r := &Report{Routes: []Route{{ID: route, Reached: true, Healthy: Outcome{Status: 200}}}, Findings: []Finding{{Rule: rule, Severity: "high", Title: title, Routes: []string{route}}}}
		r.Findings[0].Place.File, r.Findings[0].Place.Line = file, 3
		r.Config, r.Gateway, r.Command = title, title, title
		text := InitPolicy(r)
		if at := nasty.Raw(string(text)); at != "" {
			t.Fatalf("the policy has a character that drives or deceives its reader: %q", at)
		}
		p, err := ParsePolicy("x.yaml", text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(p.routes) != 1 || p.routes[0].route != strings.ToValidUTF8(route, "\uFFFD") || len(p.Waivers) != 1 || p.FailOn != "medium" {
			t.Fatalf("it reads back as another: %+v from\n%s", p, text)
		}
	})
}
