package scenarios

import (
	"fmt"
	"slices"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	connectTimeout = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_connect_timeout"
	readTimeout    = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_read_timeout"
	nftPage        = "https://manpages.debian.org/bookworm/nftables/nft.8.en.html#REJECT_STATEMENT"
	routePage      = "https://manpages.debian.org/bookworm/iproute2/ip-route.8.en.html"
)

var firewall = append([]scenario.Scenario{
	{
		ID: "drop-connect", Row: "dropped",
		Claim: "A firewall drops the gateway's packets to the application without a word: nginx waits for " +
			"proxy_connect_timeout, 60 s by default, and answers 504.",
		Family:   "firewall",
		Causes:   []string{"H1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the firewall drops all packets to 10.0.0.5:8080",
		Variants: bothApps(fault.Drop{To: appAddress}),
		Expect:   gatewayTimeout(time.Minute, connecting),
		Confirm:  "While a visitor waits, on the gateway: ss -tn state syn-sent dst 10.0.0.5 lists the unanswered attempt.",
		Remedy: "Let the packets through, before the rule that drops: nft insert rule inet filter input ip saddr GATEWAY tcp dport " +
			"8080 accept on the application's host. Set proxy_connect_timeout 3s, so that the next such fault shows at once.",
		Source: connectTimeout,
	},
	{
		ID: "drop-answers",
		Claim: "A firewall drops the application's answers: the application sees the attempt, the gateway never hears of it. " +
			"504 after proxy_connect_timeout, as if nothing had got through.",
		Family:   "firewall",
		Causes:   []string{"H3"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the firewall drops all packets that come from 10.0.0.5:8080",
		Variants: bothApps(fault.Drop{To: appAddress, Answers: true}),
		Expect:   gatewayTimeout(time.Minute, connecting),
		Confirm:  "On the application's host: ss -tn state syn-recv 'sport = :8080' lists the attempt that it answers in vain.",
		Remedy: "Accept answers before the rule that drops: nft insert rule inet filter output ct state established,related accept " +
			"on the application's host, and the same with input on the gateway.",
		Source: connectTimeout,
	},
	{
		ID: "drop-midway",
		Claim: "A firewall begins to drop while a request is under way: the connection is established, its answer never comes, " +
			"504 after proxy_read_timeout, 60 s by default. The application itself answered in 10 s.",
		Family:  "firewall",
		Causes:  []string{"H3"},
		Gateway: onNginx("proxy.conf"),
		Fault:   "the firewall drops the packets of an established connection",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{origin("origin.conf")},
				Inject:  []fault.Fault{fault.Replace{Upstream: origin("origin-slow.conf")}},
				WaitFor: []lab.Condition{lab.RequestAt("app")}, InjectInFlight: dropBothWays,
			},
			{
				Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp()},
				Inject:  fakeBecomes(fakeupstream.Delay{For: 10 * time.Second}).Inject,
				WaitFor: []lab.Condition{lab.RequestAt("app")}, InjectInFlight: dropBothWays,
			},
		},
		Expect: gatewayTimeout(time.Minute, readingHeader),
		Confirm: "On the application's host: ss -tno state established 'sport = :8080' shows bytes in Send-Q and a " +
			"retransmission timer (timer:(on,...)).",
		Remedy: "Keep the state of established connections when rules are loaded anew: accept ct state established first, and " +
			"raise nf_conntrack_tcp_timeout_established above the longest pause.",
		Source: readTimeout,
	},
	{
		ID: "no-route",
		Claim: "The gateway has no route to the application's network, not even a default one: the kernel refuses at once " +
			"with errno 101, 502.",
		Family:   "firewall",
		Causes:   []string{"H5"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "no route leads to 10.0.0.5",
		Variants: bothApps(fault.NoRoute{Host: "10.0.0.5"}),
		Expect:   connectRefused("error", 101),
		Confirm:  "ip route get 10.0.0.5 prints: Network is unreachable.",
		Remedy:   "Bring the route back (ip route add 10.0.0.0/24 via ROUTER), and see why the interface lost it: networkctl status.",
		Source:   routePage,
	},
	{
		ID: "host-off", Row: "host-off",
		Claim: "The application's host is switched off, on the gateway's own network: nobody answers ARP, the kernel gives up " +
			"after three attempts, about 3 s, and nginx answers 502, long before its own time-out.",
		Family:   "firewall",
		Causes:   []string{"H5"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "10.0.0.5 is switched off",
		Variants: bothApps(fault.HostOff{Host: "10.0.0.5"}),
		Expect:   connectFails("error", 113),
		Confirm:  "ip neigh show 10.0.0.5 prints FAILED (or INCOMPLETE while it still asks).",
		Remedy:   "Switch the host on, or take it out of the upstream block: server 10.0.0.5:8080 down; and nginx -s reload.",
		Source:   "https://manpages.debian.org/bookworm/manpages/arp.7.en.html",
	},
	routed("unreachable", "error", 113),
	routed("prohibit", "crit", 13),
	routed("blackhole", "crit", 22),
}, slices.Concat(rejects, compared, left)...)

var dropBothWays = []fault.Fault{fault.Drop{To: appAddress}, fault.Drop{To: appAddress, Answers: true}}

// connectFails is a 502 at once, for the reason that the network gave.
func connectFails(level string, errno int) scenario.Expectation {
	return connectSays("connect() failed", level, errno)
}

// connectRefused is a 502 at once, for the reason that the gateway's own kernel gave: the line names the address.
func connectRefused(level string, errno int) scenario.Expectation {
	return connectSays("connect() to 10.0.0.5:8080 failed", level, errno)
}

func connectSays(text, level string, errno int) scenario.Expectation {
	return scenario.Expectation{Status: 502, Tries: 1, Log: []scenario.LogLine{
		{Level: level, Text: text, Errno: errno, Phase: connecting},
	}}
}

func routed(kind, level string, errno int) scenario.Scenario {
	return scenario.Scenario{
		ID: "route-" + kind,
		Claim: fmt.Sprintf("The gateway itself has a route of type %s to the application: connect() fails at once with errno "+
			"%d, logged as [%s], 502.", kind, errno, level),
		Family:   "firewall",
		Causes:   []string{"H5"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the route to 10.0.0.5 is of type " + kind,
		Variants: bothApps(fault.Route{Host: "10.0.0.5", Type: kind}),
		Expect:   connectRefused(level, errno),
		Confirm:  "ip route show type " + kind + " lists 10.0.0.5 or its network.",
		Remedy:   "Remove it: ip route del " + kind + " 10.0.0.5. A routing daemon or a ban list (fail2ban, a DDoS script) put it there.",
		Source:   routePage,
	}
}

// rejects are the ways in which a firewall says no.
var rejects = []scenario.Scenario{
	inRow("rejected", rejected("tcp-reset", "error", 111, "looks exactly like a service that is not running")),
	rejected("icmp-port-unreachable", "error", 111, "the default of nft and iptables; looks exactly like a service that is not running"),
	rejected("icmp-host-unreachable", "error", 113, "looks like a host that is off"),
	rejected("icmp-net-unreachable", "error", 101, "looks like a missing route"),
	rejected("icmp-proto-unreachable", "alert", 92, "not one of the errors that nginx expects of a network, so it logs [alert]"),
	rejected("icmp-host-prohibited", "error", 113, "the default of firewalld's old rules; the log says No route to host though the route is fine"),
	rejected("icmp-net-prohibited", "error", 101, "the log says Network is unreachable though the route is fine"),
	rejected("icmp-admin-prohibited", "error", 113, "the default of firewalld; the log says No route to host though the route is fine"),
}

// inRow puts a scenario into a row of those by which gateways are compared.
func inRow(row string, s scenario.Scenario) scenario.Scenario {
	s.Row = row
	return s
}

func rejected(with, level string, errno int, looks string) scenario.Scenario {
	return scenario.Scenario{
		ID: "reject-" + with,
		Claim: fmt.Sprintf("A firewall rejects the gateway's packets with %s: connect() fails at once with errno %d, 502; %s.",
			with, errno, looks),
		Family:   "firewall",
		Causes:   []string{"H2"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the firewall rejects the packets to 10.0.0.5:8080 with " + with,
		Variants: bothApps(fault.Reject{To: appAddress, With: with}),
		Expect:   connectFails(level, errno),
		Confirm: "On the application's host, ss -ltn 'sport = :8080' shows the listener, and nft list ruleset the rule with " +
			"reject; curl http://10.0.0.5:8080/ works there and fails on the gateway.",
		Remedy: "On the application's host, accept the gateway before the rule that rejects: nft insert rule inet filter input " +
			"ip saddr GATEWAY tcp dport 8080 accept.",
		Source: nftPage,
	}
}
