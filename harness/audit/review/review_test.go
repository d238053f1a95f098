package review

import (
	"slices"
	"strings"
	"testing"

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
			g.Expect(f.Causes).NotTo(BeEmpty())
			g.Expect(f.Kind == audit.Behaves).To(Equal(f.Does != nil && f.Kind != audit.Reuse))
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
	if len(seen) != 24 {
		t.Errorf("%d faults, and the matrix has 24 columns", len(seen))
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
	c := read(t, text)
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
