package scenarios

import (
	"net/http"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	cacheValid  = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache_valid"
	cacheBypass = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache_bypass"
	cacheStale  = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_cache_use_stale"
)

// keptFor is how long the cache keeps an answer, and expired lets so much time pass that it has none: a second more, as nginx counts
// whole ones.
const keptFor = time.Minute

var (
	expired = fault.Wait{For: keptFor + 1500*time.Millisecond, ByHand: true}
	refresh = lab.Request{Path: maintenance.Path, Header: http.Header{"X-Refresh": {"1"}}}
)

// fromCache is what follows a cached error for as long as it is kept.
var fromCache = &scenario.Sequel{
	Each: []scenario.Expectation{{Status: 200, Tries: 1}}, From: keptFor, Why: "the error has expired in the cache",
}

// cached is what a cache does to errors, and errors to a cache.
var cached = []scenario.Scenario{
	{
		ID: "cache-keeps-502",
		Claim: "The application was down for a moment, and proxy_cache_valid any keeps even the gateway's own 502: visitors get it for a minute, " +
			"while the application has long been well and nobody asks it.",
		Family: "cache", Causes: []string{"J4"}, Gateway: onNginx("cache.conf"),
		Fault: "the application was down when one visitor asked, and runs again",
		Variants: withRemedy(bothApps(stop, expired, fault.OtherRequest{Status: 502}, fault.Start{Upstream: "app"},
			fault.Wait{For: keptFor / 2}), expired),
		Expect: scenario.Expectation{Status: 502, Tries: scenario.NoTry},
		Then:   fromCache,
		Confirm: "The access log has 502 with $upstream_addr - and $upstream_cache_status HIT, and the error log no line; curl to the application " +
			"from the gateway answers 200.",
		Remedy: "Wait until it has expired (1m), and let proxy_cache_valid name what may be kept: proxy_cache_valid 200 301 1m; instead of any.",
		Source: cacheValid,
	},
	{
		ID: "cache-keeps-maintenance",
		Claim: "The application was in maintenance, and proxy_cache_valid any keeps its 503: visitors get the maintenance page when it is over. " +
			"One request past the cache puts the new answer in its place.",
		Family: "cache", Causes: []string{"J4", "I2"}, Gateway: onNginx("cache.conf"),
		Ask:   maintenance,
		Fault: "one visitor asked during a maintenance that is over",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")}, Remedy: refreshed,
				Inject: maintained(fault.Replace{Upstream: origin("origin-ill.conf")}, fault.Replace{Upstream: origin("origin.conf")}),
			},
			{
				Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp()}, Remedy: refreshed,
				Inject: maintained(scripted("app", fakeupstream.Well{Status: 503, Body: "Back at 14:00.\n"}), fault.Replace{Upstream: fakeApp()}),
			},
		},
		Expect:  scenario.Expectation{Status: 503, Page: "Back at 14:00.", Tries: scenario.NoTry},
		Then:    fromCache,
		Confirm: "curl -si with the header of proxy_cache_bypass (here X-Refresh: 1) answers 200, and without it 503, before the first such request.",
		Remedy: "curl -s -o /dev/null -H 'X-Refresh: 1' http://GATEWAY/PATH for each page that was kept; and " +
			"proxy_cache_valid 200 301 1m; instead of any.",
		Source: cacheBypass,
	},
	{
		ID: "cache-serves-stale",
		Claim: "The application is down and its pages have expired in the cache; with proxy_cache_use_stale error timeout visitors get the old page " +
			"with 200, and only the error log tells that nobody is there.",
		Family: "cache", Causes: []string{"J4", "A1"},
		Gateway:  nginxWith("cache.conf", "proxy_cache pages;", "proxy_cache pages;\n            proxy_cache_use_stale error timeout;"),
		Fault:    "the application does not run, and the page in the cache has expired",
		Variants: bothApps(stop, expired),
		Expect:   scenario.Expectation{Status: 200, Page: "ok", Tries: 1, Log: []scenario.LogLine{refusedLine}},
		Confirm:  "grep 'connect() failed' /var/log/nginx/error.log; $upstream_cache_status in the access log is STALE. A page that was in no cache is a 502.",
		Remedy:   "Start the application. Let monitoring ask for a page that is never cached: the others are well for as long as the cache has them.",
		Source:   cacheStale,
	},
}

// maintained is a maintenance in which a visitor came, with an empty cache, and its end.
func maintained(begin, end fault.Fault) []fault.Fault {
	return []fault.Fault{begin, expired, fault.OtherRequest{Request: maintenance, Status: 503}, end, fault.Wait{For: keptFor / 2}}
}

// refreshed is that somebody asks past the cache.
var refreshed = []fault.Fault{fault.OtherRequest{Request: refresh, Status: 200}}
