package scenarios

import (
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/gateway/nginx"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const resolverPage = "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver"

// appHost is the application's name, and its address.
var appHost = map[string]string{"app.internal": "10.0.0.5"}

// byName is the gateway that knows the application by name.
var byName = lab.Gateway{Driver: nginx.Driver, Config: text("nginx/proxy-name.conf"), Hosts: appHost}

// dns is what goes wrong with the names of applications.
var dns = []scenario.Scenario{
	{
		ID: "name-gone-at-start", Row: "name-gone",
		Claim: "The application's name does not resolve when nginx starts: nginx does not start at all, and visitors are " +
			"refused, for every site on that gateway.",
		Family: "dns", Causes: []string{"G1"}, Gateway: byName,
		Fault:    "app.internal does not resolve when nginx is restarted",
		Variants: withRemedy(bothApps(fault.Hosts{}, fault.Restart{}), fault.Hosts{Addresses: appHost}, fault.Restart{}),
		Expect: scenario.Expectation{NoAnswer: "refused", Log: []scenario.LogLine{
			{Level: "emerg", Text: `host not found in upstream "app.internal"`},
		}},
		Confirm: "nginx -t says host not found in upstream; getent hosts app.internal prints nothing.",
		Remedy: "Bring the name back, or put it into /etc/hosts, and start nginx. So that it starts without: set $app " +
			"app.internal; proxy_pass http://$app:8080; with resolver.",
		Source: proxyPass,
	},
	{
		ID: "address-moved",
		Claim: "The application moved to another address and DNS says so, but nginx asked when it started, and calls the old " +
			"address for ever: 502 while every other client is well.",
		Family: "dns", Causes: []string{"G3"}, Gateway: byName,
		Fault: "the application runs on 10.0.0.6, and app.internal resolves to that",
		Variants: []scenario.Variant{
			{Kind: scenario.Real, Upstreams: realPool, Inject: moved, Remedy: []fault.Fault{fault.Restart{}}},
			{Kind: scenario.Fake, Upstreams: fakePool, Inject: moved, Remedy: []fault.Fault{fault.Restart{}}},
		},
		Expect:  connectFails("error", 111),
		Confirm: "The address behind upstream: in the log line is not the one that getent hosts app.internal prints.",
		Remedy:  "nginx -s reload. To follow by itself: resolver with a variable in proxy_pass, or server ... resolve with zone and resolver (nginx 1.27.3).",
		Source:  resolverPage,
	},
	{
		ID: "no-resolver",
		Claim: "A variable in proxy_pass makes nginx ask for the name at every request, and no resolver is configured: it " +
			"starts without complaint and answers 502. /etc/hosts and /etc/resolv.conf are not read then.",
		Family: "dns", Causes: []string{"G2"}, Gateway: byName,
		Fault: "a variable comes into proxy_pass, and no resolver with it",
		Variants: bothApps(fault.Config{Conf: changed("proxy-name.conf", "proxy_pass http://app.internal:8080;",
			"set $app app.internal;\n            proxy_pass http://$app:8080;")}),
		Expect: scenario.Expectation{Status: 502, Log: []scenario.LogLine{
			{Level: "error", Text: "no resolver defined to resolve app.internal"},
		}},
		Confirm: "nginx -T | grep -w resolver prints nothing.",
		Remedy:  "resolver 10.0.0.53 valid=30s; (the address of a DNS server), or the name without a variable.",
		Source:  resolverPage,
	},
}

// moved is the application's move to the address of the second server.
var moved = []fault.Fault{
	fault.Stop{Upstream: "app"}, fault.Hosts{Addresses: map[string]string{"app.internal": "10.0.0.6"}},
}
