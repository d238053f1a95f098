// Package knowledge is what badgateway knows of failures beyond its scenarios: causes, and the texts that they are recognised by. It is
// data alone; package scenarios joins it with the catalogue.
package knowledge

import (
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/diagnose"
)

// Causes are all causes.
func Causes() []diagnose.Cause {
	all := slices.Concat(connecting, reading, tls, names, configs, visitors, php, apps, services, system, containers, clouds, pages, servers, browsers)
	for i, c := range all {
		all[i].Match = slices.Concat(c.Match, standing[c.Slug], told[c.Slug])
		all[i].Directives = strings.Fields(directives[c.Slug])
		// what the gateway saw of one peer is the reason of what it says of the pool, and of what the visitor got
		if i < len(connecting)+len(reading)+len(tls)+len(names) && c.Side != diagnose.Nobody && c.Side != diagnose.Unknown && !slices.Contains(pool, c.Slug) {
			all[i].Effects = slices.Concat(c.Effects, pool)
		}
		if slices.Contains(keepsDown, c.Slug) {
			all[i].Effects = slices.Concat(all[i].Effects, []string{"gateway-down", "unit-failed", "unit-start-limit"})
		}
	}
	return all
}

// pool are causes that follow from what a gateway logged of one peer just before.
var pool = []string{"no-live-upstreams", "peer-disabled", "status-only", "connect-failed", "closed-before-header"}

// Where it can be read.
const (
	core      = "https://nginx.org/en/docs/ngx_core_module.html"
	httpCore  = "https://nginx.org/en/docs/http/ngx_http_core_module.html"
	proxying  = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html"
	fastcgi   = "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html"
	upstreams = "https://nginx.org/en/docs/http/ngx_http_upstream_module.html"
	modProxy  = "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html"
	hapLog    = "https://docs.haproxy.org/2.6/configuration.html#8.5"
	envoyLog  = "https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage"
	tcp7      = "https://man7.org/linux/man-pages/man7/tcp.7.html"
	connect2  = "https://man7.org/linux/man-pages/man2/connect.2.html"
	unix7     = "https://man7.org/linux/man-pages/man7/unix.7.html"
	fpmConf   = "https://www.php.net/manual/en/install.fpm.configuration.php"
	phpIni    = "https://www.php.net/manual/en/ini.core.php"
	kubernete = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/"
	systemdEx = "https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html"
	oomDoc    = "https://docs.kernel.org/admin-guide/mm/concepts.html"
	cfErrors  = "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/"
	herokuDoc = "https://devcenter.heroku.com/articles/error-codes"
	mysqlErr  = "https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html"
	pgErr     = "https://www.postgresql.org/docs/current/errcodes-appendix.html"
	redisDoc  = "https://redis.io/docs/latest/develop/reference/clients/"
)
