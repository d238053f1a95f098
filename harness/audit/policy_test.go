package audit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

var today = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// measuredReport is a small check: a route with some faults, and two findings.
func measuredReport() *Report {
	return &Report{
		Schema: Schema, Config: "nginx.conf", Main: "nginx.conf", Gateway: "nginx/1.22.1", Started: today, Verdict: Findings,
		Faults: []FaultInfo{{ID: "refused", Title: "refused"}, {ID: "silent", Title: "silent"}, {ID: "one-dead", Title: "one dead"},
			{ID: "name-gone", Title: "name gone"}, {ID: "restarted", Title: "restarted"}, {ID: "cut", Title: "cut"}},
		Routes: []Route{{
			ID: `example.com ~ \.php$`, Pass: "http://app:8080", Reached: true, Ask: ClientRequest{Method: "GET"},
			Healthy: Outcome{Status: 200, Page: "upstream", Tries: []string{"app:8080"}},
			Measurements: []Measurement{
				{Fault: "refused", Method: "GET", Outcome: Outcome{Status: 502, Page: "nginx", Tries: []string{"app:8080"}, Waited: 2 * time.Millisecond}},
				{Fault: "refused", Method: "POST", Outcome: Outcome{Status: 502, Page: "nginx", Tries: []string{"app:8080"}, Waited: 3 * time.Millisecond}},
				{Fault: "silent", Method: "GET", Outcome: Outcome{Status: 504, Page: "nginx", Tries: []string{"app:8080", "second:8080"}, Waited: 60080 * time.Millisecond}},
				{Fault: "silent", Method: "POST", Outcome: Outcome{Status: 504, Page: "config", Tries: []string{"app:8080"}, Waited: 5 * time.Second}},
				{Fault: "one-dead", Method: "GET", Outcome: Outcome{Status: 200, Page: "upstream", Tries: []string{"app:8080"}}},
				{Fault: "name-gone", Method: "GET", NotStarted: "host not found"},
				{Fault: "restarted", Method: "GET", ErrorsFor: 30 * time.Second, Outcome: Outcome{Status: 502, Page: "nginx"}},
				{Fault: "restarted", Method: "POST", Outcome: Outcome{Status: 502, Page: "nginx"}},
				{Fault: "cut", Method: "GET", Outcome: Outcome{Status: 200, SilentTruncation: true, Page: "upstream"}},
				{Fault: "cut", Method: "POST", Outcome: Outcome{Status: 200, Repeated: 1, TimedOut: true, Waited: time.Hour}},
				{Fault: "tls-plain", Method: "GET", Skipped: "the upstream is plain"},
			},
		}},
		Findings: []Finding{
			{Rule: "long-wait", Severity: "medium", Title: "visitors wait 60 s", Place: nginxconf.Place{File: "nginx.conf", Line: 8}, Routes: []string{`example.com ~ \.php$`}},
			{Rule: "version-shown", Severity: "low", Title: "version", Place: nginxconf.Place{File: "nginx.conf", Line: 3}, Routes: []string{`example.com ~ \.php$`}},
		},
	}
}

func parsed(t *testing.T, text string) *Policy {
	t.Helper()
	p, err := ParsePolicy("badgateway.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestInitPolicy_PassesItsOwnReport(t *testing.T) {
	g := NewWithT(t)
	r := measuredReport()
	text := InitPolicy(r)
	path := filepath.Join(t.TempDir(), PolicyName)
	g.Expect(os.WriteFile(path, text, 0o600)).To(Succeed())
	p, err := LoadPolicy(path)
	g.Expect(err).NotTo(HaveOccurred(), string(text))
	p.Apply(r, today)
	for _, c := range r.Routes[0].Measurements {
		g.Expect(c.Breaches).To(BeEmpty(), "%s %s\n%s", c.Fault, c.Method, text)
	}
	g.Expect(r.Routes[0].Breaches).To(BeEmpty())
	g.Expect(r.Verdict).To(Equal(Passed), string(text))
	g.Expect(r.PolicyFile).To(Equal(path))
	g.Expect(r.Findings[0].Waived).NotTo(BeEmpty())
	g.Expect(r.Findings[0].Until).To(Equal("2027-02-21"))
	g.Expect(r.Findings[1].Waived).To(BeEmpty(), "what does not fail needs no waiver")
	p.Apply(r, today.Add(91*24*time.Hour))
	g.Expect(r.Verdict).To(Equal(Findings))
	g.Expect(r.Findings).To(ContainElement(HaveField("Title", "the waiver of long-wait ended on 2027-02-21")))
	p.Apply(r, today)
	g.Expect(r.Findings).To(HaveLen(2), "it can be applied again")
}

// Every change of what clients get fails once --init has written the policy.
func TestInitPolicy_FailsOnEveryChange(t *testing.T) {
	p := parsed(t, string(InitPolicy(measuredReport())))
	for name, change := range map[string]func(*Route){
		"status":               func(r *Route) { r.Measurements[0].Status = 504 },
		"status of POST alone": func(r *Route) { r.Measurements[1].Status = 200 },
		"no answer":            func(r *Route) { r.Measurements[0].Status = 0 },
		"longer wait":          func(r *Route) { r.Measurements[0].Waited = 5 * time.Second },
		"shorter wait":         func(r *Route) { r.Measurements[2].Waited = 5 * time.Second },
		"endless wait":         func(r *Route) { r.Measurements[2].TimedOut = true },
		"no more endless":      func(r *Route) { r.Measurements[9].TimedOut = false },
		"tries fewer":          func(r *Route) { r.Measurements[2].Tries = r.Measurements[2].Tries[:1] },
		"tries more":           func(r *Route) { r.Measurements[3].Tries = append(r.Measurements[3].Tries, "third:8080") },
		"page":                 func(r *Route) { r.Measurements[3].Page = "nginx" },
		"repeated":             func(r *Route) { r.Measurements[1].Repeated = 1 },
		"repeated no more":     func(r *Route) { r.Measurements[9].Repeated = 0 },
		"repeated more often":  func(r *Route) { r.Measurements[9].Repeated = 2 },
		"cut as whole":         func(r *Route) { r.Measurements[0].SilentTruncation = true },
		"recovers later":       func(r *Route) { r.Measurements[7].ErrorsFor = 20 * time.Second },
		"recovers sooner":      func(r *Route) { r.Measurements[6].ErrorsFor = 0 },
		"never recovers":       func(r *Route) { r.Measurements[6].NotRecovered = true },
		"does not start":       func(r *Route) { r.Measurements[0].NotStarted = "host not found" },
		"starts":               func(r *Route) { r.Measurements[5].NotStarted, r.Measurements[5].Status = "", 502 },
		"healthy no more":      func(r *Route) { r.Healthy.Status = 404 },
		"not reached":          func(r *Route) { r.Reached = false },
		"renamed":              func(r *Route) { r.ID = "other" },
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := measuredReport()
			r.Findings = nil
			p.Apply(r, today)
			g.Expect(r.Verdict).To(Equal(Passed))
			change(&r.Routes[0])
			p.Apply(r, today)
			g.Expect(r.Verdict).To(Equal(Findings))
		})
	}
}

func TestApply_IgnoresNoise(t *testing.T) {
	g := NewWithT(t)
	r := measuredReport()
	p := parsed(t, string(InitPolicy(r)))
	r.Routes[0].Measurements[0].Waited = 300 * time.Millisecond
	r.Routes[0].Measurements[2].Waited = 61 * time.Second
	r.Routes[0].Measurements[6].ErrorsFor = 31 * time.Second
	p.Apply(r, today)
	g.Expect(r.Verdict).To(Equal(Passed))
}

func TestApply_Breaches(t *testing.T) {
	const route = `example.com ~ \.php$`
	for _, c := range []struct {
		name, policy, fault, method string
		want                        []string
	}{
		{"nothing said", "", "refused", "GET", nil},
		{"status", "all: {status: [504, 500]}", "refused", "GET", []string{"status 502, and 504 or 500 is allowed"}},
		{"status allowed", "all: {status: [504, 502]}", "refused", "GET", nil},
		{"longest wait", "all: {wait: 5s}", "silent", "GET", []string{"waited 60 s, and 5 s is allowed"}},
		{"wait of the time-out itself", "all: {wait: 60s}", "silent", "GET", nil},
		{"endless", "all: {wait: 60s}", "cut", "POST", []string{"waited endless, and 60 s is allowed"}},
		{"page", "all: {page: [config, none]}", "refused", "GET", []string{"page of nginx, and that of config or none is allowed"}},
		{"tries", "all: {tries: 0..1}", "silent", "GET", []string{"tries: 2, and 0 or 1 is allowed"}},
		{"repeated", "all: {repeated_post: false}", "cut", "POST", []string{"the body was sent twice, and once is allowed"}},
		{"repeated allowed", "all: {repeated_post: true}", "cut", "POST", nil},
		{"whole", "all: {cut_as_whole: false}", "cut", "GET", []string{"a cut answer passes as whole"}},
		{"whole allowed", "all: {cut_as_whole: true}", "cut", "GET", nil},
		{"errors for", "all: {errors_for: 10s}", "restarted", "GET", []string{"errors for 30 s after recovery, and 10 s is allowed"}},
		{"not started", "all: {status: 502}", "name-gone", "GET", []string{"status not-started, and 502 is allowed"}},
		{"survives", "all: {survives: [one-dead, silent GET]}", "one-dead", "GET", nil},
		{"survives not", "all: {survives: [silent GET]}", "silent", "GET", []string{"has to survive it, and visitors got 504"}},
		{"survives for the other method", "all: {survives: [silent GET]}", "silent", "POST", nil},
		{"survives, but cut", "all: {survives: cut}", "cut", "GET", []string{"has to survive it, and visitors got 200"}},
		{"a fault before all faults", "all: {status: 500, faults: {refused: {status: 502}}}", "refused", "GET", nil},
		{"a method before a fault", "all: {faults: {silent POST: {wait: 5s}, silent: {wait: 60s}}}", "silent", "POST", nil},
		{"a pattern before all", `{all: {status: 500}, routes: {"example.com*": {status: 502}}}`, "refused", "GET", nil},
		{"a pattern that does not fit", `{all: {status: 502}, routes: {"*.org*": {status: 500}}}`, "refused", "GET", nil},
		{"the id before a pattern", `{routes: {'` + route + `': {status: 502}, "*": {status: 500}}}`, "refused", "GET", nil},
		{"a skipped cell", "all: {status: 502}", "tls-plain", "GET", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := measuredReport()
			parsed(t, c.policy).Apply(r, today)
			for _, cell := range r.Routes[0].Measurements {
				if cell.Fault == c.fault && cell.Method == c.method {
					NewWithT(t).Expect(cell.Breaches).To(Equal(c.want))
					return
				}
			}
			t.Fatal("no such cell")
		})
	}
}

// unreachable leaves a report in which no request got anywhere.
func unreachable(r *Report) {
	r.Findings = nil
	for i := range r.Routes {
		r.Routes[i] = Route{ID: r.Routes[i].ID, Why: "GET / is answered 403, and the gateway calls nobody"}
	}
}

func TestApply_Verdict(t *testing.T) {
	waive := "\nwaive: [{rule: long-wait, %s reason: agreed, until: 2026-11-23}]"
	for name, c := range map[string]struct {
		policy string
		change func(*Report)
		want   string
	}{
		"default":                    {"", nil, Findings},
		"only the grave":             {"fail_on: high", nil, Passed},
		"the light too":              {"fail_on: low" + strings.Replace(waive, "%s", "", 1), nil, Findings},
		"waived until today":         {strings.Replace(waive, "%s", "", 1), nil, Passed},
		"waived for a pattern":       {strings.Replace(waive, "%s", `route: "example.com*",`, 1), nil, Passed},
		"waived for another":         {strings.Replace(waive, "%s", `route: "other*",`, 1), nil, Findings},
		"waived for one of two":      {strings.Replace(waive, "%s", `route: "example.com*",`, 1), func(r *Report) { r.Findings[0].Routes = append(r.Findings[0].Routes, "second") }, Findings},
		"waived too long ago":        {strings.Replace(strings.Replace(waive, "%s", "", 1), "11-23", "11-22", 1), nil, Findings},
		"ended, and nothing left":    {strings.Replace(strings.Replace(waive, "%s", "", 1), "11-23", "11-22", 1), func(r *Report) { r.Findings = nil }, Findings},
		"nothing found":              {"", func(r *Report) { r.Findings = nil }, Passed},
		"a route that there is not":  {"fail_on: high\nroutes: {example.com/gone: {wait: 5s}}", nil, Findings},
		"the same, of some routes":   {"fail_on: high\nroutes: {example.com/gone: {wait: 5s}}", func(r *Report) { r.Partial = true }, Passed},
		"a pattern without routes":   {"fail_on: high\nroutes: {\"*.org/*\": {wait: 5s}}", nil, Findings},
		"a request for no route":     {"fail_on: high\nrequests: {nobody: {path: /}}", nil, Findings},
		"no route reached":           {"fail_on: high", unreachable, Findings},
		"the same, waived":           {"waive: [{rule: unmeasured, reason: only pages, until: 2026-11-23}]", unreachable, Passed},
		"nothing applied":            {"fail_on: high", func(r *Report) { r.Routes[0].Measurements = r.Routes[0].Measurements[10:] }, Findings},
		"the lab failed":             {"fail_on: high", func(r *Report) { r.Routes[0].Measurements = []Measurement{{Error: "gone"}} }, Passed},
		"nothing to be reached":      {"fail_on: high", func(r *Report) { r.Routes = nil }, Passed},
		"refused":                    {"", func(r *Report) { r.Refused = &Refusal{} }, Refused},
		"a breach without a finding": {"fail_on: high\nall: {wait: 10s}", nil, Findings},
	} {
		t.Run(name, func(t *testing.T) {
			r := measuredReport()
			if c.change != nil {
				c.change(r)
			}
			parsed(t, c.policy).Apply(r, today)
			NewWithT(t).Expect(r.Verdict).To(Equal(c.want))
		})
	}
}

func TestParsePolicy_Errors(t *testing.T) {
	for text, want := range map[string]string{
		"fail_on: hihg":                    `p.yaml:1: "hihg" is not possible here; did you mean "high"?`,
		"\nrotues: {}":                     `p.yaml:2: the policy has no key "rotues"; did you mean "routes"?`,
		"all:\n  waits: 5s\n":              `p.yaml:2: a route has no key "waits"; did you mean "wait"?`,
		"all:\n  wait: 5\n":                `p.yaml:2: "5" is not a length of time; write 5s`,
		"all: {status: 50x}":               `"50x" is not a status`,
		"all: {tries: 3..1}":               `"3..1" is not a number of tries`,
		"all: {cut_as_whole: perhaps}":     `"perhaps" has to be true or false`,
		"all: {repeated_post: often}":      `"often" has to be true, false, or how often`,
		"all: {page: nignx}":               `did you mean "nginx"?`,
		"all: {wait: }":                    `p.yaml:1: a value is missing here`,
		"- a":                              `p.yaml:1: the policy has to be names with values`,
		"all: {wait: 1s}\nall: {wait: 2s}": `p.yaml:2: "all" is there twice, in line 1 too`,
		"routes:\n  a:\n    faults:\n      refused: {wiat: 5s}": `p.yaml:4: a fault has no key "wiat"; did you mean "wait"?`,
		"waive: {rule: a}":                                      `waive has to be a list`,
		"waive:\n  - {rule: a, until: 2027-01-01}":              `p.yaml:2: the waiver has no reason`,
		"waive:\n  - {rule: a, reason: b}":                      `p.yaml:2: the waiver has no until`,
		"waive:\n  - {reason: b, until: 2027-01-01}":            `p.yaml:2: the waiver has no rule`,
		"waive:\n  - {rule: a, reason: b, until: soon}":         `p.yaml:2: "soon" is not a day`,
		"waive:\n  - {rule: a, reason: ' ', until: 2027-01-01}": `the waiver has no reason`,
		"requests: {a: {method: GET}}":                          `give either url or path`,
		"requests: {a: {path: x}}":                              `"x" is not a path`,
		"requests: {a: {url: /x}}":                              `"/x" is not a URL`,
		"fail_on: high\n---\nbogus: 1":                          `p.yaml:2: a policy is one document, and a second begins here`,
		"a: [\nb":                                               "p.yaml:",
		"a: b: c":                                               "p.yaml: this is not YAML: mapping values",
	} {
		_, err := ParsePolicy("p.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	_, err := ParsePolicy("p.yaml", []byte("fail_on: never\nal: {}\n"))
	NewWithT(t).Expect(strings.Split(err.Error(), "\n")).To(HaveLen(2), "all errors at once")
	_, err = LoadPolicy(filepath.Join(t.TempDir(), "none.yaml"))
	NewWithT(t).Expect(err).To(MatchError(os.ErrNotExist))
}

func TestKnown_SuggestsTheNearestName(t *testing.T) {
	g := NewWithT(t)
	p := parsed(t, "all:\n  survives: [one-daed]\n  faults:\n    refusd POST: {wait: 5s}\n    healthy: {status: 200}\n"+
		"waive: [{rule: long-wiat, reason: r, until: 2027-01-01}]")
	err := p.Known([]FaultInfo{{ID: "one-dead"}, {ID: "refused"}}, []string{"long-wait"})
	g.Expect(err).To(MatchError(And(
		ContainSubstring(`badgateway.yaml:2: there is no fault "one-daed"; did you mean "one-dead"?`),
		ContainSubstring(`badgateway.yaml:4: there is no fault "refusd"; did you mean "refused"?`),
		ContainSubstring(`badgateway.yaml:6: there is no rule "long-wiat"; did you mean "long-wait"?`))))
	p = parsed(t, "all: {survives: one-dead GET}")
	g.Expect(p.Known([]FaultInfo{{ID: "one-dead"}}, nil)).To(Succeed())
}

func TestPolicy_Application(t *testing.T) {
	g := NewWithT(t)
	p := parsed(t, "all: {application: puma}\nroutes:\n  b/: {application: other}\n  c/: {application: pumba}\n")
	g.Expect(p.Application("a/")).To(Equal("puma"))
	g.Expect(p.Application("b/")).To(Equal(OtherApplication))
	g.Expect(DefaultPolicy().Application("a/")).To(BeEmpty())
	hints := FaultInfo{ID: "early-hints", Servers: []string{"Puma with Rails", "Node.js (response.writeEarlyHints)"}}
	g.Expect(p.Known([]FaultInfo{hints, {ID: "404", Servers: []string{"any application", "Django"}}}, nil)).To(MatchError(And(
		ContainSubstring(`badgateway.yaml:4: no fault is known of an application "pumba"`), ContainSubstring(`write "other"`), ContainSubstring("Django; Node.js"))))
	for name, does := range map[string]bool{"puma": true, "node": true, "": true, "Gunicorn": false, OtherApplication: false, "no": false} {
		g.Expect(hints.OfApplication(name)).To(Equal(does), name)
	}
	g.Expect(FaultInfo{ID: "refused"}.OfApplication("puma")).To(BeTrue(), "whoever it is may be dead")
	g.Expect(FaultInfo{ID: "404", Servers: []string{"any application", "Django"}}.OfApplication(OtherApplication)).To(BeTrue())
}

func TestPolicy_Requests(t *testing.T) {
	g := NewWithT(t)
	p := parsed(t, "requests:\n  a /x: {method: post, path: \"/x?y=1\", header: {X-Key: \"1\"}}\n  b: {url: \"https://example.com/\"}\n")
	r, ok := p.Request("a /x")
	g.Expect(ok).To(BeTrue())
	g.Expect(r).To(Equal(Request{Method: "POST", Path: "/x?y=1", Header: map[string]string{"X-Key": "1"}}))
	r, _ = p.Request("b")
	g.Expect(r.URL).To(Equal("https://example.com/"))
	_, ok = p.Request("c")
	g.Expect(ok).To(BeFalse())
}

func TestMatchRoute(t *testing.T) {
	for pattern, ids := range map[string]map[string]bool{
		"*.example.com/": {"*.example.com/": true, "a.example.com/": true, "a.example.org/": false},
		`a ~ \.php$`:     {`a ~ \.php$`: true, "a ~ xphp": false},
		"example.com*":   {"example.com/a/b": true, "www.example.com/": false},
	} {
		for id, want := range ids {
			if matchRoute(pattern, id) != want {
				t.Errorf("%q and %q: want %v", pattern, id, want)
			}
		}
	}
}

// What routes have alike is written once, and holds of each of them as if it were written there.
func TestInitPolicy_FactorsWhatIsCommon(t *testing.T) {
	seven := func() *Report {
		r := measuredReport()
		r.Findings = nil
		first := r.Routes[0]
		for i := range 6 {
			one := first
			one.ID = strings.Repeat("x", i+1) + ".example.com/"
			one.Measurements = slices.Clone(first.Measurements)
			switch i {
			case 0: // waits, where the others wait otherwise
				one.Measurements[2].Waited = 5 * time.Second
			case 1: // its POST is as its GET, which that of the others is not
				one.Measurements[3] = one.Measurements[2]
				one.Measurements[3].Method = "POST"
			case 2: // what all have and it has not
				one.Measurements[9].Repeated, one.Measurements[8].SilentTruncation, one.Measurements[6].ErrorsFor = 0, false, 0
			case 3: // starts
				one.Measurements[5] = one.Measurements[4]
				one.Measurements[5].Fault = "name-gone"
			case 4:
				one.Measurements = one.Measurements[2:4]
			}
			r.Routes = append(r.Routes, one)
		}
		return r
	}
	g := NewWithT(t)
	text := string(InitPolicy(seven()))
	g.Expect(strings.Count(text, "\n")).To(BeNumerically("<", 55), text)
	g.Expect(text).To(ContainSubstring("  xxxxxx.example.com/: {}\n"), "its name is there, or nobody would miss it")
	p := parsed(t, text)
	r := seven()
	p.Apply(r, today)
	for _, route := range r.Routes {
		g.Expect(route.Breaches).To(BeEmpty(), route.ID)
		for _, c := range route.Measurements {
			g.Expect(c.Breaches).To(BeEmpty(), "%s %s %s\n%s", route.ID, c.Fault, c.Method, text)
		}
	}
	g.Expect(r.Verdict).To(Equal(Passed), text)
	// And each still fails alone on each change.
	for i := range r.Routes {
		if !r.Routes[i].Reached {
			continue
		}
		for j := range r.Routes[i].Measurements {
			for what, change := range map[string]func(*Measurement){
				"status":   func(c *Measurement) { c.Status, c.NotStarted = 418, "" },
				"wait":     func(c *Measurement) { c.Waited, c.TimedOut = c.Waited+20*time.Second, false },
				"page":     func(c *Measurement) { c.Page = "other" },
				"tries":    func(c *Measurement) { c.Tries = append(slices.Clone(c.Tries), "one more") },
				"repeated": func(c *Measurement) { c.Repeated++ },
				"cut":      func(c *Measurement) { c.SilentTruncation = !c.SilentTruncation },
				"errors":   func(c *Measurement) { c.ErrorsFor += time.Hour },
			} {
				r := seven()
				c := &r.Routes[i].Measurements[j]
				if !conclusive(*c) || c.NotStarted != "" && what != "status" || what == "cut" && !c.SilentTruncation && c.TimedOut {
					continue
				}
				if what == "cut" && c.SilentTruncation { // less is allowed
					continue
				}
				change(c)
				p.Apply(r, today)
				g.Expect(r.Verdict).To(Equal(Findings), "%s of %s, %s %s", what, r.Routes[i].ID, c.Fault, c.Method)
			}
		}
	}
}
