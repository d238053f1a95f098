package scenarios

import (
	"net/http"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

func visitorLeaves() scenario.Scenario {
	const patience = 3 * time.Second
	variants := chainVariants(text("nginx/origin-proxy.conf"), slowBehind, fakeupstream.Delay{For: slowAnswer})
	variants[0].WaitFor, variants[1].WaitFor = []lab.Condition{lab.RequestAt("app")}, []lab.Condition{lab.RequestAt("origin")}
	variants[0].UpstreamLog = ` 499 0 "`
	return scenario.Scenario{
		ID: "visitor-leaves", Row: "left",
		Claim: "The visitor goes before the answer has come: nginx writes 499 into its access log, and nothing into the error log, and hangs up " +
			"on the upstream. A gateway there writes 499 too.",
		Family: "visitor", Causes: []string{"K1", "J6"}, Gateway: onNginx("proxy.conf"),
		Fault:  "the application takes 45 s, and the visitor leaves after 3 s",
		Leaves: true, Variants: variants,
		Expect: scenario.Expectation{NoAnswer: "left", Access: `" 499 0 "`, Tries: 1, After: patience},
		Confirm: "grep '\" 499 ' /var/log/nginx/access.log, with $request_time in the log_format: it is how long visitors were ready to wait, " +
			"and differs from one to the next. Where it is always the same, a gateway in front has given up.",
		Remedy: "Make the page quicker: the 499 say which. proxy_ignore_client_abort on; only where the work has to be finished.",
		Source: "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_client_abort",
	}
}

func visitorReloads() scenario.Scenario {
	small, big := withReport(fpm.With("pm.max_children = 2")), withReport(fpm.With("pm.max_children = 20"))
	reloads := fault.AbandonedRequests{Clients: 2, Request: report, WaitFor: lab.RequestAt("api")}
	onFake := waitingFor(lab.ConnectionAt("app"), fakeFPMDoes(fakeupstream.Silent{At: fakeupstream.AtAccept}))
	return scenario.Scenario{
		ID: "visitor-reloads",
		Claim: "A visitor reloads a slow page, and each time PHP begins it anew: it does not notice that he has gone and works on for nobody. " +
			"Two reloads keep both workers busy, and all others wait for 60 s and get 504.",
		Family: "visitor", Causes: []string{"K1", "D3"}, Gateway: onNginx("php.conf"),
		Fault: "a visitor has asked for a page that takes minutes, twice, and has gone",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{small.Upstream(), api},
				Inject: []fault.Fault{slowAPI(time.Hour), reloads},
				Remedy: []fault.Fault{fault.Replace{Upstream: big.Upstream()}, reloads},
			},
			onFake,
		},
		Expect: gatewayTimeout(time.Minute, readingHeader),
		Confirm: "The access log has several 499 of one client for one page; the pool's status page (pm.status_path) shows as many active " +
			"processes as there are workers.",
		Remedy: "Raise pm.max_children as far as memory allows (20), then systemctl restart php8.2-fpm, and set a limit for what the script waits for, " +
			"so that a worker comes free.",
		Source: "https://www.php.net/manual/en/features.connection-handling.php",
	}
}

// cookies are as many as a browser sends to a site that has let them grow.
func cookies(size int) lab.Request {
	return lab.Request{Header: http.Header{"Cookie": {"session=" + strings.Repeat("0123456789abcdef", size/16)}}}
}

func cookiesTooBig() scenario.Scenario {
	big := cookies(9 << 10)
	return scenario.Scenario{
		ID: "cookies-too-big",
		Claim: "The visitor's cookies have grown beyond a buffer of large_client_header_buffers, 8 KB by default: nginx answers 400 itself, asks " +
			"nobody, and its error log has a line at the level info only. Without cookies the same page is well.",
		Family: "visitor", Causes: []string{"K2", "J6"}, Gateway: onNginx("proxy.conf"),
		Fault:      "the browser sends a cookie of 9 KB",
		AskInstead: &big,
		Variants:   bothApps(),
		Expect:     scenario.Expectation{Status: 400, Page: "Request Header Or Cookie Too Large", Access: `" 400 `, Tries: scenario.NoTry},
		Confirm:    "A private window, which has no cookies, shows the page; error_log ... info; logs client sent too long header line.",
		Remedy: "The visitor deletes the site's cookies, or takes a private window. For all: large_client_header_buffers 4 16k; and find the cookie " +
			"that grows.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers",
	}
}
