package report

import (
	"slices"
	"strings"
	"testing"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

// eight is a report in which one mend is for two places, and another for a third.
func eight() *audit.Report {
	r := sample()
	first := r.Findings[1]
	second := first
	second.Place, second.In, second.Routes = nginxconf.Place{File: "conf.d/shop.conf", Line: 61}, "location /b/ at conf.d/shop.conf:60", []string{r.Routes[1].ID}
	second.Faults, second.Title = []string{"refused"}, "visitors wait 30 s"
	other := first
	other.Patch, other.Place.Line = "proxy_read_timeout 5s;", 99
	r.Findings = []audit.Finding{first, second, other}
	return r
}

// A mend is printed once, with the places that it is for as a list, in every form.
func TestCards(t *testing.T) {
	r := eight()
	all := cards(r.Findings)
	if len(all) != 2 || len(all[0].others) != 1 || len(all[1].others) != 0 {
		t.Fatalf("%+v", all)
	}
	if at := (cellKey{r.Routes[1].ID, "silent"}); all[0].has(at) {
		t.Errorf("no finding names %v: one names the route, and another the fault", at)
	}
	for form, write := range map[string]func(*strings.Builder) error{
		"table":    func(b *strings.Builder) error { return Table(b, r, View{Width: 80}) },
		"markdown": func(b *strings.Builder) error { return Markdown(b, r) },
		"html":     func(b *strings.Builder) error { return HTML(b, r) },
	} {
		text := written(t, write)
		if n := strings.Count(text, "proxy_connect_timeout 3s;"); n != 1 {
			t.Errorf("%s: the mend is there %d times", form, n)
		}
		for _, want := range []string{"conf.d/shop.conf:61", "location /b/ at", "visitors wait 30 s"} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("%s: there is no %q in\n%s", form, want, text)
			}
		}
	}
}

// The sentence that sums up counts routes, those that are alike too, and what was measured alone.
func TestGist(t *testing.T) {
	r := sample()
	for i := range r.Routes {
		for j := range r.Routes[i].Measurements {
			r.Routes[i].Measurements[j].Breaches = nil
		}
	}
	want := "3 of 6 routes fail when the upstream's host does not answer at all; 3 when the upstream accepts and never answers; " +
		"1 when the upstream's certificate has expired; so under 1 more fault."
	long := slices.IndexFunc(r.Findings, func(f audit.Finding) bool { return f.Rule == "long-wait" })
	r.Findings[long].Routes = r.Findings[long].Routes[1:] // the account, and whom it asks for leave
	r.Findings[long].Routes = append(r.Findings[long].Routes, r.Routes[1].ID)
	if got := Gist(r); got != want {
		t.Errorf("%s\nis not\n%s", got, want)
	}
	for i := range r.Findings {
		r.Findings[i].Read = true
	}
	if got := Gist(r); got != "" {
		t.Errorf("nothing was measured that fails: %s", got)
	}
	r.Findings = nil
	r.Routes[0].Measurements[0].Breaches = []string{"x"}
	if got := Gist(r); got != "2 of 6 routes fail when nothing listens at the upstream's address." {
		t.Error(got)
	}
}
