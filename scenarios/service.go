package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/faults"
)

// service is PHP-FPM not running, or not where the gateway calls it, over TCP.
var service = []harness.Scenario{
	fpmDead(), fpmFailsToStart(), fpmOtherPort(), fpmOtherAddress(), fpmLocalhost(),
}

// refusedLine is the line for a port on which nothing listens.
var refusedLine = harness.LogLine{
	Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream",
}

var refused = harness.Expectation{Status: 502, Tries: 1, Log: []harness.LogLine{refusedLine}}

// stop ends the upstream at once.
var stop = faults.Stop{Upstream: "app"}

func fpmDead() harness.Scenario {
	onFake := fake(fakeupstream.Well{})
	onFake.Break = []harness.Change{stop}
	return harness.Scenario{
		ID:     "fpm-dead",
		Claim:  "PHP-FPM is not running: nothing listens on its port, the kernel refuses the connection, nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway: nginx("php.conf"),
		Fault:   "PHP-FPM is stopped",
		Twins:   []harness.Twin{realFPM(fpm, stop), onFake},
		Expect:  refused,
		Confirm: "ss -ltn 'sport = :9000' on the PHP host shows no listener; systemctl status php8.2-fpm says since when.",
		Remedy:  "systemctl start php8.2-fpm, and find out from journalctl -u php8.2-fpm why it stopped.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
	}
}

func fpmFailsToStart() harness.Scenario {
	misspelt := fpm.With("pm.max_childs = 20")
	onFake := fake(fakeupstream.Well{})
	onFake.Break = []harness.Change{stop}
	return harness.Scenario{
		ID: "fpm-fails-to-start",
		Claim: "PHP-FPM does not start after a change of its config, so that nothing listens on its port: nginx answers 502 at once, " +
			"as for one that is stopped.",
		Family: "service", Causes: []string{"A1"},
		Gateway: nginx("php.conf"),
		Fault:   "PHP-FPM is restarted with a directive in its pool that it does not know",
		Twins: []harness.Twin{
			realFPM(fpm, faults.FailToStart{Upstream: misspelt.Upstream(), Says: "unknown entry 'pm.max_childs'"}), onFake,
		},
		Expect:  refused,
		Confirm: "php-fpm8.2 -t names the file and the line that stop it.",
		Remedy:  "Correct that line, run php-fpm8.2 -t until it says that the test is successful, then systemctl start php8.2-fpm.",
		Source:  "https://www.php.net/manual/en/install.fpm.configuration.php",
	}
}

func fpmOtherPort() harness.Scenario {
	moved := fpm
	moved.Listen = "10.0.0.5:9001"
	called := []harness.Change{faults.Config{Conf: changed("php.conf", fpmAddress, moved.Listen)}}

	onFPM := realFPM(fpm, faults.Become{Upstream: moved.Upstream()})
	onFPM.Remedy = called
	onFake := fake(fakeupstream.Well{})
	onFake.Break = []harness.Change{faults.Become{Upstream: fakePHP(moved.Listen)}}
	onFake.Remedy = called
	return harness.Scenario{
		ID:     "fpm-other-port",
		Claim:  "PHP-FPM runs well, on another port than nginx calls: the connection is refused, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A2"},
		Gateway: nginx("php.conf"),
		Fault:   "PHP-FPM listens on port 9001, nginx calls 9000",
		Twins:   []harness.Twin{onFPM, onFake},
		Expect:  refused,
		Confirm: "ss -ltnp | grep php-fpm shows the port that it listens on; the error log's field upstream: shows the one that nginx calls.",
		Remedy:  "Make fastcgi_pass and the pool's listen the same, here fastcgi_pass 10.0.0.5:9001;, then systemctl reload nginx.",
		Source:  "https://www.php.net/manual/en/install.fpm.configuration.php#listen",
	}
}

func fpmOtherAddress() harness.Scenario {
	local := fpm
	local.Listen = "127.0.0.1:9000"
	onFake := fake(fakeupstream.Well{})
	onFake.Break = []harness.Change{faults.Become{Upstream: fakePHP(local.Listen)}}
	return harness.Scenario{
		ID: "fpm-other-address",
		Claim: "PHP-FPM listens on the loopback of its own host, where a gateway on another host does not reach it: " +
			"the connection is refused, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A3"},
		Gateway: nginx("php.conf"),
		Fault:   "PHP-FPM listens on 127.0.0.1:9000, nginx calls 10.0.0.5:9000",
		Twins:   []harness.Twin{realFPM(fpm, faults.Become{Upstream: local.Upstream()}), onFake},
		Expect:  refused,
		Confirm: "ss -ltn 'sport = :9000' on the PHP host shows 127.0.0.1:9000, not 10.0.0.5:9000 or 0.0.0.0:9000.",
		Remedy: "Set listen = 10.0.0.5:9000 in the pool, and listen.allowed_clients to the gateway's address, " +
			"then systemctl restart php8.2-fpm.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#listen",
	}
}

func fpmLocalhost() harness.Scenario {
	both, four := fpm, fpm
	both.Listen, four.Listen = "[::]:9000", "127.0.0.1:9000"
	gateway := nginx("php-localhost.conf")
	// Where a machine has no IPv6 address beside ::1, its names have no IPv6 address for nginx either (AI_ADDRCONFIG).
	gateway.Hosts = map[string]string{"gateway.example.com": "2001:db8::80"}
	exact := []harness.Change{faults.Config{Conf: changed("php-localhost.conf", "localhost:9000", four.Listen)}}

	onFPM := realFPM(both, faults.Become{Upstream: four.Upstream()}, faults.Restart{})
	onFPM.Remedy = exact
	onFake := harness.Twin{
		Kind: harness.Fake, Upstreams: []harness.Upstream{fakePHP(both.Listen)},
		Break:  []harness.Change{faults.Become{Upstream: fakePHP(four.Listen)}, faults.Restart{}},
		Remedy: exact,
	}
	return harness.Scenario{
		ID: "fpm-localhost",
		Claim: "nginx calls localhost, which is two peers, ::1 and 127.0.0.1, in turn; PHP-FPM listens on one of them only: " +
			"nginx logs that the other refuses, asks the one, and the visitor gets his 200.",
		Said:   "Calling localhost where the backend listens on 127.0.0.1 only gives 502.",
		Family: "service", Causes: []string{"A3"},
		Gateway: gateway,
		Fault:   "PHP-FPM listens on 127.0.0.1 only, nginx calls localhost",
		Twins:   []harness.Twin{onFPM, onFake},
		Expect: harness.Expectation{Status: 200, Tries: 2, Log: []harness.LogLine{
			refusedLine,
			{Level: "warn", Text: "upstream server temporarily disabled", Phase: "connecting to upstream"},
		}},
		Then:    leftAlone("nginx leaves the address that refuses alone (fail_timeout)", byTheOther),
		Confirm: "getent ahosts localhost lists both addresses; $upstream_addr in the access log has [::1]:9000, 127.0.0.1:9000.",
		Remedy:  "Name the address: fastcgi_pass 127.0.0.1:9000;, then systemctl reload nginx.",
		Source:  "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
	}
}
