package provision

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Each case is a folder (or a file) under testdata, settled on Debian's nginx 1.22: what was supplied, as "kind what @place",
// or why it was refused, as "kind @place".
var cases = []struct {
	name, path string
	supplied   []string // all of these, and nothing else of their kinds
	refused    string
	says       string // part of the refusal's text
}{
	{name: "envsubst", supplied: []string{
		"wrapper templates/default.conf.template @templates/default.conf.template:1",
		"variable APP_HOST @templates/default.conf.template:1", "variable APP_PORT @templates/default.conf.template:1",
		"variable NGINX_PORT @templates/default.conf.template:3", "variable SERVER_NAME @templates/default.conf.template:4",
		"variable UPLOAD_MAX_SIZE @templates/default.conf.template:5", "variable READ_TIMEOUT @templates/default.conf.template:6"}},
	{name: "jinja", refused: "template @nginx.conf.j2:4", says: "Jinja"},
	{name: "rootless", supplied: []string{"wrapper site.inc.conf @site.inc.conf:1", "variable SHOP_HOME @site.inc.conf:1",
		"file /var/www/html/web/index.php @site.inc.conf:4"}},
	{name: "hidden", refused: "template @gate_nginx.template:2", says: "{{...}}"},
	{name: "helm", refused: "template @nginx.conf:4", says: "Go template"},
	{name: "erb", refused: "template @nginx.conf:3", says: "ERB"},
	{name: "heroku", refused: "template @nginx.conf.erb:2", says: "ERB"},
	{name: "yunohost", refused: "template @nginx.conf:1", says: "__PATH__"},
	{name: "autoconf", refused: "template @nginx.conf:2", says: "@DATADIR@"},
	{name: "terraform", refused: "template @site.conf:1", says: "Terraform"},
	{name: "placeholder", refused: "template @nginx.conf:2", says: "<BACKEND_IP>"},
	{name: "lookalike"},
	{name: "lua", supplied: []string{"module ndk_http_module.so @nginx.conf:3", "module ngx_http_lua_module.so @nginx.conf:3"}},
	{name: "luafile", refused: "undefined @nginx.conf:2", says: "lua/init.lua"},
	{name: "server", path: "server/app.conf", supplied: []string{"wrapper app.conf @app.conf:1",
		"certificate of the servers that name none @app.conf:1", "variable $connection_upgrade @app.conf:7"}},
	{name: "httponly", supplied: []string{"wrapper http.conf @http.conf:1"}},
	{name: "locations", supplied: []string{"wrapper app.conf @app.conf:1"}},
	{name: "tcp", supplied: []string{"wrapper db.conf @db.conf:1", "module ngx_stream_module.so @db.conf:1"}},
	{name: "confd", refused: "mistake @conf.d/b.conf:1", says: `duplicate upstream "a"`},
	{name: "debian", supplied: []string{"file /srv/blog/index.php @sites-available/blog:6", "include /etc/nginx/modules-enabled/50-gone.conf @nginx.conf:3"}},
	{name: "unlinked", supplied: []string{"include sites-available/shop @nginx.conf:2"}},
	{name: "compose", supplied: []string{"certificate certs/tls.crt @deploy/proxy.conf:4", "key certs/tls.key @deploy/proxy.conf:5"}},
	{name: "openresty", supplied: []string{"folder /usr/share/nginx/logs @conf/nginx.conf:1"}},
	{name: "halfpair", supplied: []string{"ca certs/upstream.pem @nginx.conf:8", "ca certs/ca.crt @nginx.conf:6", "ca certs/chain.pem @nginx.conf:7",
		"ca certs/crl.pem @nginx.conf:6", "certificate certs/site.crt @nginx.conf:5", "key certs/site.key @nginx.conf:5", "key tickets.key @nginx.conf:7"}},
	{name: "plus", refused: "plus @nginx.conf:2", says: "health_check"},
	{name: "plusparam", refused: "plus @nginx.conf:2", says: "slow_start"},
	{name: "version", refused: "version @nginx.conf:3", says: "1.25.1"},
	{name: "resolve", refused: "version @nginx.conf:2", says: "1.27.3"},
	{name: "unpackaged", refused: "module @nginx.conf:2", says: "nginx-module-vts"},
	{name: "aio", refused: "build @nginx.conf:2", says: "aio"},
	{name: "mistake", refused: "mistake @conf.d/app.conf:4", says: `unknown directive "proxy_pas"`},
	{name: "brace", refused: "mistake @nginx.conf:5", says: "unexpected end of file"},
	{name: "undefined", refused: "undefined @nginx.conf:2", says: `upstream "php"`},
	{name: "undefinedvar", refused: "undefined @nginx.conf:3", says: "$nobody_knows"},
	{name: "zones", supplied: []string{"include log_format timed @nginx.conf:5", "include upstream php @nginx.conf:7", "include zone c @nginx.conf:6",
		"folder /var/log/app @nginx.conf:5", "include zone one @nginx.conf:6", "include zone addr @nginx.conf:6"}},
	{name: "empty", refused: "empty @nginx.conf:0", says: "no server"},
	{name: "foreground", supplied: []string{"folder /run/gate @nginx.conf:3"}},
	{name: "literal", supplied: []string{"name ${backend} @nginx.conf:2"}},
	{name: "alternatives", supplied: []string{"wrapper app-dev.conf, app-prod.conf @app-prod.conf:1"}},
	{name: "outer", supplied: []string{"wrapper site.conf @site.conf:1"}},
	{name: "cycle", refused: "mistake @more.conf:2", says: "includes itself"},
	{name: "geoip", refused: "undefined @nginx.conf:3", says: "GeoLite2-Country.mmdb"},
	{name: "jwt", refused: "plus @nginx.conf:4", says: "auth_jwt"},
	{name: "zstd", refused: "module @nginx.conf:2", says: "ngx_http_zstd_filter_module"},
	{name: "sslon", supplied: []string{"certificate /etc/ssl/private/app.pem @nginx.conf:2", "key /etc/ssl/private/app.pem @nginx.conf:2"}},
	{name: "kqueue", refused: "build @nginx.conf:1", says: "kqueue"},
	{name: "auth", supplied: []string{"password file .htpasswd @nginx.conf:9", "file /srv/pages/errors/50x.html @nginx.conf:10",
		"certificate /etc/letsencrypt/live/example.org/fullchain.pem @nginx.conf:7", "key /etc/letsencrypt/live/example.org/privkey.pem @nginx.conf:8",
		"user group staff2 @nginx.conf:1", "user web @nginx.conf:1"}},
	{name: "missing", supplied: []string{"include /etc/nginx/own/headers.conf @nginx.conf:4", "include /etc/nginx/own/gzip.conf @nginx.conf:5",
		"include /etc/letsencrypt/options-ssl-nginx.conf @nginx.conf:9",
		"certificate /etc/ssl/certs/ssl-cert-snakeoil.pem @/etc/nginx/snippets/snakeoil.conf:4",
		"key /etc/ssl/private/ssl-cert-snakeoil.key @/etc/nginx/snippets/snakeoil.conf:5"}},
	{name: "modules", supplied: []string{"module ngx_http_headers_more_filter_module.so @nginx.conf:1",
		"module ngx_http_brotli_filter_module.so @nginx.conf:4", "module ngx_http_echo_module.so @nginx.conf:4", "module ngx_stream_module.so @nginx.conf:5"}},
	{name: "nomodule", refused: "module @nginx.conf:1", says: "ngx_otel_module.so"},
	{name: "linklocal", refused: "mistake @nginx.conf:2", says: "fe80::1"},
	{name: "nested", supplied: []string{"variable WEB_HOST @project/deploy/nginx/templates/web.conf.template:1",
		"variable WEB_PORT @project/deploy/nginx/templates/web.conf.template:1"}},
	{name: "beside", path: "beside/sites-available/api.conf", supplied: []string{"wrapper sites-available/api.conf @sites-available/api.conf:1"}},
	{name: "badcert", refused: "mistake @nginx.conf:2", says: "does not belong"},
	{name: "php", supplied: []string{"file /srv/www/public/index.php @nginx.conf:6", "file /srv/www/public/front.php @nginx.conf:6"}},
	{name: "flags", supplied: []string{"wrapper site.conf.template @site.conf.template:1", "variable TRUST_ALL @site.conf.template:3",
		"variable MANY @site.conf.template:4"}},
	{name: "envplain", supplied: []string{"wrapper site.conf @site.conf:1", "variable WORKERS_ADDRESS @site.conf:3"}},
	{name: "envbeside", supplied: []string{"wrapper site.conf @site.conf:1", "variable backend @site.conf:1", "variable WAIT @site.conf:1"}},
	{name: "fits", supplied: []string{"wrapper shop.conf.template @shop.conf.template:1", "variable PAGES @shop.conf.template:3",
		"variable AT_MOST @shop.conf.template:4", "variable ROOM @shop.conf.template:6"}},
	{name: "loose", supplied: []string{"wrapper conf.d/ping.conf, intranet_location, shop_location @conf.d/ping.conf:1"}},
	{name: "sizeword", refused: "template @nginx.conf:3", says: "ZONE_MEGABYTES looks like a placeholder"},
	{name: "patched", refused: "module @nginx.conf:3", says: "perhaps a patched build"},
	{name: "plusbefore", refused: "plus @nginx.conf:3", says: "health_check is a directive of NGINX Plus"},
	{name: "misspelt", refused: "undefined @nginx.conf:4", says: `"backedn" is no upstream of this config, which has "backend"`},
	{name: "typo", refused: "undefined @nginx.conf:4", says: `upstream "wrokers" is defined nowhere here; the config has "workers"`},
	{name: "group", supplied: []string{"wrapper a.conf @a.conf:1", "include upstream workers @a.conf:1"}},
	{name: "pages", supplied: []string{"file /srv/ready @nginx.conf:5", "file /srv/shop/sorry.html @nginx.conf:7",
		"file /srv/shop/own/404.html @nginx.conf:8", "file /srv/shop/own/403.html @nginx.conf:8",
		"file /srv/elsewhere/here.html @nginx.conf:14", "file /srv/shop/app/index.html @nginx.conf:11"}},
	{name: "mail", supplied: []string{"module ngx_mail_module.so @nginx.conf:2"}},
}

func TestSettle(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.path == "" {
				c.path = c.name
			}
			tree, err := Load(Options{Path: "testdata/" + c.path})
			if err == nil {
				err = tree.Settle(t.Context(), play(t, c.name))
			}
			if c.refused != "" {
				var r *Refused
				if !errors.As(err, &r) {
					t.Fatalf("got %v, want it refused: %s", err, c.refused)
				}
				if got := fmt.Sprintf("%s @%s:%d", r.Kind, r.Place.File, r.Place.Line); got != c.refused {
					t.Errorf("refused: got %s, want %s (%v)", got, c.refused, err)
				}
				if !strings.Contains(r.Message, c.says) || r.Remedy == "" {
					t.Errorf("got %q with the remedy %q, want it to say %q", r.Message, r.Remedy, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range tree.Supplied {
				got = append(got, fmt.Sprintf("%s %s @%s:%d", s.Kind, s.What, s.Place.File, s.Place.Line))
			}
			if strings.Join(got, "\n") != strings.Join(c.supplied, "\n") {
				t.Errorf("supplied:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.supplied, "\n"))
			}
			if said := strings.Contains(strings.Join(tree.Notes, "\n"), "mail servers (nginx.conf:"); said != (c.name == "mail") {
				t.Errorf("notes: %q", tree.Notes)
			}
			if c.name == "pages" {
				var flags []string
				for _, f := range tree.Flags {
					flags = append(flags, f.File)
				}
				if strings.Join(flags, " ") != "/srv/shop/closed.html /srv/shop/off.html" {
					t.Errorf("flags: %q", flags)
				}
			}
			if tree.servers == 0 {
				t.Error("it has no server")
			}
		})
	}
}
