package harness

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
)

func TestASetupSaysWhatItLacks(t *testing.T) {
	g := NewWithT(t)
	fake := &fakeupstream.Spec{Listen: "10.0.0.5:80"}
	with := func(all ...Upstream) Setup { return Setup{Gateway: Gateway{Program: Nginx}, Upstreams: all} }
	g.Expect(with(Upstream{Name: "app", Fake: fake}).validate()).To(Succeed())
	for want, s := range map[string]Setup{
		"has no program":              {},
		"upstream 1 of the setup has": with(Upstream{Fake: fake}),
		`are called "app"`:            with(Upstream{Name: "app", Fake: fake}, Upstream{Name: "app", Fake: fake}),
		"either Fake or Real":         with(Upstream{Name: "app"}),
		"both are one too many":       with(Upstream{Name: "app", Fake: fake, Real: &Backend{}}),
		"has no Argv":                 with(Upstream{Name: "app", Real: &Backend{Listen: "10.0.0.5:80"}}),
	} {
		if want == "both are one too many" {
			want = "either Fake or Real"
		}
		g.Expect(s.validate()).To(MatchError(ContainSubstring(want)))
	}
}

func TestTheErrorLogsOfAConfigAreFound(t *testing.T) {
	g := NewWithT(t)
	logs := errorLogs(Nginx, `error_log /var/log/nginx/error.log warn;
# error_log /not/this.log;
http { error_log /var/log/nginx/mine.log; server { error_log stderr; error_log syslog:server=10.0.0.1; } }`)
	g.Expect(logs).To(ConsistOf("/var/log/nginx/error.log", "/badgateway-output/gateway", "/var/log/nginx/mine.log"))
	g.Expect(slices.Index(logs, Nginx.ErrorLog)).To(Equal(0))
}

func TestTriesThatNoLogTellsOfAreNotJudged(t *testing.T) {
	g := NewWithT(t)
	want := Expectation{Status: 502, Tries: 1}
	g.Expect(Judge(want, Exchange{Status: 502})).To(HaveLen(1))
	g.Expect(Judge(want, Exchange{Status: 502, TriesUnknown: true})).To(BeEmpty())
}
