package review

import (
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

func TestFaults(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Faults() {
		t.Run(f.ID, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(seen[f.ID]).To(BeFalse())
			seen[f.ID] = true
			g.Expect(len(f.Title)).To(And(BeNumerically(">", 0), BeNumerically("<=", 12)))
			g.Expect(f.Claim).NotTo(BeEmpty())
			g.Expect(f.Visitor || len(f.Causes) > 0).To(BeTrue())
			// A fake is believed because a real component did the same: in a scenario, or where it is told.
			g.Expect(f.Scenario == "" && f.ID != "does-not-read").To(Equal(len(f.Servers) > 0 || f.Visitor))
			if len(f.Servers) > 0 {
				g.Expect(f.Source).To(HavePrefix("https://"))
			}
			if f.Kind == audit.Behaves || f.Kind == audit.Reuse {
				g.Expect(f.Does).NotTo(BeNil())
			} else if f.Kind != audit.OnePeer {
				g.Expect(f.Does).To(BeNil())
			}
			g.Expect(f.Kind == audit.TLSFault).To(Equal(f.TLS != ""))
			for _, protocol := range []string{fakeupstream.HTTP, fakeupstream.FastCGI, fakeupstream.UWSGI, fakeupstream.SCGI, fakeupstream.GRPC,
				fakeupstream.Memcached, fakeupstream.Any} {
				if f.Does == nil || protocol != fakeupstream.Any && len(f.Protocols) > 0 && !slices.Contains(f.Protocols, protocol) {
					continue
				}
				spec := fakeupstream.Spec{Listen: "127.0.0.1:0", Protocol: protocol, Script: fakeupstream.Always(f.For(protocol))}
				g.Expect(spec.Validate()).To(Succeed())
			}
			if f.TLS != "" {
				spec := fakeupstream.Spec{Listen: "127.0.0.1:0", TLS: &fakeupstream.TLS{Fault: fakeupstream.TLSFault(f.TLS)}}
				g.Expect(spec.Validate()).To(Succeed())
			}
		})
	}
	if len(seen) != 49 {
		t.Errorf("%d faults, and the matrix has 49 columns", len(seen))
	}
}

// Each rule says all there is to say of it, and has two configs, each of which nginx's grammar takes and a route leads through.
func TestRules(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		t.Run(r.ID, func(t *testing.T) {
			g := NewWithT(t)
			g.Expect(seen[r.ID]).To(BeFalse())
			seen[r.ID] = true
			g.Expect(audit.Severities).To(ContainElement(r.Severity))
			g.Expect(r.Title).NotTo(BeEmpty())
			g.Expect(r.Why).To(HaveSuffix("."))
			g.Expect(r.Source).To(HavePrefix("https://nginx.org/en/docs/"))
			fires, near := Examples(r.ID)
			g.Expect(fires).NotTo(Equal(near))
			for _, text := range []string{fires, near} {
				c := read(t, text)
				g.Expect(c.Routes(t.Context())).NotTo(BeEmpty())
				g.Expect(text).To(HavePrefix("# "), "it begins with what it shows")
			}
			g.Expect(len(differing(fires, near))).To(BeNumerically("<=", 6), "the two differ in little")
		})
	}
	entries, err := confs.ReadDir("conf")
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	for _, e := range entries {
		if !seen[e.Name()] {
			t.Errorf("conf/%s is of no rule", e.Name())
		}
	}
	fires, near := Examples("no-such-rule")
	NewWithT(t).Expect(fires + near).To(BeEmpty())
}

// differing are the lines of two texts that only one of them has, besides the comment that begins it.
func differing(a, b string) []string {
	x, y := strings.Split(a, "\n")[1:], strings.Split(b, "\n")[1:]
	var only []string
	for _, l := range x {
		if !slices.Contains(y, l) {
			only = append(only, l)
		}
	}
	for _, l := range y {
		if !slices.Contains(x, l) {
			only = append(only, l)
		}
	}
	return only
}

func read(t *testing.T, text string) *nginxconf.Config {
	t.Helper()
	c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": text}), "nginx.conf", "/etc/nginx")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A ruleTest is a config with what was measured of it, made by hand: measurements by route.
type ruleTest struct {
	t *testing.T
	e *audit.Evidence
}

// newRuleTest is the test of a config, with every route reached and healthy.
func newRuleTest(t *testing.T, text string) *ruleTest {
	t.Helper()
	return newRuleTestOf(t, read(t, text))
}

// newRuleTestOf is the same of a config that is read already.
func newRuleTestOf(t *testing.T, c *nginxconf.Config) *ruleTest {
	t.Helper()
	e := &audit.Evidence{Config: c, Report: &audit.Report{Gateway: "nginx/1.22.1"}, ConfigRoutes: map[string]nginxconf.Route{}}
	for _, w := range c.Routes(t.Context()) {
		r := audit.Route{
			ID: w.ID, Role: w.Role, Protocol: w.Target.Protocol, Pass: w.Target.Written, Place: w.Target.Pass.Place,
			Upstream: w.Target.Upstream, Reached: true, Healthy: audit.Outcome{Status: 200, Page: "upstream"},
		}
		for _, p := range w.Target.Peers {
			r.Endpoints = append(r.Endpoints, audit.Endpoint{Name: p.Host + ":8080", Place: p.Place})
		}
		e.Report.Routes = append(e.Report.Routes, r)
		e.ConfigRoutes[w.ID] = w
	}
	return &ruleTest{t, e}
}

// allMeasured gives every route a measurement.
func (s *ruleTest) allMeasured(c audit.Measurement) *ruleTest {
	for i := range s.e.Report.Routes {
		s.measured(i, c)
	}
	return s
}

// measured gives a route a measurement.
func (s *ruleTest) measured(i int, c audit.Measurement) *ruleTest {
	if c.Method == "" {
		c.Method = "GET"
	}
	s.e.Report.Routes[i].Measurements = append(s.e.Report.Routes[i].Measurements, c)
	return s
}

// healthy changes the healthy answer of every route.
func (s *ruleTest) healthy(change func(*audit.Outcome)) *ruleTest {
	for i := range s.e.Report.Routes {
		change(&s.e.Report.Routes[i].Healthy)
	}
	return s
}

// findings gives what a rule finds.
func (s *ruleTest) findings(rule string) []audit.Finding {
	s.t.Helper()
	for _, r := range Rules() {
		if r.ID == rule {
			return audit.Judge(s.e, []audit.Rule{r})
		}
	}
	s.t.Fatalf("no rule %q", rule)
	return nil
}

// finding is the only finding.
func (s *ruleTest) finding(rule string) audit.Finding {
	s.t.Helper()
	all := s.findings(rule)
	if len(all) != 1 {
		s.t.Fatalf("%d findings, and 1 was expected: %+v", len(all), all)
	}
	return all[0]
}

// noFinding expects that the rule finds nothing.
func (s *ruleTest) noFinding(rule string) {
	s.t.Helper()
	if all := s.findings(rule); len(all) != 0 {
		s.t.Errorf("found %+v, and nothing was expected", all)
	}
}

// A rule that reads the config finds its example without any evidence, says so, and finds nothing in the one near it.
func TestStatic(t *testing.T) {
	for _, r := range Rules() {
		if !r.Static {
			continue
		}
		t.Run(r.ID, func(t *testing.T) {
			g := NewWithT(t)
			s := firing(t, r.ID)
			s.e.Report.Static = true
			for i := range s.e.Report.Routes {
				s.e.Report.Routes[i].Reached, s.e.Report.Routes[i].Healthy = false, audit.Outcome{}
			}
			f := s.finding(r.ID)
			g.Expect(f.Read).To(BeTrue())
			g.Expect(f.Saw).NotTo(BeEmpty())
			g.Expect(f.Place.Line).To(BeNumerically(">", 0))
			s = notFiring(t, r.ID)
			s.e.Report.Static = true
			s.noFinding(r.ID)
		})
	}
}

func firing(t *testing.T, rule string) *ruleTest {
	t.Helper()
	text, _ := Examples(rule)
	return newRuleTest(t, text)
}
func notFiring(t *testing.T, rule string) *ruleTest {
	t.Helper()
	_, text := Examples(rule)
	return newRuleTest(t, text)
}

// replace fills the %s of a config.
func replace(conf, with string) string { return strings.ReplaceAll(conf, "%s", with) }

// swap changes a text that has to be there.
func swap(conf, old, new string) string {
	if !strings.Contains(conf, old) {
		panic("there is no " + old)
	}
	return strings.ReplaceAll(conf, old, new)
}

// What a measurement shows goes before what is read, and what it speaks against is not found.
func TestStatic_Evidence(t *testing.T) {
	g := NewWithT(t)
	healthy := func(method string, status int) audit.Measurement {
		return audit.Measurement{Fault: audit.Healthy, Method: method, Outcome: audit.Outcome{Status: status}}
	}
	f := firing(t, "auth-body").allMeasured(healthy("POST", 500)).finding("auth-body")
	g.Expect(f.Read).To(BeFalse())
	g.Expect(f.Saw).To(HaveSuffix("POST: 500"))

	benched := audit.Measurement{Fault: "restarted", ErrorsFor: 11 * time.Second, Outcome: audit.Outcome{Status: 502}}
	f = firing(t, "lone-peer").allMeasured(benched).finding("lone-peer")
	g.Expect(f.Read).To(BeFalse())
	g.Expect(f.Faults).To(Equal([]string{"restarted"}))
	f = firing(t, "two-addresses").allMeasured(benched).finding("two-addresses")
	g.Expect(f.Severity).To(Equal("medium"))

	post := audit.Measurement{Fault: "refused", Method: "POST", Outcome: audit.Outcome{Status: 405}}
	g.Expect(firing(t, "error-page-post").allMeasured(post).finding("error-page-post").Read).To(BeFalse())
	post.Status, post.Page = 502, "config"
	firing(t, "error-page-post").allMeasured(post).noFinding("error-page-post")

	bare := audit.Measurement{Fault: "refused", Outcome: audit.Outcome{Status: 502, Header: map[string][]string{"Server": {"nginx"}}}}
	g.Expect(firing(t, "header-not-on-errors").allMeasured(bare).finding("header-not-on-errors").Read).To(BeFalse())
	bare.Header = map[string][]string{"access-control-allow-origin": {"https://app.example.com"}}
	firing(t, "header-not-on-errors").allMeasured(bare).noFinding("header-not-on-errors")

	f = firing(t, "headers-lost").healthy(func(o *audit.Outcome) { o.Calls = []audit.Call{{Endpoint: "app:8080", Host: "app:8080"}} }).finding("headers-lost")
	g.Expect(f.Read).To(BeFalse())
	f = firing(t, "pass-slash").healthy(func(o *audit.Outcome) { o.Calls = []audit.Call{{Endpoint: "app:8080", URI: "/v1//x"}} }).finding("pass-slash")
	g.Expect(f.Read).To(BeFalse())

	closed := audit.Measurement{Fault: "idle-5s", Method: "POST", Outcome: audit.Outcome{Status: 502}}
	f = firing(t, "idle-kept-long").allMeasured(closed).finding("idle-kept-long")
	g.Expect(f.Read).To(BeFalse())
	g.Expect(f.Severity).To(Equal("medium"))
	closed.Status = 200
	firing(t, "idle-kept-long").allMeasured(closed).noFinding("idle-kept-long")

	half := audit.Measurement{Fault: "one-address", Outcome: audit.Outcome{Status: 502}}
	g.Expect(firing(t, "two-addresses").allMeasured(half).finding("two-addresses").Severity).To(Equal("medium"))
}
