package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness"
	"github.com/badgateway/badgateway/harness/backends"
	"github.com/badgateway/badgateway/harness/faults"
)

var fpm = backends.PHPFPM{Name: "app", Listen: "10.0.0.5:9000", Scripts: map[string]string{"/var/www/index.php": text("php/well.php")}}

var fakeFPM = harness.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: "10.0.0.5:9000", Protocol: "fastcgi"}}

var service = []harness.Scenario{{
	ID:      "fpm-dead",
	Claim:   "PHP-FPM is not running: nothing listens on its port, the kernel refuses the connection, nginx answers 502 at once.",
	Family:  "service",
	Causes:  []string{"A1"},
	Gateway: nginx("php.conf"),
	Fault:   "PHP-FPM is stopped",
	Twins: []harness.Twin{
		{Kind: harness.Real, Upstreams: []harness.Upstream{fpm.Upstream()}, Break: []harness.Change{faults.Stop{Upstream: "app"}}},
		{Kind: harness.Fake, Upstreams: []harness.Upstream{fakeFPM}, Break: []harness.Change{faults.Stop{Upstream: "app"}}},
	},
	Expect: harness.Expectation{Status: 502, Tries: 1, Log: []harness.LogLine{
		{Level: "error", Text: "connect() failed", Errno: 111, Phase: "connecting to upstream"},
	}},
	Confirm: "systemctl status php8.2-fpm; ss -ltn 'sport = :9000' shows no listener.",
	Remedy:  "Start PHP-FPM (systemctl start php8.2-fpm), and find out from its log why it stopped.",
	Source:  "https://nginx.org/en/docs/http/ngx_http_fastcgi_module.html#fastcgi_pass",
}}
