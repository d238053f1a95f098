package scenarios

import (
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/apache"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const apacheProxy = "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html"

// onApache is the gateway with a config of the folder apache.
func onApache(conf string) lab.Gateway {
	return lab.Gateway{Driver: apache.Driver, Config: text("apache/" + conf)}
}

// apacheChanged is a config of the folder apache in which one text is replaced by another.
func apacheChanged(conf, was, is string) string { return changedIn("apache/"+conf, was, is) }

// apacheWith is Apache with a config of which one piece is another.
func apacheWith(conf, old, new string) lab.Gateway {
	g := onApache(conf)
	g.Config = apacheChanged(conf, old, new)
	return g
}

// refusedByApache is what follows where nothing listens.
var refusedByApache = scenario.Expectation{Status: 503, Tries: 1, Log: []scenario.LogLine{
	{Level: "error", Code: "AH00957", Text: "attempt to connect to 10.0.0.5:8080", Errno: 111},
	{Level: "error", Code: "AH01114", Text: "failed to make connection to backend: 10.0.0.5"},
}}

// noStatusLine is what follows where the connection ends before an answer began: of a close, Apache's library says 20014.
func noStatusLine(errno int, path string) scenario.Expectation {
	return noStatusLineFrom(appAddress, errno, path)
}

func noStatusLineFrom(addr string, errno int, path string) scenario.Expectation {
	return scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
		{Level: "error", Code: "AH01102", Text: "error reading status line from remote server " + addr, Errno: errno},
		{Level: "error", Code: "AH00898", Text: "Error reading from remote server returned by " + path},
	}}
}

// overApache is an application that Apache does not reach, or that does not answer.
var overApache = []scenario.Scenario{
	{
		ID: "apache-refused", Row: "refused",
		Claim:  "The application is down: Apache answers 503, where nginx answers 502, and logs two lines.",
		Family: "answer", Causes: []string{"A1", "J1", "J6", "J7"}, Gateway: onApache("proxy.conf"),
		Fault:    "the application does not run",
		Variants: bothApps(fault.Stop{Upstream: "app"}),
		Expect:   withPage("<h1>Service Unavailable</h1>", refusedByApache),
		Confirm:  "ss -ltn 'sport = :8080' on the application's host shows no listener.",
		Remedy:   "Start it. A single worker of ProxyPass is asked again at once; a BalancerMember after retry=, 60 s by default.",
		Source:   apacheProxy,
	},
	{
		ID:     "apache-wrong-port",
		Claim:  "The application listens on 8081 and Apache calls 8080: refused, 503 at once.",
		Family: "protocol", Causes: []string{"A2"}, Gateway: onApache("proxy.conf"),
		Fault:    "the application listens on another port",
		Variants: movedTo("10.0.0.5:8081"),
		Expect:   refusedByApache,
		Confirm:  "ss -ltnp on the application's host: the port in ProxyPass is not among those of the application.",
		Remedy:   "ProxyPass / http://10.0.0.5:8081/ and apachectl graceful, or let the application listen on 8080.",
		Source:   apacheProxy,
	},
	{
		ID: "apache-closes", Row: "closes",
		Claim:  "The application closes the connection without an answer: Apache answers 502 at once.",
		Family: "answer", Causes: []string{"I1", "J7"}, Gateway: onApache("proxy.conf"), Ask: lab.Request{Path: "/dies"},
		Fault:    "the application closes every connection without an answer",
		Variants: stagedCloses.variants,
		Expect:   withPage("<h1>Proxy Error</h1>", noStatusLine(20014, "/dies")),
		Confirm:  "curl -si http://10.0.0.5:8080/dies on the gateway says Empty reply from server.",
		Remedy:   whoEnded,
		Source:   apacheProxy,
	},
	{
		ID: "apache-resets", Row: "resets",
		Claim:  "The application resets the connection without an answer: Apache answers 502 at once, and errno 104 tells it from a close.",
		Family: "answer", Causes: []string{"I1"}, Gateway: onApache("proxy.conf"), Ask: lab.Request{Path: "/resets"},
		Fault:    "the application resets every connection without an answer",
		Variants: stagedResets.variants,
		Expect:   noStatusLine(104, "/resets"),
		Confirm:  "curl -si http://10.0.0.5:8080/resets on the gateway says Recv failure: Connection reset by peer.",
		Remedy:   whoEnded,
		Source:   apacheProxy,
	},
}
