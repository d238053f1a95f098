package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// answersAfter is what a slow application needs: more than any gateway here waits.
const answersAfter = 90 * time.Second

var (
	stagedHostOff = staged{
		name: "host-off", family: "firewall", causes: []string{"H5", "J6"},
		fault: "10.0.0.5 is switched off", variants: bothApps(fault.HostOff{Host: "10.0.0.5"}),
		confirm: "On the gateway: ip neigh show 10.0.0.5 prints FAILED (or INCOMPLETE while it still asks).",
		remedy:  "Switch the host on, or take it out of the gateway's config.",
		source:  "https://manpages.debian.org/bookworm/manpages/arp.7.en.html",
	}
	stagedSlow = staged{
		name: "slow", family: "time", causes: []string{"B2", "J6"},
		fault: "the application needs 90 s for its answer",
		variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")}, WaitFor: []lab.Condition{lab.RequestAt("app")},
				Inject: []fault.Fault{fault.Replace{Upstream: originOf(changed("origin-slow.conf", "resolver_timeout 10s", "resolver_timeout 90s"))}},
			},
			waitingFor(lab.RequestAt("app"), fakeBecomes(fakeupstream.Delay{For: answersAfter})),
		},
		confirm: "curl -s -o /dev/null -w '%{time_total}' http://10.0.0.5:8080/PATH on the gateway: more than the gateway waits.",
		remedy:  "Find what the application waits for (a query, another service), or let a queue do the long work.",
	}
)

// apacheOwnConnections is Apache that opens a connection for every request: over one that it kept, these faults are another's.
func apacheOwnConnections() lab.Gateway {
	return apacheWith("proxy.conf", "http://10.0.0.5:8080/", "http://10.0.0.5:8080/ disablereuse=On")
}

// compared are the scenarios of gateways that have a file of their own for all others: what is missing there of the faults by which gateways are
// compared.
var compared = []scenario.Scenario{
	stagedRefused.behind(onNginx("proxy.conf"), reaction{
		claim:  "The application is down: nothing listens on its port, the kernel refuses the connection, and nginx answers 502 at once.",
		expect: refused, source: proxyPass,
	}),
	stagedSlow.behind(onNginx("proxy.conf"), reaction{
		claim:  "The application answers, but later than proxy_read_timeout, 60 s by default: 504, and the application's work was for nobody.",
		expect: gatewayTimeout(time.Minute, readingHeader),
		remedy: "proxy_read_timeout 120s; for this location and nginx -s reload; better, let a queue do the long work.",
		change: []string{"proxy_pass", "proxy_read_timeout 120s;\n            proxy_pass"}, takes: answersAfter, source: readTimeout,
	}),
	stagedRejected.behind(apacheOwnConnections(), reaction{
		claim:  "A firewall resets Apache's attempt to connect: 503 at once, with the lines of an application that is down.",
		expect: refusedByApache, source: apacheProxy,
	}),
	stagedHostOff.behind(apacheOwnConnections(), reaction{
		claim: "The application's host is switched off, on the gateway's own network: nobody answers ARP, the kernel gives up after three attempts, and " +
			"Apache answers 503, errno 113.",
		expect: scenario.Expectation{Status: 503, Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Code: "AH00957", Text: "attempt to connect to 10.0.0.5:8080", Errno: 113},
			{Level: "error", Code: "AH01114", Text: "failed to make connection to backend: 10.0.0.5"},
		}},
	}),
	stagedSlow.behind(onApache("proxy.conf"), reaction{
		claim:  "The application answers, but later than ProxyTimeout, 60 s by default: 502, where nginx answers 504.",
		expect: afterMinute(noStatusLine(70007, "/")),
		remedy: "ProxyTimeout 120 and apachectl graceful; better, let a queue do the long work.",
		change: []string{"ProxyPass /", "ProxyTimeout 120\nProxyPass /"}, takes: answersAfter, source: apacheProxy + "#proxytimeout",
	}),
	stagedTwoLengths.behind(onApache("proxy.conf"), reaction{
		claim:  "The application sends Content-Length twice, with the same number: Apache answers 200, where newer nginx answers 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1}, source: messageLength,
	}),
	stagedOwn503.behind(onApache("proxy.conf"), reaction{
		claim:  "The application is in maintenance and answers 503 on purpose: Apache passes it on with its Retry-After, and logs nothing.",
		expect: scenario.Expectation{Status: 503, Tries: 1},
	}),
	stagedHostOff.behind(onHAProxy("proxy.cfg"), reaction{
		claim: "The application's host is switched off, on the gateway's own network: four times HAProxy waits until the kernel gives up, a second " +
			"apart, and answers 503 with the line of an application that is down.",
		// The kernel's own timer goes faster here.
		expect: scenario.Expectation{Status: 503, Tries: 4, After: turnarounds, Until: turnarounds + 2*time.Second, Log: haproxyGivesUp("SC--", 0).Log},
		source: haproxyRetries,
	}),
	stagedSlow.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application answers, but later than timeout server, one minute here: 504, and the application's work was for nobody.",
		expect: haproxySays(504, 1, time.Minute, "sH--", "app/app1 504"),
		remedy: "timeout server 2m in the backend; better, let a queue do the long work.",
		change: []string{"timeout client 1m", "timeout client 2m", "timeout server 1m", "timeout server 2m"}, takes: answersAfter,
		source: haproxyManual + "#4-timeout%20server",
	}),
	stagedHostOff.behind(onLighttpd("proxy.conf"), reaction{
		claim: "The application's host is switched off, on the gateway's own network: nobody answers ARP, the kernel gives up after three attempts, and " +
			"lighttpd answers 503 (No route to host).",
		expect: lighttpdNotConnected("No route to host"), source: lighttpdProxy, then: noServer, rests: lighttpdRests,
	}),
	stagedSlow.behind(onLighttpd("proxy.conf"), reaction{
		claim:  `The application answers, but later than "read-timeout", 60 s here: 504. It has none by default, and then the visitor waits.`,
		expect: lighttpdWaits(lighttpdSays(504, 1, "read timeout")),
		remedy: `"read-timeout" => 120 in proxy.server; better, let a queue do the long work.`,
		change: []string{`"read-timeout"    => 60`, `"read-timeout"    => 120`}, takes: answersAfter, source: lighttpdProxy,
	}),
	stagedHostOff.behind(onCaddy("proxy.caddyfile"), reaction{
		claim: "The application's host is switched off, on the gateway's own network: nobody answers ARP, the kernel gives up after three attempts, and " +
			"Caddy answers 502 (no route to host).",
		expect: caddySays(502, 1, "dial tcp 10.0.0.5:8080: connect: no route to host"), source: caddyProxy,
	}),
	stagedSlow.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application answers, but later than response_header_timeout, 2 s here: 504. It has none by default, and then the visitor waits.",
		expect: caddyWaits(caddySays(504, 1, "net/http: timeout awaiting response headers")), source: caddyProxy + "#the-http-transport",
	}),
	stagedHostOff.behind(onSquid("proxy.conf"), reaction{
		claim: "The application's host is switched off, on the gateway's own network: nobody answers ARP, the kernel gives up after three attempts, and " +
			"Squid answers 503 with the line of an application that is down.",
		expect: squidSays(503, 1, "ERR_CONNECT_FAIL", "TCP_MISS/503 FIRSTUP_PARENT/10.0.0.5"), source: squidManual + "cache_peer/",
	}),
	stagedSlow.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application answers, but later than read_timeout, one minute here and 15 by default: 504.",
		expect: squidWaits(time.Minute, squidSays(504, 1, "ERR_READ_TIMEOUT", "TCP_MISS/504 FIRSTUP_PARENT/10.0.0.5")),
		remedy: "read_timeout 2 minutes and squid -k reconfigure; better, let a queue do the long work.",
		change: []string{"read_timeout 1 minute ", "read_timeout 2 minutes"}, takes: answersAfter, source: squidManual + "read_timeout/",
	}),
}
