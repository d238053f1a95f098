package scenarios

import (
	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const uwsgiAddress = "10.0.0.5:3031"

// overUWSGI is an application that nginx calls by the uwsgi protocol, and that does not run.
var overUWSGI = []scenario.Scenario{uwsgiDead()}

// uwsgi is uWSGI on a host of its own, with an application that works.
var uwsgi = backend.UWSGI{Name: "app", Listen: uwsgiAddress, App: text("python/well.py")}

// fakeUWSGI is what plays uWSGI.
var fakeUWSGI = lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: uwsgiAddress, Protocol: fakeupstream.UWSGI}}

// bothUWSGI are the variants that are broken in the same way, outside of the application.
func bothUWSGI(breaks ...fault.Fault) []scenario.Variant {
	return []scenario.Variant{
		{Kind: scenario.Real, Upstreams: []lab.Upstream{uwsgi.Upstream()}, Inject: breaks},
		{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeUWSGI}, Inject: breaks},
	}
}

func uwsgiDead() scenario.Scenario {
	return scenario.Scenario{
		ID:     "uwsgi-dead",
		Claim:  "uWSGI is not running: nothing listens on its port, the kernel refuses the connection, nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "uWSGI is stopped",
		Variants: bothUWSGI(stop),
		Expect:   refused,
		Confirm:  "ss -ltn 'sport = :3031' on the application's host shows no listener; systemctl status uwsgi says since when.",
		Remedy:   "systemctl start uwsgi, and find out from /var/log/uwsgi/app/*.log why it stopped.",
		Source:   "https://nginx.org/en/docs/http/ngx_http_uwsgi_module.html#uwsgi_pass",
	}
}
