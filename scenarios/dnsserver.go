package scenarios

import (
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	dnsAddress  = "10.0.0.53:53" // of the DNS server that the gateway asks
	zoneAddress = "10.0.0.54:53" // of the one that has the records, where that is another

	oldAddress, newAddress = "10.0.0.5", "10.0.0.6"
)

// asking is the gateway that asks the DNS server at run time.
var asking = onNginx("proxy-resolver.conf")

// dnsForgotten lets so much time pass that the gateway asks again for a name (valid=10s, in whole seconds). Before, nothing is broken
// for anybody.
var dnsForgotten = fault.Wait{For: 11500 * time.Millisecond, ByHand: true}

// dnsServer is what goes wrong when the gateway asks a real DNS server for the application's address at run time.
var dnsServer = []scenario.Scenario{
	{
		ID: "resolver-nxdomain",
		Claim: "The DNS server says that the application's name does not exist: nginx answers 502 at once, as soon as the answer that it " +
			"has kept is too old.",
		Family: "dns", Causes: []string{"G2"}, Gateway: asking,
		Fault: "the record app.internal is removed from dnsmasq, which is restarted",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: withDNS(dnsmasq("dnsmasq.conf")),
				Inject: []fault.Fault{fault.Replace{Upstream: dnsmasqWith("host-record=app.internal,10.0.0.5,300", "")}, dnsForgotten},
			},
			fakeDNS(fakeupstream.DNSAnswer{Code: fakeupstream.DNSNoName}),
		},
		Expect:  notResolved(3, 0),
		Confirm: "dig @10.0.0.53 app.internal says status: NXDOMAIN, with the server of nginx's resolver directive.",
		Remedy:  "Bring the record back and restart dnsmasq. nginx asks again at the next request: it keeps no answer of that kind.",
		Source:  resolverPage,
	},
	{
		ID: "resolver-servfail",
		Claim: "The DNS server can't load its zone, for a mistake in one line, and answers SERVFAIL for every name in it: nginx answers " +
			"502.",
		Family: "dns", Causes: []string{"G2"}, Gateway: asking,
		Fault: "the zone of BIND has an address that is none (10.0.0.500), and BIND is restarted",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: withDNS(bind("named.conf", text("resolver/db.internal"))),
				Inject: []fault.Fault{
					fault.Replace{Upstream: bind("named.conf", changedIn("resolver/db.internal", "10.0.0.5\n", "10.0.0.500\n"))}, dnsForgotten,
				},
				UpstreamLog: "zone internal/IN: not loaded due to errors.",
			},
			fakeDNS(fakeupstream.DNSAnswer{Code: fakeupstream.DNSServerFailure}),
		},
		Expect:  notResolved(2, 0),
		Confirm: "dig @10.0.0.53 app.internal says status: SERVFAIL; named-checkzone internal FILE names the line.",
		Remedy:  "Correct that line, run named-checkzone until it says OK, then rndc reload or systemctl restart named.",
		Source:  resolverPage,
	},
	{
		ID:     "resolver-refused",
		Claim:  "The DNS server does not serve the gateway's address, and answers REFUSED: nginx answers 502.",
		Family: "dns", Causes: []string{"G2"}, Gateway: asking,
		Fault: "allow-query of BIND does not name the gateway any more",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: withDNS(bind("named.conf", text("resolver/db.internal"))),
				Inject: []fault.Fault{fault.Replace{Upstream: bindOf(
					changedIn("resolver/named.conf", "recursion no;", "recursion no;\n    allow-query { 10.9.0.0/16; };"),
					text("resolver/db.internal"),
				)}, dnsForgotten},
				UpstreamLog: "query 'app.internal/A/IN' denied",
			},
			fakeDNS(fakeupstream.DNSAnswer{Code: fakeupstream.DNSRefused}),
		},
		Expect:  notResolved(5, 0),
		Confirm: "dig @10.0.0.53 app.internal on the gateway says status: REFUSED; on a host that BIND serves it does not.",
		Remedy:  "Add the gateway's network to allow-query (and to allow-recursion for names of others), then rndc reconfig.",
		Source:  resolverPage,
	},
	{
		ID: "resolver-silent",
		Claim: "The DNS server does not answer: nginx waits resolver_timeout, 30 s, and then answers 502 and not 504, although the line " +
			"says timed out.",
		Family: "dns", Causes: []string{"G2"}, Gateway: asking,
		Fault: "dnsmasq hangs",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: withDNS(dnsmasq("dnsmasq.conf")),
				Inject: []fault.Fault{fault.Signal{Upstream: "dns", Number: 19}, dnsForgotten},
				Remedy: []fault.Fault{fault.Replace{Upstream: dnsmasq("dnsmasq.conf")}},
			},
			fakeDNS(fakeupstream.Silent{}),
		},
		Expect:  notResolved(110, 30*time.Second),
		Confirm: "dig +tries=1 @10.0.0.53 app.internal on the gateway says that no servers could be reached.",
		Remedy: "systemctl restart dnsmasq, or mend what lies between. So that one may fail: name a second in resolver, and a resolver_timeout of a " +
			"few seconds.",
		Source: "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver_timeout",
	},
	{
		ID: "resolver-stopped",
		Claim: "The DNS server does not run: its host refuses each question at once, which nginx logs, but the visitor waits for " +
			"resolver_timeout (here 3 s) all the same, and gets 502.",
		Family: "dns", Causes: []string{"G2"}, Gateway: askingBy("resolver 10.0.0.53 valid=10s;\n    resolver_timeout 3s;"),
		Fault: "dnsmasq is stopped",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: withDNS(dnsmasq("dnsmasq.conf")),
				Inject: []fault.Fault{fault.Stop{Upstream: "dns", Signal: 15}, dnsForgotten},
			},
			{
				Kind: scenario.Fake, Upstreams: append([]lab.Upstream{fakeNames(oldAddress, 300)}, fakePool...),
				Inject: []fault.Fault{fault.Stop{Upstream: "dns"}, dnsForgotten},
			},
		},
		Expect: scenario.Expectation{Status: 502, Tries: scenario.NoTry, After: 3 * time.Second, Log: []scenario.LogLine{
			questionRefused, questionRefused, notResolved(110, 0).Log[0],
		}},
		Confirm: "ss -lun 'sport = :53' on the DNS server's host shows no listener.",
		Remedy:  "systemctl start dnsmasq.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver_timeout",
	},
}

// staleAddress is what goes wrong when the application has moved, DNS has its new address, and somebody between still has the old one.
var staleAddress = []scenario.Scenario{
	{
		ID: "stale-address-ttl",
		Claim: "The application has moved, and its record said that the old address may be kept for 300 s: nginx calls that until they are " +
			"over, and answers 502 while every other client may be well.",
		Family: "dns", Causes: []string{"G3"}, Gateway: askingBy("resolver 10.0.0.53;"),
		Fault: "the application runs on 10.0.0.6, and dnsmasq, restarted, says so",
		Variants: []scenario.Variant{
			movedBehind(withDNS(dnsmasq("dnsmasq.conf")), fault.Replace{Upstream: dnsmasqWith(oldAddress+",", newAddress+",")}),
			movedBehindFake(300, scripted("dns", says(newAddress, 300))),
		},
		Expect: connectFails("error", 111),
		Then: &scenario.Sequel{
			Each: []scenario.Expectation{{Status: 200}}, From: 300 * time.Second, Why: "the answer that nginx has kept is too old then",
		},
		Confirm: "The address behind upstream: in the log line is not the one that dig @10.0.0.53 app.internal prints.",
		Remedy: "Wait until the record's TTL is over, or nginx -s reload. Before the next move: lower the TTL a day ahead, and keep the old " +
			"server running until the old TTL is over.",
		Source: resolverPage,
	},
	{
		ID: "stale-address-valid",
		Claim: "nginx is told by valid=1h to keep each answer for an hour, and keeps the old address although its TTL of 10 s has long been " +
			"over: 502 after every move.",
		Family: "dns", Causes: []string{"G3"}, Gateway: askingBy("resolver 10.0.0.53 valid=1h;"),
		Fault: "the application runs on 10.0.0.6, and dnsmasq, restarted, says so; the TTL is over",
		Variants: withRemedy([]scenario.Variant{
			movedBehind(withDNS(dnsmasqWith("10.0.0.5,300", "10.0.0.5,10")),
				fault.Replace{Upstream: dnsmasqWith("10.0.0.5,300", "10.0.0.6,10")}, dnsForgotten),
			movedBehindFake(10, scripted("dns", says(newAddress, 10)), dnsForgotten),
		}, fault.Restart{}),
		Expect:  connectFails("error", 111),
		Confirm: "dig @10.0.0.53 app.internal prints another address, with a TTL that is shorter than the valid= that nginx -T shows.",
		Remedy:  "nginx -s reload. For the next time: take valid= away, so that the TTL of the record counts.",
		Source:  resolverPage,
	},
	{
		ID: "stale-address-dnsmasq",
		Claim: "A dnsmasq between the gateway and the DNS server that has the records keeps the old address for an hour, as the TTL says: " +
			"nginx is told that one, also after a restart, and answers 502.",
		Family: "dns", Causes: []string{"G3"}, Gateway: asking,
		Fault:    "the application runs on 10.0.0.6, the zone of BIND says so, and nginx is restarted; dnsmasq has asked before",
		Variants: keptByCache(zoneOf, dnsmasq("dnsmasq-cache.conf"), fault.Signal{Upstream: "dns", Number: 1}),
		Expect:   connectFails("error", 111),
		Confirm:  "dig @10.0.0.53 app.internal and dig @10.0.0.54 app.internal print two addresses; the TTL of the first goes down.",
		Remedy:   "pkill -HUP dnsmasq, which empties its cache; nginx follows when its own 10 s are over.",
		Source:   "https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html",
	},
	{
		ID: "stale-address-dnsmasq-config",
		Claim: "The new address stands in the config of dnsmasq, which was told to read it by SIGHUP: that empties the cache and reads " +
			"/etc/hosts, but not the config, so that nginx is told the old address and answers 502.",
		Family: "dns", Causes: []string{"G3"}, Gateway: asking,
		Fault: "the application runs on 10.0.0.6, the config of dnsmasq says so, and dnsmasq gets SIGHUP",
		Variants: []scenario.Variant{
			remediedBy(movedBehind(
				withDNS(dnsmasq("dnsmasq.conf")),
				fault.Deploy{Path: "/etc/dnsmasq-dns.conf", Text: changedIn("resolver/dnsmasq.conf", oldAddress+",", newAddress+",")},
				fault.Command{Upstream: "dns", Line: "grep host-record /etc/dnsmasq-dns.conf", Prints: "host-record=app.internal,10.0.0.6,300"},
				fault.Signal{Upstream: "dns", Number: 1}, dnsForgotten,
			), fault.Replace{Upstream: dnsmasqWith(oldAddress+",", newAddress+",")}, dnsForgotten),
			remediedBy(movedBehindFake(300, dnsForgotten), scripted("dns", says(newAddress, 300)), dnsForgotten),
		},
		Expect:  connectFails("error", 111),
		Confirm: "grep app.internal in the config of dnsmasq shows another address than dig @10.0.0.53 app.internal.",
		Remedy:  "systemctl restart dnsmasq. Records that change often are better kept in a file of addn-hosts=, which SIGHUP has it read.",
		Source:  "https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html",
	},
	{
		ID: "stale-address-bind",
		Claim: "A BIND between the gateway and the DNS server that has the records keeps the old address for an hour, as the TTL says: nginx " +
			"is told that one, also after a restart, and answers 502.",
		Family: "dns", Causes: []string{"G3"}, Gateway: asking,
		Fault:    "the application runs on 10.0.0.6, the dnsmasq that has the record says so, and nginx is restarted; BIND has asked before",
		Variants: keptByCache(recordOf, bindOf(text("resolver/named-cache.conf"), ""), fault.Command{Upstream: "dns", Line: "rndc flush"}),
		Expect:   connectFails("error", 111),
		Confirm:  "dig @10.0.0.53 app.internal and dig @10.0.0.54 app.internal print two addresses; the TTL of the first goes down.",
		Remedy:   "rndc flushname app.internal, or rndc flush for all names; nginx follows when its own 10 s are over.",
		Source:   "https://bind9.readthedocs.io/en/stable/manpages.html#rndc-name-server-control-utility",
	},
	{
		ID: "stale-address-unbound",
		Claim: "An unbound between the gateway and the DNS server that has the records keeps the old address for an hour, as the TTL says: nginx " +
			"is told that one, also after a restart, and answers 502.",
		Family: "dns", Causes: []string{"G3"}, Gateway: asking,
		Fault: "the application runs on 10.0.0.6, the dnsmasq that has the record says so, and nginx is restarted; unbound has asked before",
		Variants: keptByCache(recordOf, unbound.Upstream(),
			fault.Command{Upstream: "dns", Line: "unbound-control -c " + backend.UnboundConf("dns") + " flush app.internal", Prints: "ok"}),
		Expect:  connectFails("error", 111),
		Confirm: "dig @10.0.0.53 app.internal and dig @10.0.0.54 app.internal print two addresses; unbound-control lookup app.internal shows what it has kept.",
		Remedy:  "unbound-control flush app.internal, or unbound-control reload, which empties the whole cache; nginx follows when its own 10 s are over.",
		Source:  "https://unbound.docs.nlnetlabs.nl/en/latest/manpages/unbound-control.html",
	},
	staleNSCD(),
}

// unbound is unbound beside the DNS server that has the record.
var unbound = backend.Unbound{Name: "dns", Listen: dnsAddress, Conf: text("resolver/unbound.conf")}

// staleNSCD is another gateway's trouble: a gateway of one's own image may be built for a libc that asks no nscd.
func staleNSCD() scenario.Scenario {
	const conf = "origin-proxy.conf"
	byName := innerGateway(changed(conf, "10.0.0.7:8080", "app.internal:8080"))
	record := func(address string) lab.Upstream { return dnsmasqWith("10.0.0.5,", address+",") }
	app := func(name, address string) lab.Upstream {
		return lab.Upstream{Name: name, Fake: &fakeupstream.Spec{Listen: address + ":8080"}}
	}
	nscd := backend.NSCD{Name: "nscd", Conf: text("resolver/nscd.conf"), Files: []lab.File{{Path: "/etc/resolv.conf", Data: "nameserver 10.0.0.53\n"}}}
	return scenario.Scenario{
		ID: "stale-address-nscd",
		Claim: "nscd on the host of a gateway behind the edge keeps the old address: that gateway looks the name up when it starts, is told the " +
			"old one also after a restart, and its 502 is passed on.",
		Family: "dns", Causes: []string{"G3"}, Gateway: onNginx("proxy.conf"),
		Fault: "the application runs on 10.0.0.8, dnsmasq, restarted, says so, and the inner nginx is restarted; nscd has asked before",
		Variants: []scenario.Variant{{
			Kind:      scenario.Real,
			Upstreams: []lab.Upstream{record("10.0.0.7"), nscd.Upstream(), app("app", "10.0.0.7"), app("second", "10.0.0.8"), byName},
			Inject: []fault.Fault{
				stop, fault.Replace{Upstream: record("10.0.0.8")}, fault.Replace{Upstream: byName},
			},
			Remedy:      []fault.Fault{fault.Command{Upstream: "nscd", Line: "nscd --invalidate=hosts"}, fault.Replace{Upstream: byName}},
			UpstreamLog: `connect() failed (111: Connection refused) while connecting to upstream`,
		}},
		Alone:   "what a caching daemon keeps shows in a real one alone",
		Expect:  scenario.Expectation{Status: 502, Tries: 1},
		Confirm: "getent hosts app.internal on the inner gateway's host prints another address than dig app.internal: dig asks no nscd.",
		Remedy:  "nscd --invalidate=hosts, then restart the inner nginx, which asks when it starts.",
		Source:  "https://man7.org/linux/man-pages/man8/nscd.8.html",
	}
}

// askingBy is the gateway with another resolver directive.
func askingBy(directive string) lab.Gateway {
	return nginxWith("proxy-resolver.conf", "resolver 10.0.0.53 valid=10s;", directive)
}

// movedBehind is the real variant whose application moves to the other address, and what comes with that.
func movedBehind(upstreams []lab.Upstream, more ...fault.Fault) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Real, Upstreams: upstreams, Inject: append([]fault.Fault{stop}, more...),
		Remedy: []fault.Fault{fault.Wait{For: 301 * time.Second}},
	}
}

// movedBehindFake is the fake variant, whose DNS server has the old address for so many seconds.
func movedBehindFake(ttl int, more ...fault.Fault) scenario.Variant {
	v := movedBehind(append([]lab.Upstream{fakeNames(oldAddress, ttl)}, fakePool...), more...)
	v.Kind = scenario.Fake
	return v
}

// remediedBy is the variant with that remedy.
func remediedBy(v scenario.Variant, remedy ...fault.Fault) scenario.Variant {
	v.Remedy = remedy
	return v
}

// keptByCache are the variants in which a DNS server between the gateway and the one that has the record keeps the old address until it is
// flushed, and nginx, restarted, is told that one.
func keptByCache(has func(address string) lab.Upstream, cache lab.Upstream, flush fault.Fault) []scenario.Variant {
	return []scenario.Variant{
		remediedBy(movedBehind(withDNS(has(oldAddress), cache), fault.Replace{Upstream: has(newAddress)}, fault.Restart{}), flush, dnsForgotten),
		remediedBy(movedBehindFake(3600, fault.Restart{}), scripted("dns", says(newAddress, 3600)), dnsForgotten),
	}
}

// zoneOf is the BIND that has the zone, beside the DNS server that the gateway asks.
func zoneOf(address string) lab.Upstream {
	return backend.BIND{
		Name: "zone", Listen: zoneAddress, Conf: changedIn("resolver/named.conf", "10.0.0.53", "10.0.0.54"),
		Files: []lab.File{{Path: "/etc/db.internal", Data: changedIn("resolver/db.internal", oldAddress+"\n", address+"\n")}},
	}.Upstream()
}

// recordOf is the dnsmasq that has the record, beside the DNS server that the gateway asks.
func recordOf(address string) lab.Upstream {
	return backend.Dnsmasq{Name: "zone", Listen: zoneAddress, Conf: strings.NewReplacer(
		"10.0.0.53", "10.0.0.54", oldAddress+",300", address+",3600",
	).Replace(text("resolver/dnsmasq.conf"))}.Upstream()
}

// notResolved is a 502 for want of an address, for a reason by its number: 2, 3 and 5 are codes of DNS.
func notResolved(reason int, after time.Duration) scenario.Expectation {
	return scenario.Expectation{Status: 502, Tries: scenario.NoTry, After: after, Log: []scenario.LogLine{
		{Level: "error", Text: "app.internal could not be resolved", Errno: reason},
	}}
}

// questionRefused is the line for a DNS server's port on which nothing listens. nginx asks twice at once, each time for an A and an AAAA
// record, and the second question meets what the host said to the first.
var questionRefused = scenario.LogLine{Level: "error", Text: "send() failed", Errno: 111, Phase: "resolving"}

// withDNS are the real servers of the application at both of its addresses, and DNS servers.
func withDNS(servers ...lab.Upstream) []lab.Upstream {
	return append(servers, realPool...)
}

// dnsmasq is dnsmasq with a config of the folder resolver.
func dnsmasq(conf string) lab.Upstream { return dnsmasqOf(text("resolver/" + conf)) }

// dnsmasqWith is dnsmasq with a config of which one piece is another.
func dnsmasqWith(old, new string) lab.Upstream {
	return dnsmasqOf(changedIn("resolver/dnsmasq.conf", old, new))
}

func dnsmasqOf(conf string) lab.Upstream {
	return backend.Dnsmasq{Name: "dns", Listen: dnsAddress, Conf: conf}.Upstream()
}

// bind is BIND with a config of the folder resolver, and that zone.
func bind(conf, zone string) lab.Upstream { return bindOf(text("resolver/"+conf), zone) }

func bindOf(conf, zone string) lab.Upstream {
	return backend.BIND{Name: "dns", Listen: dnsAddress, Conf: conf, Files: []lab.File{{Path: "/etc/db.internal", Data: zone}}}.Upstream()
}

// fakeDNS is the variant whose DNS server begins to do that.
func fakeDNS(b fakeupstream.Behaviour) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Fake, Upstreams: append([]lab.Upstream{fakeNames(oldAddress, 300)}, fakePool...),
		Inject: []fault.Fault{scripted("dns", b), dnsForgotten},
	}
}

// fakeNames is a fake DNS server that has an address for every name, which may be kept for so many seconds.
func fakeNames(address string, ttl int) lab.Upstream {
	return lab.Upstream{Name: "dns", Fake: &fakeupstream.Spec{
		Listen: dnsAddress, Protocol: fakeupstream.DNS, Script: fakeupstream.Always(says(address, ttl)),
	}}
}

// says is the answer with an address, which may be kept for so many seconds.
func says(address string, ttl int) fakeupstream.DNSAnswer {
	return fakeupstream.DNSAnswer{Addresses: []string{address}, TTL: ttl}
}
