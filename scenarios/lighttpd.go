package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/harness/gateway/lighttpd"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const lighttpdProxy = "https://redmine.lighttpd.net/projects/lighttpd/wiki/Mod_proxy"

// onLighttpd is the gateway with a config of the folder lighttpd.
func onLighttpd(conf string) lab.Gateway {
	return lab.Gateway{Driver: lighttpd.Driver, Config: text("lighttpd/" + conf)}
}

// lighttpdRests is how long lighttpd leaves a server alone that failed: disable-time, 1 s by default, and it looks once a second, where it has
// a processor to do so.
const lighttpdRests = 10 * time.Second

// leftAlone is what the next get for that long: nobody is asked, and nothing is logged.
func leftAlone(e scenario.Expectation) *scenario.Sequel {
	return &scenario.Sequel{Each: []scenario.Expectation{e}, For: time.Second, Why: "lighttpd leaves a server alone that failed (disable-time)"}
}

var noServer = leftAlone(scenario.Expectation{Status: 503, Tries: scenario.NoTry})

// lighttpdSays is what follows with these lines in the log, which name no errno and no client.
func lighttpdSays(status, tries int, lines ...string) scenario.Expectation {
	e := scenario.Expectation{Status: status, Tries: tries}
	for _, text := range lines {
		e.Log = append(e.Log, scenario.LogLine{Level: "error", Code: "gw_backend.c", Text: text})
	}
	return e
}

// lighttpdWaits is what follows after a minute: it looks at its limits once a second.
func lighttpdWaits(e scenario.Expectation) scenario.Expectation {
	e.After, e.Until = time.Minute, time.Minute+3*time.Second
	return e
}

func lighttpdNotConnected(why string) scenario.Expectation {
	return lighttpdSays(503, 1, "establishing connection failed: socket: tcp:10.0.0.5:8080: "+why, "all handlers for /? on  are down.")
}

// overLighttpd is what lighttpd makes of an application that it does not reach, or that fails. It keeps an answer until it is whole
// (server.stream-response-body = 0).
var overLighttpd = []scenario.Scenario{
	stagedRefused.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application is down: lighttpd answers 503 at once, and logs two lines, which name no visitor.",
		expect: lighttpdNotConnected("Connection refused"),
		then:   noServer, rests: lighttpdRests, source: lighttpdProxy,
	}),
	stagedRejected.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "A firewall resets lighttpd's attempt to connect: 503 at once, with the lines of an application that is down.",
		expect: lighttpdNotConnected("Connection refused"),
		then:   noServer, rests: lighttpdRests, source: lighttpdProxy,
	}),
	stagedDropped.behind(onLighttpd("proxy.conf"), reaction{
		claim: "A firewall drops lighttpd's packets to the application without a word: 503 after connect-timeout, 60 s here, where nginx " +
			"answers 504.",
		expect: lighttpdWaits(lighttpdNotConnected("Connection timed out")),
		then:   noServer, rests: lighttpdRests, source: lighttpdProxy,
	}),
	stagedSilent.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application accepts and never answers: 504 after read-timeout, 60 s here; without one lighttpd waits for as long as the visitor does.",
		expect: lighttpdWaits(lighttpdSays(504, 1, "read timeout on socket: tcp:10.0.0.5:8080")),
		source: lighttpdProxy,
	}),
	stagedCloses.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application closes the connection without an answer: lighttpd answers 500 at once, and logs nothing.",
		expect: scenario.Expectation{Status: 500, Tries: 1},
		source: lighttpdProxy,
	}),
	stagedResets.behind(onLighttpd("proxy.conf"), reaction{
		claim: "The application resets the connection without an answer: lighttpd answers 500 at once, and says so in its log, unlike of a close.",
		expect: scenario.Expectation{Status: 500, Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Code: "http-header-glue.c", Text: "Connection reset by peer"},
			{Level: "error", Code: "gw_backend.c", Text: "on socket: tcp:10.0.0.5:8080 for /resets?, closing connection"},
		}},
		source: lighttpdProxy,
	}),
	stagedCut.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application dies in the middle of the body: a 200 that is cut, and lighttpd logs nothing.",
		expect: scenario.Expectation{Status: 200, Cut: true, Tries: 1},
		source: lighttpdProxy,
	}),
	stagedStalls.behind(onLighttpd("proxy.conf"), reaction{
		claim: "The application stops in the middle of the body: after read-timeout, 60 s here, lighttpd answers 404, as it had kept what came and " +
			"has nothing to show for it.",
		expect: lighttpdWaits(lighttpdSays(404, 1, "read timeout on socket: tcp:10.0.0.5:8080")),
		source: lighttpdProxy,
	}),
	stagedNotHTTP.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "What listens on the application's port is not an HTTP server (here it greets as SSH does): 502 at once, and lighttpd logs nothing.",
		expect: scenario.Expectation{Status: 502, Tries: 1},
		source: lighttpdProxy,
	}),
	stagedBigHeader.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application sets a cookie of 36 KB: lighttpd takes it, where others answer 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
		source: lighttpdProxy,
	}),
	stagedBadHeader.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application puts a text of two lines into a header: lighttpd drops the line that is none and answers 200, where others answer 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
		source: lighttpdProxy,
	}),
	stagedTwoLengths.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application sends Content-Length twice, with the same number: lighttpd answers 200, where newer nginx answers 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
		source: lighttpdProxy,
	}),
	stagedBadChunk.behind(onLighttpd("proxy.conf"), reaction{
		claim: "The application calls its body chunked and it is not: lighttpd answers 200 with an empty page, and its log says that the answer was " +
			"already sent.",
		expect: lighttpdSays(200, 1,
			"response already sent out, but backend returned error on socket: tcp:10.0.0.5:8080 for /bad-chunk?, terminating connection"),
		source: lighttpdProxy,
	}),
	stagedOneDead.behind(onLighttpd("pool.conf"), reaction{
		claim:  "One server of two is down: lighttpd asks the other one, the visitor gets his 200, and only the log tells.",
		expect: lighttpdSays(200, 2, "establishing connection failed: socket: tcp:10.0.0.6:8080: Connection refused"),
		then:   leftAlone(scenario.Expectation{Status: 200, Tries: 1}), source: lighttpdProxy,
	}),
	stagedAllDead.behind(onLighttpd("pool.conf"), reaction{
		claim: "Both servers are down: lighttpd tries each once, and answers 503.",
		expect: lighttpdSays(503, 2, "establishing connection failed: socket: tcp:10.0.0.6:8080: Connection refused",
			"establishing connection failed: socket: tcp:10.0.0.5:8080: Connection refused", "all handlers for /? on  are down."),
		then: noServer, rests: lighttpdRests, source: lighttpdProxy,
	}),
	stagedOwn502.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application itself answers 502 (it is a gateway too, and its own upstream failed): lighttpd passes it on with its page.",
		expect: scenario.Expectation{Status: 502, Tries: 1},
		source: lighttpdProxy,
	}),
	stagedOwn503.behind(onLighttpd("proxy.conf"), reaction{
		claim:  "The application is in maintenance and answers 503 on purpose: lighttpd passes it on with its Retry-After.",
		expect: scenario.Expectation{Status: 503, Tries: 1},
		source: lighttpdProxy,
	}),
}
