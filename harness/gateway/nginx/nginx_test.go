package nginx

import (
	"testing"

	"github.com/badgateway/badgateway/harness/gateway"
	. "github.com/onsi/gomega"
)

func TestAProgramWritesWhereItsBuildSays(t *testing.T) {
	g := NewWithT(t)
	b, err := ReadBuild("nginx version: openresty/1.27.1.2\nconfigure arguments: --prefix=/usr/local/openresty/nginx")
	g.Expect(err).NotTo(HaveOccurred())
	p := on(Driver, b, "openresty")
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
	g.Expect(Driver.Folders).NotTo(ContainElement(HaveField("From", Not(BeEmpty()))), "that of others stays as it is")

	b, err = ReadBuild("nginx version: nginx/1.22.1\nconfigure arguments: --conf-path=/etc/nginx/nginx.conf --pid-path=/var/run/nginx.pid " +
		"--error-log-path=/var/log/nginx/error.log --http-log-path=/var/log/nginx/access.log --http-proxy-temp-path=/var/lib/nginx/proxy " +
		"--http-client-body-temp-path=/var/lib/nginx/body --http-fastcgi-temp-path=/var/lib/nginx/f --http-uwsgi-temp-path=/var/lib/nginx/u --http-scgi-temp-path=/var/lib/nginx/s")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(on(Driver, b, "nginx").Folders).To(Equal(Driver.Folders), "all of it lies in folders that a sandbox has anyway")
}

func TestUpstreamAddr(t *testing.T) {
	for field, want := range map[string]string{
		"http://10.0.0.5:8080/path?a=b://c":         "10.0.0.5:8080",
		"fastcgi://10.0.0.5:9000":                   "10.0.0.5:9000",
		"https://[::1]:443/":                        "[::1]:443",
		"fastcgi://unix:/run/php/php8.2-fpm.sock:":  "unix:/run/php/php8.2-fpm.sock",
		"http://unix:/run/app.sock:/path/with:more": "unix:/run/app.sock",
		"": "",
	} {
		if got := upstreamAddr(field); got != want {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
}

func TestNotConnected(t *testing.T) {
	const connecting = "connecting to upstream"
	for _, c := range []struct {
		line gateway.LogRecord
		want string
	}{
		{gateway.LogRecord{Level: "error", Phase: connecting, Upstream: "http://10.0.0.5:80/", Message: "connect() failed"}, "10.0.0.5:80"},
		{gateway.LogRecord{Level: "warn", Phase: connecting, Upstream: "http://10.0.0.5:80/"}, ""}, // the peer is benched
		{gateway.LogRecord{Level: "alert", Phase: connecting, Upstream: "http://10.0.0.5:80/", Message: "socket() failed"}, ""},
		{gateway.LogRecord{Level: "alert", Phase: connecting, Upstream: "http://10.0.0.5:80/", Message: "1024 worker_connections are not enough"}, ""},
		{gateway.LogRecord{Level: "error", Phase: "reading response header from upstream", Upstream: "http://10.0.0.6:80/"}, ""},
	} {
		if got := notConnected(c.line); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.line, got, c.want)
		}
	}
}
