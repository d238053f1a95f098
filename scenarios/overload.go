package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

// overload is more clients than PHP-FPM has workers for, or than nginx may send to an application.
var overload = []scenario.Scenario{workersBusy(), backlogSocket(), backlogTCP(), maxConns(), visitorReloads()}

// report is the page that takes long, beside the one that is quick.
var report = lab.Request{Path: "/report.php"}

func withReport(p backend.PHPFPM) backend.PHPFPM {
	p.Scripts = map[string]string{index: text("php/well.php"), "/var/www/report.php": text("php/calls-api.php")}
	return p
}

// withBusyWorkers is a variant on PHP-FPM, called through the config, with one client for each worker whose page takes long, and
// some more who wait for a worker. The remedy is a pool that is big enough for the same crowd.
func withBusyWorkers(small, big backend.PHPFPM, workers, more int) scenario.Variant {
	crowd := []fault.Fault{
		fault.ConcurrentRequests{Clients: workers, Request: report, WaitFor: lab.RequestAt("api")}, fault.ConcurrentRequests{Clients: more, Request: report},
	}
	return scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{withReport(small).Upstream(), api},
		Inject: append([]fault.Fault{slowAPI(time.Hour)}, crowd...),
		Remedy: []fault.Fault{
			fault.Replace{Upstream: withReport(big).Upstream()},
			fault.ConcurrentRequests{Clients: workers + more, Request: report, WaitFor: lab.RequestAt("api")},
		},
	}
}

func workersBusy() scenario.Scenario {
	dynamic := []string{"pm = dynamic", "pm.start_servers = 2", "pm.min_spare_servers = 1", "pm.max_spare_servers = 2"}
	onFPM := withBusyWorkers(fpm.With(dynamic...), fpm.With("pm.max_children = 20"), 2, 0)
	onFPM.UpstreamLog = "server reached pm.max_children setting (2), consider raising it"

	onFake := waitingFor(lab.ConnectionAt("app"), fakeFPMDoes(fakeupstream.Silent{At: fakeupstream.AtAccept}))
	return scenario.Scenario{
		ID: "fpm-workers-busy",
		Claim: "All workers of PHP-FPM are busy: the kernel takes the connection and queues it, no worker reads it, " +
			"and nginx gives up after fastcgi_read_timeout with 504, even for a page that is quick.",
		Family: "overload", Causes: []string{"D1", "D3"},
		Gateway:  onNginx("php.conf"),
		Fault:    "as many visitors as pm.max_children ask for a page that takes minutes",
		Variants: []scenario.Variant{onFPM, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm: "grep 'reached pm.max_children' /var/log/php8.2-fpm.log (with pm = static it is never written); ss -ltn 'sport = :9000' " +
			"shows a Recv-Q above 0.",
		Remedy: "Raise pm.max_children as far as memory allows (20), then systemctl reload php8.2-fpm; " +
			"find the slow page with request_slowlog_timeout = 5s and slowlog.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#pm.max-children",
	}
}

// The queue of a listener with a backlog of 1 holds two connections (listen(2) on Linux: one more than the backlog).
const queue = 2

func backlogSocket() scenario.Scenario {
	small := socketFPM.With("pm.max_children = 1", "listen.backlog = 1")
	big := socketFPM.With("pm.max_children = 20")
	return scenario.Scenario{
		ID: "fpm-backlog-socket",
		Claim: "All workers of PHP-FPM are busy, and the queue of its unix socket (listen.backlog) is full: " +
			"the kernel turns the connection away, and nginx answers 502 at once.",
		Family: "overload", Causes: []string{"D1"},
		Gateway: onNginx("php-socket.conf"),
		Fault:   "a slow page keeps the only worker busy, and other visitors fill a queue of two",
		Variants: []scenario.Variant{
			withBusyWorkers(small, big, 1, queue), onSocket(scripted("app", fakeupstream.BacklogFull{})),
		},
		Expect:  socketFails("error", 11),
		Confirm: "ss -lx | grep php8.2-fpm.sock: Recv-Q, the connections that wait, has reached Send-Q, the backlog.",
		Remedy: "Raise pm.max_children as far as memory allows (20), and leave listen.backlog at its 511 " +
			"(sysctl net.core.somaxconn bounds it); systemctl restart php8.2-fpm.",
		Source: "https://www.php.net/manual/en/install.fpm.configuration.php#listen-backlog",
	}
}

func backlogTCP() scenario.Scenario {
	small := fpm.With("pm.max_children = 1", "listen.backlog = 1")
	big := fpm.With("pm.max_children = 20")
	return scenario.Scenario{
		ID: "fpm-backlog-tcp",
		Claim: "All workers of PHP-FPM are busy, and the queue of its TCP port is full: the kernel there drops the gateway's SYNs without a word, " +
			"and nginx gives up after fastcgi_connect_timeout (60 s) with 504.",
		Family: "overload", Causes: []string{"D1"},
		Gateway:  onNginx("php.conf"),
		Fault:    "a slow page keeps the only worker busy, and other visitors fill a queue of two",
		Variants: []scenario.Variant{withBusyWorkers(small, big, 1, queue), fakeFPMDoes(fakeupstream.BacklogFull{})},
		Expect:   gatewayTimeout(time.Minute, connecting),
		Confirm:  "ss -ltn 'sport = :9000': Recv-Q has passed Send-Q; nstat -az TcpExtListenOverflows counts up.",
		Remedy: "Raise pm.max_children as far as memory allows (20), and leave listen.backlog at its 511; systemctl restart php8.2-fpm. " +
			"fastcgi_connect_timeout 5s; lets visitors know sooner.",
		Source: "https://man7.org/linux/man-pages/man2/listen.2.html",
	}
}

func maxConns() scenario.Scenario {
	report := lab.Request{Path: "/report"}
	app := backend.Gunicorn{Name: "app", Listen: appAddress, App: text("python/report.py"), Options: []string{"--threads=4"}}
	crowd := fault.ConcurrentRequests{Clients: 1, Request: report, WaitFor: lab.RequestAt("api")}
	more := fault.Config{Conf: changed("max-conns.conf", "max_conns=1;", "max_conns=4;")}
	onGunicorn := onReal(app.Upstream(), slowAPI(time.Hour), crowd)
	onGunicorn.Upstreams = append(onGunicorn.Upstreams, api)
	onGunicorn.Remedy = []fault.Fault{more, crowd}

	onFake := onFakeApp(
		fault.SetBehaviour{Upstream: "app", Rules: []fakeupstream.Rule{{Path: report.Path, Then: fakeupstream.Silent{}}}},
		fault.ConcurrentRequests{Clients: 1, Request: report, WaitFor: lab.RequestAt("app")},
	)
	onFake.Remedy = []fault.Fault{more, fault.ConcurrentRequests{Clients: 1, Request: report, WaitFor: lab.RequestAt("app")}}
	return scenario.Scenario{
		ID: "max-conns",
		Claim: "As many requests are at the application as max_conns lets nginx send it: nginx asks nobody and answers 502 at once, no live upstreams, " +
			"though the application is well.",
		Family: "overload", Causes: []string{"D4", "J5"},
		Gateway:  onNginx("max-conns.conf"),
		Fault:    "another visitor's page is the one request that max_conns=1 allows",
		Variants: []scenario.Variant{onGunicorn, onFake},
		Expect:   scenario.Expectation{Status: 502, Tries: scenario.NoTry, Log: []scenario.LogLine{noneLive}},
		Confirm:  "nginx -T | grep max_conns, while ss -tn dst 10.0.0.5 on the gateway shows that many connections; curl from there to the application answers.",
		Remedy: "max_conns=4, or as many as the application does at a time, and systemctl reload nginx; or leave it out: then the application's own " +
			"queue keeps who comes too early.",
		Source: "https://nginx.org/en/docs/http/ngx_http_upstream_module.html#max_conns",
	}
}
