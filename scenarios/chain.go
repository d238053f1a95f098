package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	errorPage = "https://nginx.org/en/docs/http/ngx_http_core_module.html#error_page"

	// Marks of the pages: who wrote one.
	edgeSpeaks   = "The edge got no answer of the site's server."
	originSpeaks = "<center><h1>502 Bad Gateway</h1></center>" // as nginx words it
)

// behindOrigin is the application that the inner of two gateways calls. It is a fake, so that it can be as slow as a scenario wants.
var behindOrigin = lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.7:8080"}}

// innerGateway is a real nginx behind the gateway, which is a gateway too.
func innerGateway(conf string) lab.Upstream {
	return backend.Origin{Name: "origin", Listen: appAddress, Conf: conf}.Upstream()
}

// fakeOrigin plays it, with the application behind.
var fakeOrigin = lab.Upstream{Name: "origin", Fake: &fakeupstream.Spec{Listen: appAddress}}

// chainVariants are an edge before another gateway with its config: the real one, whose application breaks, and the fake, which then
// does what the real one would.
func chainVariants(conf string, breaks fault.Fault, does fakeupstream.Behaviour) []scenario.Variant {
	return []scenario.Variant{
		{Kind: scenario.Real, Upstreams: []lab.Upstream{innerGateway(conf), behindOrigin}, Inject: []fault.Fault{breaks}},
		{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeOrigin}, Inject: []fault.Fault{scripted("origin", does)}},
	}
}

// chain is two gateways in a row: the edge, whom the visitor asks, and the origin behind it.
var chain = []scenario.Scenario{edgeGivesUpFirst(), originGivesUpFirst(), edgePassesOn(), edgeAlone(), edgeBranded(), filterHangs(), visitorLeaves(), hostsRefused(), hostsOldServer(), visitorDNSCache()}

// The limits of two gateways in a row, and what the application needs.
const (
	shorterLimit = 30 * time.Second
	slowAnswer   = 45 * time.Second
)

// slowBehind makes the application behind the origin slow.
var slowBehind = scripted("app", fakeupstream.Delay{For: slowAnswer})

func edgeGivesUpFirst() scenario.Scenario {
	const pass, limit = "proxy_pass http://10.0.0.5:8080;", "\n            proxy_read_timeout "
	variants := chainVariants(text("nginx/origin-proxy.conf"), slowBehind, fakeupstream.Delay{For: slowAnswer})
	for i := range variants {
		variants[i].Remedy = []fault.Fault{fault.Config{Conf: changed("proxy.conf", pass, pass+limit+"75s;")}}
		variants[i].RemedyTakes = slowAnswer
	}
	variants[0].WaitFor, variants[1].WaitFor = []lab.Condition{lab.RequestAt("app")}, []lab.Condition{lab.RequestAt("origin")}
	variants[0].UpstreamLog = ` 499 0 "`
	return scenario.Scenario{
		ID: "edge-gives-up-first",
		Claim: "Of two gateways in a row the outer one has the shorter limit: it answers 504 and hangs up, and the inner one, whose own limit " +
			"was not reached, writes 499 into its access log, as if the visitor had left.",
		Family: "chain", Causes: []string{"B5", "J6"},
		Gateway:  nginxWith("proxy.conf", pass, pass+limit+"30s;"),
		Fault:    "the application takes 45 s; the edge waits for 30 s, the origin for 60 s",
		Variants: variants,
		Expect:   gatewayTimeout(shorterLimit, readingHeader),
		Confirm:  "The origin's access log: the 499 all come from the edge's address, and all at the same $request_time, which is the edge's limit.",
		Remedy: "Let each gateway wait longer than the one behind it: proxy_read_timeout 75s; at the edge, 60s at the origin. Of a CDN whose " +
			"limit is fixed, stay below that at the origin, or let a queue do the long work.",
		Source: readTimeout,
	}
}

func originGivesUpFirst() scenario.Scenario {
	const pass, limit = "proxy_pass http://10.0.0.7:8080;", "\n            proxy_read_timeout "
	impatient := changed("origin-proxy.conf", pass, pass+limit+"30s;")
	patient := changed("origin-proxy.conf", pass, pass+limit+"50s;")
	variants := chainVariants(impatient, slowBehind, fakeupstream.Delay{For: shorterLimit, Then: fakeupstream.Well{
		Status: 504, Headers: []string{"Content-Type: text/html"}, Body: "<h1>504 Gateway Time-out</h1>\n",
	}})
	variants[0].WaitFor, variants[1].WaitFor = []lab.Condition{lab.RequestAt("app")}, []lab.Condition{lab.RequestAt("origin")}
	variants[0].UpstreamLog = "upstream timed out (110: Connection timed out) while reading response header from upstream"
	variants[0].Remedy = []fault.Fault{fault.Replace{Upstream: innerGateway(patient)}}
	variants[1].Remedy = []fault.Fault{scripted("origin", fakeupstream.Delay{For: slowAnswer})}
	variants[0].RemedyTakes, variants[1].RemedyTakes = slowAnswer, slowAnswer
	return scenario.Scenario{
		ID: "origin-gives-up-first",
		Claim: "Of two gateways in a row the inner one has the shorter limit: its 504, with its page, is passed on by the outer one, " +
			"which logs nothing. Only the inner one's error log has the reason.",
		Family: "chain", Causes: []string{"B5", "J2", "J6"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the application takes 45 s; the origin waits for 30 s, the edge for 60 s",
		Variants: variants,
		Expect:   scenario.Expectation{Status: 504, Page: "<h1>504 Gateway Time-out</h1>", Tries: 1, After: shorterLimit},
		Confirm: "The edge's access log: $upstream_status is 504, and its error log has no line. The origin's error log says upstream timed out, " +
			"with the application's address.",
		Remedy: "proxy_read_timeout 50s; at the origin: more than the application needs, and still below the edge's 60s.",
		Source: readTimeout,
	}
}

// atOrigin502 is an origin whose application is down, and what the fake answers then.
func atOrigin502() []scenario.Variant {
	variants := chainVariants(text("nginx/origin-proxy.conf"), stop, fakeupstream.Well{
		Status: 502, Headers: []string{"Content-Type: text/html"}, Body: originSpeaks + "\n",
	})
	variants[0].UpstreamLog = "connect() failed (111: Connection refused) while connecting to upstream"
	return variants
}

func edgePassesOn() scenario.Scenario {
	return scenario.Scenario{
		ID: "edge-passes-502",
		Claim: "The site's own server answers 502, as its application is down: the edge passes that on with the server's page, and logs nothing, " +
			"though it has a page for errors of its own.",
		Family: "chain", Causes: []string{"J2", "J7"},
		Gateway:  onNginx("edge.conf"),
		Fault:    "the application behind the origin does not run",
		Variants: atOrigin502(),
		Expect:   scenario.Expectation{Status: 502, Page: originSpeaks, Tries: 1},
		Confirm: "The page is the server's, not the edge's; curl -i --resolve example.com:8080:10.0.0.5 http://example.com:8080/, past the edge, " +
			"answers 502 as well.",
		Remedy: "Start the application: the origin's error log names its address.",
		Source: errorPage,
	}
}

func edgeAlone() scenario.Scenario {
	variants := chainVariants(text("nginx/origin-proxy.conf"), fault.Stop{Upstream: "origin"}, nil)
	variants[1].Inject = variants[0].Inject
	return scenario.Scenario{
		ID: "edge-own-502",
		Claim: "The site's server can't be reached at all: the 502 is the edge's, with the edge's page, and only the edge's log has a line. " +
			"The site's own logs have nothing, as nothing came to it.",
		Family: "chain", Causes: []string{"J2", "J7"},
		Gateway:  onNginx("edge.conf"),
		Fault:    "the origin does not run",
		Variants: variants,
		Expect:   withPage(edgeSpeaks, refused),
		Confirm:  "The page is the edge's; curl -i --resolve example.com:8080:10.0.0.5 http://example.com:8080/, past the edge, is refused.",
		Remedy:   "Start the origin, and let its firewall take connections from the edge's addresses.",
		Source:   errorPage,
	}
}

func edgeBranded() scenario.Scenario {
	const pass = "proxy_pass http://10.0.0.5:8080;"
	return scenario.Scenario{
		ID: "edge-branded-502",
		Claim: "With proxy_intercept_errors the edge puts its own page in the place of the origin's 502 too: the page says that the edge failed, " +
			"and it did not. The visitor can't tell any more who speaks; the edge's empty error log does.",
		Family: "chain", Causes: []string{"J2"},
		Gateway:  nginxWith("edge.conf", pass, pass+"\n            proxy_intercept_errors on;"),
		Fault:    "the application behind the origin does not run",
		Variants: atOrigin502(),
		Expect:   scenario.Expectation{Status: 502, Page: edgeSpeaks, Tries: 1},
		Confirm: "The edge's access log: $upstream_status is 502 where the origin said so, and its error log has no line. It is the edge's own " +
			"where the error log has one.",
		Remedy: "Start the application. A branded page that helps has an id of the request, which both logs have ($request_id, sent on by " +
			"proxy_set_header).",
		Source: proxyIntercept,
	}
}

func filterHangs() scenario.Scenario {
	around := []fault.Fault{fault.Config{Conf: changed("proxy.conf", "10.0.0.5:8080", "10.0.0.7:8080")}}
	return scenario.Scenario{
		ID: "filter-hangs",
		Claim: "A filter against floods stands between the gateway and the application, and hangs: visitors get 504 after 60 s, while the application " +
			"is well and has nothing to do.",
		Family: "chain", Causes: []string{"J3"}, Gateway: onNginx("proxy.conf"),
		Fault: "the filter takes connections and passes nothing on",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{innerGateway(text("nginx/origin-proxy.conf")), behindOrigin},
				Inject: []fault.Fault{fault.Freeze{Upstream: "origin"}}, WaitFor: []lab.Condition{lab.ConnectionAt("origin")}, Remedy: around,
			},
			{
				Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeOrigin, behindOrigin},
				Inject: []fault.Fault{scripted("origin", fakeupstream.Silent{})}, WaitFor: []lab.Condition{lab.RequestAt("origin")}, Remedy: around,
			},
		},
		Expect: gatewayTimeout(time.Minute, readingHeader),
		Confirm: "On the gateway: curl to the application past the filter (here 10.0.0.7:8080) answers 200, and to the filter (10.0.0.5:8080) nothing; " +
			"the upstream: of the log line is the filter's address.",
		Remedy: "Go round the filter: proxy_pass http://10.0.0.7:8080; and systemctl reload nginx (with a filter that is a service, by DNS), then restart it.",
		Source: readTimeout,
	}
}
