package harness

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/badgateway/badgateway/harness/internal/nginxbuild"
)

func TestAScenarioExpectsWhatFollowsOnItsGateway(t *testing.T) {
	build := func(version, tls string) nginxbuild.Build { return nginxbuild.Build{Version: version, TLS: tls} }
	s := Scenario{
		Expect: Expectation{Status: 200},
		Exceptions: []Exception{
			{From: "1.23.0", Before: "1.27.0", Why: "some", Expect: Expectation{Status: 502}},
			{From: "1.27.0", Why: "later", Expect: Expectation{Status: 503}},
			{TLS: "OpenSSL 1.", Why: "library", Expect: Expectation{Status: 504}},
		},
	}
	for _, c := range []struct {
		build  nginxbuild.Build
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
		got, why := s.on(c.build)
		if got.Expect.Status != c.status || why != c.why {
			t.Errorf("%+v: %d for %q, not %d for %q", c.build, got.Expect.Status, why, c.status, c.why)
		}
	}
	g := NewWithT(t)
	g.Expect(s.Expect.Status).To(Equal(200), "the scenario itself stays as it is")
}

func TestAProgramWritesWhereItsBuildSays(t *testing.T) {
	g := NewWithT(t)
	b, err := nginxbuild.Read("nginx version: openresty/1.27.1.2\nconfigure arguments: --prefix=/usr/local/openresty/nginx")
	g.Expect(err).NotTo(HaveOccurred())
	p := Nginx.on(b, "openresty")
	g.Expect(p.Argv).To(Equal([]string{"openresty", "-c", "/etc/nginx/nginx.conf", "-g", "daemon off;"}))
	g.Expect(p.ErrorLog).To(Equal("/usr/local/openresty/nginx/logs/error.log"))
	var paths []string
	for _, f := range p.Folders {
		paths = append(paths, f.Path)
		if f.Path == "/etc/nginx" {
			g.Expect(f.From).To(Equal("/usr/local/openresty/nginx/conf"))
		}
	}
	g.Expect(paths).To(ContainElements("/etc/nginx", "/run", "/usr/local/openresty/nginx/logs", "/usr/local/openresty/nginx/proxy_temp"))
	g.Expect(Nginx.Folders).NotTo(ContainElement(HaveField("From", Not(BeEmpty()))), "that of others stays as it is")

	b, err = nginxbuild.Read("nginx version: nginx/1.22.1\nconfigure arguments: --conf-path=/etc/nginx/nginx.conf --pid-path=/var/run/nginx.pid " +
		"--error-log-path=/var/log/nginx/error.log --http-log-path=/var/log/nginx/access.log --http-proxy-temp-path=/var/lib/nginx/proxy " +
		"--http-client-body-temp-path=/var/lib/nginx/body --http-fastcgi-temp-path=/var/lib/nginx/f --http-uwsgi-temp-path=/var/lib/nginx/u --http-scgi-temp-path=/var/lib/nginx/s")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(Nginx.on(b, "nginx").Folders).To(Equal(Nginx.Folders), "all of it lies in folders that a cell has anyway")
}
