package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/badgateway/badgateway/harness/scenario"
)

// gives is an answer with one of these statuses.
func gives(status ...int) scenario.Prediction { return scenario.Prediction{Status: status} }

// claims are what articles about 502 commonly say, by the cause that they say it of, in the words of none of them. The verdict is in
// no line: it follows from what is expected of the scenarios that test it, which are named by patterns as [Select] takes them.
var claims = []struct {
	cause, says string
	predicts    scenario.Prediction
	tested      string
}{
	{"A1", "A backend that does not run gives 502.", gives(502),
		"row:refused fpm-dead apache-fpm-dead uwsgi-dead gunicorn-dead uwsgi-no-app uwsgi-need-app *-fails-to-* *-module-missing *-syntax-error *-port-taken " +
			"cache-serves-stale edge-own-502"},
	{"A2", "A backend that listens on another port gives 502.", gives(502), "*wrong-port *-other-port"},
	{"A3", "Calling localhost where the backend listens on 127.0.0.1 only gives 502.", gives(502), "fpm-localhost"},
	{"A3", "If curl http://localhost works on the application's host, the gateway is answered too.", gives(200), "node-port-taken *loopback*"},
	{"A3", "localhost is the same as 127.0.0.1.", gives(200), "node-localhost"},
	{"A4", "A unix socket that is missing or may not be opened gives 502.", gives(502),
		"*-socket-missing *-socket-permission *-socket-version *-socket-folder"},
	{"A4", "If the socket file exists, the backend runs.", gives(200), "*-socket-stale"},
	{"A4", "chmod 666 on the socket mends Permission denied.", gives(200), "*-socket-folder"},
	{"A5", "A wrong protocol gives 502.", gives(502),
		"row:not-http row:https-to-http http-to-https http-to-tls http-to-fastcgi fastcgi-to-http http-to-uwsgi uwsgi-to-http apache-http-to-fastcgi apache-fastcgi-to-http"},
	{"A5", "A certificate that has expired or is for another name gives 502.", gives(502), "row:certificate-expired row:certificate-wrong-name"},
	{"A6", "Restarting the backend is harmless.", gives(200), "*-restart"},
	{"A6", "A reload is graceful: running requests finish.", gives(200), "*-reload"},
	{"A6", "A new version of the application costs 502s each time that it is deployed.", gives(502), "*-reload"},
	{"B1", "request_terminate_timeout below the gateway's time-out gives 502.", gives(502), "fpm-terminate-timeout wordpress-plugin-terminated"},
	{"B2", "A script that takes longer than the gateway waits gives 504 after 60 s.", scenario.Prediction{Status: []int{504}, After: time.Minute},
		"row:slow fpm-read-timeout apache-fpm-timeout"},
	{"B3", "Exceeding max_execution_time gives 502.", gives(502), "fpm-max-execution-time wordpress-plugin-loops"},
	{"B3", "PHP stops every script after max_execution_time.", scenario.Prediction{AtMost: 30 * time.Second},
		"fpm-max-execution-time fpm-max-execution-time-waiting wordpress-plugin-waits wordpress-plugin-calls"},
	{"B4", "A worker that the application server's watchdog kills gives 502.", gives(502), "gunicorn-timeout uwsgi-harakiri node-server-timeout"},
	{"B5", "499 means that the visitor closed his browser.", scenario.Prediction{Gone: true}, "edge-gives-up-first visitor-leaves"},
	{"B6", "A time-out is a 504.", gives(504),
		"row:silent row:slow row:body-stalls row:dropped drop-answers drop-midway handshake-stalls apache-handshake-stalls fpm-read-timeout apache-fpm-timeout " +
			"httpd-read-timeout httpd-proxy-timeout node-request-timeout"},
	{"B6", "An answer that takes longer than the time-out is cut.", scenario.Prediction{Cut: true}, "body-drips"},
	{"B6", "With a time-out of 60 s a visitor waits 60 s at the most.", scenario.Prediction{AtMost: time.Minute},
		"row:silent pool-one-silent pool-all-silent body-drips"},
	{"C1", "Exhausting memory_limit gives 502.", gives(502), "php-memory-limit php-recursion wordpress-plugin-memory"},
	{"C2", "A process that the OOM killer ends gives 502.", gives(502), "php-oom-* gunicorn-oom node-oom"},
	{"C2", "A worker that the application server replaces for its memory (reload-on-rss) gives 502.", gives(502), "uwsgi-reload-on-rss uwsgi-evil-reload-on-rss"},
	{"C2", "--max-old-space-size keeps Node.js within its container's memory.", gives(200), "node-oom"},
	{"C3", "Using up the processor time of the hosting plan gives 502.", gives(502), "php-cpu-quota"},
	{"C4", "A gateway that is out of connections answers 502.", gives(502), "connections-used-up"},
	{"C5", "A full disk of the gateway gives 502.", gives(502), "upload-disk-full"},
	{"C5", "No space left on device means that a disk is full.", scenario.Prediction{NoErrno: 28}, "apache-header-too-big"},
	{"D1", "Reaching pm.max_children gives 502.", gives(502), "fpm-workers-busy"},
	{"D1", "A full listen backlog gives 502.", gives(502), "fpm-backlog-* gunicorn-backlog uwsgi-backlog"},
	{"D2", "A flood gives 502.", gives(502), "flood-*"},
	{"D2", "A limit of requests keeps the site up for its visitors.", gives(200), "flood-limit-* flood-behind-edge page-many-requests"},
	{"D4", "Too few workers give 502.", gives(502), "*-busy"},
	{"D4", "Reaching max_conns gives 502.", gives(502), "max-conns"},
	{"E1", "An error in the code (it can't be parsed, ends fatally, exits with a code) gives 502.", gives(502),
		"php-parse-error php-fatal-error php-fatal-error-shown php-fatal-error-late php-exit-code apache-php-fatal-error node-syntax-error node-throws"},
	{"E1", "A fatal PHP error gives a 5xx status.", gives(500, 502, 503, 504),
		"php-parse-error php-fatal-error php-fatal-error-shown php-fatal-error-late apache-php-fatal-error"},
	{"E2", "A crash of the interpreter gives 502.", gives(502), "php-segfault php-segfault-late apache-php-segfault apache-php-segfault-late"},
	{"E2", "Endless recursion crashes PHP and gives 502.", gives(502), "php-recursion php-recursion-inside"},
	{"E3", "A faulty plugin or theme gives 502.", gives(502), "wordpress-plugin-* wordpress-plugins wordpress-theme-parse-error"},
	{"E3", "WordPress shows its page of the critical error when a plugin or theme fails.", scenario.Prediction{Page: criticalError},
		"wordpress-plugin-* wordpress-plugins wordpress-theme-parse-error"},
	{"E3", "When the active theme's folder is renamed, the default theme steps in.", scenario.Prediction{Page: firstPost}, "wordpress-theme-renamed"},
	{"E4", "A header that is too big for the gateway gives 502.", gives(502), "row:header-too-big php-big-header"},
	{"E5", "An invalid answer gives 502.", gives(502), "row:not-http row:header-invalid row:two-lengths row:bad-chunk"},
	{"E6", "A script that is missing or refused gives 502.", gives(502), "php-script-missing php-limit-extensions"},
	{"E7", "A script that works on the command line, and not in the browser, gives 502.", gives(502), "php-cli-*"},
	{"F1", "A database that is down, hangs or takes no more connections gives 502.", gives(502),
		"database-dead database-dead-caught database-connections database-hangs database-locked database-row-locked " +
			"wordpress-database-dead wordpress-database-connections wordpress-database-locked"},
	{"F1", "A full disk of the database gives 502.", gives(502), "database-disk-full"},
	{"F1", "A wrong password for the database gives 502.", gives(502), "database-password wordpress-database-password"},
	{"F1", "Where the database is at fault, WordPress says Error establishing a database connection.", scenario.Prediction{Page: noDatabase},
		"wordpress-database-*"},
	{"F2", "A cache that is down gives 502.", gives(502), "memcached-* php-memcached-* php-redis-*"},
	{"F2", "A site runs on without its cache, only more slowly.", gives(200), "memcached-dead memcached-dead-fallback php-memcached-* php-redis-dead"},
	{"G1", "A name that does not resolve gives 502.", gives(502), "row:name-gone no-resolver"},
	{"G2", "A name that can't be looked up gives 502.", gives(502), "no-resolver resolver-*"},
	{"G2", "A DNS server that does not answer gives 504.", gives(504), "resolver-silent"},
	{"G3", "When DNS has the new address, the gateway follows it.", gives(200), "*address-moved stale-address-*"},
	{"G3", "A restart of the gateway always makes it see the new address.", gives(200), "stale-address-dnsmasq stale-address-bind stale-address-unbound stale-address-nscd"},
	{"G3", "A record's TTL is how long the old address is used at the most.", gives(200), "stale-address-valid"},
	{"G3", "A flush of the DNS server's cache always heals.", gives(200), "stale-address-valid stale-address-dnsmasq-config"},
	{"G3", "SIGHUP makes dnsmasq take its new config.", gives(200), "stale-address-dnsmasq-config"},
	{"H1", "A firewall that drops gives 502.", gives(502), "row:dropped drop-answers drop-midway apache-drop-kept"},
	{"H2", "A firewall that rejects gives 502.", gives(502), "row:rejected reject-*"},
	{"H4", "A ban of the gateway's address gives 502.", gives(502), "fail2ban-* firewall-flood modsecurity-*"},
	{"H5", "A server that is switched off gives 504.", gives(504), "row:host-off"},
	{"I1", "An application that crashes gives 502.", gives(502), "row:closes row:resets row:body-cut body-reset upload-broken"},
	{"I2", "A 503 of the application is passed on as 503.", gives(503), "row:own-503 pool-503-passed pool-503-becomes-502"},
	{"I3", "A kept connection that the backend closes gives 502.", gives(502), "kept-connection-* node-keepalive"},
	{"J2", "A 502 has a line in the gateway's error log.", scenario.Prediction{Logged: true}, "row:own-502 app-dies apache-closes edge-passes-502 edge-own-502"},
	{"J2", "A 502 seen through a CDN is the CDN's.", scenario.Prediction{Page: edgeSpeaks}, "edge-passes-502 edge-own-502"},
	{"J2", "The page tells which server failed.", scenario.Prediction{Page: originSpeaks}, "edge-passes-502 edge-branded-502"},
	{"J4", "An error is gone as soon as the application is back.", gives(200), "cache-keeps-* pool-benched apache-pool-retry"},
	{"J5", "A pool hides a server that fails.", scenario.Prediction{Status: []int{200}, AtOnce: true},
		"row:pool-one-dead pool-get-again pool-post-not-again pool-post-refused pool-one-silent apache-pool-closes"},
	{"J5", "No live upstreams, or all workers in error state, means that the servers are down.", gives(200), "pool-benched apache-pool-retry max-conns"},
	{"J5", "A POST that may have been carried out is not sent twice.", scenario.Prediction{Tries: 1},
		"pool-post-not-again kept-connection-post apache-fpm-pool-post"},
	{"J6", "413 is the gateway's own limit.", scenario.Prediction{Tries: scenario.NoTry}, "upload-refused"},
	{"K1", "Reloading the page makes the error go away.", gives(200), "visitor-reloads"},
	{"K2", "Cookies that are too big give 502.", gives(502), "cookies-too-big row:header-too-big"},
	{"K3", "An old address in the visitor's DNS cache gives 502.", gives(502), "visitor-dns-cache"},
	{"K3", "An old address in the visitor's hosts file gives 502.", gives(502), "hosts-*"},
}

// Claims are what articles about 502 commonly say, with the scenarios of the catalogue that test it.
func Claims() []scenario.Claim { return resolvedClaims() }

var resolvedClaims = sync.OnceValue(func() []scenario.Claim {
	var all []scenario.Claim
	stated := catalogue()
	for _, c := range claims {
		claim := scenario.Claim{Cause: c.cause, Says: c.says, Predicts: c.predicts}
		for pattern := range strings.FieldsSeq(c.tested) {
			for _, s := range stated {
				if ok, err := matches(pattern, s); err != nil {
					panic(fmt.Sprintf("the claim %q: the pattern %q: %v", c.says, pattern, err))
				} else if ok && !slices.Contains(claim.Scenarios, s.ID) {
					claim.Scenarios = append(claim.Scenarios, s.ID)
				}
			}
		}
		all = append(all, claim)
	}
	return all
})

// WeighedClaims are the claims beside what the catalogue states, which is proven by running it.
func WeighedClaims() []scenario.Weighed {
	var all []scenario.Weighed
	trials := scenario.Trials(All())
	for _, c := range Claims() {
		all = append(all, c.Weigh(trials))
	}
	return all
}

// contradicted are, by the scenario's id, the claims that what follows there does not bear out.
var contradicted = sync.OnceValue(func() map[string]string {
	said := map[string]string{}
	trials := scenario.Trials(catalogue())
	for _, c := range Claims() {
		for _, t := range c.Weigh(trials).Trials {
			if !t.Agrees {
				said[t.Scenario] = strings.TrimSpace(said[t.Scenario] + " " + c.Says)
			}
		}
	}
	return said
})
