// Package images holds the Dockerfiles of the project's own images, compiled
// into the program so that an installed binary needs no source tree.
package images

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

//go:embed *.Dockerfile
var files embed.FS

// A Recipe is what an image is made by.
type Recipe struct {
	// Repository is the short name that the image is tagged with ("lab").
	Repository string
	// Text is the Dockerfile. It has no comments: who changes one alone has the same image, which is known by a hash of its recipe.
	Text []byte
	// Takes says about how long it takes to make it.
	Takes string
	// Long is whether that is longer than most others take.
	Long bool
}

// table maps the names under which the harness asks for images to the repositories of those. Names may share one: an image is
// built once. A component of which the first image has nothing is a family of its own below, made when a scenario needs it.
var table = map[string]string{
	"gateway":   "lab",
	"httpd":     "lab",
	"php":       "lab",
	"nginx":     "nginx",
	"uwsgi":     "lab",
	"wordpress": "wordpress",
}

// A family is an image of Debian's packages alone.
type family struct {
	packages []string
	check    string // a command that fails where its program can't be run
	large    bool   // it is no part of what is made in advance
}

// families are the images of one kind of component each, all made by packages.Dockerfile.
var families = map[string]family{
	"gunicorn": {packages: []string{"gunicorn"}, check: "gunicorn --version"},
	"node":     {packages: []string{"nodejs"}, check: "node --version"},
	"haproxy":  {packages: []string{"haproxy"}, check: "haproxy -v"},
	"lighttpd": {packages: []string{"lighttpd"}, check: "lighttpd -v"},
	// Varnish compiles its config at each start, which tcc does three times as fast as gcc. jemalloc asks for the time before libfaketime
	// can tell it, and hangs; without it, malloc is libc's.
	"varnish": {
		packages: []string{"varnish", "tcc", "libtcc-dev"},
		check:    "gcc -shared -x c /dev/null -o $(echo /usr/lib/*/libjemalloc.so.2) && varnishd -V",
	},
	"caddy": {packages: []string{"caddy"}, check: "caddy version"},
	// Built with GnuTLS, as the package squid is, it looks at no certificate of an application.
	"squid":         {packages: []string{"squid-openssl"}, check: "squid -v"},
	"trafficserver": {packages: []string{"trafficserver"}, check: "traffic_server -V"},
	"nscd":          {packages: []string{"nscd"}, check: "nscd --version"},
	// BIND calls jemalloc by names of its own, so that an empty library, as Varnish has it, would not do.
	"dns": {
		packages: []string{"dnsmasq-base", "bind9", "tcc"},
		check:    "echo '" + likeJemalloc + "' | tcc -nostdlib -shared -o $(echo /usr/lib/*/libjemalloc.so.2) - && dnsmasq --version && named -V",
	},
	"unbound": {packages: []string{"unbound"}, check: "unbound -V"},
	// A web server's host with what guards one: a firewall, a watcher of its logs, and an application firewall with the rules of OWASP.
	"guarded": {
		packages: []string{"apache2-bin", "fail2ban", "libapache2-mod-security2", "modsecurity-crs", "nftables", "python3-pyinotify"},
		check:    "apache2 -v && fail2ban-server --version && nft --version && test -e /usr/lib/apache2/modules/mod_security2.so",
	},
	// PHP-FPM with what a script needs to call the next three; the first image is sooner made without.
	"phpapp": {
		packages: []string{"php-fpm", "php-memcached", "php-mysql", "php-redis"},
		check:    "php-fpm8.2 -m | grep -cxE 'memcached|mysqli|redis' | grep -x 3",
	},
	"chromium":  {packages: []string{"chromium-headless-shell"}, check: "chromium-headless-shell --no-sandbox --version", large: true},
	"memcached": {packages: []string{"memcached"}, check: "memcached --version"},
	"redis":     {packages: []string{"redis-server"}, check: "redis-server --version"},
	// The tables of a new server take longer to make than to copy, which is what each start does.
	"mariadb": {
		packages: []string{"mariadb-client-core", "mariadb-server-core"},
		check: "mariadb-install-db --no-defaults --datadir=/usr/lib/badgateway/mariadb --auth-root-authentication-method=normal " +
			"--skip-test-db --innodb-log-file-size=4M && mariadbd --version",
	},
}

// likeJemalloc is what BIND calls of jemalloc, by means of libc, in one line: a flag is the binary logarithm of an alignment, and 64
// asks for zeros.
var likeJemalloc = strings.ReplaceAll(`
typedef unsigned long size_t;
void *memalign(size_t, size_t), *memset(void *, int, size_t), *realloc(void *, size_t);
void free(void *);
size_t malloc_usable_size(void *);
void *mallocx(size_t n, int f) { void *p = memalign(f & 63 ? 1UL << (f & 63) : 16, n); return p && f & 64 ? memset(p, 0, n) : p; }
void *rallocx(void *p, size_t n, int f) { return realloc(p, n); }
void sdallocx(void *p, size_t n, int f) { free(p); }
size_t sallocx(void *p, int f) { return malloc_usable_size(p); }
int mallctl(void *name, void *was, void *size, void *is, size_t len) { return 2; }
`, "\n", " ")

// Of returns the recipe of the named image. An unknown name is an error that lists the known ones.
func Of(name string) (Recipe, error) {
	if f, ok := families[name]; ok {
		text, err := read("packages")
		text = Fill(text, map[string]string{"PACKAGES": strings.Join(f.packages, " "), "CHECK": f.check})
		return Recipe{Repository: name, Text: text, Takes: "10 to 60 s"}, err
	}
	repository, ok := table[name]
	if !ok {
		return Recipe{}, fmt.Errorf("no image is named %q: the images are %s (the tables of harness/internal/images/images.go)", name, strings.Join(Names(), ", "))
	}
	text, err := read(repository)
	return Recipe{Repository: repository, Text: text, Takes: "about a minute", Long: true}, err
}

// Names returns the names that Of knows, sorted.
func Names() []string {
	names := append(slices.Collect(maps.Keys(table)), slices.Collect(maps.Keys(families))...)
	slices.Sort(names)
	return names
}

// InAdvance returns the names of what is made in advance, sorted.
func InAdvance() []string {
	return slices.DeleteFunc(Names(), func(name string) bool { return families[name].large })
}

// Fill puts values in place of their names in braces.
func Fill(text []byte, values map[string]string) []byte {
	for name, value := range values {
		text = bytes.ReplaceAll(text, []byte("${"+name+"}"), []byte(value))
	}
	return text
}

// Base returns the Dockerfile of the image that all others stand on, with their packages' lists.
func Base() ([]byte, error) { return read("base") }

// Musl returns the Dockerfile of the image that libfaketime is compiled in for gateways built for musl. It is in no table:
// an image with nothing else in it is made only where such a gateway is.
func Musl() ([]byte, error) { return read("musl") }

// read returns one of the Dockerfiles without its comments. None has a heredoc, in which such a line would not be one.
func read(repository string) ([]byte, error) {
	text, err := files.ReadFile(repository + ".Dockerfile")
	return comment.ReplaceAll(text, nil), err
}

var comment = regexp.MustCompile(`(?m)^[ \t]*#.*\n`)
