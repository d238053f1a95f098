package scenarios

import (
	"net/http"
	"strings"
	"time"

	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	fail2banPage = "https://manpages.debian.org/bookworm/fail2ban/jail.conf.5.en.html"
	remoteIP     = "https://httpd.apache.org/docs/2.4/mod/mod_remoteip.html#remoteipheader"
)

// guarded is what guards an application and takes its gateway, from whose address all visitors come, for the one who is guilty.
var guarded = []scenario.Scenario{fail2banRejects(), fail2banDrops()}

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

func fail2banDrops() scenario.Scenario {
	const pass = "proxy_bind 192.0.2.80;"
	told := fault.Config{Conf: changed("proxy-bind.conf", pass, pass+"\n            proxy_set_header X-Real-IP $remote_addr;")}
	believes := loginHTTPD()
	believes.Conf = changedIn("httpd/login.conf", "Listen 10.0.0.5:8080\n", "LoadModule remoteip_module /usr/lib/apache2/modules/mod_remoteip.so\n\n"+
		"Listen 10.0.0.5:8080\nRemoteIPHeader X-Real-IP\nRemoteIPInternalProxy 192.0.2.80\n")
	return scenario.Scenario{
		ID: "fail2ban-drops",
		Claim: "fail2ban on the application's host bans the gateway's address for the wrong passwords of one visitor, and is told to drop: everybody " +
			"waits for proxy_connect_timeout, 60 s by default, and gets 504.",
		Family: "firewall", Causes: []string{"H4", "H1"}, Gateway: binding,
		Fault: "one visitor has sent five wrong passwords",
		Variants: []scenario.Variant{
			onFail2ban(changedIn("guard/jail.local", "banaction = nftables\n", "banaction = nftables[blocktype=drop]\n"),
				told, fault.Replace{Upstream: believes.Upstream()}, wrongPasswords, fail2banLogs("Ban 198.51.100.")),
			onFakeApp(fault.Drop{To: appAddress}),
		},
		Expect: scenario.Expectation{Status: 504, Tries: 1, After: time.Minute, Log: []scenario.LogLine{
			{Level: "error", Text: "upstream timed out", Errno: 110, Phase: "connecting to upstream"},
		}},
		Confirm: "On the application's host: fail2ban-client status apache-auth lists the gateway's address, and nft list table inet f2b-table the rule.",
		Remedy: "There: fail2ban-client set apache-auth unbanip GATEWAY. That the guilty one is banned and not the gateway: proxy_set_header X-Real-IP " +
			"$remote_addr; and in Apache RemoteIPHeader X-Real-IP with RemoteIPInternalProxy GATEWAY. His packets come from the gateway all the same, so " +
			"what is to stop him is a ban there.",
		Source: remoteIP,
	}
}
