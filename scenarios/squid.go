package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/harness/gateway/squid"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const squidManual = "http://www.squid-cache.org/Doc/config/"

// onSquid is the gateway with a config of the folder squid.
func onSquid(conf string) lab.Gateway {
	return lab.Gateway{
		Driver: squid.Driver, Config: text("squid/" + conf), Hosts: appHost,
		Files: []lab.File{{Path: "/etc/squid/ca.crt", Data: authority.Certificate}},
	}
}

// squidSays is what follows with a line of the access log that has an error code, or none where it passes an error on.
func squidSays(status, tries int, code, text string) scenario.Expectation {
	return scenario.Expectation{Status: status, Tries: tries, Log: []scenario.LogLine{{Level: "error", Code: code, Text: text}}}
}

// squidWaits is what follows after a limit, at which Squid looks once a second, and a moment too early at times. It connects once more
// then, to see whether the application lives: just before or after its answer, which leaves the tries open.
func squidWaits(limit time.Duration, e scenario.Expectation) scenario.Expectation {
	e.After, e.Until, e.Tries = limit-time.Second, limit+4*time.Second, 0
	return e
}

// squidCuts is a 200 that is cut, of which the log has no error.
var squidCuts = scenario.Expectation{Status: 200, Cut: true, Tries: 1}

// overSquid is what Squid makes of an application that it does not reach, or that fails.
var overSquid = []scenario.Scenario{
	stagedRefused.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application is down: Squid answers 503 at once (ERR_CONNECT_FAIL), where nginx answers 502.",
		expect: squidSays(503, 1, "ERR_CONNECT_FAIL", "TCP_MISS/503 FIRSTUP_PARENT/10.0.0.5"), source: squidManual + "cache_peer/",
	}),
	stagedRejected.behind(onSquid("proxy.conf"), reaction{
		claim:  "A firewall resets Squid's attempt to connect: 503 at once, with the line of an application that is down.",
		expect: squidSays(503, 1, "ERR_CONNECT_FAIL", "TCP_MISS/503 FIRSTUP_PARENT/10.0.0.5"), source: squidManual + "cache_peer/",
	}),
	stagedDropped.behind(onSquid("proxy.conf"), reaction{
		claim: "A firewall drops Squid's packets to the application without a word: 503 after peer_connect_timeout, 30 s by default, with the line " +
			"of an application that is down.",
		expect: squidWaits(30*time.Second, squidSays(503, 1, "ERR_CONNECT_FAIL", "TCP_MISS/503 FIRSTUP_PARENT/10.0.0.5")),
		source: squidManual + "peer_connect_timeout/",
	}),
	stagedSilent.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application accepts and never answers: 504 after read_timeout, one minute here and 15 by default.",
		expect: squidWaits(time.Minute, squidSays(504, 1, "ERR_READ_TIMEOUT", "TCP_MISS/504 FIRSTUP_PARENT/10.0.0.5")),
		source: squidManual + "read_timeout/",
	}),
	stagedCloses.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application closes the connection without an answer: 502 at once (ERR_ZERO_SIZE_OBJECT).",
		expect: squidSays(502, 1, "ERR_ZERO_SIZE_OBJECT", "TCP_MISS/502 FIRSTUP_PARENT/10.0.0.5"), source: squidManual + "cache_peer/",
	}),
	stagedResets.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application resets the connection without an answer: 502 at once, and ERR_READ_ERROR tells it from a close.",
		expect: squidSays(502, 1, "ERR_READ_ERROR", "TCP_MISS/502 FIRSTUP_PARENT/10.0.0.5"), source: squidManual + "cache_peer/",
	}),
	stagedCut.behind(onSquid("proxy.conf"), reaction{
		claim: "The application dies in the middle of the body: a 200 that is cut, and Squid's log says nothing of it.", expect: squidCuts,
	}),
	stagedStalls.behind(onSquid("proxy.conf"), reaction{
		claim: "The application stops in the middle of the body: after read_timeout, one minute here, a 200 that is cut, with ERR_READ_TIMEOUT.",
		expect: squidWaits(time.Minute, scenario.Expectation{Status: 200, Cut: true, Log: []scenario.LogLine{
			{Level: "error", Code: "ERR_READ_TIMEOUT", Text: "TCP_MISS/200 FIRSTUP_PARENT/10.0.0.5"},
		}}),
		source: squidManual + "read_timeout/",
	}),
	stagedNotHTTP.behind(onSquid("proxy.conf"), reaction{
		claim:  "What listens on the application's port is not an HTTP server (here it greets as SSH does): Squid answers 200 with those bytes as the page.",
		expect: scenario.Expectation{Status: 200, Tries: 1}, source: squidManual + "cache_peer/",
	}),
	stagedBigHeader.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application sets a cookie of 36 KB: Squid takes it, as reply_header_max_size is 64 KB by default; others answer 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1}, source: squidManual + "reply_header_max_size/",
	}),
	stagedBadHeader.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application puts a text of two lines into a header (an error message, often): 502 at once (ERR_INVALID_RESP).",
		expect: squidSays(502, 1, "ERR_INVALID_RESP", "TCP_MISS/502 FIRSTUP_PARENT/10.0.0.5"), source: squidManual + "relaxed_header_parser/",
	}),
	stagedTwoLengths.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application sends Content-Length twice, with the same number: Squid answers 200, where newer nginx answers 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
	}),
	stagedBadChunk.behind(onSquid("proxy.conf"), reaction{
		claim: "The application calls its body chunked and it is not: a 200 that is cut, and Squid's log says nothing of it.", expect: squidCuts,
	}),
	stagedExpired.behind(onSquid("https.conf"), reaction{
		claim: "The application's certificate has expired: Squid answers 503 at once (ERR_SECURE_CONNECT_FAIL).", expect: squidSays(503, 1, "ERR_SECURE_CONNECT_FAIL", "TCP_MISS/503 HIER_NONE/-"),
		source: squidManual + "cache_peer/",
	}),
	stagedWrongName.behind(onSquid("https.conf"), reaction{
		claim: "The application's certificate is for another name than stands in cache_peer: 503 at once, with the line of one that has expired.", expect: squidSays(503, 1, "ERR_SECURE_CONNECT_FAIL", "TCP_MISS/503 HIER_NONE/-"),
		source: squidManual + "cache_peer/",
	}),
	stagedPlain.behind(onSquid("https.conf"), reaction{
		claim: "The application speaks HTTP and Squid TLS: 503 at once, with the line of a bad certificate.", expect: squidSays(503, 1, "ERR_SECURE_CONNECT_FAIL", "TCP_MISS/503 HIER_NONE/-"),
		source: squidManual + "cache_peer/",
	}),
	stagedNameGone.behind(onSquid("proxy-name.conf"), reaction{
		claim: "The application's name does not resolve when Squid starts: unlike nginx it starts all the same, and answers 502 without asking anybody " +
			"(HIER_NONE).",
		expect: squidSays(502, scenario.NoTry, "ERR_READ_ERROR", "TCP_MISS/502 HIER_NONE/-"), source: squidManual + "cache_peer/",
	}),
	stagedOneDead.behind(onSquid("pool.conf"), reaction{
		claim:  "One server of two is down: Squid asks the other one, the visitor gets his 200, and the access log says nothing of it.",
		expect: scenario.Expectation{Status: 200, Tries: 2}, source: squidManual + "cache_peer/",
	}),
	stagedAllDead.behind(onSquid("pool.conf"), reaction{
		claim:  "Both servers are down: Squid tries each once, and answers 503.",
		expect: squidSays(503, 2, "ERR_CONNECT_FAIL", "TCP_MISS/503 ANY_OLD_PARENT/10.0.0.5"), source: squidManual + "cache_peer/",
		then: &scenario.Sequel{
			Each:   []scenario.Expectation{squidSays(503, 2, "ERR_CONNECT_FAIL", "TCP_MISS/503 ANY_OLD_PARENT/10.0.0.6")},
			Cycles: true, Why: "the two servers are asked in turn",
		},
	}),
	stagedOwn502.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application itself answers 502 (it is a gateway too, and its own upstream failed): Squid passes it on, with no error code in its line.",
		expect: squidSays(502, 1, "", "TCP_MISS/502 FIRSTUP_PARENT/10.0.0.5"), source: squidManual + "cache_peer/",
	}),
	stagedOwn503.behind(onSquid("proxy.conf"), reaction{
		claim:  "The application is in maintenance and answers 503 on purpose: Squid passes it on with its Retry-After, with no error code in its line.",
		expect: squidSays(503, 1, "", "TCP_MISS/503 FIRSTUP_PARENT/10.0.0.5"),
	}),
}
