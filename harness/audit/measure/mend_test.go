package measure

import (
	"errors"
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/audit"
	"github.com/badgateway/badgateway/harness/audit/nginxconf"
)

const twoServers = `events {}
http {
    server { listen 80; server_name a; location /x { proxy_pass http://10.0.0.5; } location /y { proxy_pass http://10.0.0.5; } }
    server { listen 80; server_name b; location /x { proxy_pass http://10.0.0.6; } }
}`

// A mend is tried on one of the routes that are alike, apart by whether it touches them; where it moves them, on each.
func TestSamples(t *testing.T) {
	g := NewWithT(t)
	c, err := nginxconf.Read(nginxconf.Map(map[string]string{"nginx.conf": twoServers}), "nginx.conf", "/etc/nginx")
	g.Expect(err).NotTo(HaveOccurred())
	var routes []*route
	for _, r := range c.Routes(t.Context()) {
		routes = append(routes, &route{conf: r, Route: audit.Route{ID: r.ID, Reached: true, Protocol: "http"}})
	}
	g.Expect(routes).To(HaveLen(3))
	s := &session{}
	http, first := c.Find("http")[0], c.Find("location")[0]
	lines := []string{"proxy_read_timeout 5s;"}
	g.Expect(s.samples(routes, []audit.Edit{{Block: http, Lines: lines}})).To(Equal([]string{"a/x"}))
	g.Expect(s.samples(routes, []audit.Edit{{Block: first, Lines: lines}})).To(Equal([]string{"a/x", "a/y"}))
	pass := first.Block[0]
	g.Expect(s.samples(routes, []audit.Edit{{Block: http, Lines: lines}, {Block: first, Replaces: []*nginxconf.Directive{pass}}})).To(Equal([]string{"a/x", "a/y"}))
	all := c.Find("location")
	g.Expect(s.samples(routes, []audit.Edit{{Block: all[1], Replaces: all[1].Block}, {Block: all[2], Replaces: all[2].Block}})).To(ConsistOf("a/x", "a/y", "b/x"))
	routes[0].Reached = false
	g.Expect(s.samples(routes, []audit.Edit{{Block: http, Lines: lines}})).To(Equal([]string{"a/y"}), "what is not reached says nothing")
}

func TestVerdictOf(t *testing.T) {
	g := NewWithT(t)
	report := func(status int, findings ...audit.Finding) *audit.Report {
		return &audit.Report{Findings: findings, Routes: []audit.Route{{ID: "/", Reached: true, Healthy: audit.Outcome{Status: 200}, Measurements: []audit.Measurement{
			{Fault: "refused", Method: "GET", Outcome: audit.Outcome{Status: status}}}}}}
	}
	f := audit.Finding{Rule: "r", Severity: "high", Routes: []string{"/"}, Faults: []string{"refused"}}
	before := report(502, f)
	g.Expect(verdictOf(before, report(200), []*audit.Finding{&f}).lost).To(BeEmpty())
	g.Expect(verdictOf(before, report(502), []*audit.Finding{&f}).lost).To(Equal(noEffect), "that the rule finds nothing any more is no proof")
	g.Expect(verdictOf(before, report(200, f), []*audit.Finding{&f}).lost).To(ContainSubstring("found with it as well"))
	other := audit.Finding{Rule: "r", Severity: "high", Routes: []string{"/"}, Faults: []string{"silent"}}
	g.Expect(verdictOf(report(502, f, other), report(200, other), []*audit.Finding{&f}).lost).To(BeEmpty(), "the other one has a cause of its own")
	worse := report(200)
	worse.Routes[0].Healthy.Status = 500
	g.Expect(verdictOf(before, worse, []*audit.Finding{&f}).lost).To(ContainSubstring("500"))
}

// The finding of two routes and two faults does not take in what another one of the rule is about.
func TestStillFound_BesideAnotherOfTheRule(t *testing.T) {
	g := NewWithT(t)
	well := audit.Route{Reached: true, Measurements: []audit.Measurement{{Fault: "off", Method: "GET"}, {Fault: "silent", Method: "GET"}}}
	a, b := well, well
	a.ID, b.ID = "/a", "/b"
	wide := audit.Finding{Rule: "r", Severity: "medium", Routes: []string{"/a", "/b"}, Faults: []string{"off", "silent"}}
	narrow := audit.Finding{Rule: "r", Severity: "high", Routes: []string{"/b"}, Faults: []string{"silent"}}
	report := func(all ...audit.Finding) *audit.Report {
		return &audit.Report{Routes: []audit.Route{a, b}, Findings: all}
	}
	g.Expect(stillFound(report(wide, narrow), report(narrow), &wide)).To(BeFalse())
	g.Expect(stillFound(report(wide, narrow), report(wide, narrow), &wide)).To(BeTrue())
	g.Expect(stillFound(report(wide, narrow), report(wide), &narrow)).To(BeFalse(), "which is less grave")
	g.Expect(stillFound(report(narrow), report(narrow), &narrow)).To(BeTrue())
}

// Mends that do not go together are kept from the gravest on, and the others are none.
func TestTogether(t *testing.T) {
	g := NewWithT(t)
	a, b, c := &mend{}, &mend{}, &mend{}
	tries := 0
	kept, err := together([]*mend{a, b, c}, func(some ...*mend) (string, error) {
		tries++
		if slices.Contains(some, a) && slices.Contains(some, b) {
			return "a and b", nil
		}
		return "", nil
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kept).To(Equal([]*mend{a, c}))
	g.Expect([]string{a.lost, b.lost, c.lost}).To(Equal([]string{"", "it does not go together with the others: a and b", ""}))
	g.Expect(tries).To(Equal(3))

	kept, err = together([]*mend{a, c}, func(...*mend) (string, error) { return "", nil })
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(kept).To(Equal([]*mend{a, c}), "at once")
	_, err = together([]*mend{a, c}, func(...*mend) (string, error) { return "", errors.New("the lab is gone") })
	g.Expect(err).To(HaveOccurred())
}

func TestOneLine(t *testing.T) {
	for patch, want := range map[string]string{
		"server_tokens off;":                  "server_tokens off;",
		"# why\nset $a b;\n# and in x:\nc d;": "set $a b; ...",
		"# why\nset $a b;\n":                  "set $a b;",
	} {
		if got := oneLine(patch); got != want {
			t.Errorf("%q: %q, not %q", patch, got, want)
		}
	}
}
