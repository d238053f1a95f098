package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/harness/gateway/varnish"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	varnishBackend = "https://varnish-cache.org/docs/7.1/reference/vcl-backend.html"
	varnishParams  = "https://varnish-cache.org/docs/7.1/reference/varnishd.html#list-of-parameters"
)

// onVarnish is the gateway with a config of the folder varnish.
func onVarnish(conf string) lab.Gateway {
	return lab.Gateway{Driver: varnish.Driver, Config: text("varnish/" + conf), Hosts: appHost}
}

// varnishRests is how long Varnish leaves a backend alone that refused (backend_remote_error_holddown, 0.25 s).
const varnishRests = time.Second

// heldDown is what the next get within that time: nobody is asked.
var heldDown = &scenario.Sequel{
	Each: []scenario.Expectation{{Status: 503, Tries: scenario.NoTry, Log: []scenario.LogLine{
		{Level: "error", Code: "fetch", Text: "503 backend app: fail errno 0 (Success)"},
	}}},
	For: 250 * time.Millisecond, Why: "Varnish leaves a backend alone that refused (backend_remote_error_holddown)",
}

// varnishSays is what follows with the line on the fetch, which begins with the status.
func varnishSays(status int, text string) scenario.Expectation {
	return scenario.Expectation{Status: status, Tries: 1, Log: []scenario.LogLine{{Level: "error", Code: "fetch", Text: text}}}
}

// overVarnish is what Varnish makes of an application that it does not reach, or that fails. What it says of the visitor is always 503
// Backend fetch failed; the reason is in its log alone. An answer that is cut and a bad chunk are a 503 or a 200 that is cut, as it
// happens, and a body that stalls could not be proven by a clock that goes faster.
var overVarnish = []scenario.Scenario{
	stagedRefused.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application is down: Varnish answers 503 at once, Backend fetch failed, where nginx answers 502.",
		expect: varnishSays(503, "503 backend app: fail errno 111 (Connection refused)"), then: heldDown, rests: varnishRests, source: varnishBackend,
	}),
	stagedRejected.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "A firewall resets Varnish's attempt to connect: 503 at once, with the line of an application that is down.",
		expect: varnishSays(503, "503 backend app: fail errno 111 (Connection refused)"), then: heldDown, rests: varnishRests, source: varnishBackend,
	}),
	stagedDropped.behind(onVarnish("proxy.vcl"), reaction{
		claim: "A firewall drops Varnish's packets to the application without a word: 503 after connect_timeout, 3.5 s by default, where nginx answers " +
			"504.",
		expect: after(3500*time.Millisecond, varnishSays(503, "503 backend app: fail errno 110 (Connection timed out)")),
		source: varnishParams,
	}),
	stagedSilent.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application accepts and never answers: 503 after first_byte_timeout, 60 s by default, where nginx answers 504.",
		expect: afterMinute(varnishSays(503, "503 first byte timeout")), source: varnishParams,
	}),
	stagedSlow.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application answers, but later than first_byte_timeout, 60 s by default: 503, and the application's work was for nobody.",
		expect: afterMinute(varnishSays(503, "503 first byte timeout")),
		remedy: ".first_byte_timeout = 120s in the backend; better, let a queue do the long work.",
		change: []string{".first_byte_timeout = 60s", ".first_byte_timeout = 120s"}, takes: answersAfter, source: varnishParams,
	}),
	stagedCloses.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application closes the connection without an answer: 503 at once, and the log says HTC eof.",
		expect: varnishSays(503, "503 HTC eof (-1)"), source: varnishBackend,
	}),
	stagedResets.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application resets the connection without an answer: 503 at once; the line does not tell it from a close.",
		expect: varnishSays(503, "503 HTC eof (-1)"), source: varnishBackend,
	}),
	stagedNotHTTP.behind(onVarnish("proxy.vcl"), reaction{
		claim: "What listens on the application's port is not an HTTP server (here it greets as SSH does): 503 at once, with the line of an " +
			"application that closes.",
		expect: varnishSays(503, "503 HTC eof (-1)"), source: varnishBackend,
	}),
	stagedBigHeader.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application sends a header larger than http_resp_size, 32 KB by default (often a cookie that has grown): 503 at once, overflow.",
		expect: varnishSays(503, "503 overflow"), source: varnishParams,
		remedy: "Find the cookie that grows. -p http_resp_size=64k -p http_resp_hdr_len=48k and a workspace_backend that holds them take it in.",
	}),
	stagedBadHeader.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application puts a text of two lines into a header (an error message, often): 503 at once, http format error.",
		expect: varnishSays(503, "503 http format error"), source: varnishBackend,
	}),
	stagedTwoLengths.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application sends Content-Length twice, with the same number: Varnish answers 200, where newer nginx answers 502.",
		expect: scenario.Expectation{Status: 200, Tries: 1},
	}),
	stagedNameGone.behind(onVarnish("proxy-name.vcl"), reaction{
		claim: "The application's name does not resolve when Varnish starts: its config does not compile, it does not start, and visitors are refused.",
		expect: scenario.Expectation{NoAnswer: "refused", Log: []scenario.LogLine{
			{Level: "emerg", Text: `Backend host '"app.internal"' could not be resolved to an IP address`},
		}},
		source: varnishBackend,
	}),
	stagedOneDead.behind(onVarnish("pool.vcl"), reaction{
		claim:  "One server of two is down, and no probe looks: Varnish asks no other one, so every second visitor gets 503.",
		expect: varnishSays(503, "503 backend second: fail errno 111 (Connection refused)"), rests: varnishRests,
		then:   &scenario.Sequel{Each: []scenario.Expectation{{Status: 200, Tries: 1}}, Cycles: true, Why: "the two servers are asked in turn"},
		remedy: "Start it. A .probe keeps visitors from a server that is down, and return (retry) in vcl_backend_error asks the other one.",
		source: "https://varnish-cache.org/docs/7.1/reference/vmod_directors.html",
	}),
	stagedAllDead.behind(onVarnish("pool.vcl"), reaction{
		claim:  "Both servers are down: Varnish asks one of them, and answers 503.",
		expect: varnishSays(503, "503 backend second: fail errno 111 (Connection refused)"), rests: varnishRests,
		then: &scenario.Sequel{
			Each: []scenario.Expectation{varnishSays(503, "503 backend app: fail errno 111 (Connection refused)")}, Cycles: true,
			Why: "the two servers are asked in turn",
		},
		source: "https://varnish-cache.org/docs/7.1/reference/vmod_directors.html",
	}),
	stagedOwn502.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application itself answers 502 (it is a gateway too, and its own upstream failed): Varnish passes it on with its page.",
		expect: varnishSays(502, "502"), source: varnishBackend,
	}),
	stagedOwn503.behind(onVarnish("proxy.vcl"), reaction{
		claim:  "The application is in maintenance and answers 503 on purpose: Varnish passes it on with its Retry-After.",
		expect: varnishSays(503, "503"),
	}),
}
