package nginx

import (
	"testing"

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
	g.Expect(on(Driver, b, "nginx").Folders).To(Equal(Driver.Folders), "all of it lies in folders that a cell has anyway")
}
