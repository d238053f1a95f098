package scenario

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/gateway"
)

func TestForBuild_FirstFittingExceptionCounts(t *testing.T) {
	build := func(version, tls string) gateway.Build { return gateway.Build{Version: version, TLS: tls} }
	s := Scenario{
		Expect: Expectation{Status: 200},
		Exceptions: []Exception{
			{From: "1.23.0", Before: "1.27.0", Why: "some", Expect: Expectation{Status: 502}},
			{From: "1.27.0", Why: "later", Expect: Expectation{Status: 503}},
			{TLS: "OpenSSL 1.", Why: "library", Expect: Expectation{Status: 504}},
		},
	}
	for _, c := range []struct {
		build  gateway.Build
		status int
		why    string
	}{
		{build("1.22.1", "OpenSSL 3.0.17"), 200, ""},
		{build("1.23.0", "OpenSSL 3.0.17"), 502, "some"},
		{build("1.26.3", "OpenSSL 1.1.1w"), 502, "some"},
		{build("1.30.2", ""), 503, "later"},
		{build("1.18.0", "OpenSSL 1.1.1w"), 504, "library"},
		{build("1.9.15", ""), 200, ""},
	} {
		got, why := s.forBuild(c.build)
		if got.Expect.Status != c.status || why != c.why {
			t.Errorf("%+v: %d for %q, not %d for %q", c.build, got.Expect.Status, why, c.status, c.why)
		}
	}
	g := NewWithT(t)
	g.Expect(s.Expect.Status).To(Equal(200), "the scenario itself stays as it is")
}
