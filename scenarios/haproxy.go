package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/harness/gateway/haproxy"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	haproxyManual  = "https://docs.haproxy.org/2.6/configuration.html"
	haproxyStates  = haproxyManual + "#8.5"
	haproxyRetries = haproxyManual + "#4-retries"
)

// onHAProxy is the gateway with a config of the folder haproxy.
func onHAProxy(conf string) lab.Gateway {
	return lab.Gateway{
		Driver: haproxy.Driver, Config: text("haproxy/" + conf), Hosts: appHost,
		Files: []lab.File{{Path: "/etc/haproxy/ca.crt", Data: authority.Certificate}},
	}
}

// haproxySays is what follows with one line in the log: its termination state, the server that was asked, the status and the retries.
func haproxySays(status, tries int, after time.Duration, state, message string) scenario.Expectation {
	return scenario.Expectation{Status: status, Tries: tries, After: after, Log: []scenario.LogLine{{Level: "error", Code: state, Text: message}}}
}

// haproxyGivesUp is what follows where no connection to the application comes about, which HAProxy tries four times.
func haproxyGivesUp(state string, after time.Duration) scenario.Expectation {
	return haproxySays(503, 4, after, state, "app/app1 503, 3 retries")
}

// turnarounds is how long it waits for its three retries: a second before each (retries 3).
const turnarounds = 3 * time.Second

var haproxyVerified = onHAProxy("https.cfg")

// overHAProxy is what HAProxy makes of an application that it does not reach, or that fails.
var overHAProxy = []scenario.Scenario{
	stagedRefused.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application is down: HAProxy tries four times, a second apart, and answers 503 after 3 s (SC: the server refused the connection).",
		expect: haproxyGivesUp("SC--", turnarounds), source: haproxyRetries,
	}),
	stagedRejected.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "A firewall resets HAProxy's attempts to connect: 503 after 3 s, with the line of an application that is down.",
		expect: haproxyGivesUp("SC--", turnarounds), source: haproxyRetries,
	}),
	stagedDropped.behind(onHAProxy("proxy.cfg"), reaction{
		claim: "A firewall drops HAProxy's packets to the application without a word: it tries four times for timeout connect (5 s here) and answers " +
			"503 after 20 s; nginx would answer 504.",
		expect: haproxyGivesUp("sC--", 20*time.Second), source: haproxyManual + "#4-timeout%20connect",
	}),
	stagedSilent.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application accepts and never answers: 504 after timeout server, one minute here (sH: a time-out, while its header was due).",
		expect: haproxySays(504, 1, time.Minute, "sH--", "app/app1 504"), source: haproxyManual + "#4-timeout%20server",
	}),
	stagedCloses.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application closes the connection without an answer: 502 at once, with no retry (SH: the server ended it before its header).",
		expect: haproxySays(502, 1, 0, "SH--", "app/app1 502"), source: haproxyStates,
	}),
	stagedResets.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application resets the connection without an answer: 502 at once; the line does not tell it from a close.",
		expect: haproxySays(502, 1, 0, "SH--", "app/app1 502"), source: haproxyStates,
	}),
	stagedCut.behind(onHAProxy("proxy.cfg"), reaction{
		claim: "The application dies in the middle of the body: a 200 that is cut, and SD in the log (the server ended it in the data).",
		expect: scenario.Expectation{Status: 200, Cut: true, Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Code: "SD--", Text: "app/app1 200"},
		}},
		source: haproxyStates,
	}),
	stagedStalls.behind(onHAProxy("proxy.cfg"), reaction{
		claim: "The application stops in the middle of the body: after timeout server, one minute here, a 200 that is cut, and sD in the log.",
		expect: scenario.Expectation{Status: 200, Cut: true, Tries: 1, After: time.Minute, Log: []scenario.LogLine{
			{Level: "error", Code: "sD--", Text: "app/app1 200"},
		}},
		source: haproxyManual + "#4-timeout%20server",
	}),
	stagedNotHTTP.behind(onHAProxy("proxy.cfg"), reaction{
		claim: "What listens on the application's port is not an HTTP server (here it greets as SSH does): 502 at once (PH: HAProxy refused its " +
			"header), where nginx and Apache pass the bytes on.",
		expect: haproxySays(502, 1, 0, "PH--", "app/app1 502"), source: haproxyStates,
	}),
	stagedBigHeader.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application sends a header larger than tune.bufsize, 16 KB by default (often a cookie that has grown): 502 at once.",
		expect: haproxySays(502, 1, 0, "PH--", "app/app1 502"),
		remedy: "tune.bufsize 65536 in global, which every connection then takes; and find the cookie that grows.",
		change: []string{"    log stdout", "    tune.bufsize 65536\n    log stdout"},
		source: haproxyManual + "#3.2-tune.bufsize",
	}),
	stagedBadHeader.behind(onHAProxy("proxy.cfg"), reaction{
		claim: "The application puts a text of two lines into a header (an error message, often): the second line is no header line, and HAProxy " +
			"answers 502.",
		expect: haproxySays(502, 1, 0, "PH--", "app/app1 502"), source: haproxyManual + "#4.2-option%20accept-invalid-http-response",
	}),
	stagedTwoLengths.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application sends Content-Length twice, with the same number: HAProxy makes one of them and answers 200, where newer nginx answers 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
	}),
	stagedBadChunk.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application calls its body chunked and it is not (a Transfer-Encoding header set by hand): 502 at once.",
		expect: haproxySays(502, 1, 0, "PH--", "app/app1 502"),
	}),
	stagedExpired.behind(haproxyVerified, reaction{
		claim: "The application's certificate has expired: HAProxy tries four times, a second apart, and answers 503 after 3 s, with the line of an " +
			"application that is down.",
		expect: haproxyGivesUp("SC--", turnarounds), source: haproxyManual + "#5.2-verify",
	}),
	stagedWrongName.behind(haproxyVerified, reaction{
		claim:  "The application's certificate is for another name than verifyhost: 503 after 3 s, with the line of an application that is down.",
		expect: haproxyGivesUp("SC--", turnarounds), source: haproxyManual + "#5.2-verifyhost",
	}),
	stagedPlain.behind(haproxyVerified, reaction{
		claim:  "The application speaks HTTP and HAProxy TLS: 503 after 3 s, with the line of an application that is down.",
		expect: haproxyGivesUp("SC--", turnarounds), source: haproxyManual + "#5.2-ssl",
	}),
	stagedNameGone.behind(onHAProxy("proxy-name.cfg"), reaction{
		claim: "The application's name does not resolve when HAProxy starts: it does not start at all, and visitors are refused, for every site.",
		expect: scenario.Expectation{NoAnswer: "refused", Log: []scenario.LogLine{
			{Level: "emerg", Text: "'server app/app1' : could not resolve address 'app.internal'"},
			{Level: "emerg", Text: "Failed to initialize server(s) addr."},
		}},
		remedy: "Bring the name back, or put it into /etc/hosts, and start HAProxy. So that it starts without: default-server init-addr last,libc,none.",
		source: haproxyManual + "#5.2-init-addr",
	}),
	stagedOneDead.behind(onHAProxy("pool.cfg"), reaction{
		claim: "One server of two is down, and nothing checks their health: HAProxy tries the dead one four times and answers 503 after 3 s; the next " +
			"visitor gets his 200 from the other. Without option redispatch it does not change the server.",
		expect: haproxySays(503, 4, turnarounds, "SC--", "app/app2 503, 3 retries"),
		then:   &scenario.Sequel{Each: []scenario.Expectation{{Status: 200, Tries: 1}}, Cycles: true, Why: "the two servers are asked in turn"},
		remedy: "Start it. option redispatch 1 has every retry go to another server, and check at each server keeps visitors from one that is down.",
		source: haproxyManual + "#4.2-option%20redispatch",
	}),
	stagedAllDead.behind(onHAProxy("pool.cfg"), reaction{
		claim:  "Both servers are down, and nothing checks their health: HAProxy tries one of them four times and answers 503 after 3 s.",
		expect: haproxySays(503, 4, turnarounds, "SC--", "app/app2 503, 3 retries"),
		then: &scenario.Sequel{
			Each: []scenario.Expectation{haproxyGivesUp("SC--", turnarounds)}, Cycles: true, Why: "the two servers are asked in turn",
		},
		source: haproxyRetries,
	}),
	stagedOwn502.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application itself answers 502 (it is a gateway too, and its own upstream failed): HAProxy passes it on, and its line has no state (----).",
		expect: haproxySays(502, 1, 0, "----", "app/app1 502"), source: haproxyStates,
	}),
	stagedOwn503.behind(onHAProxy("proxy.cfg"), reaction{
		claim:  "The application is in maintenance and answers 503 on purpose: HAProxy passes it on with its Retry-After, and its line has no state (----).",
		expect: haproxySays(503, 1, 0, "----", "app/app1 503"), source: haproxyStates,
	}),
}
