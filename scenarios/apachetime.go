package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// dropped is what follows where no answer to an attempt to connect comes.
var dropped = afterMinute(scenario.Expectation{Status: 503, Tries: 1, Log: []scenario.LogLine{
	{Level: "error", Code: "AH00957", Text: "attempt to connect to 10.0.0.5:8080", Errno: 70007},
	{Level: "error", Code: "AH01114", Text: "failed to make connection to backend: 10.0.0.5"},
}})

// apacheTime are limits of time of Apache's.
var apacheTime = []scenario.Scenario{
	{
		ID: "apache-silent", Row: "silent",
		Claim: "The application accepts and never answers (deadlock, exhausted pool of threads): 502 after ProxyTimeout, 60 s by " +
			"default, where nginx answers 504.",
		Family: "time", Causes: []string{"B6", "I1", "J1", "J6"}, Gateway: onApache("proxy.conf"),
		Fault:    "the application hangs",
		Variants: stagedSilent.variants,
		Expect:   afterMinute(noStatusLine(70007, "/")),
		Confirm:  "On the application's host: ss -tn 'sport = :8080' shows connections that stay, often with a Recv-Q that is not 0.",
		Remedy: "Restart the application, after its stack was kept (py-spy dump, jstack, gdb -p). A larger ProxyTimeout only makes " +
			"visitors wait longer.",
		Source: apacheProxy + "#proxytimeout",
	},
	{
		ID: "apache-drop-connect", Row: "dropped",
		Claim: "A firewall drops Apache's packets to the application without a word: Apache waits for ProxyTimeout, 60 s by default, and " +
			"answers 503, where nginx answers 504.",
		Family: "firewall", Causes: []string{"H1", "J6"},
		Gateway:  apacheOwnConnections(),
		Fault:    "the firewall drops all packets to 10.0.0.5:8080",
		Variants: bothApps(fault.Drop{To: appAddress}),
		Expect:   dropped,
		Confirm:  "While a visitor waits, on the gateway: ss -tn state syn-sent dst 10.0.0.5 lists the unanswered attempt.",
		Remedy: "Let the packets through, before the rule that drops: nft insert rule inet filter input ip saddr GATEWAY tcp dport 8080 accept on " +
			"the application's host. connectiontimeout=3 in ProxyPass makes the next such fault show at once.",
		Source: apacheProxy + "#proxypass",
	},
	{
		ID: "apache-drop-kept",
		Claim: "A firewall begins to drop while Apache keeps a connection to the application, as it does by default: the request goes over that, " +
			"and the answer is 502 after ProxyTimeout, as if the application hung; connectiontimeout= has no part in it.",
		Family: "firewall", Causes: []string{"H3", "J6"}, Gateway: onApache("proxy.conf"),
		Fault:    "the firewall begins to drop all packets to 10.0.0.5:8080",
		Variants: bothApps(fault.Drop{To: appAddress}),
		Expect:   afterMinute(noStatusLine(70007, "/")),
		Then:     &scenario.Sequel{Each: []scenario.Expectation{dropped}, Why: "the kept connection is gone, and no new one comes"},
		Confirm: "On the gateway: ss -tno dst 10.0.0.5 shows bytes in Send-Q and a retransmission timer (timer:(on,...)); for an application that " +
			"hangs, Send-Q is 0.",
		Remedy: "As for apache-drop-connect. ttl=30 in ProxyPass keeps idle connections for less than a firewall forgets them.",
		Source: apacheProxy + "#proxypass",
	},
	{
		ID: "apache-body-stalls", Row: "body-stalls",
		Claim: "The application stops in the middle of the body: after ProxyTimeout, 60 s by default, Apache gives up, and the visitor has a 200 " +
			"that is cut, not a 502.",
		Family: "answer", Causes: []string{"B6"}, Gateway: onApache("proxy.conf"),
		Ask:      download,
		Fault:    "the application hangs while it sends a large body",
		Variants: stagedStalls.variants,
		Expect:   afterMinute(scenario.Expectation{Status: 200, Cut: true, Tries: 1, Log: badBody(70007)}),
		Confirm:  "AH01110 with The timeout specified has expired beside a 200 in the access log, with fewer bytes than the file has.",
		Remedy:   "See what the application waits for in mid-answer (a slow query that it streams, a lock).",
		Source:   apacheProxy + "#proxytimeout",
	},
	{
		ID: "apache-handshake-stalls",
		Claim: "The application accepts and does not answer the TLS handshake: 500 after ProxyTimeout, 60 s by default, with the lines of a " +
			"bad certificate: none says that it was a time-out.",
		Family: "protocol", Causes: []string{"A5", "B6"}, Gateway: apacheByName("https.conf"),
		Fault: "the application hangs in the TLS handshake",
		Variants: []scenario.Variant{
			{
				Kind: scenario.Real, Upstreams: []lab.Upstream{tlsOrigin("origin-tls.conf", goodCertificate)},
				WaitFor: []lab.Condition{lab.ConnectionAt("app")}, Inject: []fault.Fault{fault.Freeze{Upstream: "app"}, fault.Restart{}},
			},
			waitingFor(lab.ConnectionAt("app"), tlsFake(fakeupstream.TLSStalled)),
		},
		Expect:  afterMinute(noHandshake),
		Confirm: "openssl s_client -connect app.internal:8443 on the gateway prints CONNECTED and nothing more; visitors wait for a minute.",
		Remedy:  "Restart the application.",
		Source:  apacheProxy + "#proxytimeout",
	},
	apacheFPMTimeout(),
	{
		ID: "apache-pool-retry",
		Claim: "Both servers failed a moment ago and run again, but forcerecovery=Off has Apache leave them alone for retry=, 60 s: it asks nobody " +
			"and answers 503, All workers are in error state.",
		Family: "pool", Causes: []string{"J5"}, Gateway: apacheWith("pool.conf", "</Proxy>", "    ProxySet forcerecovery=Off\n</Proxy>"),
		Fault: "both servers failed a moment ago, and run again",
		Variants: poolVariants([]fault.Fault{fault.Wait{For: memberRetry + time.Second}},
			fault.Stop{Upstream: "app"}, fault.Stop{Upstream: "second"}, fault.OtherRequest{Status: 503},
			fault.Start{Upstream: "app"}, fault.Start{Upstream: "second"}, fault.Wait{For: 30 * time.Second}),
		Expect: scenario.Expectation{Status: 503, Tries: scenario.NoTry, Log: []scenario.LogLine{
			{Level: "error", Code: "AH01170", Text: "balancer://app: All workers are in error state"},
		}},
		Then: &scenario.Sequel{
			Each: []scenario.Expectation{{Status: 200, Tries: 1}}, From: memberRetry, Why: "Apache asks the servers again",
		},
		Confirm: "curl to each server from the gateway answers 200 while the error log says AH01170.",
		Remedy:  "Wait (60 s), or apachectl graceful. Without ProxySet forcerecovery=Off Apache asks them at once; retry=5 shortens it.",
		Source:  balancerRetry,
	},
}

func apacheFPMTimeout() scenario.Scenario {
	const needed = 90 * time.Second
	patience := []fault.Fault{fault.Config{Conf: apacheChanged("php.conf", "\nProxyPassMatch", "\nProxyTimeout 120\nProxyPassMatch")}}

	onFPM := realFPMWithAPI(fpmWith("calls-api.php"), slowAPI(needed))
	onFPM.Remedy, onFPM.RemedyTakes = patience, needed

	onFake := fakeFPMDoes(fakeupstream.Delay{For: needed})
	onFake.WaitFor, onFake.Remedy, onFake.RemedyTakes = []lab.Condition{lab.RequestAt("app")}, patience, needed

	return scenario.Scenario{
		ID: "apache-fpm-timeout",
		Claim: "The script is silent for longer than ProxyTimeout, 60 s by default: over FastCGI Apache answers 504, over HTTP it would be 502. PHP " +
			"goes on working for nobody.",
		Family: "time", Causes: []string{"B2"},
		Gateway:  onApache("php.conf"),
		Fault:    "a service that the script calls takes 90 s",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect: afterMinute(scenario.Expectation{Status: 504, Tries: 1, Log: []scenario.LogLine{
			{Level: "error", Code: "AH01075", Text: "Error dispatching request to", Errno: 70007},
		}}),
		Confirm: "AH01075 ends with (polling); grep -ri timeout /etc/apache2 gives the limit (60 when nothing is set).",
		Remedy:  "ProxyTimeout 120 and apachectl graceful; better, let a queue do the long work.",
		Source:  apacheProxy + "#proxytimeout",
	}
}

// afterMinute is what follows when the default of Apache's limits is over.
func afterMinute(e scenario.Expectation) scenario.Expectation { return after(time.Minute, e) }
