package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/caddy"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const caddyProxy = "https://caddyserver.com/docs/caddyfile/directives/reverse_proxy"

// onCaddy is the gateway with a config of the folder caddy.
func onCaddy(conf string) lab.Gateway {
	return lab.Gateway{
		Driver: caddy.Driver, Config: text("caddy/" + conf), Hosts: appHost,
		Files: []lab.File{{Path: "/etc/caddy/ca.crt", Data: authority.Certificate}},
	}
}

// caddySays is what follows with one line on the request.
func caddySays(status, tries int, text string) scenario.Expectation {
	return scenario.Expectation{Status: status, Tries: tries, Log: []scenario.LogLine{{Level: "error", Code: "http.log.error", Text: text}}}
}

// caddyWaits is what follows after the 2 s that its configs here allow: its time is real.
func caddyWaits(e scenario.Expectation) scenario.Expectation { return after(2*time.Second, e) }

// caddyAborts is a 200 whose body Caddy breaks off.
func caddyAborts(cut bool, text string) scenario.Expectation {
	const proxy = "http.handlers.reverse_proxy"
	return scenario.Expectation{Status: 200, Cut: cut, Tries: 1, Log: []scenario.LogLine{
		{Level: "error", Code: proxy, Text: "reading from backend: " + text},
		{Level: "error", Code: proxy, Text: "aborting with incomplete response: " + text},
	}}
}

// inTurn makes the next request one for the dead server: the servers of a pool are asked in turn.
func inTurn(f staged) staged {
	f.variants = poolVariants(nil, fault.Stop{Upstream: "second"}, fault.OtherRequest{Status: 200})
	return f
}

// overCaddy is what Caddy makes of an application that it does not reach, or that fails. It has no limit on a body that stalls, and waits
// for as long as the visitor does.
var overCaddy = []scenario.Scenario{
	stagedRefused.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application is down: Caddy answers 502 at once, with an empty page.",
		expect: caddySays(502, 1, "dial tcp 10.0.0.5:8080: connect: connection refused"), source: caddyProxy,
	}),
	stagedRejected.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "A firewall resets Caddy's attempt to connect: 502 at once, with the line of an application that is down.",
		expect: caddySays(502, 1, "dial tcp 10.0.0.5:8080: connect: connection refused"), source: caddyProxy,
	}),
	stagedDropped.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "A firewall drops Caddy's packets to the application without a word: 502 after dial_timeout (3 s by default, 2 s here), where nginx answers 504.",
		expect: caddyWaits(caddySays(502, 1, "dial tcp 10.0.0.5:8080: i/o timeout")), source: caddyProxy + "#the-http-transport",
	}),
	stagedSilent.behind(onCaddy("proxy.caddyfile"), reaction{
		claim: "The application accepts and never answers: 504 after response_header_timeout, 2 s here; it has none by default, and then waits for as " +
			"long as the visitor does.",
		expect: caddyWaits(caddySays(504, 1, "net/http: timeout awaiting response headers")), source: caddyProxy + "#the-http-transport",
	}),
	stagedCloses.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application closes the connection without an answer: 502 at once, and the log says EOF.",
		expect: caddySays(502, 1, "EOF"), source: caddyProxy,
	}),
	stagedResets.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application resets the connection without an answer: 502 at once, and connection reset by peer tells it from a close.",
		expect: caddySays(502, 1, "read: connection reset by peer"), source: caddyProxy,
	}),
	stagedCut.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application dies in the middle of the body: a 200 that is cut, and two lines in the log.",
		expect: caddyAborts(true, "unexpected EOF"),
	}),
	stagedBigHeader.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application sets a cookie of 36 KB: Caddy takes it, where others answer 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1}, source: caddyProxy + "#the-http-transport",
	}),
	stagedBadHeader.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application puts a text of two lines into a header (an error message, often): 502 at once, and the log quotes the second line.",
		expect: caddySays(502, 1, `malformed MIME header: missing colon: "at line 7 of report.sql"`), source: caddyProxy,
	}),
	stagedTwoLengths.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application sends Content-Length twice, with the same number: Caddy answers 200, where newer nginx answers 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
	}),
	stagedBadChunk.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application calls its body chunked and it is not: Caddy has sent its 200 when it sees that, so the visitor has an empty page.",
		expect: caddyAborts(false, "invalid byte in chunk length"),
	}),
	stagedExpired.behind(onCaddy("https.caddyfile"), reaction{
		claim:  "The application's certificate has expired: 502 at once, and the log says since when.",
		expect: caddySays(502, 1, "x509: certificate has expired or is not yet valid"), source: caddyProxy + "#the-http-transport",
	}),
	stagedWrongName.behind(onCaddy("https.caddyfile"), reaction{
		claim:  "The application's certificate is for another name: 502 at once, and the log has both names.",
		expect: caddySays(502, 1, "x509: certificate is valid for wrong.invalid, not app.internal"), source: caddyProxy + "#the-http-transport",
	}),
	stagedPlain.behind(onCaddy("https.caddyfile"), reaction{
		claim:  "The application speaks HTTP and Caddy HTTPS: 502 at once.",
		expect: caddySays(502, 1, "tls: first record does not look like a TLS handshake"), source: caddyProxy,
	}),
	stagedNameGone.behind(onCaddy("proxy-name.caddyfile"), reaction{
		claim: "The application's name does not resolve: Caddy, which asks for it at every request, starts all the same and answers 502; the other " +
			"sites are well.",
		expect: scenario.Expectation{Status: 502, Tries: scenario.NoTry, Log: []scenario.LogLine{
			{Level: "error", Code: "http.log.error", Text: "dial tcp: lookup app.internal"},
		}},
		source: caddyProxy,
	}),
	inTurn(stagedOneDead).behind(onCaddy("pool.caddyfile"), reaction{
		claim:  "One server of two is down: Caddy asks no other one, as lb_try_duration is 0 by default, so every second visitor gets 502.",
		expect: caddySays(502, 1, "dial tcp 10.0.0.6:8080: connect: connection refused"),
		then:   &scenario.Sequel{Each: []scenario.Expectation{{Status: 200, Tries: 1}}, Cycles: true, Why: "the two servers are asked in turn"},
		remedy: "Start it. lb_try_duration 5s has Caddy ask the other one, and fail_duration 30s leaves the dead one alone for a while.",
		source: caddyProxy + "#load-balancing",
	}),
	stagedAllDead.behind(onCaddy("pool.caddyfile"), reaction{
		claim:  "Both servers are down: Caddy asks one of them, and answers 502.",
		expect: caddySays(502, 1, "dial tcp 10.0.0.5:8080: connect: connection refused"), source: caddyProxy + "#load-balancing",
		then: &scenario.Sequel{
			Each: []scenario.Expectation{caddySays(502, 1, "dial tcp 10.0.0.6:8080: connect: connection refused")}, Cycles: true,
			Why: "the two servers are asked in turn",
		},
	}),
	stagedOwn502.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application itself answers 502 (it is a gateway too, and its own upstream failed): Caddy passes it on with its page, and logs nothing.",
		expect: scenario.Expectation{Status: 502, Tries: 1}, source: caddyProxy,
	}),
	stagedOwn503.behind(onCaddy("proxy.caddyfile"), reaction{
		claim:  "The application is in maintenance and answers 503 on purpose: Caddy passes it on with its Retry-After, and logs nothing.",
		expect: scenario.Expectation{Status: 503, Tries: 1},
	}),
}
