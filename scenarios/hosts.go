package scenarios

import (
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

func hostsOldServer() scenario.Scenario {
	old := backend.Origin{Name: "old", Listen: oldGateway + ":80", Conf: text("nginx/origin-old.conf")}.Upstream()
	gone := lab.Upstream{Name: "gone", Fake: &fakeupstream.Spec{Listen: "10.0.0.9:8080"}}
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
