package lab

import (
	"slices"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
)

func TestASetupSaysWhatItLacks(t *testing.T) {
	g := NewWithT(t)
	fake := &fakeupstream.Spec{Listen: "10.0.0.5:80"}
	with := func(all ...Upstream) Setup { return Setup{Gateway: Gateway{Driver: nginx.Driver}, Upstreams: all} }
	g.Expect(with(Upstream{Name: "app", Fake: fake}).validate()).To(Succeed())
	for _, c := range []struct {
		setup Setup
		want  string
	}{
		{Setup{}, "has no program"},
		{Setup{Gateway: Gateway{Driver: nginx.Driver, Files: []File{{Path: "/etc/nginx/nginx.conf"}}}}, "set Gateway.Config"},
		{with(Upstream{Fake: fake}), "upstream 1 of the setup has"},
		{with(Upstream{Name: "app", Fake: fake}, Upstream{Name: "app", Fake: fake}), `are called "app"`},
		{with(Upstream{Name: "app"}), "either Fake or Real"},
		{with(Upstream{Name: "app", Fake: fake, Real: &Backend{}}), "either Fake or Real"},
		{with(Upstream{Name: "app", Real: &Backend{Listen: "10.0.0.5:80"}}), "has no Argv"},
		{with(Upstream{Name: "app", Real: &Backend{Argv: []string{"app"}, Memory: 1 << 25}}), "set its Image"},
		{with(Upstream{Name: "app", Real: &Backend{Argv: []string{"app"}, CPUs: 0.5}}), "set its Image"},
	} {
		g.Expect(c.setup.validate()).To(MatchError(ContainSubstring(c.want)))
	}
}

func TestTheErrorLogsOfAConfigAreFound(t *testing.T) {
	g := NewWithT(t)
	logs := errorLogs(nginx.Driver, `error_log /var/log/nginx/error.log warn;
# error_log /not/this.log;
http { error_log /var/log/nginx/mine.log; server { error_log stderr; error_log syslog:server=10.0.0.1; } }`)
	g.Expect(logs).To(ConsistOf("/var/log/nginx/error.log", "/badgateway-output/gateway", "/var/log/nginx/mine.log"))
	g.Expect(slices.Index(logs, nginx.Driver.ErrorLog)).To(Equal(0))
}
