package nginx

import (
	"testing"

	. "github.com/onsi/gomega"
)

func TestRead_TakesWhatConfigureWasGiven(t *testing.T) {
	g := NewWithT(t)
	b, err := ReadBuild(`nginx version: nginx/1.29.1
built by gcc 12.2.0 (Debian 12.2.0-14+deb12u1)
built with OpenSSL 3.0.17 1 Jul 2025
TLS SNI support enabled
configure arguments: --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx --modules-path=/usr/lib/nginx/modules --conf-path=/etc/nginx/nginx.conf --error-log-path=/var/log/nginx/error.log --http-log-path=/var/log/nginx/access.log --pid-path=/run/nginx.pid --lock-path=/run/nginx.lock --http-client-body-temp-path=/var/cache/nginx/client_temp --http-proxy-temp-path=/var/cache/nginx/proxy_temp --http-fastcgi-temp-path=/var/cache/nginx/fastcgi_temp --http-uwsgi-temp-path=/var/cache/nginx/uwsgi_temp --http-scgi-temp-path=/var/cache/nginx/scgi_temp --user=nginx --with-stream --with-stream_ssl_module --with-cc-opt='-g -O2 -fstack-protector-strong'
`)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.Name).To(Equal("nginx/1.29.1"))
	g.Expect(b.Version).To(Equal("1.29.1"))
	g.Expect(b.Prefix).To(Equal("/etc/nginx"))
	g.Expect(b.Conf).To(Equal("/etc/nginx/nginx.conf"))
	g.Expect(b.Modules).To(Equal("/usr/lib/nginx/modules"))
	g.Expect(b.Temp).To(ContainElements("/var/cache/nginx/client_temp", "/var/cache/nginx/scgi_temp"))
	g.Expect(b.TLS).To(Equal("OpenSSL 3.0.17"))
	g.Expect(b.Before("1.29.1")).To(BeFalse())
	g.Expect(b.Before("1.30.0")).To(BeTrue())
	g.Expect(b.Before("1.9.9")).To(BeFalse())
	g.Expect(b.Has("--with-stream")).To(BeTrue())
	g.Expect(b.Has("--with-stream_realip_module")).To(BeFalse())
	g.Expect(b.Writes()).To(ContainElements("/run", "/var/log/nginx"))
}

func TestRead_KnowsTheDefaultsOfConfigure(t *testing.T) {
	g := NewWithT(t)
	b, err := ReadBuild("nginx version: openresty/1.27.1.2\nconfigure arguments: --prefix=/usr/local/openresty/nginx --with-stream\n")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.Name).To(Equal("openresty/1.27.1.2"))
	g.Expect(b.Version).To(Equal("1.27.1"))
	g.Expect(b.Conf).To(Equal("/usr/local/openresty/nginx/conf/nginx.conf"))
	g.Expect(b.Pid).To(Equal("/usr/local/openresty/nginx/logs/nginx.pid"))
	g.Expect(b.ErrorLog).To(Equal("/usr/local/openresty/nginx/logs/error.log"))
	g.Expect(b.Temp).To(ContainElement("/usr/local/openresty/nginx/client_body_temp"))
	g.Expect(b.Writes()).To(ContainElement("/usr/local/openresty/nginx/logs"))
	g.Expect(b.Writes()).NotTo(ContainElement("/usr/local/openresty/nginx"))
}

func TestRead_KeepsWhatABuildCallsItself(t *testing.T) {
	g := NewWithT(t)
	b, err := ReadBuild("nginx version: nginx/1.25.3 (nginx-plus-r31)\nconfigure arguments: --error-log-path=stderr\n")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.Name).To(Equal("nginx/1.25.3 (nginx-plus-r31)"))
	g.Expect(b.Prefix).To(Equal("/usr/local/nginx"))
	g.Expect(b.ErrorLog).To(BeEmpty())
	_, err = ReadBuild("sh: nginx: not found")
	g.Expect(err).To(MatchError(ContainSubstring("not found")))
}
