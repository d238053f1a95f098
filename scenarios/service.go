package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// service is PHP-FPM not running, or not where the gateway calls it, over TCP.
var service = []scenario.Scenario{
	fpmDead(), fpmFailsToStart(), fpmOtherPort(), fpmOtherAddress(), fpmLocalhost(),
}

func fpmDead() scenario.Scenario {
	onFake := fakeFPMDoes(fakeupstream.Well{})
	onFake.Inject = []fault.Fault{stop}
	return scenario.Scenario{
		ID:     "fpm-dead",
		Claim:  "PHP-FPM is not running: nothing listens on its port, the kernel refuses the connection, nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "PHP-FPM is stopped",
		Variants: []scenario.Variant{realFPM(fpm, stop), onFake},
		Expect:   refused,
		Confirm:  "ss -ltn 'sport = :9000' on the PHP host shows no listener; systemctl status php8.2-fpm says since when.",
		Remedy:   "systemctl start php8.2-fpm, and find out from journalctl -u php8.2-fpm why it stopped.",
		Source:   "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
	}
}

func fpmFailsToStart() scenario.Scenario {
	misspelt := fpm.With("pm.max_childs = 20")
	onFake := fakeFPMDoes(fakeupstream.Well{})
	onFake.Inject = []fault.Fault{stop}
	return scenario.Scenario{
		ID: "fpm-fails-to-start",
		Claim: "PHP-FPM does not start after a change of its config, so that nothing listens on its port: nginx answers 502 at once, " +
			"as for one that is stopped.",
		Family: "service", Causes: []string{"A1"},
		Gateway: onNginx("php.conf"),
		Fault:   "PHP-FPM is restarted with a directive in its pool that it does not know",
		Variants: []scenario.Variant{
			realFPM(fpm, fault.FailToStart{Upstream: misspelt.Upstream(), Says: "unknown entry 'pm.max_childs'"}), onFake,
		},
		Expect:  refused,
		Confirm: "php-fpm8.2 -t names the file and the line that stop it.",
		Remedy:  "Correct that line, run php-fpm8.2 -t until it says that the test is successful, then systemctl start php8.2-fpm.",
		Source:  "https://www.php.net/manual/en/install.fpm.configuration.php",
	}
}

func fpmOtherPort() scenario.Scenario {
	moved := fpm
	moved.Listen = "10.0.0.5:9001"
	called := []fault.Fault{fault.Config{Conf: changed("php.conf", fpmAddress, moved.Listen)}}

	onFPM := realFPM(fpm, fault.Replace{Upstream: moved.Upstream()})
	onFPM.Remedy = called
	onFake := fakeFPMDoes(fakeupstream.Well{})
	onFake.Inject = []fault.Fault{fault.Replace{Upstream: fakePHP(moved.Listen)}}
	onFake.Remedy = called
	return scenario.Scenario{
		ID:     "fpm-other-port",
		Claim:  "PHP-FPM runs well, on another port than nginx calls: the connection is refused, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A2"},
		Gateway:  onNginx("php.conf"),
		Fault:    "PHP-FPM listens on port 9001, nginx calls 9000",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   refused,
		Confirm:  "ss -ltnp | grep php-fpm shows the port that it listens on; the error log's field upstream: shows the one that nginx calls.",
		Remedy:   "Make fastcgi_pass and the pool's listen the same, here fastcgi_pass 10.0.0.5:9001;, then systemctl reload nginx.",
		Source:   "https://www.php.net/manual/en/install.fpm.configuration.php#listen",
	}
}

func fpmOtherAddress() scenario.Scenario {
	local := fpm
	local.Listen = "127.0.0.1:9000"
	onFake := fakeFPMDoes(fakeupstream.Well{})
	onFake.Inject = []fault.Fault{fault.Replace{Upstream: fakePHP(local.Listen)}}
	return scenario.Scenario{
		ID: "fpm-other-address",
		Claim: "PHP-FPM listens on the loopback of its own host, where a gateway on another host does not reach it: " +
			"the connection is refused, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A3"},
		Gateway:  onNginx("php.conf"),
		Fault:    "PHP-FPM listens on 127.0.0.1:9000, nginx calls 10.0.0.5:9000",
		Variants: []scenario.Variant{realFPM(fpm, fault.Replace{Upstream: local.Upstream()}), onFake},
		Expect:   refused,
		Confirm:  "ss -ltn 'sport = :9000' on the PHP host shows 127.0.0.1:9000, not 10.0.0.5:9000 or 0.0.0.0:9000.",
		Remedy: "Set listen = 10.0.0.5:9000 in the pool, and listen.allowed_clients to the gateway's address, " +
			"then systemctl restart php8.2-fpm.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#listen",
	}
}

func fpmLocalhost() scenario.Scenario {
	both, four := fpm, fpm
	both.Listen, four.Listen = "[::]:9000", "127.0.0.1:9000"
	gateway := onNginx("php-localhost.conf")
	// Where a machine has no IPv6 address beside ::1, its names have no IPv6 address for nginx either (AI_ADDRCONFIG).
	gateway.Hosts = map[string]string{"gateway.example.com": "2001:db8::80"}
	exact := []fault.Fault{fault.Config{Conf: changed("php-localhost.conf", "localhost:9000", four.Listen)}}

	onFPM := realFPM(both, fault.Replace{Upstream: four.Upstream()}, fault.Restart{})
	onFPM.Remedy = exact
	onFake := scenario.Variant{
		Kind: scenario.Fake, Upstreams: []lab.Upstream{fakePHP(both.Listen)},
		Inject: []fault.Fault{fault.Replace{Upstream: fakePHP(four.Listen)}, fault.Restart{}},
		Remedy: exact,
	}
	return scenario.Scenario{
		ID: "fpm-localhost",
		Claim: "nginx calls localhost, which is two peers, ::1 and 127.0.0.1, in turn; PHP-FPM listens on one of them only: " +
			"nginx logs that the other refuses, asks the one, and the visitor gets his 200.",
		Family: "service", Causes: []string{"A3"},
		Gateway:  gateway,
		Fault:    "PHP-FPM listens on 127.0.0.1 only, nginx calls localhost",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect: scenario.Expectation{Status: 200, Tries: 2, Log: []scenario.LogLine{
			refusedLine,
			{Level: "warn", Text: "upstream server temporarily disabled", Phase: connecting},
		}},
		Then:    whileLeftAlone("nginx leaves the address that refuses alone (fail_timeout)", byTheOther),
		Confirm: "getent ahosts localhost lists both addresses; $upstream_addr in the access log has [::1]:9000, 127.0.0.1:9000.",
		Remedy:  "Name the address: fastcgi_pass 127.0.0.1:9000;, then systemctl reload nginx.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
	}
}
