package scenarios

import (
	"time"

	"github.com/badgateway/badgateway/fakeupstream"
	"github.com/badgateway/badgateway/harness/backend"
	"github.com/badgateway/badgateway/harness/fault"
	"github.com/badgateway/badgateway/harness/lab"
	"github.com/badgateway/badgateway/harness/scenario"
)

const (
	gunicornSocket   = "unix:/run/gunicorn/app.sock"
	gunicornSettings = "https://docs.gunicorn.org/en/stable/settings.html"
	gunicornSignals  = "https://docs.gunicorn.org/en/stable/signals.html"
)

// onGunicorn is a Python application on Gunicorn, with one worker that does for one client at a time (sync), as is its default.
var onGunicorn = []scenario.Scenario{
	gunicornDead(), gunicornFailsToBoot(), gunicornLoopback(),
	gunicornSocketMissing(), gunicornSocketStale(), gunicornSocketFolder(), gunicornSocketUmask(),
	gunicornRestart(), gunicornReload(), gunicornTimeout(), gunicornOOM(), gunicornBusy(), gunicornBacklog(),
}

// gunicorn is Gunicorn on a host of its own, with an application that works.
var gunicorn = backend.Gunicorn{Name: "app", Listen: appAddress, App: text("python/well.py")}

// gunicornAtSocket is the same behind a unix socket.
var gunicornAtSocket = backend.Gunicorn{Name: "app", Listen: gunicornSocket, App: text("python/well.py")}

// gunicornWithAPI is Gunicorn whose page calls another service.
var gunicornWithAPI = backend.Gunicorn{Name: "app", Listen: appAddress, App: text("python/calls-api.py")}

// onReal is a variant on a real application server.
func onReal(app lab.Upstream, breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{Kind: scenario.Real, Upstreams: []lab.Upstream{app}, Inject: breaks}
}

// onRealWithAPI is a variant on a real application server whose page calls another service.
func onRealWithAPI(app lab.Upstream, breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{app, api}, Inject: breaks, WaitFor: []lab.Condition{lab.RequestAt("api")},
	}
}

// onFakeApp is a variant on the fake application, broken from outside.
func onFakeApp(breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeApp()}, Inject: breaks}
}

func gunicornDead() scenario.Scenario {
	return scenario.Scenario{
		ID:     "gunicorn-dead",
		Claim:  "Gunicorn is not running: nothing listens on its port, the kernel refuses the connection, nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Gunicorn is stopped, as systemctl stop does",
		Variants: []scenario.Variant{onReal(gunicorn.Upstream(), fault.Stop{Upstream: "app", Signal: sigterm}), onFakeApp(stop)},
		Expect:   refused,
		Confirm:  "ss -ltn 'sport = :8080' on the application's host shows no listener; systemctl status gunicorn says since when.",
		Remedy:   "systemctl start gunicorn, and find out from journalctl -u gunicorn why it stopped.",
		Source:   proxyPass,
	}
}

func gunicornFailsToBoot() scenario.Scenario {
	missing := gunicorn
	missing.App = text("python/module-missing.py")
	onGunicorn := onReal(gunicorn.Upstream(), fault.FailToStart{Upstream: missing.Upstream(), Says: "Worker failed to boot."})
	onGunicorn.UpstreamLog = "ModuleNotFoundError: No module named 'stripe_billing'"
	return scenario.Scenario{
		ID: "gunicorn-fails-to-boot",
		Claim: "The application can't be loaded: Gunicorn begins to listen, its worker fails to boot, and it gives up. " +
			"Nothing listens from then on, and nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Gunicorn is restarted with an application that imports a module which is not installed",
		Variants: []scenario.Variant{onGunicorn, onFakeApp(stop)},
		Expect:   refused,
		Confirm:  "journalctl -u gunicorn has the traceback, and Worker failed to boot at its end; gunicorn --check-config app:application shows the same.",
		Remedy:   "Install what the traceback names into the environment that Gunicorn runs in, then systemctl start gunicorn.",
		Source:   gunicornSettings + "#check-config",
	}
}

func gunicornLoopback() scenario.Scenario {
	local := gunicorn
	local.Listen = "127.0.0.1:8080"
	onFake := onFakeApp(fault.Replace{Upstream: lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: local.Listen}}})
	return scenario.Scenario{
		ID: "gunicorn-loopback",
		Claim: "Gunicorn listens on the loopback of its own host, as it does when no --bind is given: a gateway on another host, or in " +
			"another container, is refused, and answers 502 at once.",
		Family: "service", Causes: []string{"A3"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Gunicorn listens on 127.0.0.1:8080, nginx calls 10.0.0.5:8080",
		Variants: []scenario.Variant{onReal(gunicorn.Upstream(), fault.Replace{Upstream: local.Upstream()}), onFake},
		Expect:   refused,
		Confirm:  "ss -ltn 'sport = :8080' on the application's host shows 127.0.0.1:8080; Gunicorn's log says Listening at: http://127.0.0.1:8080.",
		Remedy:   "gunicorn --bind 10.0.0.5:8080 (0.0.0.0:8080 in a container), then systemctl restart gunicorn.",
		Source:   gunicornSettings + "#bind",
	}
}

// atGunicornSocket is a variant on a fake application behind Gunicorn's unix socket.
func atGunicornSocket(breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{
		Kind: scenario.Fake, Upstreams: []lab.Upstream{{Name: "app", Fake: &fakeupstream.Spec{Listen: gunicornSocket}}}, Inject: breaks,
	}
}

func gunicornSocketMissing() scenario.Scenario {
	return scenario.Scenario{
		ID:     "gunicorn-socket-missing",
		Claim:  "Gunicorn was stopped, and took its unix socket away: nginx finds no such file, logs it as crit and answers 502 at once.",
		Family: "service", Causes: []string{"A4", "A1"},
		Gateway:  onNginx("proxy-socket.conf"),
		Fault:    "Gunicorn is stopped in order, by SIGTERM as systemctl stop does",
		Variants: []scenario.Variant{onReal(gunicornAtSocket.Upstream(), fault.Stop{Upstream: "app", Signal: sigterm}), atGunicornSocket(stop)},
		Expect:   socketFailsAt(gunicornSocket, "crit", 2),
		Confirm:  "ls -l /run/gunicorn/app.sock finds no file, and systemctl status gunicorn says that it is not running.",
		Remedy:   "systemctl start gunicorn; systemctl enable gunicorn, if it was a restart of the machine that stopped it.",
		Source:   gunicornSettings + "#bind",
	}
}

func gunicornSocketStale() scenario.Scenario {
	return scenario.Scenario{
		ID: "gunicorn-socket-stale",
		Claim: "Gunicorn was killed, and the file of its unix socket is still there, though nobody listens on it: " +
			"nginx is refused, and answers 502 at once.",
		Family: "service", Causes: []string{"A4", "A1"},
		Gateway: onNginx("proxy-socket.conf"),
		Fault:   "Gunicorn is killed with its worker",
		Variants: []scenario.Variant{
			onReal(gunicornAtSocket.Upstream(), stop), atGunicornSocket(scripted("app", fakeupstream.Refuse{Socket: fakeupstream.SocketStale})),
		},
		Expect:  socketFailsAt(gunicornSocket, "error", 111),
		Confirm: "ls -l /run/gunicorn/app.sock shows the file, and ss -lx | grep app.sock shows no listener.",
		Remedy:  "systemctl restart gunicorn, which replaces the file; journalctl -k | grep -i oom tells whether the kernel killed it.",
		Source:  "https://man7.org/linux/man-pages/man7/unix.7.html",
	}
}

func gunicornSocketFolder() scenario.Scenario {
	locked := fault.Chmod{Path: "/run/gunicorn", Mode: 0o700}
	return scenario.Scenario{
		ID: "gunicorn-socket-folder",
		Claim: "The unix socket lies in a folder that nginx's user may not enter, as in a home folder: the kernel denies the " +
			"connection, though Gunicorn gives everybody the right to write to the socket itself, and nginx answers 502.",
		Family: "service", Causes: []string{"A4"},
		Gateway:  onNginx("proxy-socket.conf"),
		Fault:    "the folder of the socket has mode 0700 and belongs to root",
		Variants: []scenario.Variant{onReal(gunicornAtSocket.Upstream(), locked), atGunicornSocket(locked)},
		Expect:   socketFailsAt(gunicornSocket, "crit", 13),
		Confirm:  "namei -l /run/gunicorn/app.sock shows the folder on the way that others may not enter (no x).",
		Remedy:   "Put the socket into /run/gunicorn (RuntimeDirectory=gunicorn in the unit), with mode 0755, and not into a home folder.",
		Source:   "https://man7.org/linux/man-pages/man7/path_resolution.7.html",
	}
}

func gunicornSocketUmask() scenario.Scenario {
	own := gunicornAtSocket.With("--user=nobody", "--group=nogroup", "--umask=007")
	return scenario.Scenario{
		ID: "gunicorn-socket-umask",
		Claim: "Gunicorn runs as a user of its own with --umask 007, so that its unix socket is for that user and his group alone: " +
			"the kernel denies nginx the connection, and nginx answers 502.",
		Family: "service", Causes: []string{"A4"},
		Gateway: onNginx("proxy-socket.conf"),
		Fault:   "the socket belongs to another user and group than nginx's, with mode 0770",
		Variants: []scenario.Variant{
			onReal(gunicornAtSocket.Upstream(), fault.Replace{Upstream: own.Upstream()}),
			atGunicornSocket(fault.Chmod{Path: "/run/gunicorn/app.sock", Mode: 0o770}),
		},
		Expect:  socketFailsAt(gunicornSocket, "crit", 13),
		Confirm: "ls -l /run/gunicorn/app.sock shows srwxrwx--- and a group that nginx's user is not in (id www-data).",
		Remedy:  "gunicorn --group www-data (the group of nginx's user), or usermod -aG GROUP www-data; then systemctl restart gunicorn and nginx.",
		Source:  gunicornSettings + "#umask",
	}
}

func gunicornRestart() scenario.Scenario {
	onGunicorn := onRealWithAPI(gunicornWithAPI.Upstream(), slowAPI(scriptTakes))
	onGunicorn.InjectInFlight = []fault.Fault{fault.Stop{Upstream: "app", Signal: sigquit}, fault.Start{Upstream: "app"}}
	onGunicorn.Remedy = []fault.Fault{slowAPI(scriptTakes)}
	onGunicorn.RemedyTakes = scriptTakes
	return scenario.Scenario{
		ID: "gunicorn-restart",
		Claim: "A quick shutdown of Gunicorn (SIGQUIT, SIGINT) ends the workers with the requests they have: each of these visitors gets " +
			"502, though nothing is broken.",
		Family: "service", Causes: []string{"A6"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Gunicorn is restarted by SIGQUIT while a request is in its hands",
		Variants: []scenario.Variant{onGunicorn, fakeBecomes(fakeupstream.Close{At: fakeupstream.AtRequest})},
		Expect:   badGateway(prematureClosed, 0, readingHeader),
		Confirm:  "journalctl -u gunicorn has Handling signal: quit at the second of the 502s; systemctl cat gunicorn shows the KillSignal.",
		Remedy: "The same request answers 200 when it is asked again. Let systemctl restart send SIGTERM (KillSignal=SIGTERM, KillMode=mixed), " +
			"for which workers finish what they have, or reload (gunicorn-reload).",
		Source: gunicornSignals,
	}
}

func gunicornReload() scenario.Scenario {
	onGunicorn := onRealWithAPI(gunicornWithAPI.Upstream(), slowAPI(scriptTakes))
	onGunicorn.InjectInFlight = []fault.Fault{fault.Signal{Upstream: "app", Number: sighup}}
	onGunicorn.UpstreamLog = "Handling signal: hup"
	return scenario.Scenario{
		ID: "gunicorn-reload",
		Claim: "A reload of Gunicorn (SIGHUP) lets workers finish the requests that they have, for up to --graceful-timeout: " +
			"the visitor gets his 200.",
		Family: "service", Causes: []string{"A6"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "Gunicorn is reloaded (SIGHUP, as systemctl reload does) while a request is in its hands",
		Variants: []scenario.Variant{onGunicorn},
		Alone:    "it is about what Gunicorn itself does; of a fake that answers late nothing would follow",
		Expect:   scenario.Expectation{Status: 200, Tries: 1, After: scriptTakes},
		Confirm:  "journalctl -u gunicorn has Handling signal: hup, and the access log of nginx has no 502 at that second.",
		Remedy: "Nothing is broken. Deploy by it: ExecReload=/bin/kill -s HUP $MAINPID in the unit, and systemctl reload gunicorn in place of " +
			"restart.",
		Source: gunicornSignals,
	}
}

func gunicornTimeout() scenario.Scenario {
	const limit, needed = 30 * time.Second, 45 * time.Second
	onGunicorn := onRealWithAPI(gunicornWithAPI.Upstream(), slowAPI(needed))
	onGunicorn.UpstreamLog = "[CRITICAL] WORKER TIMEOUT"
	onGunicorn.Remedy = []fault.Fault{fault.Replace{Upstream: gunicornWithAPI.With("--timeout=120").Upstream()}}
	onGunicorn.RemedyTakes = needed

	onFake := givesUp(fakeBecomes(fakeupstream.Delay{For: limit, At: fakeupstream.AtRequest, Then: fakeupstream.Close{}}), needed)
	return scenario.Scenario{
		ID: "gunicorn-timeout",
		Claim: "Gunicorn's watchdog ends a worker that is silent for longer than --timeout, 30 s by default; nginx, which would have " +
			"waited 60 s, loses the connection and answers 502, not 504.",
		Family: "time", Causes: []string{"B4"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "a service that the page calls takes 45 s",
		Variants: []scenario.Variant{onGunicorn, onFake},
		Expect:   after(limit, badGateway(prematureClosed, 0, readingHeader)),
		Confirm:  "journalctl -u gunicorn | grep 'WORKER TIMEOUT' at the second of the 502s.",
		Remedy: "gunicorn --timeout 120, then systemctl restart gunicorn: longer than the page needs, and below proxy_read_timeout where that is " +
			"raised too; better, let a queue do the long work.",
		Source: gunicornSettings + "#timeout",
	}
}

func gunicornBusy() scenario.Scenario {
	app := backend.Gunicorn{Name: "app", Listen: appAddress, App: text("python/report.py"), Options: []string{"--timeout=3600"}}
	one := fault.ConcurrentRequests{Clients: 1, Request: lab.Request{Path: "/report"}, WaitFor: lab.RequestAt("api")}
	onGunicorn := onRealWithAPI(app.Upstream(), slowAPI(time.Hour), one)
	onGunicorn.WaitFor = []lab.Condition{lab.ConnectionAt("app")}
	onGunicorn.Remedy = []fault.Fault{fault.Replace{Upstream: app.With("--threads=4").Upstream()}, one}

	onFake := waitingFor(lab.ConnectionAt("app"), fakeBecomes(fakeupstream.Silent{At: fakeupstream.AtAccept}))
	return scenario.Scenario{
		ID: "gunicorn-busy",
		Claim: "Gunicorn's only worker is busy: the kernel takes the connection and queues it, nobody reads it, and nginx gives up after " +
			"proxy_read_timeout with 504, even for a page that is quick.",
		Family: "overload", Causes: []string{"D4"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "another visitor's page keeps the only worker (sync, the default) busy for minutes",
		Variants: []scenario.Variant{onGunicorn, onFake},
		Expect:   gatewayTimeout(time.Minute, readingHeader),
		Confirm:  "ss -ltn 'sport = :8080' on the application's host shows a Recv-Q above 0 while the processor is idle.",
		Remedy:   "gunicorn --threads 4 (or more --workers), then systemctl restart gunicorn; and a limit of time on what the page calls.",
		Source:   gunicornSettings + "#threads",
	}
}

func gunicornOOM() scenario.Scenario {
	well, eats := gunicorn, gunicorn
	eats.App = text("python/eats-memory.py")
	well.Memory, eats.Memory = 128<<20, 128<<20
	onGunicorn := onReal(well.Upstream(), fault.Replace{Upstream: eats.Upstream()})
	onGunicorn.UpstreamLog = "was terminated due to signal 9"
	return scenario.Scenario{
		ID: "gunicorn-oom",
		Claim: "The machine or container has no memory left, and the kernel kills Gunicorn's worker with SIGKILL: its connection closes, nginx " +
			"answers 502, and Gunicorn starts another worker.",
		Family: "memory", Causes: []string{"C2"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "the page takes more memory than the container has",
		Variants: []scenario.Variant{onGunicorn, fakeBecomes(fakeupstream.Close{At: fakeupstream.AtRequest})},
		// The kernel first takes back what memory it can, again and again: on a busy disk that has taken 5 s.
		Expect:  scenario.Expectation{Status: 502, Tries: 1, Until: 30 * time.Second, Log: badGateway(prematureClosed, 0, readingHeader).Log},
		Confirm: "journalctl -k | grep -i 'killed process' names gunicorn; Gunicorn's log has terminated due to signal 9, and no WORKER TIMEOUT.",
		Remedy:  "Make the page need less (a query in pieces), run fewer workers, or give the container more memory.",
		Source:  "https://docs.kernel.org/admin-guide/mm/concepts.html",
	}
}

func gunicornBacklog() scenario.Scenario {
	app := backend.Gunicorn{Name: "app", Listen: gunicornSocket, App: text("python/report.py"), Options: []string{"--timeout=3600"}}
	slow := lab.Request{Path: "/report"}
	onGunicorn := scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{app.With("--backlog=1").Upstream(), api},
		Inject: []fault.Fault{
			slowAPI(time.Hour),
			fault.ConcurrentRequests{Clients: 1, Request: slow, WaitFor: lab.RequestAt("api")}, fault.ConcurrentRequests{Clients: queue, Request: slow},
		},
		Remedy: []fault.Fault{
			fault.Replace{Upstream: app.With("--threads=8").Upstream()},
			fault.ConcurrentRequests{Clients: 1 + queue, Request: slow, WaitFor: lab.RequestAt("api")},
		},
	}
	return scenario.Scenario{
		ID: "gunicorn-backlog",
		Claim: "Gunicorn's only worker is busy, and the queue of its unix socket (--backlog) is full: the kernel turns the connection away, and " +
			"nginx answers 502 at once.",
		Family: "overload", Causes: []string{"D4"},
		Gateway:  onNginx("proxy-socket.conf"),
		Fault:    "a slow page keeps the only worker busy, and other visitors fill a queue of two",
		Variants: []scenario.Variant{onGunicorn, atGunicornSocket(scripted("app", fakeupstream.BacklogFull{}))},
		Expect:   socketFailsAt(gunicornSocket, "error", 11),
		Confirm:  "ss -lx | grep app.sock: Recv-Q, the connections that wait, has reached Send-Q, the backlog.",
		Remedy: "gunicorn --threads 8 (or more --workers), and --backlog at its 2048 (sysctl net.core.somaxconn bounds it); then systemctl restart " +
			"gunicorn.",
		Source: gunicornSettings + "#backlog",
	}
}
