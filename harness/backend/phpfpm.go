// Package backend holds the real servers behind a gateway, each as a value that a scenario names.
package backend

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/badgateway/badgateway/harness/lab"
)

// PHPFPM is PHP-FPM with one pool, as Debian packages it.
type PHPFPM struct {
	Name   string // "app"
	Listen string // "10.0.0.5:9000" or "unix:/run/php/php8.2-fpm.sock"
	// Image is "phpapp" for scripts that call a database or a cache, which takes extensions of PHP, "wordpress" for one that has WordPress in
	// /usr/share/wordpress and what a site adds to it in /var/lib/wordpress; empty is "php", which has none.
	Image string
	// Global are further lines of the section [global] ("process_control_timeout = 30s").
	Global []string
	// Pool are further lines of the pool's config ("request_terminate_timeout = 20s"), as its www.conf takes them.
	Pool []string
	// Scripts are the PHP files, by path.
	Scripts map[string]string
	// Memory is the memory limit of its container in bytes; 0 for none.
	Memory int64
	// CPUs is its container's share of processors; 0 for no limit.
	CPUs float64
}

// wordpress is the image that has WordPress.
const wordpress = "wordpress"

// fpmLog is where PHP-FPM logs.
const fpmLog = "/var/log/upstream/php-fpm.log"

// sigchld makes the master look at its timers: it expects one whenever a worker ends, and finds none ended.
const sigchld = 17

// Upstream is the pool as an upstream of a sandbox.
func (p PHPFPM) Upstream() lab.Upstream {
	conf := "/etc/php-fpm-" + p.Name + ".conf"
	files := []lab.File{{Path: conf, Data: p.config()}}
	for _, at := range slices.Sorted(maps.Keys(p.Scripts)) {
		files = append(files, lab.File{Path: at, Data: p.Scripts[at]})
	}
	folders := socketFolder(p.Listen)
	if p.Image == wordpress {
		// What opcache keeps of WordPress is in memory then, and not in some hundreds of files of the image.
		kept := lab.Folder{Path: "/usr/lib/badgateway/opcache", Keep: true}
		folders = append(folders, lab.Folder{Path: "/var/lib/wordpress", Keep: true}, lab.Folder{Path: "/tmp"}, kept)
	}
	return lab.Upstream{Name: p.Name, Real: &lab.Backend{
		Image:   cmp.Or(p.Image, "php"),
		Argv:    []string{"php-fpm8.2", "-F", "-y", conf},
		Files:   files,
		Listen:  p.Listen,
		Folders: folders,
		Log:     fpmLog,
		Wake:    lab.WakeSignal{Signal: sigchld},
		Memory:  p.Memory,
		CPUs:    p.CPUs,
	}}
}

// config is the whole config: PHP-FPM's defaults, save that two workers do for one client at a time, that what the
// workers print is logged, and that a script which is deployed counts from the next request on, for which opcache is off. By
// default it keeps a script that is 2 s old when it is asked for (opcache.file_update_protection), and looks for another one
// after 2 s at the earliest (opcache.revalidate_freq): where a busy machine took 2 s to the first client, the mended script came
// too late for the next. Tried on PHP 8.2: asked for when just written, rewritten, asked for again, it is the new one; when 3 s old,
// it is the old one, and the new one 3 s later. With a revalidate_freq of 0 it is the new one at once, but the old one for good
// where both were written in the same second, for that is all that opcache compares. With WordPress it is on, and the image says of what:
// of WordPress' own files, which nobody changes.
func (p PHPFPM) config() string {
	lines := append([]string{"[global]", "error_log = " + fpmLog, "daemonize = no"}, p.Global...)
	pool := []string{
		"[www]", "user = www-data", "group = www-data", "listen = " + strings.TrimPrefix(p.Listen, "unix:"),
		"pm = static", "pm.max_children = 2", "catch_workers_output = yes",
	}
	if p.Image != wordpress {
		pool = append(pool, "php_admin_value[opcache.enable] = 0")
	}
	if strings.HasPrefix(p.Listen, "unix:") {
		pool = append(pool, "listen.owner = www-data", "listen.group = www-data", "listen.mode = 0660")
	}
	return strings.Join(append(append(lines, pool...), p.Pool...), "\n") + "\n"
}

// With is the same pool with further lines of config.
func (p PHPFPM) With(lines ...string) PHPFPM {
	p.Pool = append(append([]string(nil), p.Pool...), lines...)
	return p
}
