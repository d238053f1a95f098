package scenarios

import (
	"slices"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// badHeader is what follows where a line of the header is not one, or too long. It is a warning: LogLevel error hides it.
func badHeader(path string) scenario.LogLine {
	return scenario.LogLine{Level: "warn", Code: "AH01106", Text: "bad HTTP/1.1 header returned by " + path + " (GET)"}
}

// badBody is the line for a body that is not as long as its header says, or not chunked.
func badBody(errno int) []scenario.LogLine {
	return []scenario.LogLine{{Level: "error", Code: "AH01110", Text: "error reading response", Errno: errno}}
}

// apacheAnswer is what Apache makes of a bad answer.
var apacheAnswer = []scenario.Scenario{
	{
		ID: "apache-not-http", Row: "not-http",
		Claim: "What listens on the application's port is not an HTTP server (here it greets as SSH does): Apache takes it for " +
			"HTTP/0.9, answers 200 with those bytes as the page, and logs nothing.",
		Family: "answer", Causes: []string{"A5", "E5", "J1"}, Gateway: onApache("proxy.conf"),
		Fault:    "another service listens on the application's port",
		Variants: stagedNotHTTP.variants,
		Expect:   scenario.Expectation{Status: 200, Tries: 1},
		Confirm:  "On the gateway: nc 10.0.0.5 8080 </dev/null prints what is really there.",
		Remedy:   "Put the right port into ProxyPass: ss -ltnp on the application's host lists who listens where.",
		Source:   apacheProxy,
	},
	{
		ID: "apache-header-too-big", Row: "header-too-big",
		Claim: "The application sends a header line longer than ResponseFieldSize, 8 KB by default (often a cookie that has grown): " +
			"502, logged as two warnings, the first with No space left on device.",
		Family: "answer", Causes: []string{"E4", "K2"}, Gateway: onApache("proxy.conf"),
		Ask:   stagedBigHeader.ask,
		Fault: stagedBigHeader.fault,
		Variants: withRemedy(slices.Clone(stagedBigHeader.variants), fault.Config{
			Conf: apacheChanged("proxy.conf", "http://10.0.0.5:8080/", "http://10.0.0.5:8080/ responsefieldsize=65536"),
		}),
		Expect: scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
			{Level: "warn", Code: "AH10124", Text: "header size is over the limit allowed by ResponseFieldSize (8192 bytes)", Errno: 28},
			badHeader(stagedBigHeader.ask.Path),
		}},
		Confirm: "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | awk '{ print length }' | sort -n | tail -1 prints more than 8190.",
		Remedy:  "ProxyPass / http://10.0.0.5:8080/ responsefieldsize=65536 (above what awk prints) and apachectl graceful; and find the cookie that grows.",
		Source:  apacheProxy + "#proxypass",
	},
	{
		ID: "apache-header-invalid", Row: "header-invalid",
		Claim: "The application puts a text of two lines into a header (an error message, often): the second line is no header " +
			"line, and Apache answers 502, logged as a warning.",
		Family: "answer", Causes: []string{"E5"}, Gateway: onApache("proxy.conf"),
		Ask:      lab.Request{Path: "/bad-header"},
		Fault:    "the application puts a text of two lines into a header",
		Variants: stagedBadHeader.variants,
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{badHeader("/bad-header")}},
		Confirm:  "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | cat -A shows a line without a colon.",
		Remedy:   "Strip line ends from what the application puts into headers. Until then, ProxyBadHeader Ignore drops that line.",
		Source:   apacheProxy + "#proxybadheader",
	},
	{
		ID: "apache-bad-chunk", Row: "bad-chunk",
		Claim: "The application calls its body chunked and it is not (a Transfer-Encoding header set by hand): Apache answers 502, " +
			"where nginx closes the visitor's connection without a byte.",
		Family: "answer", Causes: []string{"E5", "J1"}, Gateway: onApache("proxy.conf"),
		Ask:      lab.Request{Path: "/bad-chunk"},
		Fault:    "the body is not chunked, as its header says it is",
		Variants: stagedBadChunk.variants,
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Log: badBody(20014)},
		Confirm:  "On the gateway: curl --raw -s http://10.0.0.5:8080/PATH | head -c 20 | xxd does not begin with a length in hex.",
		Remedy:   "Remove the Transfer-Encoding header from the application's code: its server sets it where it is due.",
		Source:   "https://www.rfc-editor.org/rfc/rfc9112#section-7.1",
	},
	{
		ID: "apache-body-cut", Row: "body-cut",
		Claim: "The application dies in the middle of the body: the status was sent long ago, so the visitor has a 200 whose " +
			"body ends too soon, and the log says Partial results are valid.",
		Family: "answer", Causes: []string{"I1"}, Gateway: onApache("proxy.conf"),
		Ask:      download,
		Fault:    "the application ends while it sends a large body",
		Variants: stagedCut.variants,
		Expect:   scenario.Expectation{Status: 200, Cut: true, Tries: 1, Log: badBody(70008)},
		Confirm:  "curl -o /dev/null http://GATEWAY/PATH ends with curl: (18) transfer closed with outstanding read data remaining.",
		Remedy:   whoEnded + monitorLengths,
		Source:   messageLength,
	},
	{
		ID: "apache-own-502", Row: "own-502",
		Claim: "The application itself answers 502 (it is a gateway too, and its own upstream failed): Apache passes it on with its " +
			"page, and logs nothing.",
		Family: "answer", Causes: []string{"J2"}, Gateway: onApache("proxy.conf"),
		Ask:      lab.Request{Path: "/own-502"},
		Fault:    "the application answers 502",
		Variants: stagedOwn502.variants,
		Expect:   scenario.Expectation{Status: 502, Tries: 1},
		Confirm:  "curl -si http://10.0.0.5:8080/PATH on the gateway answers 502 as well; Apache's own page is titled 502 Proxy Error.",
		Remedy:   "Mend what is behind the application. ProxyErrorOverride On with ErrorDocument 502 only changes the page.",
		Source:   apacheProxy + "#proxyerroroverride",
	},
	{
		ID: "apache-http-to-fastcgi",
		Claim: "ProxyPass points to PHP-FPM with http://, which speaks FastCGI: it closes the connection with the request unread, " +
			"which resets it: 502, with the same lines as a crash.",
		Family: "protocol", Causes: []string{"A5"}, Gateway: onApache("proxy.conf"),
		Fault:    "PHP-FPM listens on the application's port",
		Variants: fastCGIAtApp,
		Expect:   noStatusLine(104, "/"),
		Confirm:  "ss -ltnp 'sport = :8080' on the application's host names php-fpm.",
		Remedy:   "fcgi://10.0.0.5:8080/ with the folder of the scripts, and mod_proxy_fcgi, in place of http://10.0.0.5:8080/.",
		Source:   "https://httpd.apache.org/docs/2.4/mod/mod_proxy_fcgi.html",
	},
}
