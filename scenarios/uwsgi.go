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
	uwsgiAddress = "10.0.0.5:3031"
	uwsgiSocket  = "unix:/run/uwsgi/app/socket"
	uwsgiOptions = "https://uwsgi-docs.readthedocs.io/en/latest/Options.html"
	uwsgiPass    = "https://nginx.org/en/docs/http/ngx_http_uwsgi_module.html#uwsgi_pass"
)

// overUWSGI is a Python application on uWSGI, which nginx calls by the uwsgi protocol.
var overUWSGI = []scenario.Scenario{
	uwsgiDead(), uwsgiNoApp(), uwsgiNeedApp(),
	uwsgiSocketMissing(), uwsgiSocketStale(), uwsgiSocketPermission(),
	httpToUWSGI(), uwsgiToHTTP(), uwsgiRestart(),
	uwsgiHarakiri(), uwsgiReloadOnRSS(), uwsgiEvilReloadOnRSS(), uwsgiBacklog(),
}

// uwsgi is uWSGI on a host of its own, with an application that works.
var uwsgi = backend.UWSGI{Name: "app", Listen: uwsgiAddress, App: text("python/well.py")}

// uwsgiAtSocket is the same behind a unix socket, as Debian starts it.
var uwsgiAtSocket = backend.UWSGI{Name: "app", Listen: uwsgiSocket, App: text("python/well.py")}

// uwsgiStopped is one that ends by SIGTERM. It has the one worker that has answered by then: another may be so new that it does not
// hear of the end, and uWSGI waits a minute for it (worker-reload-mercy).
var uwsgiStopped = uwsgiAtSocket.With("die-on-term = true", "workers = 1")

// uwsgiWith is uWSGI with another application.
func uwsgiWith(app string) backend.UWSGI {
	u := uwsgi
	u.App = text("python/" + app)
	return u
}

// fakeUWSGI plays uWSGI at an address.
func fakeUWSGI(listen string) lab.Upstream {
	return lab.Upstream{Name: "app", Fake: &fakeupstream.Spec{Listen: listen, Protocol: fakeupstream.UWSGI}}
}

// onFakeUWSGI is a variant on it, broken from outside.
func onFakeUWSGI(listen string, breaks ...fault.Fault) scenario.Variant {
	return scenario.Variant{Kind: scenario.Fake, Upstreams: []lab.Upstream{fakeUWSGI(listen)}, Inject: breaks}
}

func uwsgiDead() scenario.Scenario {
	return scenario.Scenario{
		ID:     "uwsgi-dead",
		Claim:  "uWSGI is not running: nothing listens on its port, the kernel refuses the connection, nginx answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "uWSGI is stopped",
		Variants: []scenario.Variant{onReal(uwsgi.Upstream(), stop), onFakeUWSGI(uwsgiAddress, stop)},
		Expect:   refused,
		Confirm:  "ss -ltn 'sport = :3031' on the application's host shows no listener; systemctl status uwsgi says since when.",
		Remedy:   "systemctl start uwsgi, and find out from /var/log/uwsgi/app/*.log why it stopped.",
		Source:   uwsgiPass,
	}
}

func uwsgiNoApp() scenario.Scenario {
	onUWSGI := onReal(uwsgi.Upstream(), fault.Replace{Upstream: uwsgiWith("module-missing.py").Upstream()})
	onUWSGI.UpstreamLog = "--- no python application found, check your startup logs for errors ---"
	return scenario.Scenario{
		ID: "uwsgi-no-app",
		Claim: "The application can't be loaded, and uWSGI runs all the same, without one: it answers every request itself, with 500, and " +
			"nginx passes that on.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "uWSGI is restarted with an application that imports a module which is not installed",
		Variants: []scenario.Variant{onUWSGI, onFakeUWSGI(uwsgiAddress, scripted("app", fakeupstream.Well{Status: 500, Body: "Internal Server Error"}))},
		Expect:   scenario.Expectation{Status: 500, Page: "Internal Server Error", Tries: 1},
		Confirm:  "grep -B 9 'unable to load app 0' /var/log/uwsgi/app/*.log has the traceback; the page is the two words Internal Server Error.",
		Remedy:   "Install what the traceback names into the environment that uWSGI runs in, then systemctl restart uwsgi.",
		Source:   uwsgiOptions + "#need-app",
	}
}

func uwsgiNeedApp() scenario.Scenario {
	missing := uwsgiWith("module-missing.py").With("need-app = true")
	onUWSGI := onReal(uwsgi.Upstream(), fault.FailToStart{Upstream: missing.Upstream(), Says: "no app loaded. GAME OVER"})
	return scenario.Scenario{
		ID: "uwsgi-need-app",
		Claim: "The application can't be loaded, and uWSGI is told that it needs one (need-app): it ends, nothing listens on its port, and nginx " +
			"answers 502 at once.",
		Family: "service", Causes: []string{"A1"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "uWSGI is restarted with need-app, and with an application that imports a module which is not installed",
		Variants: []scenario.Variant{onUWSGI, onFakeUWSGI(uwsgiAddress, stop)},
		Expect:   refused,
		Confirm:  "grep -B 9 'no app loaded' /var/log/uwsgi/app/*.log has the traceback.",
		Remedy:   "Install what the traceback names into the environment that uWSGI runs in, then systemctl start uwsgi.",
		Source:   uwsgiOptions + "#need-app",
	}
}

func uwsgiSocketMissing() scenario.Scenario {
	tidy := uwsgiStopped.With("vacuum = true")
	return scenario.Scenario{
		ID: "uwsgi-socket-missing",
		Claim: "uWSGI was stopped, and took its unix socket away, as it does with vacuum: nginx finds no such file, logs it as crit and " +
			"answers 502 at once.",
		Family: "service", Causes: []string{"A4", "A1"},
		Gateway:  onNginx("uwsgi-socket.conf"),
		Fault:    "uWSGI is stopped in order, by SIGTERM as systemctl stop does",
		Variants: []scenario.Variant{onReal(tidy.Upstream(), fault.Stop{Upstream: "app", Signal: sigterm}), onFakeUWSGI(uwsgiSocket, stop)},
		Expect:   socketFailsAt(uwsgiSocket, "crit", 2),
		Confirm:  "ls -l /run/uwsgi/app/socket finds no file, and systemctl status uwsgi says that it is not running.",
		Remedy:   "systemctl start uwsgi; systemctl enable uwsgi, if it was a restart of the machine that stopped it.",
		Source:   uwsgiOptions + "#vacuum",
	}
}

func uwsgiSocketStale() scenario.Scenario {
	return scenario.Scenario{
		ID: "uwsgi-socket-stale",
		Claim: "uWSGI was stopped in order, and leaves the file of its unix socket behind all the same, as it does without vacuum: nobody " +
			"listens there, nginx is refused, and answers 502 at once.",
		Family: "service", Causes: []string{"A4", "A1"},
		Gateway: onNginx("uwsgi-socket.conf"),
		Fault:   "uWSGI is stopped in order, by SIGTERM as systemctl stop does",
		Variants: []scenario.Variant{
			onReal(uwsgiStopped.Upstream(), fault.Stop{Upstream: "app", Signal: sigterm}),
			onFakeUWSGI(uwsgiSocket, scripted("app", fakeupstream.Refuse{Socket: fakeupstream.SocketStale})),
		},
		Expect:  socketFailsAt(uwsgiSocket, "error", 111),
		Confirm: "ls -l /run/uwsgi/app/socket shows the file, and ss -lx | grep uwsgi/app/socket shows no listener.",
		Remedy:  "systemctl start uwsgi, which replaces the file; vacuum = true in its config takes the file away from then on.",
		Source:  uwsgiOptions + "#vacuum",
	}
}

func uwsgiSocketPermission() scenario.Scenario {
	others := uwsgiAtSocket.With("chmod-socket = 644")
	others.User = "games" // any other than nginx's
	return scenario.Scenario{
		ID: "uwsgi-socket-permission",
		Claim: "uWSGI runs as a user of its own, and its unix socket may be read by everybody but written to by that user alone: the kernel denies " +
			"nginx the connection, and nginx answers 502.",
		Family: "service", Causes: []string{"A4"},
		Gateway: onNginx("uwsgi-socket.conf"),
		Fault:   "the socket belongs to another user than nginx's, with mode 0644 (chmod-socket)",
		Variants: []scenario.Variant{
			onReal(uwsgiAtSocket.Upstream(), fault.Replace{Upstream: others.Upstream()}),
			onFakeUWSGI(uwsgiSocket, fault.Chmod{Path: "/run/uwsgi/app/socket", Mode: 0o644}),
		},
		Expect:  socketFailsAt(uwsgiSocket, "crit", 13),
		Confirm: "sudo -u www-data test -w /run/uwsgi/app/socket || echo denied, with the user of nginx.conf.",
		Remedy:  "chown-socket = www-data:www-data (the user of nginx.conf) and chmod-socket = 660 in uWSGI's config, then systemctl restart uwsgi.",
		Source:  uwsgiOptions + "#chmod-socket",
	}
}

func httpToUWSGI() scenario.Scenario {
	at := uwsgi
	at.Listen = appAddress
	onUWSGI := onReal(origin("origin.conf"), fault.Replace{Upstream: at.Upstream()})
	onUWSGI.UpstreamLog = "invalid request block size"
	return scenario.Scenario{
		ID: "http-to-uwsgi",
		Claim: "proxy_pass points to a port of uWSGI that speaks the uwsgi protocol: it takes the request's first letters for a length, which is " +
			"more than it reads, and closes the connection. nginx answers 502.",
		Family: "protocol", Causes: []string{"A5"},
		Gateway:  onNginx("proxy.conf"),
		Fault:    "uWSGI listens for the uwsgi protocol on the application's port",
		Variants: []scenario.Variant{onUWSGI, fakeBecomes(fakeupstream.Close{At: fakeupstream.AtRequest})},
		Expect:   badGateway(prematureClosed, 0, readingHeader),
		Confirm:  "The config of uWSGI has socket =, not http-socket =; its log has invalid request block size.",
		Remedy:   "uwsgi_pass 10.0.0.5:8080; with include uwsgi_params; in place of proxy_pass, or http-socket = 10.0.0.5:8080 in uWSGI's config.",
		Source:   uwsgiPass,
	}
}

func uwsgiToHTTP() scenario.Scenario {
	httpAtUWSGI := backend.Origin{Name: "app", Listen: uwsgiAddress, Conf: changed("origin.conf", appAddress, uwsgiAddress)}
	return scenario.Scenario{
		ID: "uwsgi-to-http",
		Claim: "uwsgi_pass points to an HTTP server: it can't read what nginx sends, and says so by HTTP with 400, which nginx takes for the " +
			"application's answer and passes on. Nothing is logged.",
		Family: "protocol", Causes: []string{"A5"},
		Gateway: onNginx("uwsgi.conf"),
		Fault:   "an HTTP server listens on uWSGI's port",
		Variants: []scenario.Variant{
			onReal(uwsgi.Upstream(), fault.Replace{Upstream: httpAtUWSGI.Upstream()}),
			onFakeUWSGI(uwsgiAddress, scripted("app", fakeupstream.Well{Status: 400, Body: "400 Bad Request"})),
		},
		Expect:  scenario.Expectation{Status: 400, Page: "400 Bad Request", Tries: 1},
		Confirm: "curl -si http://10.0.0.5:3031/ on the gateway answers: it is HTTP.",
		Remedy:  "proxy_pass http://10.0.0.5:3031; in place of uwsgi_pass, or the port of uWSGI.",
		Source:  uwsgiPass,
	}
}

func uwsgiRestart() scenario.Scenario {
	onUWSGI := onRealWithAPI(uwsgiWith("calls-api.py").With("workers = 1").Upstream(), slowAPI(scriptTakes))
	onUWSGI.InjectInFlight = []fault.Fault{fault.Stop{Upstream: "app", Signal: sigquit}, fault.Start{Upstream: "app"}}
	onUWSGI.UpstreamLog = "SIGINT/SIGTERM received...killing workers..."
	onUWSGI.Remedy = []fault.Fault{slowAPI(scriptTakes)}
	onUWSGI.RemedyTakes = scriptTakes
	return scenario.Scenario{
		ID: "uwsgi-restart",
		Claim: "A stop of uWSGI (SIGQUIT, SIGINT, and SIGTERM with die-on-term) ends the workers with the requests they have: each of these visitors " +
			"gets 502, though nothing is broken.",
		Family: "service", Causes: []string{"A6"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "uWSGI is restarted by SIGQUIT while a request is in its hands",
		Variants: []scenario.Variant{onUWSGI, onFakeUWSGI(uwsgiAddress, scripted("app", fakeupstream.Close{At: fakeupstream.AtRequest}))},
		Expect:   badGateway(prematureClosed, 0, readingHeader),
		Confirm:  "grep 'killing workers' /var/log/uwsgi/app/*.log at the second of the 502s.",
		Remedy: "The same request answers 200 when it is asked again. Next time reload it (SIGHUP): workers finish what they have, for " +
			"up to worker-reload-mercy, 60 s.",
		Source: "https://uwsgi-docs.readthedocs.io/en/latest/Management.html",
	}
}

func uwsgiHarakiri() scenario.Scenario {
	// uWSGI counts whole seconds, and kills when more than 20 have passed.
	const limit, latest, needed = 20 * time.Second, 21 * time.Second, 30 * time.Second
	slow := uwsgiWith("calls-api.py")
	onUWSGI := onRealWithAPI(slow.With("harakiri = 20").Upstream(), slowAPI(needed))
	onUWSGI.UpstreamLog = "HARAKIRI"
	onUWSGI.Remedy = []fault.Fault{fault.Replace{Upstream: slow.With("harakiri = 120").Upstream()}}
	onUWSGI.RemedyTakes = needed

	onFake := givesUp(onFakeUWSGI(uwsgiAddress, scripted("app", fakeupstream.Delay{For: limit, At: fakeupstream.AtRequest, Then: fakeupstream.Close{}})), needed)
	return scenario.Scenario{
		ID: "uwsgi-harakiri",
		Claim: "uWSGI kills a worker that has a request for longer than harakiri; nginx, which would have waited 60 s, loses the connection and " +
			"answers 502, not 504.",
		Family: "time", Causes: []string{"B4"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "a service that the page calls takes 30 s, and harakiri is 20 s",
		Variants: []scenario.Variant{onUWSGI, onFake},
		Expect: scenario.Expectation{Status: 502, Tries: 1, After: limit, Until: latest, Log: []scenario.LogLine{
			{Level: "error", Text: prematureClosed, Phase: readingHeader},
		}},
		Confirm: "grep HARAKIRI /var/log/uwsgi/app/*.log names the request at the second of the 502s.",
		Remedy: "harakiri = 120, then systemctl restart uwsgi: longer than the page needs, and below uwsgi_read_timeout where that is raised too; " +
			"better, let a spooler or a queue do the long work.",
		Source: uwsgiOptions + "#harakiri",
	}
}

func uwsgiReloadOnRSS() scenario.Scenario {
	// Every worker has more than a megabyte from its start, and is left alone for its first minute (min-worker-lifetime).
	small := uwsgi.With("workers = 1", "reload-on-rss = 1")
	another := fault.OtherRequest{Status: 200}
	onUWSGI := onReal(uwsgi.Upstream(), fault.Replace{Upstream: small.Upstream()}, another, fault.Wait{For: 61 * time.Second, ByHand: true}, another)
	onUWSGI.UpstreamLog = "Respawned uWSGI worker 1"
	return scenario.Scenario{
		ID: "uwsgi-reload-on-rss",
		Claim: "A worker of uWSGI has more memory than reload-on-rss allows: it ends when it has answered, its master starts another, and who comes meanwhile waits " +
			"in the queue of the socket. Nobody gets a 502.",
		Family: "memory", Causes: []string{"C2"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "the only worker is above reload-on-rss after each request",
		Variants: []scenario.Variant{onUWSGI},
		Alone:    "it is about what uWSGI does with its workers",
		Expect:   scenario.Expectation{Status: 200, Tries: 1},
		Confirm:  "grep -c 'Respawned uWSGI worker' /var/log/uwsgi/app/*.log grows with each request.",
		Remedy: "Nothing is broken. Where workers are started so often that pages are slow, raise reload-on-rss to well above what a worker has after its start (the " +
			"column rss of log-master-stats or ps).",
		Source: uwsgiOptions + "#reload-on-rss",
	}
}

func uwsgiEvilReloadOnRSS() scenario.Scenario {
	const needed = 10 * time.Second
	slow := uwsgiWith("calls-api.py").With("workers = 1")
	onUWSGI := onRealWithAPI(slow.Upstream(), slowAPI(needed), fault.Replace{Upstream: slow.With("evil-reload-on-rss = 1", "mem-collector-freq = 1").Upstream()})
	onUWSGI.UpstreamLog = "*** EVIL RELOAD ON WORKER 1 RSS"
	onUWSGI.Remedy, onUWSGI.RemedyTakes = []fault.Fault{fault.Replace{Upstream: slow.With("reload-on-rss = 1").Upstream()}}, needed
	onFake := onFakeUWSGI(uwsgiAddress, scripted("app", fakeupstream.Close{At: fakeupstream.AtRequest}))
	return scenario.Scenario{
		ID: "uwsgi-evil-reload-on-rss",
		Claim: "A worker of uWSGI has more memory than evil-reload-on-rss allows: unlike reload-on-rss, which waits for the end of the request, the master kills it " +
			"with the request that it has, and nginx answers 502.",
		Family: "memory", Causes: []string{"C2"},
		Gateway:  onNginx("uwsgi.conf"),
		Fault:    "the worker is above evil-reload-on-rss while it works on a request",
		Variants: []scenario.Variant{onUWSGI, onFake},
		Expect:   scenario.Expectation{Status: 502, Tries: 1, Until: 30 * time.Second, Log: badGateway(prematureClosed, 0, readingHeader).Log},
		Confirm:  "grep 'EVIL RELOAD' /var/log/uwsgi/app/*.log at the second of the 502s.",
		Remedy:   "reload-on-rss in place of evil-reload-on-rss, then systemctl restart uwsgi; and find what the page keeps in memory.",
		Source:   uwsgiOptions + "#evil-reload-on-rss",
	}
}

func uwsgiBacklog() scenario.Scenario {
	small := uwsgiAtSocket.With("workers = 1", "listen = 1")
	small.App = text("python/report.py")
	big := uwsgiAtSocket
	big.App = text("python/report.py")
	big = big.With("workers = 8")
	slow := lab.Request{Path: "/report"}
	onUWSGI := scenario.Variant{
		Kind: scenario.Real, Upstreams: []lab.Upstream{small.Upstream(), api},
		Inject: []fault.Fault{
			slowAPI(time.Hour),
			fault.ConcurrentRequests{Clients: 1, Request: slow, WaitFor: lab.RequestAt("api")}, fault.ConcurrentRequests{Clients: queue, Request: slow},
		},
		Remedy: []fault.Fault{
			fault.Replace{Upstream: big.Upstream()},
			fault.ConcurrentRequests{Clients: 1 + queue, Request: slow, WaitFor: lab.RequestAt("api")},
		},
	}
	return scenario.Scenario{
		ID: "uwsgi-backlog",
		Claim: "All workers of uWSGI are busy, and the queue of its unix socket (listen) is full: the kernel turns the connection away, and nginx " +
			"answers 502 at once.",
		Family: "overload", Causes: []string{"D4"},
		Gateway:  onNginx("uwsgi-socket.conf"),
		Fault:    "a slow page keeps the only worker busy, and other visitors fill a queue of two",
		Variants: []scenario.Variant{onUWSGI, onFakeUWSGI(uwsgiSocket, scripted("app", fakeupstream.BacklogFull{}))},
		Expect:   socketFailsAt(uwsgiSocket, "error", 11),
		Confirm:  "ss -lx | grep uwsgi/app/socket: Recv-Q, the connections that wait, has reached Send-Q, the backlog.",
		Remedy: "workers = 8, as far as memory allows, and listen at its 100 or more (sysctl net.core.somaxconn bounds it); " +
			"systemctl restart uwsgi.",
		Source: uwsgiOptions + "#listen",
	}
}
