package scenarios

import (
	"net/http"
	"strings"
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	fail2banPage = "https://manpages.debian.org/bookworm/fail2ban/jail.conf.5.en.html"
	nftLimit     = "https://manpages.debian.org/bookworm/nftables/nft.8.en.html#LIMIT_STATEMENT"
	remoteIP     = "https://httpd.apache.org/docs/2.4/mod/mod_remoteip.html#remoteipheader"
)

// guarded is what guards an application and takes its gateway, from whose address all visitors come, for the one who is guilty.
//
// A connection tracking table that is full is none of them. Its size, net.netfilter.nf_conntrack_max, can be set in the kernel's first network
// namespace alone (elsewhere its mode is 0444, measured with Linux 6.18), which no container of a lab is in, and is 262144 there by default.
var guarded = []scenario.Scenario{fail2banRejects(), fail2banDrops(), firewallFlood(), modsecurityDrops(), modsecurityDenies()}

// binding is the gateway that calls the application from an address of its own.
var binding = onNginx("proxy-bind.conf")

// loginHTTPD is Apache httpd with a folder that asks for a password.
func loginHTTPD() backend.HTTPD {
	h := httpd("login.conf")
	h.Files = append(h.Files, lab.File{Path: "/etc/apache2-users", Data: "editor:{SHA}0nofEXcSAJSXFLGvmfBIpBb11vQ=\n"})
	return h
}

// wrongPasswords are those of one visitor.
var wrongPasswords = fault.Flood{
	Requests: 5, Shares: map[int]int{401: 5},
	Request: lab.Request{
		Path: "/admin/", Client: "guilty", Header: http.Header{"Authorization": {"Basic ZWRpdG9yOndyb25n"}}, // editor:wrong
	},
}

// fail2banLogs waits until fail2ban has logged a line that has those words.
func fail2banLogs(words string) fault.Fault {
	return fault.Await{Upstream: "fail2ban", Line: "grep -q " + strings.ReplaceAll(words, " ", ".") + " /var/log/upstream/fail2ban.log"}
}

// onFail2ban is the variant on which fail2ban bans the gateway.
func onFail2ban(jails string, remedy ...fault.Fault) scenario.Variant {
	// It logs a ban before the firewall has it.
	banned := fault.Await{Upstream: "fail2ban", Line: "nft get element inet f2b-table addr-set-apache-auth { " + lab.GatewayAddress + " }"}
	unban := fault.Command{Upstream: "fail2ban", Line: "fail2ban-client set apache-auth unbanip " + lab.GatewayAddress, Prints: "1"}
	return scenario.Variant{
		Kind:      scenario.Real,
		Upstreams: []lab.Upstream{loginHTTPD().Upstream(), backend.Fail2ban{Name: "fail2ban", Jails: jails}.Upstream()},
		Inject:    []fault.Fault{wrongPasswords, banned}, Remedy: append([]fault.Fault{unban}, remedy...),
	}
}

func fail2banRejects() scenario.Scenario {
	return scenario.Scenario{
		ID: "fail2ban-rejects",
		Claim: "fail2ban on the application's host counts the wrong passwords of one visitor, who comes through the gateway as all do, and bans the " +
			"gateway's address: its firewall rejects, as it does by default, and everybody gets 502 at once, as if nothing listened there.",
		Family: "firewall", Causes: []string{"H4", "H2"}, Gateway: binding,
		Fault: "one visitor has sent five wrong passwords",
		Variants: []scenario.Variant{
			onFail2ban(text("guard/jail.local"),
				fault.Command{
					Upstream: "fail2ban", Line: "fail2ban-client set apache-auth addignoreip " + lab.GatewayAddress,
					Prints: "These IP addresses/networks are ignored:\n`- " + lab.GatewayAddress,
				},
				wrongPasswords, fail2banLogs("Ignore "+lab.GatewayAddress+" by ip")),
			onFakeApp(fault.Reject{To: appAddress, With: "icmp-port-unreachable"}),
		},
		Expect: connectFails("error", 111),
		Confirm: "On the application's host: fail2ban-client status apache-auth lists the gateway's address; fail2ban-client banned does so for all " +
			"jails.",
		Remedy: "There: fail2ban-client set apache-auth unbanip GATEWAY, and ignoreip = 127.0.0.1/8 GATEWAY in jail.local, so that it does not come back " +
			"with the next wrong password.",
		Source: fail2banPage,
	}
}

// telling is the gateway's config in which it tells the application whose request it is.
var telling = fault.Config{Conf: changed("proxy-bind.conf", "proxy_bind 192.0.2.80;",
	"proxy_bind 192.0.2.80;\n            proxy_set_header X-Real-IP $remote_addr;")}

// believing is an Apache that takes the gateway's word for it.
func believing(h backend.HTTPD) fault.Fault {
	const listen = "Listen 10.0.0.5:8080\n"
	h.Conf = strings.Replace(h.Conf, listen, "LoadModule remoteip_module /usr/lib/apache2/modules/mod_remoteip.so\n\n"+listen+
		"RemoteIPHeader X-Real-IP\nRemoteIPInternalProxy 192.0.2.80\n", 1)
	return fault.Replace{Upstream: h.Upstream()}
}

func fail2banDrops() scenario.Scenario {
	return scenario.Scenario{
		ID: "fail2ban-drops",
		Claim: "fail2ban on the application's host bans the gateway's address for the wrong passwords of one visitor, and is told to drop: everybody " +
			"waits for proxy_connect_timeout, 60 s by default, and gets 504.",
		Family: "firewall", Causes: []string{"H4", "H1"}, Gateway: binding,
		Fault: "one visitor has sent five wrong passwords",
		Variants: []scenario.Variant{
			onFail2ban(changedIn("guard/jail.local", "banaction = nftables\n", "banaction = nftables[blocktype=drop]\n"),
				telling, believing(loginHTTPD()), wrongPasswords, fail2banLogs("Ban 198.51.100.")),
			onFakeApp(fault.Drop{To: appAddress}),
		},
		Expect:  gatewayTimeout(time.Minute, connecting),
		Confirm: "On the application's host: fail2ban-client status apache-auth lists the gateway's address, and nft list table inet f2b-table the rule.",
		Remedy: "There: fail2ban-client set apache-auth unbanip GATEWAY. That the guilty one is banned and not the gateway: proxy_set_header X-Real-IP " +
			"$remote_addr; and in Apache RemoteIPHeader X-Real-IP with RemoteIPInternalProxy GATEWAY. His packets come from the gateway all the same, so " +
			"what is to stop him is a ban there.",
		Source: remoteIP,
	}
}

// many are so many requests of one visitor, who gets what he asks for.
func many(requests int) fault.Fault {
	return fault.Flood{Requests: requests, Request: lab.Request{Client: bot}, Shares: map[int]int{200: requests}}
}

func firewallFlood() scenario.Scenario {
	host := httpd("well.conf")
	host.Image = "guarded"
	host.Files = append(host.Files, lab.File{Path: "/etc/flood.nft", Data: text("guard/flood.nft")})
	onHTTPD := onReal(host.Upstream(), fault.Command{Upstream: "app", Line: "nft -f /etc/flood.nft"}, many(5))
	onHTTPD.Upstreams[0].Real.Filters = true
	onHTTPD.Remedy = []fault.Fault{
		fault.Command{Upstream: "app", Line: "nft insert rule inet filter input ip saddr " + lab.GatewayAddress + " tcp dport 8080 accept"}, many(6),
	}
	return scenario.Scenario{
		ID: "firewall-flood",
		Claim: "The firewall of the application's host allows each address so many new connections, and all visitors have the gateway's: it drops the " +
			"one that is too many, nginx waits for proxy_connect_timeout, 60 s by default, and answers 504.",
		Family: "firewall", Causes: []string{"H4", "H1"}, Gateway: binding,
		Fault:    "one visitor has used up the new connections that the firewall allows an address",
		Variants: []scenario.Variant{onHTTPD, onFakeApp(fault.Drop{To: appAddress})},
		Expect:   gatewayTimeout(time.Minute, connecting),
		Confirm: "On the application's host: nft list ruleset shows the limit, and the gateway's address in its set; iptables-save | grep -E " +
			"'hashlimit|connlimit|recent' does so for iptables.",
		Remedy: "nft insert rule inet filter input ip saddr GATEWAY tcp dport 8080 accept: it comes before the limit. Limit visitors where they come " +
			"in, at the gateway, and have it keep its connections (keepalive in the upstream block).",
		Source: nftLimit,
	}
}

// modsecurity is Apache httpd with ModSecurity, and one of the configs httpd/modsecurity*.conf.
func modsecurity(conf string) backend.HTTPD {
	h := loginHTTPD()
	h.Image, h.Conf = "guarded", text("httpd/"+conf)
	h.Files = append(h.Files, lab.File{Path: "/run/modsecurity", Dir: true, Mode: 0o777})
	return h
}

// forgotten takes away what ModSecurity has stored of addresses.
var forgotten = fault.Command{Upstream: "app", Line: "rm /run/modsecurity/www-data-ip.pag /run/modsecurity/www-data-ip.dir"}

func modsecurityDrops() scenario.Scenario {
	host := modsecurity("modsecurity.conf")
	onHTTPD := onReal(host.Upstream(), many(19)) // with the healthy request, two bursts of ten
	onHTTPD.UpstreamLog = `Access denied with connection close (phase 1)`
	onHTTPD.Remedy = []fault.Fault{forgotten, telling, believing(host), many(20)}
	return scenario.Scenario{
		ID: "modsecurity-drops",
		Claim: "ModSecurity, with OWASP's rules against floods, sees all visitors come from the gateway's address: the requests of one are a flood, and " +
			"it closes each connection of the gateway without an answer, which is a 502.",
		Family: "firewall", Causes: []string{"H4", "I1"}, Gateway: binding,
		Fault:    "one visitor has asked more often than the rules allow an address",
		Variants: []scenario.Variant{onHTTPD, fakeBecomes(fakeupstream.Close{})},
		Expect:   badGateway("upstream prematurely closed connection", 0, readingHeader),
		Confirm: "Apache's error log: ModSecurity: Access denied with connection close, [id \"912120\"], and the gateway's address after [client, once a " +
			"minute. Where only one kind of browser gets 502, the rules count by address and browser, as they do by themselves.",
		Remedy: "proxy_set_header X-Real-IP $remote_addr; in nginx, and in Apache RemoteIPHeader X-Real-IP with RemoteIPInternalProxy GATEWAY: " +
			"then each visitor is counted alone; and rm the ip files in SecDataDir, which keep the ban. Or no " +
			"limit there (no tx.dos_ variables in crs-setup.conf), and limit_req at the gateway.",
		Source: "https://github.com/coreruleset/coreruleset/blob/v3.3.4/rules/REQUEST-912-DOS-PROTECTION.conf",
	}
}

func modsecurityDenies() scenario.Scenario {
	host := modsecurity("modsecurity-deny.conf")
	const page = "<title>403 Forbidden</title>"
	onHTTPD := onReal(host.Upstream(), wrongPasswords)
	onHTTPD.UpstreamLog = "Too many wrong passwords from " + lab.GatewayAddress
	onHTTPD.Remedy = []fault.Fault{forgotten, telling, believing(host), wrongPasswords}
	return scenario.Scenario{
		ID: "modsecurity-denies",
		Claim: "A rule of ModSecurity denies an address everything after five wrong passwords, and takes the gateway's for that of the visitor: " +
			"everybody gets 403, which nginx passes on, and logs nothing. It is no 502.",
		Family: "firewall", Causes: []string{"H4", "J6"}, Gateway: binding,
		Fault:    "one visitor has sent five wrong passwords",
		Variants: []scenario.Variant{onHTTPD, fakeBecomes(fakeupstream.Well{Status: 403, Body: page})},
		Expect:   scenario.Expectation{Status: 403, Page: page, Tries: 1},
		Confirm:  "Apache's error log: ModSecurity: Access denied with code 403, and the gateway's address after [client.",
		Remedy: "proxy_set_header X-Real-IP $remote_addr; in nginx, and in Apache RemoteIPHeader X-Real-IP with RemoteIPInternalProxy GATEWAY: " +
			"ModSecurity's REMOTE_ADDR is the visitor's then, and the guilty one alone is denied. What it has of addresses is in SecDataDir; rm it.",
		Source: remoteIP,
	}
}
