package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// sockets is PHP-FPM behind a unix socket that the gateway does not get through.
var sockets = []scenario.Scenario{
	socketMissing(), socketStale(), socketVersion(), socketPermission(), socketFolder(),
}

var socketFPM = backend.PHPFPM{Name: "app", Listen: fpmSocket, Scripts: page("well.php")}

// onSocket is a variant on the fake PHP-FPM behind the unix socket.
func onSocket(breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakePHP(fpmSocket)}, Inject: breaks}
}

// socketFails is what follows where nginx does not get through the socket.
func socketFails(level string, errno int) scenario.Expectation {
	return socketFailsAt(fpmSocket, level, errno)
}

func socketFailsAt(socket, level string, errno int) scenario.Expectation {
	return scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{{
		Level: level, Text: "connect() to " + socket + " failed", Errno: errno, Phase: connecting,
	}}}
}

func socketMissing() scenario.Scenario {
	return scenario.Scenario{
		ID: "fpm-socket-missing",
		Claim: "PHP-FPM was stopped, and took its unix socket away: nginx finds no such file, " +
			"logs it as crit and answers 502 at once.",
		Family: "service", Causes: []string{"A4", "A1"},
		Gateway:  onNginx("php-socket.conf"),
		Fault:    "PHP-FPM is stopped in order, by SIGTERM as systemctl stop does",
		Variants: []scenario.Variant{realFPM(socketFPM, fault.Stop{Upstream: "app", Signal: sigterm}), onSocket(stop)},
		Expect:   socketFails("crit", 2),
		Confirm:  "ls -l /run/php/php8.2-fpm.sock finds no file, and systemctl status php8.2-fpm says that it is not running.",
		Remedy:   "systemctl start php8.2-fpm; systemctl enable php8.2-fpm, if it was a restart of the machine that stopped it.",
		Source:   "https://man7.org/linux/man-pages/man7/unix.7.html",
	}
}

func socketStale() scenario.Scenario {
	return scenario.Scenario{
		ID: "fpm-socket-stale",
		Claim: "PHP-FPM died without cleaning up: the file of its unix socket is still there and nobody listens on it, " +
			"so that nginx is refused and answers 502 at once.",
		Family: "service", Causes: []string{"A4", "A1"},
		Gateway: onNginx("php-socket.conf"),
		Fault:   "PHP-FPM is killed with all its workers",
		Variants: []scenario.Variant{
			realFPM(socketFPM, stop), onSocket(scripted("app", fakeupstream.Refuse{Socket: fakeupstream.SocketStale})),
		},
		Expect:  socketFails("error", 111),
		Confirm: "ls -l /run/php/php8.2-fpm.sock shows the file, and ss -lx | grep php8.2-fpm.sock shows no listener.",
		Remedy:  "systemctl restart php8.2-fpm, which replaces the file; journalctl -k | grep -i oom tells whether the kernel killed it.",
		Source:  "https://man7.org/linux/man-pages/man7/unix.7.html",
	}
}

func socketVersion() scenario.Scenario {
	const other = "unix:/run/php/php8.3-fpm.sock"
	newer := socketFPM
	newer.Listen = other
	called := []fault.Fault{fault.Config{Conf: changed("php-socket.conf", fpmSocket, other)}}

	onFPM := realFPM(socketFPM, fault.Stop{Upstream: "app", Signal: sigterm}, fault.Replace{Upstream: newer.Upstream()})
	onFPM.Remedy = called
	onFake := onSocket(fault.Replace{Upstream: fakePHP(other)})
	onFake.Remedy = called
	return scenario.Scenario{
		ID: "fpm-socket-version",
		Claim: "After an upgrade PHP-FPM listens on a socket with the new version in its name, and nginx still calls the old one: " +
			"no such file, 502 at once.",
		Family: "service", Causes: []string{"A4"},
		Gateway:  onNginx("php-socket.conf"),
		Fault:    "PHP-FPM listens on php8.3-fpm.sock, nginx calls php8.2-fpm.sock",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   socketFails("crit", 2),
		Confirm:  "ls /run/php/ shows which socket there is; nginx -T | grep fastcgi_pass shows which one nginx calls.",
		Remedy: "Set fastcgi_pass unix:/run/php/php8.3-fpm.sock; and systemctl reload nginx; Debian's /run/php/php-fpm.sock follows the " +
			"version by itself.",
		Source: "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
	}
}

func socketPermission() scenario.Scenario {
	rooted := socketFPM.With("listen.owner = root", "listen.group = root")
	return scenario.Scenario{
		ID: "fpm-socket-permission",
		Claim: "nginx's user may not write to PHP-FPM's unix socket: the kernel denies the connection, " +
			"nginx logs it as crit and answers 502 at once.",
		Family: "service", Causes: []string{"A4"},
		Gateway: onNginx("php-socket.conf"),
		Fault:   "the socket belongs to root, with mode 0660",
		Variants: []scenario.Variant{
			realFPM(socketFPM, fault.Replace{Upstream: rooted.Upstream()}),
			onSocket(fault.Chmod{Path: "/run/php/php8.2-fpm.sock", Mode: 0o660}),
		},
		Expect:  socketFails("crit", 13),
		Confirm: "sudo -u www-data test -w /run/php/php8.2-fpm.sock || echo denied, with the user of nginx.conf.",
		Remedy: "Set listen.owner = www-data, listen.group = www-data (the user of nginx.conf) and listen.mode = 0660 in the pool, " +
			"then systemctl restart php8.2-fpm.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#listen-owner",
	}
}

func socketFolder() scenario.Scenario {
	locked := fault.Chmod{Path: "/run/php", Mode: 0o700}
	return scenario.Scenario{
		ID: "fpm-socket-folder",
		Claim: "nginx's user may use PHP-FPM's unix socket but not enter the folder that it lies in: " +
			"the kernel denies the connection in the same words, and nginx answers 502.",
		Family: "service", Causes: []string{"A4"},
		Gateway:  onNginx("php-socket.conf"),
		Fault:    "the folder /run/php has mode 0700 and belongs to root",
		Variants: []scenario.Variant{realFPM(socketFPM, locked), onSocket(locked)},
		Expect:   socketFails("crit", 13),
		Confirm:  "namei -l /run/php/php8.2-fpm.sock shows the folder on the way that others may not enter (no x).",
		Remedy:   "chmod 755 /run/php, and the same in what makes the folder at boot: /usr/lib/tmpfiles.d/php8.2-fpm.conf.",
		Source:   "https://man7.org/linux/man-pages/man7/path_resolution.7.html",
	}
}
