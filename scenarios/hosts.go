package scenarios

import (
	"slices"
	"strings"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	hostsPage  = "https://manpages.debian.org/bookworm/manpages/hosts.5.en.html"
	oldGateway = "192.0.2.81" // where the site was before
)

// movedSite is the gateway of a site that was at another address before, which is there still.
func movedSite() lab.Gateway {
	g := nginxWith("proxy.conf", "listen 80;", "listen "+lab.FrontDoor+";")
	g.Hosts = map[string]string{"old.example.com": oldGateway}
	return g
}

// staleHosts leads the visitor, and no other, to the old address.
var staleHosts = []fault.Fault{
	fault.ClientHosts{Addresses: map[string]string{"example.com": oldGateway}},
	fault.OtherRequest{Request: lab.Request{Client: "another"}, Status: 200},
}

func hostsRefused() scenario.Scenario {
	return scenario.Scenario{
		ID: "hosts-refused",
		Claim: "The visitor's hosts file has the site's old address, where no server runs any more: his connection is refused, which his browser says, " +
			"while all others get 200. The gateway never hears of him.",
		Family: "visitor", Causes: []string{"K3"}, Gateway: movedSite(),
		Fault:    "the visitor's hosts file has 192.0.2.81, and the site has moved to 192.0.2.80",
		Variants: bothApps(staleHosts...),
		Expect:   scenario.Expectation{NoAnswer: "refused", Tries: scenario.NoTry},
		Confirm: "At the visitor: getent hosts example.com (Windows: ping example.com) shows another address than dig example.com; " +
			"curl --resolve example.com:80:192.0.2.80 http://example.com/ works.",
		Remedy: "Remove the line from /etc/hosts (Windows: C:\\Windows\\System32\\drivers\\etc\\hosts), and start the browser anew, which keeps addresses for " +
			"itself.",
		Source: hostsPage,
	}
}

// The DNS server that the visitor asks, which keeps what it was told, and the one that has the site's record.
const (
	visitorsDNS = "203.0.113.53:53"
	sitesDNS    = "203.0.113.54:53"
)

// siteRecord is the DNS server that has the site's address, for an hour.
func siteRecord(address string) lab.Upstream {
	return backend.Dnsmasq{Name: "zone", Listen: sitesDNS, Conf: strings.NewReplacer(
		"10.0.0.53", "203.0.113.54", "app.internal,10.0.0.5,300", "example.com,"+address+",3600",
	).Replace(text("resolver/dnsmasq.conf"))}.Upstream()
}

func visitorDNSCache() scenario.Scenario {
	cache := backend.Dnsmasq{Name: "cache", Listen: visitorsDNS, Conf: strings.NewReplacer(
		"10.0.0.53", "203.0.113.53", "10.0.0.54", "203.0.113.54",
	).Replace(text("resolver/dnsmasq-cache.conf"))}.Upstream()
	fakeCache := lab.Upstream{Name: "cache", Fake: &fakeupstream.Spec{
		Listen: visitorsDNS, Protocol: fakeupstream.DNS, Script: fakeupstream.Always(says(oldGateway, 3600)),
	}}
	old, gone := oldSite()
	moves := func(news ...fault.Fault) []fault.Fault {
		return slices.Concat([]fault.Fault{
			fault.ClientDNS{Server: visitorsDNS}, fault.OtherRequest{Status: 200}, fault.Stop{Upstream: gone.Name},
		}, news, []fault.Fault{fault.OtherRequest{Request: lab.Request{Client: "another"}, Status: 200}})
	}
	const gonesLine = "connect() failed (111: Connection refused) while connecting to upstream"
	return scenario.Scenario{
		ID: "visitor-dns-cache",
		Claim: "The site has moved, and the DNS server of the visitor's router or provider keeps the old address for an hour, as the record's TTL said: he gets the " +
			"502 of the server there, whose application is gone, while all others get 200. Reloading does not help.",
		Family: "visitor", Causes: []string{"K3", "G3", "J6"}, Gateway: movedSite(),
		Fault: "the site has moved to 192.0.2.80 and DNS says so; the DNS server that the visitor asks was told 192.0.2.81 before",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf"), old, gone, siteRecord(oldGateway), cache},
				Inject: moves(fault.Replace{Upstream: siteRecord(lab.GatewayAddress)}), UpstreamLog: gonesLine,
				Remedy: []fault.Fault{fault.Signal{Upstream: "cache", Number: sighup}},
			},
			{
				Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp(), old, gone, fakeCache}, Inject: moves(), UpstreamLog: gonesLine,
				Remedy: []fault.Fault{scripted("cache", says(lab.GatewayAddress, 3600))},
			},
		},
		Expect: scenario.Expectation{Status: 502, Page: "<title>502 Bad Gateway</title>", Tries: scenario.NoTry},
		Confirm: "At the visitor: dig example.com prints another address, with a TTL that goes down, than the zone's own server: dig @$(dig +short NS example.com | head -n 1) example.com; " +
			"curl --resolve example.com:80:192.0.2.80 http://example.com/ works.",
		Remedy: "Empty the cache that he asks: pkill -HUP dnsmasq on a router that has it (or start it anew), resolvectl flush-caches on his machine (Windows: ipconfig " +
			"/flushdns); or wait until the TTL is over. Before the next move, lower the TTL a day ahead, and let the old server call the new application until then.",
		Source: "https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html",
	}
}

// oldSite is the server that the site was on before, and the application behind it.
func oldSite() (old, app lab.Upstream) {
	old = backend.Origin{Name: "old", Listen: oldGateway + ":80", Conf: text("nginx/origin-old.conf")}.Upstream()
	return old, lab.Upstream{Name: "gone", Fake: &fakeupstream.Spec{Listen: "10.0.0.9:8080"}}
}

func hostsOldServer() scenario.Scenario {
	old, gone := oldSite()
	variants := withRemedy(bothApps(append([]fault.Fault{fault.Stop{Upstream: gone.Name}}, staleHosts...)...), fault.ClientHosts{})
	for i := range variants {
		variants[i].Upstreams = append(variants[i].Upstreams, old, gone)
		variants[i].UpstreamLog = "connect() failed (111: Connection refused) while connecting to upstream"
	}
	return scenario.Scenario{
		ID: "hosts-old-server",
		Claim: "The visitor's hosts file has the site's old address, where a server still runs whose application is gone: he gets its 502, all others get " +
			"200, and nothing is in the logs of the gateway that the site has now.",
		Family: "visitor", Causes: []string{"K3", "J6"}, Gateway: movedSite(),
		Fault:    "the visitor's hosts file has 192.0.2.81, and the application has moved with the site to 192.0.2.80",
		Variants: variants,
		Expect:   scenario.Expectation{Status: 502, Page: "<title>502 Bad Gateway</title>", Tries: scenario.NoTry},
		Confirm: "At the visitor: curl -sv http://example.com/ 2>&1 | grep 'Connected to' names the old address; his is not in the access log of the new " +
			"gateway, and in that of the old one.",
		Remedy: "Remove the line from the visitor's /etc/hosts. Who was led there by a DNS cache is well once that has expired; until then the old server " +
			"had better call the new application.",
		Source: hostsPage,
	}
}
