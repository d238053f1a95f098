package scenarios

import (
	"slices"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	apacheBalancer = "https://httpd.apache.org/docs/2.4/mod/mod_proxy_balancer.html"
	balancerRetry  = apacheProxy + "#proxypass"
)

// memberRetry is Apache's default of retry=.
const memberRetry = time.Minute

// memberRefuses are the lines on a member of a balancer that refuses: it is left alone for a minute.
func memberRefuses(host string) []scenario.LogLine {
	return []scenario.LogLine{
		{Level: "error", Code: "AH00957", Text: "attempt to connect to " + host + ":8080", Errno: 111},
		{Level: "error", Code: "AH00959", Text: "ap_proxy_connect_backend disabling worker for (" + host + ":8080) for 60s"},
		{Level: "error", Code: "AH01114", Text: "failed to make connection to backend: " + host},
	}
}

// bothRefuse is what follows where neither member of a balancer runs, in the order in which they are asked.
func bothRefuse(first, second string) scenario.Expectation {
	return scenario.Expectation{Status: 503, Tries: 2, Log: slices.Concat(memberRefuses(first), memberRefuses(second))}
}

// memberAlone is what clients get for as long as Apache leaves a member of a balancer alone that failed.
func memberAlone() *scenario.Sequel {
	return &scenario.Sequel{Each: []scenario.Expectation{byTheOther}, For: memberRetry, Why: "Apache leaves the second server alone (retry=60)"}
}

// apachePool is Apache with two servers. The first request goes to app, the second to second, and so on in turn.
var apachePool = []scenario.Scenario{
	{
		ID: "apache-pool-one-dead", Row: "pool-one-dead",
		Claim: "One server of two is down: the visitor gets his 200 from the other, and only the error log tells. The dead one " +
			"is left alone for retry=, 60 s.",
		Family: "pool", Causes: []string{"J5"}, Gateway: onApache("pool.conf"),
		Fault:    "the second server does not run",
		Variants: poolVariants(nil, fault.Stop{Upstream: "second"}),
		Expect:   scenario.Expectation{Status: 200, Tries: 2, Log: memberRefuses("10.0.0.6")},
		Then:     memberAlone(),
		Confirm:  "grep AH00959 /var/log/apache2/error.log: all lines name the same server.",
		Remedy:   "Start it. Watch the error log for AH00959: visitors will not complain.",
		Source:   balancerRetry,
	},
	{
		ID: "apache-pool-all-dead", Row: "pool-all-dead",
		Claim: "Both servers are down: Apache tries each once, logs three lines for each, and answers 503. As none is left it does not " +
			"wait for retry=, but asks them again for the next visitor.",
		Family: "pool", Causes: []string{"J5"}, Gateway: onApache("pool.conf"),
		Fault:    "neither server runs",
		Variants: poolVariants(nil, fault.Stop{Upstream: "app"}, fault.Stop{Upstream: "second"}),
		Expect:   bothRefuse("10.0.0.6", "10.0.0.5"),
		Then: &scenario.Sequel{
			Each: []scenario.Expectation{bothRefuse("10.0.0.5", "10.0.0.6")}, Cycles: true, Why: "the two servers are asked in turn",
		},
		Confirm: "grep AH01114 /var/log/apache2/error.log: two lines with the same client and time, one for each BalancerMember.",
		Remedy:  "Start them. There is nothing to wait for afterwards, unless ProxySet forcerecovery=Off says so.",
		Source:  apacheBalancer,
	},
	{
		ID: "apache-pool-closes",
		Claim: "A server of two closes without an answer: Apache asks no other, not even for a GET, and does not leave it alone: every " +
			"second visitor gets 502.",
		Family: "pool", Causes: []string{"J5", "I1", "J1"}, Gateway: onApache("pool.conf"),
		Fault:    "the second server closes every connection without an answer",
		Variants: secondCloses,
		Expect:   noStatusLineFrom("10.0.0.6:8080", 20014, "/"),
		Then:     &scenario.Sequel{Each: []scenario.Expectation{byTheOther}, Cycles: true, Why: "the two servers are asked in turn"},
		Confirm:  "grep AH01102 /var/log/apache2/error.log: all lines name the same server.",
		Remedy:   "Mend the second server, or take it out: status=+D for its BalancerMember, and apachectl graceful.",
		Source:   apacheBalancer,
	},
}
