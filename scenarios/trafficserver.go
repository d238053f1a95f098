package scenarios

import (
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/trafficserver"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	trafficManual   = "https://docs.trafficserver.apache.org/en/9.2.x/admin-guide/files/records.config.en.html"
	trafficAttempts = trafficManual + "#origin-server-connect-attempts"
	trafficTimeouts = trafficManual + "#http-connection-timeouts"
	trafficResults  = "https://docs.trafficserver.apache.org/en/9.2.x/admin-guide/logging/cache-results.en.html"
	trafficParents  = "https://docs.trafficserver.apache.org/en/9.2.x/admin-guide/files/parent.config.en.html"
)

// onTrafficServer is the gateway with a remap.config of the folder trafficserver.
func onTrafficServer(remap string) lab.Gateway {
	const etc = "/etc/trafficserver/"
	return lab.Gateway{
		Driver: trafficserver.Driver, Config: text("trafficserver/records.config"),
		Files: []lab.File{
			{Path: etc + "remap.config", Data: text("trafficserver/" + remap)},
			{Path: etc + "logging.yaml", Data: text("trafficserver/logging.yaml")},
			{Path: etc + "ca.crt", Data: authority.Certificate},
		},
	}
}

// trafficPool is the gateway of two servers.
func trafficPool() lab.Gateway {
	g := onTrafficServer("remap-proxy.config")
	g.Config = strings.ReplaceAll(g.Config, "#CONFIG", "CONFIG")
	g.Files = append(g.Files, lab.File{Path: "/etc/trafficserver/parent.config", Data: text("trafficserver/parent.config")})
	return g
}

// trafficRests is how long a server of a pool that failed again and again is left alone at the most (parent_proxy.retry_time, 10 s, and
// down_server.cache_time, 60 s).
const trafficRests = 75 * time.Second

// trafficNotices is the gateway that takes a visitor for gone who has closed his side of the connection, as all do who leave.
func trafficNotices() lab.Gateway {
	g := onTrafficServer("remap-proxy.config")
	g.Config = changedIn("trafficserver/records.config", "allow_half_open INT 1", "allow_half_open INT 0")
	return g
}

// trafficSays is what follows with the line on the request, where the visitor gets a page of Traffic Server's own.
func trafficSays(status, tries int, page, code, text string, before ...scenario.LogLine) scenario.Expectation {
	return scenario.Expectation{
		Status: status, Tries: tries, Page: page, Log: append(slices.Clone(before), scenario.LogLine{Level: "error", Code: code, Text: text}),
	}
}

// trafficNotConnected is what follows where no connection comes about, which it tries four times, with a line each and others before
// that of the request.
func trafficNotConnected(port string, errno int, reason string, others ...scenario.LogLine) scenario.Expectation {
	attempt := scenario.LogLine{Level: "error", Code: "CONNECT", Text: "attempt fail [CONNECTION_ERROR] to 10.0.0.5:" + port, Errno: errno}
	lines := append([]scenario.LogLine{attempt, attempt, attempt, attempt}, others...)
	return trafficSays(502, 4, "Could Not Connect", "ERR_CONNECT_FAIL", "502 "+reason, lines...)
}

// trafficBadTLS is what follows where no TLS connection comes about, with a warning each time.
func trafficBadTLS(warning string) scenario.Expectation {
	var warnings []scenario.LogLine
	if warning != "" {
		warnings = slices.Repeat([]scenario.LogLine{{Level: "warn", Text: warning}}, 4)
	}
	return trafficNotConnected("8443", -20104, "-", warnings...)
}

// trafficGivesUp is what follows after four times half a minute; it looks at its limits once a second.
func trafficGivesUp(e scenario.Expectation) scenario.Expectation {
	e.After, e.Until = 2*time.Minute, 2*time.Minute+8*time.Second
	return e
}

// trafficNoHeader is what follows where an answer comes too late, or never.
var trafficNoHeader = trafficGivesUp(trafficSays(504, 4, "Inactivity Timeout", "ERR_READ_TIMEOUT", "504 Connection Timed Out"))

// trafficBadAnswer is what follows where the answer is none.
func trafficBadAnswer(reason string) scenario.Expectation {
	return trafficSays(502, 4, "Web Server Error", "ERR_CONNECT_FAIL", "502 "+reason)
}

// trafficCuts is an answer that breaks off.
func trafficCuts(e scenario.Expectation, code string) scenario.Expectation {
	e.Tries, e.Log = 1, []scenario.LogLine{{Level: "error", Code: code, Text: "200"}}
	return e
}

// cutLate is an application that ends when its answer has begun to arrive: of less, Traffic Server may pass nothing on.
var cutLate = func() staged {
	f := stagedCut
	f.variants = []scenario.Variant{
		f.variants[0],
		fakeBecomes(fakeupstream.Close{At: fakeupstream.AtBody, After: 200 << 10, Answer: downloadHealthy}),
	}
	return f
}()

// unknownName is a name that its DNS server does not know any more when the gateway is restarted, for a gateway that asks one.
var unknownName = func() staged {
	f := stagedNameGone
	f.variants = []scenario.Variant{
		{
			Kind: scenario.Real, Upstreams: withDNS(dnsmasq("dnsmasq.conf")),
			Inject: []fault.Fault{fault.Replace{Upstream: dnsmasqWith("host-record=app.internal,10.0.0.5,300", "")}, fault.Restart{}},
			Remedy: []fault.Fault{fault.Replace{Upstream: dnsmasq("dnsmasq.conf")}, fault.Restart{}},
		},
		{
			Kind: scenario.Fake, Upstreams: append([]lab.Upstream{fakeNames(oldAddress, 300)}, fakePool...),
			Inject: []fault.Fault{scripted("dns", fakeupstream.DNSAnswer{Code: fakeupstream.DNSNoName}), fault.Restart{}},
			Remedy: []fault.Fault{scripted("dns", says(oldAddress, 300)), fault.Restart{}},
		},
	}
	f.confirm = "dig app.internal on the gateway says status: NXDOMAIN. What /etc/hosts has does not count."
	f.remedy = "Bring the record back. Traffic Server keeps that there is no such name for a while: traffic_ctl server restart asks at once."
	return f
}()

// overTrafficServer is what Apache Traffic Server makes of an application that it does not reach, or that fails.
var overTrafficServer = []scenario.Scenario{
	stagedRefused.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application is down: Traffic Server tries four times at once and answers 502, Could Not Connect; the reason is in its status line, " +
			"\"502 Connection refused\". After three such requests it takes the server for down, and tries once a request (down_server.cache_time, 60 s).",
		expect: trafficNotConnected("8080", 111, "Connection refused"), source: trafficAttempts,
	}),
	stagedRejected.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim:  "A firewall resets Traffic Server's attempts to connect: 502 at once, with the lines of an application that is down.",
		expect: trafficNotConnected("8080", 111, "Connection refused"), source: trafficAttempts,
	}),
	stagedDropped.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "A firewall drops Traffic Server's packets to the application without a word: it tries four times for connect_attempts_timeout, 30 s, " +
			"and answers 502 after two minutes, where nginx answers 504 after one.",
		expect: trafficGivesUp(trafficNotConnected("8080", 110, "connect failed")), source: trafficAttempts,
	}),
	stagedHostOff.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application's host is switched off, on the gateway's own network: four times Traffic Server waits until the kernel gives up, and " +
			"answers 502, errno 113.",
		expect: trafficNotConnected("8080", 113, "No route to host"), source: trafficAttempts,
	}),
	stagedSilent.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application accepts and never answers: Traffic Server asks it four times, 30 s each (connect_attempts_timeout, which holds until " +
			"the first byte), and answers 504 after two minutes.",
		expect: trafficNoHeader, source: trafficAttempts,
	}),
	stagedSlow.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application answers, but later than connect_attempts_timeout, 30 s: Traffic Server asks for the same page four times over and " +
			"answers 504 after two minutes, and a busy application has four times the work.",
		expect: trafficNoHeader,
		remedy: "connect_attempts_timeout and transaction_no_activity_timeout_out 120 in records.config, then traffic_ctl config reload; " +
			"better, let a queue do the long work.",
		change: []string{"connect_attempts_timeout INT 30", "connect_attempts_timeout INT 120", "timeout_out INT 30", "timeout_out INT 120"},
		takes:  answersAfter, source: trafficTimeouts,
	}),
	stagedCloses.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application closes the connection without an answer: Traffic Server asks for the page four times and answers 502 (Malformed " +
			"Server Response Status), with ERR_CONNECT_FAIL, although it was connected.",
		expect: trafficBadAnswer("Malformed Server Response Status"), source: trafficAttempts,
	}),
	stagedResets.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim:  "The application resets the connection without an answer: asked four times, 502, with the line of one that closes it.",
		expect: trafficBadAnswer("Malformed Server Response Status"), source: trafficAttempts,
	}),
	cutLate.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim:  "The application dies in the middle of the body: a 200 that is cut, and ERR_READ_ERROR in the log.",
		expect: trafficCuts(scenario.Expectation{Status: 200, Cut: true}, "ERR_READ_ERROR"), source: trafficResults,
	}),
	stagedStalls.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application stops in the middle of the body: after transaction_no_activity_timeout_out, 30 s, a 200 that is cut, and " +
			"ERR_READ_TIMEOUT in the log.",
		expect: trafficCuts(
			scenario.Expectation{Status: 200, Cut: true, After: 30 * time.Second, Until: 36 * time.Second}, "ERR_READ_TIMEOUT",
		),
		source: trafficTimeouts,
	}),
	stagedNotHTTP.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "What listens on the application's port is not an HTTP server (here it greets as SSH does): asked four times, 502 (Invalid HTTP " +
			"Response), where nginx passes the bytes on.",
		expect: trafficBadAnswer("Invalid HTTP Response"), source: trafficAttempts,
	}),
	stagedBigHeader.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim:  "The application sets a cookie of 36 KB: Traffic Server takes it, as response_header_max_size is 128 KB by default; others answer 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1}, source: trafficManual,
	}),
	stagedBadHeader.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim:  "The application puts a text of two lines into a header: Traffic Server drops the line that is none and answers 200, where others answer 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1}, source: trafficManual,
	}),
	stagedTwoLengths.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim:  "The application sends Content-Length twice, with the same number: Traffic Server answers 200, where newer nginx answers 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
	}),
	stagedBadChunk.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application calls its body chunked and it is not: the visitor's connection is closed without an answer, and the log has a 200 with " +
			"ERR_READ_ERROR.",
		expect: trafficCuts(scenario.Expectation{NoAnswer: "closed"}, "ERR_READ_ERROR"), source: trafficResults,
	}),
	stagedExpired.behind(onTrafficServer("remap-https.config"), reaction{
		claim: "The application's certificate has expired: 502 after four attempts, and warnings say so, where verify.server.policy is ENFORCED. " +
			"By default it is PERMISSIVE: a warning, and the page.",
		expect: trafficBadTLS("Core server certificate verification failed for (app.internal). Action=Terminate Error=certificate has expired"),
		source: trafficManual,
	}),
	stagedWrongName.behind(onTrafficServer("remap-https.config"), reaction{
		claim: "The application's certificate is for another name: 502 after four attempts, and warnings name the one that is missing, where " +
			"verify.server.policy is ENFORCED.",
		expect: trafficBadTLS("SNI (app.internal) not in certificate. Action=Terminate"), source: trafficManual,
	}),
	stagedPlain.behind(onTrafficServer("remap-https.config"), reaction{
		claim:  "The application speaks HTTP and Traffic Server TLS: 502 after four attempts, ENET_SSL_CONNECT_FAILED.",
		expect: trafficBadTLS(""), source: trafficAttempts,
		remedy: "map / http://10.0.0.5:8443/ in remap.config, or let the application speak TLS.",
	}),
	unknownName.behind(onTrafficServer("remap-name.config"), reaction{
		claim: "The application's name does not resolve: Traffic Server, which asks a DNS server itself, starts all the same and answers 500, Unknown " +
			"Host; nobody is asked.",
		expect: trafficSays(500, scenario.NoTry, "Unknown Host", "ERR_UNKNOWN", "500 Cannot find server."),
		source: trafficManual + "#dns",
	}),
	stagedOneDead.behind(trafficPool(), reaction{
		claim:  "One server of two is down: Traffic Server tries it twice and asks the other one, the visitor gets his 200, and no log tells.",
		expect: scenario.Expectation{Status: 200, Tries: 3}, source: trafficParents,
		then: &scenario.Sequel{Each: []scenario.Expectation{{Status: 200, Tries: 1}}, Cycles: true, Why: "the two servers are asked in turn"},
	}),
	stagedAllDead.behind(trafficPool(), reaction{
		claim: "Both servers are down: Traffic Server tries the one twice, the other twice and the first once more, and answers 502 (Next Hop " +
			"Connection Failed); error.log says nothing.",
		expect: trafficSays(502, 5, "Could not process this request", "ERR_CONNECT_FAIL", "502 Next Hop Connection Failed"), source: trafficParents,
		remedy: "Start them. One that failed again and again is left alone for parent_proxy.retry_time, 300 s by default and 10 here.",
		rests:  trafficRests,
	}),
	stagedOwn502.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application itself answers 502 (it is a gateway too, and its own upstream failed): Traffic Server passes it on with its page, and the " +
			"line has TCP_MISS, no error.",
		expect: trafficSays(502, 1, "The database did not answer.", "TCP_MISS", "502"), source: trafficResults,
	}),
	stagedOwn503.behind(onTrafficServer("remap-proxy.config"), reaction{
		claim: "The application is in maintenance and answers 503 on purpose: Traffic Server passes it on with its Retry-After, and the line has " +
			"TCP_MISS, no error.",
		expect: trafficSays(503, 1, "Back at 14:00.", "TCP_MISS", "503"), source: trafficResults,
	}),
	leaving(trafficNotices(), reaction{
		claim: "The visitor goes before the answer has come: Traffic Server logs ERR_CLIENT_ABORT with the status 000 where allow_half_open is 0. By " +
			"default it takes him for one who still reads, and asks the application four times.",
		expect: visitorLeft(scenario.LogLine{Level: "error", Code: "ERR_CLIENT_ABORT", Text: "000 -"}),
		source: trafficManual,
	}),
}
