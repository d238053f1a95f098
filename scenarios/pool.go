package scenarios

import (
	"slices"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	maxFails     = "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#max_fails"
	nextUpstream = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream"
	serverBackup = "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#server"
	secondApp    = "10.0.0.6:8080"
)

var (
	order       = lab.Request{Method: "POST", Body: "order=1"}
	maintenance = lab.Request{Path: "/maintenance"}

	// Each failure of a server is two lines: why, and that nginx leaves it alone for a while.
	refusedByOne = []scenario.LogLine{refusedLine, disabled(refusedLine.Phase)}
	closedByOne  = []scenario.LogLine{{Level: "error", Text: prematureClosed, Phase: readingHeader}, disabled(readingHeader)}
	silentOne    = []scenario.LogLine{
		disabled(readingHeader), {Level: "error", Text: "upstream timed out", Errno: 110, Phase: readingHeader},
	}
	noneLive = scenario.LogLine{Level: "error", Text: "no live upstreams", Phase: connecting}
)

// whileLeftAlone is what clients get for as long as nginx leaves a server alone that failed.
func whileLeftAlone(why string, each ...scenario.Expectation) *scenario.Sequel {
	return &scenario.Sequel{Each: each, For: failTimeout, Why: why}
}

// failTimeout is nginx's default.
const failTimeout = 10 * time.Second

// byTheOther is an answer of the server that is healthy, without a word in the log.
var (
	byTheOther    = scenario.Expectation{Status: 200, Tries: 1}
	secondIsAlone = whileLeftAlone("nginx leaves the second server alone (fail_timeout)", byTheOther)
	askedNobody   = scenario.Expectation{Status: 502, Tries: scenario.NoTry, Log: []scenario.LogLine{noneLive}}
)

// disabled is the line that says that a server is left alone for fail_timeout.
func disabled(phase string) scenario.LogLine {
	return scenario.LogLine{Level: "warn", Text: "upstream server temporarily disabled", Phase: phase}
}

// pool is a gateway with two servers. The first request goes to app, the second to second, and so on in turn.
var pool = []scenario.Scenario{
	{
		ID: "pool-one-dead", Row: "pool-one-dead",
		Claim: "One server of two is down: the visitor gets his 200 from the other, and only the error log tells. The dead one " +
			"is left alone for fail_timeout, 10 s.",
		Family: "pool", Causes: []string{"J5"}, Gateway: onNginx("pool.conf"),
		Fault:    "the second server does not run",
		Variants: poolVariants(nil, fault.Stop{Upstream: "second"}),
		Expect:   scenario.Expectation{Status: 200, Tries: 2, Log: refusedByOne},
		Then:     secondIsAlone,
		Confirm:  "grep 'connect() failed' /var/log/nginx/error.log: after upstream: all lines name the same server. The access log has two addresses in $upstream_addr.",
		Remedy:   "Start it. Watch the error log, or $upstream_addr with two addresses: visitors will not complain.",
		Source:   maxFails,
	},
	{
		ID: "pool-all-dead", Row: "pool-all-dead",
		Claim:  "Both servers are down: nginx tries each once, logs why for each, and answers 502.",
		Family: "pool", Causes: []string{"J5"}, Gateway: onNginx("pool.conf"),
		Fault: "neither server runs",
		Variants: poolVariants([]fault.Fault{fault.Start{Upstream: "app"}, fault.Start{Upstream: "second"}, benched},
			fault.Stop{Upstream: "app"}, fault.Stop{Upstream: "second"}),
		Expect:  scenario.Expectation{Status: 502, Tries: 2, Log: slices.Concat(refusedByOne, refusedByOne)},
		Then:    whileLeftAlone("nginx leaves both alone (fail_timeout)", askedNobody),
		Confirm: "Two lines with the same request and client, one for each server of the upstream block.",
		Remedy:  "Start them. Then wait for fail_timeout, or nginx -s reload: until then nginx does not ask them.",
		Source:  maxFails,
	},
	{
		ID: "pool-benched",
		Claim: "Both servers failed a moment ago and run again, but nginx leaves them alone for fail_timeout, 10 s: it asks " +
			"nobody and answers 502, no live upstreams.",
		Family: "pool", Causes: []string{"J5"}, Gateway: onNginx("pool.conf"),
		Fault: "both servers failed a moment ago, and run again",
		Variants: poolVariants([]fault.Fault{benched},
			fault.Stop{Upstream: "app"}, fault.Stop{Upstream: "second"}, fault.OtherRequest{Status: 502},
			fault.Start{Upstream: "app"}, fault.Start{Upstream: "second"}, fault.Wait{For: 8 * time.Second}),
		Expect:  scenario.Expectation{Status: 502, Tries: scenario.NoTry, Log: []scenario.LogLine{noneLive}},
		Then:    &scenario.Sequel{Each: []scenario.Expectation{{Status: 200, Tries: 1}}, From: failTimeout, Why: "nginx asks the servers again"},
		Confirm: "curl to each server from the gateway answers 200 while the error log says no live upstreams.",
		Remedy:  "Wait (10 s), or nginx -s reload. server ... max_fails=3 fail_timeout=5s; makes the pool less touchy.",
		Source:  maxFails,
	},
	{
		ID:     "pool-get-again",
		Claim:  "A server closes without an answer: nginx sends a GET to the next one, 200, and the error log has a line.",
		Family: "pool", Causes: []string{"J5", "I1"}, Gateway: onNginx("pool.conf"),
		Fault:    "the second server closes every connection without an answer",
		Variants: secondCloses,
		Expect:   scenario.Expectation{Status: 200, Tries: 2, Log: closedByOne},
		Then:     secondIsAlone,
		Confirm:  "The access log: $upstream_status is 502, 200 for one request.",
		Remedy:   "Mend the second server; without the first its visitors had a 502.",
		Source:   nextUpstream,
	},
	{
		ID: "pool-post-not-again",
		Claim: "A server closes without an answer to a POST: it may have carried it out, so nginx does not send it to the next one, " +
			"502, though the next one is well.",
		Family: "pool", Causes: []string{"J5", "I1"}, Gateway: onNginx("pool.conf"), Ask: order,
		Fault:    "the second server closes every connection without an answer",
		Variants: secondCloses,
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: closedByOne},
		Then:     secondIsAlone,
		Confirm:  "The access log: POST with one address in $upstream_addr, GET with two.",
		Remedy:   "Mend the second server. proxy_next_upstream error timeout non_idempotent; only where an order may come twice.",
		Source:   nextUpstream,
	},
	{
		ID: "pool-post-again",
		Claim: "With non_idempotent in proxy_next_upstream even a POST that a server may have carried out goes to the next one: 200, " +
			"and perhaps two orders.",
		Family: "pool", Causes: []string{"J5"}, Ask: order,
		Gateway:  poolWith("proxy_next_upstream error timeout non_idempotent;"),
		Fault:    "the second server closes every connection without an answer",
		Variants: secondCloses,
		Expect:   scenario.Expectation{Status: 200, Tries: 2, Log: closedByOne},
		Then:     secondIsAlone,
		Confirm:  "nginx -T | grep proxy_next_upstream shows non_idempotent; the access log has two addresses for a POST.",
		Remedy:   "Leave non_idempotent out where the application cannot tell a repeated request.",
		Source:   nextUpstream,
	},
	{
		ID:     "pool-post-refused",
		Claim:  "A server refuses the connection: nothing of the POST was sent, so nginx does send it to the next one, 200.",
		Family: "pool", Causes: []string{"J5"}, Gateway: onNginx("pool.conf"), Ask: order,
		Fault:    "the second server does not run",
		Variants: poolVariants(nil, fault.Stop{Upstream: "second"}),
		Expect:   scenario.Expectation{Status: 200, Tries: 2, Log: refusedByOne},
		Then:     secondIsAlone,
		Confirm:  "The line says while connecting to upstream: nothing was sent yet, so that a POST may go to the next server.",
		Remedy:   "Start the second server.",
		Source:   nextUpstream,
	},
	{
		ID: "pool-one-silent",
		Claim: "One server of two hangs: the visitor waits for proxy_read_timeout, 60 s by default, before nginx asks the " +
			"other, and then gets 200. Most visitors are gone by then.",
		Family: "pool", Causes: []string{"J5", "B2"}, Gateway: onNginx("pool.conf"),
		Fault:    "the second server hangs",
		Variants: silentVariants("second"),
		Expect:   scenario.Expectation{Status: 200, Tries: 2, After: time.Minute, Log: silentOne},
		Then:     secondIsAlone,
		Confirm:  "The access log: $upstream_response_time of one request is about 60 s for one server, and next to nothing for the other.",
		Remedy:   "Set proxy_read_timeout to the longest that an answer may rightly take, and restart the server that hangs.",
		Source:   nextUpstream,
	},
	{
		ID: "pool-all-silent",
		Claim: "Both servers hang: the visitor waits for proxy_read_timeout at each, two minutes in all, before the 504. Every " +
			"further server adds a minute.",
		Family: "pool", Causes: []string{"J5", "B2"}, Gateway: onNginx("pool.conf"),
		Fault:    "both servers hang",
		Variants: silentVariants("second", "app"),
		Expect:   scenario.Expectation{Status: 504, Tries: 2, After: 2 * time.Minute, Log: slices.Concat(silentOne, silentOne)},
		Confirm:  "The access log: $upstream_response_time has about 60 s for each server, and $request_time about 120 s.",
		Remedy:   "proxy_next_upstream_timeout 60s; (or proxy_next_upstream_tries) bounds the whole, and restart the servers.",
		Source:   "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_next_upstream_timeout",
	},
	{
		ID:     "pool-off",
		Claim:  "With proxy_next_upstream off, one dead server of two makes every second request a 502.",
		Family: "pool", Causes: []string{"J5"}, Gateway: poolWith("proxy_next_upstream off;"),
		Fault:    "the second server does not run",
		Variants: poolVariants(nil, fault.Stop{Upstream: "second"}),
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: refusedByOne},
		Then:     secondIsAlone,
		Confirm:  "nginx -T | grep proxy_next_upstream shows off.",
		Remedy:   "Remove proxy_next_upstream off; (the default is error timeout).",
		Source:   nextUpstream,
	},
	{
		ID: "pool-503-passed",
		Claim: "With http_503 in proxy_next_upstream, both servers in maintenance: each is asked, and the last one's 503 is " +
			"passed on.",
		Family: "pool", Causes: []string{"J5", "I2"}, Ask: maintenance, Gateway: poolWith(next503),
		Fault:    "both servers answer 503",
		Variants: bothIn503(),
		Expect:   scenario.Expectation{Status: 503, Tries: 2, Log: []scenario.LogLine{disabled(readingHeader)}},
		Then: whileLeftAlone("nginx leaves both alone (fail_timeout), as in pool-503-becomes-502",
			scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{disabled(readingHeader), noneLive}}, askedNobody),
		Confirm: "The access log: $upstream_status is 503, 503.",
		Remedy:  "End the maintenance; or keep one server out of it.",
		Source:  nextUpstream,
	},
	{
		ID: "pool-503-becomes-502",
		Claim: "With http_503 in proxy_next_upstream a 503 counts as a failure: the second visitor's 503 takes the last server " +
			"out of the pool, and nginx makes a 502 of its own of the application's maintenance page, for 10 s.",
		Family: "pool", Causes: []string{"J5", "I2"}, Ask: maintenance, Gateway: poolWith(next503),
		Fault:    "both servers answer 503, to the second visitor in ten seconds",
		Variants: bothIn503(fault.OtherRequest{Request: maintenance, Status: 503}),
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{disabled(readingHeader), noneLive}},
		Then: &scenario.Sequel{Each: []scenario.Expectation{askedNobody}, Why: "nginx leaves both alone for 10 s (fail_timeout); a 503 " +
			"comes through then, and it begins anew"},
		Confirm: "$upstream_addr ends with the upstream's name (app), not with an address, and the line says no live upstreams.",
		Remedy:  "Take http_503 out of proxy_next_upstream, or set max_fails=0 for the servers.",
		Source:  nextUpstream,
	},
	{
		ID:     "pool-backup",
		Claim:  "The only regular server is down: the backup answers, 200, and the error log has a line.",
		Family: "pool", Causes: []string{"J5"},
		Gateway:  nginxWith("pool.conf", "server 10.0.0.6:8080;", "server 10.0.0.6:8080 backup;"),
		Fault:    "the regular server does not run",
		Variants: poolVariants(nil, fault.Stop{Upstream: "app"}),
		Expect:   scenario.Expectation{Status: 200, Tries: 2, Log: refusedByOne},
		Then:     whileLeftAlone("nginx leaves the regular server alone (fail_timeout)", byTheOther),
		Confirm:  "The access log: $upstream_addr ends with the backup's address.",
		Remedy:   "Start the regular server; it is asked again after fail_timeout.",
		Source:   serverBackup,
	},
}
