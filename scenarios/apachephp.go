package scenarios

import (
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const apacheFCGI = "https://httpd.apache.org/docs/2.4/mod/mod_proxy_fcgi.html"

// apacheOnSocket is Apache on the host of PHP-FPM: the script has to be there for it too.
func apacheOnSocket() lab.Gateway {
	g := onApache("php-socket.conf")
	g.Files = append(g.Files, lab.File{Path: index, Data: text("php/well.php")})
	return g
}

// socketFailsApache is what follows where Apache does not get through the socket.
func socketFailsApache(errno int) scenario.Expectation {
	return scenario.Expectation{Status: 503, Tries: 1, Log: []scenario.LogLine{
		{Level: "error", Code: "AH02454", Text: "attempt to connect to Unix domain socket /run/php/php8.2-fpm.sock", Errno: errno},
		{Level: "error", Code: "AH01079", Text: "failed to make connection to backend: localhost"},
	}}
}

// dispatchFails are the lines of an answer that is not FastCGI, or ends too soon.
func dispatchFails(code, text string, errno int) []scenario.LogLine {
	return []scenario.LogLine{
		{Level: "error", Code: code, Text: text},
		{Level: "error", Code: "AH01075", Text: "Error dispatching request to", Errno: errno},
	}
}

// apachePHP is PHP-FPM behind Apache's mod_proxy_fcgi.
var apachePHP = []scenario.Scenario{
	{
		ID:     "apache-fpm-dead",
		Claim:  "PHP-FPM is not running: nothing listens on its port, and Apache answers 503 at once, where nginx answers 502.",
		Family: "service", Causes: []string{"A1"}, Gateway: onApache("php.conf"),
		Fault:    "PHP-FPM is stopped",
		Variants: fpmDead().Variants,
		Expect: scenario.Expectation{Status: 503, Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Code: "AH00957", Text: "attempt to connect to 10.0.0.5:9000", Errno: 111},
			{Level: "error", Code: "AH01079", Text: "failed to make connection to backend: 10.0.0.5"},
		}},
		Confirm: "ss -ltn 'sport = :9000' on the PHP host shows no listener; systemctl status php8.2-fpm says since when.",
		Remedy:  "systemctl start php8.2-fpm, and find out from journalctl -u php8.2-fpm why it stopped.",
		Source:  apacheFCGI,
	},
	{
		ID: "apache-fpm-socket-missing",
		Claim: "PHP-FPM was stopped, and took its unix socket away: Apache finds no such file, and answers 503 at once. The port " +
			"8000 in its line means nothing.",
		Family: "service", Causes: []string{"A4", "A1"}, Gateway: apacheOnSocket(),
		Fault:    "PHP-FPM is stopped in order, by SIGTERM as systemctl stop does",
		Variants: socketMissing().Variants,
		Expect:   socketFailsApache(2),
		Confirm:  "ls -l /run/php/php8.2-fpm.sock finds no file, and systemctl status php8.2-fpm says that it is not running.",
		Remedy:   "systemctl start php8.2-fpm; after an upgrade of PHP, put the new version's socket into SetHandler.",
		Source:   "https://man7.org/linux/man-pages/man7/unix.7.html",
	},
	{
		ID:     "apache-fpm-socket-permission",
		Claim:  "Apache's user may not write to PHP-FPM's unix socket: the kernel denies the connection, and Apache answers 503 at once.",
		Family: "service", Causes: []string{"A4"}, Gateway: apacheOnSocket(),
		Fault:    "the socket belongs to root, with mode 0660",
		Variants: socketPermission().Variants,
		Expect:   socketFailsApache(13),
		Confirm:  "sudo -u www-data test -w /run/php/php8.2-fpm.sock || echo denied, with the User of the config.",
		Remedy: "Set listen.owner = www-data, listen.group = www-data (Apache's User and Group) and listen.mode = 0660 in the pool, " +
			"then systemctl restart php8.2-fpm.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#listen-owner",
	},
	{
		ID: "apache-php-segfault",
		Claim: "The worker crashes while it runs the script: the kernel resets its connection, and Apache answers 503 at once, where " +
			"nginx answers 502.",
		Family: "code", Causes: []string{"E2", "I1", "J1", "J6"}, Gateway: onApache("php.conf"),
		Fault:    "the script makes its worker die by SIGSEGV, as a faulty extension does",
		Variants: segfault().Variants,
		Expect:   scenario.Expectation{Status: 503, Tries: 1, Log: dispatchFails("AH01067", "Failed to read FastCGI header", 104)},
		Confirm:  "grep 'exited on signal 11' /var/log/php8.2-fpm.log; journalctl -k | grep segfault names the library.",
		Remedy: "Disable the extension that the kernel's line names (phpdismod -s fpm NAME; systemctl restart php8.2-fpm), " +
			"and update it.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#emergency-restart-threshold",
	},
	{
		ID: "apache-php-segfault-late",
		Claim: "The worker crashes when a part of the page has been sent: the visitor gets 200 and a page that breaks off, and the log " +
			"has the same lines as for a crash before it.",
		Family: "code", Causes: []string{"E2", "I1"}, Gateway: onApache("php.conf"),
		Fault:    "the script makes its worker die by SIGSEGV after 19 KB of output",
		Variants: segfaultLate().Variants,
		Expect: scenario.Expectation{Status: 200, Cut: true, Tries: 1,
			Log: dispatchFails("AH01067", "Failed to read FastCGI header", 104)},
		Confirm: "The access log has 200 beside AH01067 in the error log; curl reports transfer closed with outstanding read data.",
		Remedy:  "As for apache-php-segfault: disable the extension that the kernel's line names, and update it.",
		Source:  "https://www.rfc-editor.org/rfc/rfc9112.html#section-8",
	},
	{
		ID: "apache-php-fatal-error",
		Claim: "An error that the script does not catch makes PHP answer 500 with an empty page (display_errors is off); Apache " +
			"passes the 500 on, and has PHP's message in its log.",
		Family: "code", Causes: []string{"E1"}, Gateway: onApache("php.conf"),
		Fault:    "the script calls a function that is not there",
		Variants: fatalError().Variants,
		Expect: scenario.Expectation{Status: 500, Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Code: "AH01071", Text: "Got error 'PHP message: PHP Fatal error:  Uncaught Error: "},
		}},
		Confirm: "grep AH01071 /var/log/apache2/error.log: the message, the file and the line.",
		Remedy:  "Mend the line that the message names, or deploy the version before.",
		Source:  "https://www.php.net/manual/en/errorfunc.configuration.php#ini.display-errors",
	},
	{
		ID: "apache-fastcgi-to-http",
		Claim: "ProxyPass points to an HTTP server with fcgi://: its answer begins with H, which is 72, and Apache takes that for the " +
			"FastCGI version. 503.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onApache("php.conf"),
		Fault:    "an HTTP server listens on PHP-FPM's port",
		Variants: httpAtFastCGI,
		Expect:   scenario.Expectation{Status: 503, Tries: 1, Log: dispatchFails("AH01068", "Got bogus version 72", 22)},
		Confirm:  "curl -si http://10.0.0.5:9000/ on the gateway answers: it is HTTP.",
		Remedy:   "http:// in place of fcgi://, or the port of PHP-FPM.",
		Source:   apacheFCGI,
	},
	{
		ID: "apache-fpm-pool-post",
		Claim: "One PHP-FPM of two crashes on a POST: Apache sends the request to the other, but without its body, which is " +
			"gone: that script sees an empty order, and here refuses it with 422. Then the one that crashed is left alone for retry=, 60 s.",
		Family: "pool", Causes: []string{"J5", "I1"}, Gateway: onApache("php-pool.conf"), Ask: order,
		Fault: "the second PHP-FPM's workers die on every order",
		Variants: []scenario.Variant{{
			Kind: scenario.Real, Upstreams: []lab.Upstream{fpmWith("order.php").Upstream(), secondFPM.Upstream()},
			Inject:      []fault.Fault{fault.Replace{Upstream: secondFPM.With("env[FAULTY] = 1").Upstream()}},
			UpstreamLog: "exited on signal 11 (SIGSEGV",
		}},
		Alone:   "what comes of an order without its body is for a script to say",
		Expect:  scenario.Expectation{Status: 422, Tries: 2, Log: dispatchFails("AH01067", "Failed to read FastCGI header", 104)},
		Then:    memberAlone(),
		Confirm: "AH01067 in Apache's log, and in the script at that second: CONTENT_LENGTH is not 0, and php://input is empty.",
		Remedy:  whoEnded + " ProxySet maxattempts=0 in the <Proxy> of the pool keeps a request from being sent again: it is a 503 then.",
		Source:  apacheFCGI,
	},
}

// secondFPM is PHP-FPM on a second host, with the same scripts.
var secondFPM = backend.PHPFPM{Name: "second", Listen: "10.0.0.6:9000", Scripts: page("order.php")}
