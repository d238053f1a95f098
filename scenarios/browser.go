package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// inBrowser is what a real browser makes of what befalls visitors. Its image is large, so these are run only when they are named.
var inBrowser = []scenario.Scenario{browserCookies(), browserHosts(), browserProxy()}

const (
	browser     = "browser"
	site80      = "http://example.com/"
	onlyBrowser = "the browser is what is real here, and there is no fake of one"
)

// visits are pages that the browser opens one after the other.
func visits(all ...fault.Visit) (steps []fault.Fault) {
	for _, v := range all {
		v.Browser = browser
		steps = append(steps, v)
	}
	return steps
}

// well is the page of the application.
var well = fault.Visit{URL: site80, Shows: "ok"}

// browsing is the variant with a browser, whose machine has that hosts file.
func browsing(hosts map[string]string, upstreams ...lab.Upstream) scenario.Variant {
	machine := backend.Browser{Name: browser, Hosts: hosts}.Upstream()
	return scenario.Variant{Kind: scenario.Real, Upstreams: append(upstreams, machine)}
}

var siteIsHere = map[string]string{"example.com": "192.0.2.80"}

func browserCookies() scenario.Scenario {
	s := cookiesTooBig()
	s.ID, s.Alone = "browser-cookies", onlyBrowser
	s.Family = "browser"
	s.Claim = "A page's script has set four cookies of 2.4 KB, and Chromium sends all of them with every request: nginx answers 400 from then on, " +
		"after a new start of the browser too. A private window shows the page at once."
	s.Fault = "a page has let the browser's cookies grow to 9.6 KB"
	v := browsing(siteIsHere, lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{
		Listen: appAddress, Rules: []fakeupstream.Rule{{Path: "/grow", Then: fakeupstream.Well{Headers: []string{"Content-Type: text/html"}, Body: growingCookies}}},
	}})
	v.Inject = visits(
		fault.Visit{URL: site80 + "grow", Shows: "grown"},
		fault.Visit{URL: site80, Shows: s.Expect.Page},
		fault.Visit{URL: site80, Shows: s.Expect.Page},
		fault.Visit{URL: site80, Shows: "ok", Private: true},
	)
	v.Remedy = append([]fault.Fault{fault.Command{Upstream: browser, Line: "rm -r " + fault.BrowserProfile}}, visits(well)...)
	s.Variants = []scenario.Variant{v}
	return s
}

// growingCookies is a page that sets cookies.
const growingCookies = `<!DOCTYPE html>
<script>
for (let i = 0; i < 4; i++) document.cookie = "part" + i + "=" + "0123456789abcdef".repeat(150) + ";max-age=3600;path=/";
document.write("grown");
</script>
`

func browserHosts() scenario.Scenario {
	s := hostsOldServer()
	s.ID, s.Alone, s.Family = "browser-hosts", onlyBrowser, "browser"
	s.Claim = "The hosts file of the visitor's machine has the site's old address, where a server still runs whose application is gone: Chromium shows its " +
		"502, in a private window too. All others get 200."
	stale := map[string]string{"example.com": oldGateway}
	v := browsing(stale, s.Variants[0].Upstreams...)
	v.Inject = append(s.Variants[0].Inject, visits(
		fault.Visit{URL: site80, Shows: "502 Bad Gateway"},
		fault.Visit{URL: site80, Shows: "502 Bad Gateway", Private: true},
	)...)
	v.Remedy = append([]fault.Fault{
		fault.ClientHosts{}, fault.Replace{Upstream: backend.Browser{Name: browser, Hosts: siteIsHere}.Upstream()},
	}, visits(well)...)
	v.UpstreamLog = s.Variants[0].UpstreamLog
	s.Variants = []scenario.Variant{v}
	return s
}

func browserProxy() scenario.Scenario {
	const proxy = "10.0.0.7:3128"
	v := browsing(siteIsHere, origin("origin.conf"), lab.Upstream{Name: "proxy", Fake: &fakeupstream.Spec{
		Listen: proxy, Rules: []fakeupstream.Rule{{Then: fakeupstream.Well{Status: 502, Body: "the proxy cannot reach its parent\n"}}},
	}})
	v.Inject = visits(
		fault.Visit{URL: site80, Shows: "the proxy cannot reach its parent", Proxy: proxy},
		fault.Visit{URL: site80, Shows: "the proxy cannot reach its parent", Proxy: proxy, Private: true},
		well,
	)
	v.Remedy = append([]fault.Fault{fault.Stop{Upstream: "proxy"}},
		visits(fault.Visit{URL: site80, Shows: "net::ERR_PROXY_CONNECTION_FAILED", Proxy: proxy}, well)...)
	return scenario.Scenario{
		ID: "browser-proxy", Family: "browser", Causes: []string{"J6"}, Gateway: onNginx("proxy.conf"),
		Claim: "The browser is set to use a proxy, by hand, by a policy or by an extension, and that answers 502 itself: in a private window too. " +
			"The gateway never hears of that visitor, and gives 200 to all others. Of a proxy that is down, the browser says so itself.",
		Fault: "the proxy that the visitor's browser is set to use answers 502", Alone: onlyBrowser,
		Variants: []scenario.Variant{v},
		Expect:   scenario.Expectation{Status: 200, Tries: 1},
		Confirm: "At the visitor: the page's text is the proxy's own (its name, a Via or Server header in the developer tools); curl --noproxy '*' -i " +
			"http://example.com/ works.",
		Remedy: "Switch the proxy or the extension off in that browser, and ask who runs the proxy.",
		Source: "https://chromium.googlesource.com/chromium/src/+/HEAD/net/docs/proxy.md",
	}
}
