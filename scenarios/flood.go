package scenarios

import (
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	limitReq  = "https://nginx.org/en/docs/http/ngx_http_limit_req_module.html#limit_req_zone"
	limitConn = "https://nginx.org/en/docs/http/ngx_http_limit_conn_module.html#limit_conn_zone"

	bot        = "bot"
	bySite     = "_zone $server_name"
	byAddress  = "_zone $binary_remote_addr"
	slowReport = "/report"
)

// reportHangs makes the application never answer for one page, while all others are well.
func reportHangs(app string) fault.Fault {
	return fault.SetBehaviour{Upstream: app, Rules: []fakeupstream.Rule{{Path: slowReport, Then: fakeupstream.Silent{}}}}
}

// crowded are the variants in which so many requests of one client wait for the slow page: behind a real server, and at the fake one.
// Mended they wait as well.
func crowded(client string, requests int, remedy fault.Fault) []scenario.Variant {
	crowd := func(at string) fault.Fault {
		return fault.ConcurrentRequests{Clients: requests, Request: lab.Request{Path: slowReport, Client: client}, WaitFor: lab.RequestAt(at)}
	}
	return []scenario.Variant{
		{
			Kind: scenario.Real, Upstreams: []lab.Upstream{innerGateway(text("nginx/origin-proxy.conf")), behindOrigin},
			Inject: []fault.Fault{reportHangs("app"), crowd("app")}, Remedy: []fault.Fault{remedy, crowd("app")},
		},
		{
			Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeOrigin},
			Inject: []fault.Fault{reportHangs("origin"), crowd("origin")}, Remedy: []fault.Fault{remedy, crowd("origin")},
		},
	}
}

func floodUndefended() scenario.Scenario {
	// Two are nginx's own, and 28 the flood's: one is left, for a visitor, and none to call the application with.
	gateway := nginxWith("proxy.conf", "events {}", "events {\n    worker_connections 31;\n}")
	return scenario.Scenario{
		ID: "flood-undefended",
		Claim: "A flood of requests for a slow page uses up the worker's connections, two for each: other visitors get 500, for pages that are quick, too, " +
			"and each is an alert in the error log. The application has 14 requests, and nothing to do.",
		Family: "flood", Causes: []string{"D2", "C4"},
		Gateway:  gateway,
		Fault:    "one client has 14 requests for a slow page under way, and worker_connections is 31",
		Variants: crowded(bot, 14, fault.Config{Conf: changed("proxy.conf", "events {}", "events {\n    worker_connections 1024;\n}")}),
		Expect: scenario.Expectation{Status: 500, Tries: scenario.NoTry, Log: []scenario.LogLine{
			{Level: "alert", Text: "31 worker_connections are not enough", Phase: connecting},
		}},
		Confirm: "ss -tn state established 'sport = :80' | awk '{print $4}' | cut -d: -f1 | sort | uniq -c | sort -n | tail -3: one address has most.",
		Remedy:  "worker_connections 1024; or more, and a limit for each address, so that one can't have them all: limit_conn, limit_req.",
		Source:  "https://nginx.org/en/docs/ngx_core_module.html#worker_connections",
	}
}

// A limit of ten a minute with a burst of five: five pass after the healthy request, and six where nobody came before.
const burst = 5

// stormed is a flood at a page that is limited, of which so many come through.
func stormed(path string, through int) fault.Fault {
	const requests = 50
	return fault.Flood{Requests: requests, Request: lab.Request{Path: path, Client: bot}, Shares: map[int]int{200: through, 503: requests - through}}
}

func floodLimitReq() scenario.Scenario {
	const path = "/login"
	return scenario.Scenario{
		ID: "flood-limit-req",
		Claim: "A log-in page is limited by limit_req for the whole site: of a flood five requests come through, and the application is spared; but " +
			"the visitor who comes then is one too many as well, and gets 503.",
		Family: "flood", Causes: []string{"D2", "J6"}, Gateway: onNginx("limit-req.conf"),
		Ask:   lab.Request{Path: path},
		Fault: "one client has sent 50 requests to the log-in page",
		Variants: withRemedy(bothApps(stormed(path, burst)),
			fault.Config{Conf: changed("limit-req.conf", bySite, byAddress)}, stormed(path, burst+1)),
		Expect: scenario.Expectation{Status: 503, Tries: scenario.NoTry, Log: []scenario.LogLine{
			{Level: "error", Text: "limiting requests, excess: "},
		}},
		Confirm: "grep 'limiting requests' /var/log/nginx/error.log | grep -o 'client: [^,]*' | sort | uniq -c | sort -n: one client has most of them, " +
			"and others a few.",
		Remedy: "limit_req_zone $binary_remote_addr ...: each address has a limit of its own, and of the flood alone the rest is refused. " +
			"limit_req_status 429; tells it from a 503 of the application.",
		Source: limitReq,
	}
}

func floodLimitConn() scenario.Scenario {
	return scenario.Scenario{
		ID: "flood-limit-conn",
		Claim: "limit_conn lets four requests of the whole site be worked on at a time: one client who asks for a slow page four times has them all, " +
			"and every other visitor gets 503 at once, while the application has nothing to do.",
		Family: "flood", Causes: []string{"D2", "J6"}, Gateway: onNginx("limit-conn.conf"),
		Fault:    "one client has four requests for a slow page under way",
		Variants: crowded(bot, 4, fault.Config{Conf: changed("limit-conn.conf", bySite, byAddress)}),
		Expect:   limitedConnections,
		Confirm:  "grep 'limiting connections' /var/log/nginx/error.log has many clients; the access log shows the requests of one that took long.",
		Remedy:   "limit_conn_zone $binary_remote_addr ...: each address has a limit of its own.",
		Source:   limitConn,
	}
}

// limitedConnections is what limit_conn answers.
var limitedConnections = scenario.Expectation{Status: 503, Tries: scenario.NoTry, Log: []scenario.LogLine{
	{Level: "error", Text: `limiting connections by zone "site"`},
}}

func floodBehindEdge() scenario.Scenario {
	const pass, zone = "proxy_pass http://10.0.0.5:8080;", "limit_req_zone"
	told := fault.Config{Conf: changed("proxy.conf", pass, pass+"\n            proxy_set_header X-Real-IP $remote_addr;")}
	believes := innerGateway(changed("origin-limit.conf", "    "+zone, "    set_real_ip_from 10.0.0.0/8;\n    real_ip_header X-Real-IP;\n    "+zone))
	variants := chainVariants(text("nginx/origin-limit.conf"), stormed("/", burst), fakeupstream.Well{Status: 503, Body: "busy\n"})
	variants[0].UpstreamLog = "limiting requests, excess: "
	variants[0].Remedy = []fault.Fault{told, fault.Replace{Upstream: believes}, stormed("/", burst+1)}
	return scenario.Scenario{
		ID: "flood-behind-edge",
		Claim: "The origin limits each address, and behind an edge all visitors have the edge's: a flood of one is a limit for all, and everybody " +
			"gets the origin's 503, passed on without a line in the edge's log.",
		Family: "flood", Causes: []string{"D2", "J2"}, Gateway: onNginx("proxy.conf"),
		Fault:    "one client has sent 50 requests through the edge",
		Variants: variants,
		Expect:   scenario.Expectation{Status: 503, Tries: 1},
		Confirm:  "The origin's error log: limiting requests, and client: is the edge's address in all lines.",
		Remedy: "At the edge proxy_set_header X-Real-IP $remote_addr; at the origin set_real_ip_from with the edge's addresses, and " +
			"real_ip_header X-Real-IP; then the limit counts visitors.",
		Source: "https://nginx.org/en/docs/http/ngx_http_realip_module.html#set_real_ip_from",
	}
}

func pageManyRequests() scenario.Scenario {
	mine := changed("limit-conn.conf", bySite, byAddress)
	gateway := onNginx("limit-conn.conf")
	gateway.Config = mine
	more := fault.Config{Conf: strings.Replace(mine, "limit_conn site 4;", "limit_conn site 20;", 1)}
	return scenario.Scenario{
		ID: "page-many-requests",
		Claim: "A page fires many requests at once, and limit_conn allows an address four at a time: the visitor's own fifth request gets 503. The " +
			"page comes up with holes, and nobody is attacking.",
		Family: "flood", Causes: []string{"D3"}, Gateway: gateway,
		Ask:      lab.Request{Client: lab.Local},
		Fault:    "the page has four requests under way, which take long, and sends a fifth",
		Variants: crowded(lab.Local, 4, more),
		Expect:   limitedConnections,
		Confirm: "grep 'limiting connections' /var/log/nginx/error.log: the lines of one client have the same second and the same referrer. Over HTTP/2 " +
			"each request that is under way counts as a connection.",
		Remedy: "limit_conn site 20; above what a page sends at once, and fewer requests in a page.",
		Source: limitConn,
	}
}
