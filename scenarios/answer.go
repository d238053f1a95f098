package scenarios

import (
	"slices"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	proxyPass       = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass"
	proxyBuffer     = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffer_size"
	proxyBuffering  = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering"
	proxyIntercept  = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_intercept_errors"
	proxyKeepalive  = "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive"
	messageLength   = "https://www.rfc-editor.org/rfc/rfc9112#section-6.3"
	connecting      = "connecting to upstream"
	readingHeader   = "reading response header from upstream"
	readingBody     = "reading upstream"
	prematureClosed = "upstream prematurely closed connection"
)

// answer is what goes wrong with an answer before its body: the gateway can still say so.
var answer = []scenario.Scenario{
	{
		ID: "app-dies", Row: "closes",
		Claim: "The application takes the request and closes the connection without a byte (a worker that crashed, or was " +
			"killed by its watchdog): 502 at once.",
		Family: "answer", Causes: []string{"I1"}, Gateway: onNginx("proxy.conf"),
		Ask:      lab.Request{Path: "/dies"},
		Fault:    "the application closes the connection when it has read the request",
		Variants: stagedCloses.variants,
		Expect:   badGateway(prematureClosed, 0, readingHeader),
		Confirm: "The application's own log at that second: a crash, a restart, a worker killed by its time-out " +
			"(journalctl -u APP --since -5min).",
		Remedy: "Mend what kills the worker; the log line of the gateway has nothing more to say about it.",
		Source: proxyPass,
	},
	{
		ID: "app-resets", Row: "resets",
		Claim: "The application takes the request and its connection is reset (it ended with data unread, or something " +
			"between them sent RST): 502 at once, errno 104.",
		Family: "answer", Causes: []string{"I1"}, Gateway: onNginx("proxy.conf"),
		Ask:      lab.Request{Path: "/resets"},
		Fault:    "the application resets the connection when it has read the request",
		Variants: stagedResets.variants,
		Expect:   badGateway("recv() failed", 104, readingHeader),
		Confirm: "On the application's host: tcpdump -ni any 'tcp port 8080 and tcp[tcpflags] & tcp-rst != 0' shows whether " +
			"the RST leaves there, or comes from something between.",
		Remedy: "From between: raise the idle limit of the firewall or load balancer that resets. Else it comes from the application. " + whoEnded,
		Source: proxyPass,
	},
	{
		ID: "app-hangs", Row: "silent",
		Claim: "The application accepts and never answers (deadlock, exhausted pool of threads): 504 after " +
			"proxy_read_timeout, 60 s by default, not 502.",
		Family: "answer", Causes: []string{"B6", "I1"}, Gateway: onNginx("proxy.conf"),
		Fault:    "the application hangs",
		Variants: stagedSilent.variants,
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm:  "On the application's host: ss -tn 'sport = :8080' shows connections that stay, often with a Recv-Q that is not 0.",
		Remedy: "Restart the application, after its stack was kept (py-spy dump, jstack, gdb -p). A larger " +
			"proxy_read_timeout only makes visitors wait longer.",
		Source: readTimeout,
	},
	{
		ID: "header-too-big", Row: "header-too-big",
		Claim: "The application sends a header larger than proxy_buffer_size, one memory page of 4 or 8 KB by default " +
			"(often a cookie that has grown): 502.",
		Family: "answer", Causes: []string{"E4", "K2"}, Gateway: onNginx("proxy.conf"),
		Ask:   stagedBigHeader.ask,
		Fault: stagedBigHeader.fault,
		Variants: withRemedy(slices.Clone(stagedBigHeader.variants), fault.Config{
			Conf: strings.Replace(text("nginx/proxy.conf"), "proxy_pass", "proxy_buffer_size 64k;\n            "+
				"proxy_buffers 8 64k;\n            proxy_pass", 1),
		}),
		Expect:  badGateway("upstream sent too big header", 0, readingHeader),
		Confirm: "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | wc -c prints more than 4096.",
		Remedy:  "proxy_buffer_size 64k; proxy_buffers 8 64k; (above what wc counts), and find the cookie that grows.",
		Source:  proxyBuffer,
	},
	{
		ID: "header-invalid", Row: "header-invalid",
		Claim: "The application puts a text of two lines into a header (an error message, often): the second line is no header " +
			"line, and nginx answers 502.",
		Family: "answer", Causes: []string{"E5"}, Gateway: onNginx("proxy.conf"),
		Ask:      lab.Request{Path: "/bad-header"},
		Fault:    "the application puts a text of two lines into a header",
		Variants: stagedBadHeader.variants,
		Expect:   badGateway("upstream sent invalid header", 0, readingHeader),
		Exceptions: []scenario.Exception{{
			Before: "1.21.1", Why: "nginx drops a header line with spaces in its name, without a word, before 1.21.1.",
			Expect: scenario.Expectation{Status: 200, Tries: 1},
		}},
		Confirm: "On the gateway: curl -s -o /dev/null -D - http://10.0.0.5:8080/PATH | cat -A shows the line that the log quotes.",
		Remedy:  "Strip line ends from what the application puts into headers. nginx has no directive that lets it through.",
		Source:  "https://www.rfc-editor.org/rfc/rfc9112#section-5",
	},
	{
		ID: "not-http", Row: "not-http",
		Claim: "What listens on the application's port is not an HTTP server (here it greets as SSH does): nginx takes it for " +
			"HTTP/0.9 and passes the bytes on as they are, with no status at all. Its access log says 009.",
		Family: "answer", Causes: []string{"A5", "E5"}, Gateway: onNginx("proxy.conf"),
		Fault:    "another service listens on the application's port",
		Variants: stagedNotHTTP.variants,
		Expect: scenario.Expectation{NoAnswer: "garbled", Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Text: "upstream sent no valid HTTP/1.0 header", Phase: readingHeader},
		}},
		Confirm: "On the gateway: nc 10.0.0.5 8080 </dev/null prints what is really there.",
		Remedy:  "Put the right port into proxy_pass: ss -ltnp on the application's host lists who listens where.",
		Source:  proxyPass,
	},
	{
		ID: "origin-502", Row: "own-502",
		Claim: "The application itself answers 502 (it is a gateway too, and its own upstream failed): nginx passes it on and " +
			"logs nothing.",
		Family: "answer", Causes: []string{"J2"}, Gateway: onNginx("proxy.conf"),
		Ask:      lab.Request{Path: "/own-502"},
		Fault:    "the application answers 502",
		Variants: stagedOwn502.variants,
		Expect:   scenario.Expectation{Status: 502, Tries: 1},
		Confirm:  "curl -si http://10.0.0.5:8080/PATH on the gateway answers 502 as well; the body is not nginx's page.",
		Remedy:   "Mend what is behind the application. proxy_intercept_errors on with error_page only changes the page.",
		Source:   proxyIntercept,
	},
	{
		ID: "maintenance", Row: "own-503",
		Claim:  "The application is in maintenance and answers 503 on purpose: nginx passes it on with its Retry-After, and logs nothing.",
		Family: "answer", Causes: []string{"I2"}, Gateway: onNginx("proxy.conf"),
		Ask:      lab.Request{Path: "/maintenance"},
		Fault:    "the application answers 503",
		Variants: stagedOwn503.variants,
		Expect:   scenario.Expectation{Status: 503, Tries: 1},
		Confirm:  "curl -si http://10.0.0.5:8080/ on the gateway answers 503 with Retry-After.",
		Remedy:   "End the maintenance mode (php artisan up, occ maintenance:mode --off, rm .maintenance, ...).",
		Source:   "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4",
	},
}

// badGateway is a 502 at once, after one try, for a reason that the log names.
func badGateway(text string, errno int, phase string) scenario.Expectation {
	return scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
		{Level: "error", Text: text, Errno: errno, Phase: phase},
	}}
}

// gatewayTimeout is what follows where nginx waits for as long as its limit of a phase allows.
func gatewayTimeout(limit time.Duration, phase string) scenario.Expectation {
	return scenario.Expectation{Status: 504, Tries: 1, After: limit, Log: []scenario.LogLine{
		{Level: "error", Text: "upstream timed out", Errno: 110, Phase: phase},
	}}
}

// withRemedy gives all variants a remedy.
func withRemedy(variants []scenario.Variant, remedy ...fault.Fault) []scenario.Variant {
	for i := range variants {
		variants[i].Remedy = remedy
	}
	return variants
}
